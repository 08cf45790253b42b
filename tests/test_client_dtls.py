"""The client over DTLS, against a server and a network that delay, lose, repeat, lie and go away."""

from __future__ import annotations

import contextlib
import itertools
import random
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.exchanges import at_once, users
from tests.faults.raw import attribute, is_proven, reply
from tests.scripted_dtls import LEAVES, SECRET, Scripted, Step, accept, named, scripted, silence
from tests.tls.pki import PKI
from trioradius import (
    DTLS,
    AccessAccept,
    AccessReject,
    AccessRequest,
    AccountingRequest,
    AccountingResponse,
    App,
    Client,
    CoAACK,
    CoARequest,
    ConfigurationError,
    EncodeError,
    NoResponse,
    Peer,
    Request,
    Retransmission,
    StatusServer,
    TLSSettings,
    open_client,
    send,
    serve,
)
from trioradius.attributes import AcctDelayTime, AcctSessionId, ReplyMessage, UserName, UserPassword
from trioradius.tls import PreSharedKey

ASKED = AccessRequest(UserName("alice"), UserPassword("wonderland"))

Opened = Callable[..., contextlib.AbstractAsyncContextManager[tuple[Scripted, Client]]]


@pytest.fixture
def clock() -> MockClock:
    """Virtual time that jumps when nothing happened for 20 ms. Timers of handshakes run on real time all the same."""
    return MockClock(autojump_threshold=0.02)


@pytest.fixture
def quick_clock() -> MockClock:
    """For hundreds of timers. Where it jumps too early, that is one more loss."""
    return MockClock(autojump_threshold=0.001)


@pytest.fixture
def opened(pki: PKI, nursery: trio.Nursery) -> Opened:
    """A server, and a client of it with these settings."""

    @contextlib.asynccontextmanager
    async def opened(client: dict[str, Any] | None = None, **options: Any) -> AsyncIterator[tuple[Scripted, Client]]:
        served = await scripted(pki.settings("server"), nursery)
        settings = pki.settings("client", **(client or {}))
        async with open_client(DTLS("127.0.0.1", served.port, settings), **options) as made:
            yield served, made

    return opened


# Many exchanges in one session


async def test_one_exchange(opened: Opened, clock: MockClock) -> None:
    async with opened() as (server, client):
        assert isinstance(await client.exchange(ASKED), AccessAccept)
        assert client.profile.name == "1.0"
        await client.exchange(StatusServer())
        assert not client.counters
    assert [is_proven(heard.octets, SECRET) for heard in server.heard] == [True, True]
    assert {heard.session for heard in server.heard} == {1}


async def test_close_notify_at_the_end(opened: Opened, clock: MockClock) -> None:
    async with opened() as (server, client):
        await client.exchange(ASKED)
    await trio.sleep(1)
    assert [closed.clean for closed in server.closed] == [True]


async def test_more_than_the_identifiers_wait(opened: Opened, clock: MockClock) -> None:
    """One packet a record, whatever the number; Identifier 0 is kept for the watchdog."""
    async with opened() as (server, client):
        server.script = lambda octets: [(1, named(octets))]
        found = await at_once(client, users(600))
    assert [accepted[ReplyMessage] for accepted in found] == [f"user{at:04}" for at in range(600)]
    assert len(server.done) == 1
    assert 0 not in {heard.octets[1] for heard in server.heard}


async def test_the_longest_packet(opened: Opened, clock: MockClock) -> None:
    async with opened() as (server, client):
        await client.exchange(AccessRequest(*[ReplyMessage("x" * 250)] * 16))
    assert len(server.heard[0].octets) > 4_000


async def test_a_request_that_does_not_fit(opened: Opened, clock: MockClock) -> None:
    """It takes no Identifier along."""
    async with opened() as (server, client):
        for _ in range(300):
            with pytest.raises(EncodeError):
                await client.exchange(AccessRequest(*[UserName("x" * 250)] * 17))
        assert isinstance(await client.exchange(ASKED), AccessAccept)
    assert len(server.heard) == 1


async def test_padding_is_ignored(opened: Opened, clock: MockClock) -> None:
    """RFC 2865 section 3, also within a record (T19)."""
    async with opened() as (server, client):
        server.script = lambda octets: [(0, named(octets) + bytes(100))]
        assert isinstance(await client.exchange(ASKED), AccessAccept)


async def test_leaving_the_block_ends_what_is_under_way(opened: Opened, clock: MockClock) -> None:
    async def ask(client: Client) -> None:
        with pytest.raises(trio.ClosedResourceError, match="the client is closed"):
            await client.exchange(ASKED)

    async with trio.open_nursery() as nursery:
        async with opened() as (server, client):
            server.script = silence
            for _ in range(300):
                nursery.start_soon(ask, client)
            await trio.sleep(1)
        await ask(client)
    assert trio.current_time() < 2


# Retransmission (RFC 5080 section 2.2.1, through DTLS again)


async def test_the_very_same_packet_in_new_records(opened: Opened, clock: MockClock) -> None:
    async with opened() as (server, client):
        server.script = silence
        begun = trio.current_time()
        with pytest.raises(NoResponse, match=r"no acceptable reply from 127.0.0.1 port \d+$"):
            await client.exchange(ASKED)
        assert 26.9 < trio.current_time() - begun < 30.1
    logins = [heard for heard in server.heard if heard.octets[0] == 1]
    assert len({heard.octets for heard in logins}) == 1
    waits = [after.at - before.at for before, after in itertools.pairwise(logins)]
    assert len(waits) in (3, 4)
    assert 1.8 <= waits[0] <= 2.2
    assert all(1.89 * before <= after <= 2.11 * before for before, after in itertools.pairwise(waits[:3]))


async def test_when_it_gives_up(opened: Opened, clock: MockClock) -> None:
    async with opened(retransmission=Retransmission(attempts=2, initial=1, duration=30)) as (server, client):
        server.script = silence
        begun = trio.current_time()
        with pytest.raises(NoResponse):
            await client.exchange(ASKED)
        assert 2.5 <= trio.current_time() - begun <= 3.5
        server.script = accept
        assert isinstance(await client.exchange(ASKED), AccessAccept)
    assert len(server.heard) == 3
    assert len(server.done) == 1


def bad_network(rng: random.Random, lost: float) -> Callable[[bytes], Iterator[bytes]]:
    """One that loses records of packets, repeats them, and lets some overtake others."""
    held: list[bytes] = []

    def carry(datagram: bytes) -> Iterator[bytes]:
        if datagram[0] != 23:
            yield datagram
            return
        if rng.random() < lost:
            return
        if rng.random() < 0.3:
            held.append(datagram)
            return
        yield from [datagram] * rng.randint(1, 2)
        yield from held
        held.clear()

    return carry


async def test_a_bad_network(opened: Opened, quick_clock: MockClock) -> None:
    rng = random.Random(3)
    async with opened(retransmission=Retransmission(attempts=20, duration=500)) as (server, client):
        server.to_server, server.to_client = bad_network(rng, 0.3), bad_network(rng, 0.3)
        server.script = lambda octets: [(rng.random(), named(octets))]
        found = await at_once(client, users(400))
        assert [accepted[ReplyMessage] for accepted in found] == [f"user{at:04}" for at in range(400)]
        assert set(client.counters) <= {"unmatched"}
    assert len(server.done) == 1
    assert len(server.heard) > 500


async def test_a_late_reply_does_not_meet_the_next_user_of_the_identifier(
    opened: Opened, quick_clock: MockClock
) -> None:
    """It is recognised as the reply to the one before, and does not end the session."""
    async with opened(retransmission=Retransmission(attempts=1, initial=2, duration=3)) as (server, client):
        server.script = lambda octets: [(3, named(octets))]
        first = await at_once(client, users(255))
        assert {type(found) for found in first} == {NoResponse}
        server.script = lambda octets: [(1.5, named(octets))]
        second = await at_once(client, users(255))
        assert [accepted[ReplyMessage] for accepted in second] == [f"user{at:04}" for at in range(255)]
        assert client.counters == {"unmatched": 255}
    assert len(server.done) == 1


async def test_a_repeated_reply_is_ignored(opened: Opened, clock: MockClock) -> None:
    """A server answers a retransmission that crossed its reply with the same reply again (RFC 5080 section 2.2.2)."""
    async with opened() as (server, client):
        for at in range(100):
            server.script = lambda octets: [(0, named(octets)), (1, named(octets))]
            await client.exchange(AccessRequest(UserName(f"user{at:04}")))
        await trio.sleep(2)
        assert client.counters == {"unmatched": 100}
    assert len(server.done) == 1


async def test_an_accounting_request_counts_its_delay(opened: Opened, clock: MockClock) -> None:
    """Under a new Identifier each time, and a reply to any of them will do (RFC 2866 section 5.2)."""
    async with opened() as (server, client):
        server.script = lambda octets: [(7, reply(5, octets, prove=False, secret=SECRET))]
        record = AccountingRequest(AcctSessionId("1"), AcctDelayTime(7))
        assert isinstance(await client.exchange(record), AccountingResponse)
        # RFC 5080 section 2.2.1: sent again after 1.8 to 2.2 seconds, and after 5.2 to 6.8.
        first, second, third = (heard.octets[-1] for heard in server.heard)
        assert first == 7 and second in {8, 9} and third in {12, 13}
        assert len({heard.octets[1] for heard in server.heard}) == len(server.heard) == 3
        assert trio.current_time() < 8
        await trio.sleep(20)
        assert client.counters == {"unmatched": 2}
        server.script = silence
        with pytest.raises(NoResponse):
            await client.exchange(record)
        server.script = accept
        assert {type(found) for found in await at_once(client, users(255))} == {AccessAccept}
    assert len(server.done) == 1


async def test_more_changes_than_identifiers_are_listened_for(opened: Opened, quick_clock: MockClock) -> None:
    schedule = Retransmission(attempts=9, initial=1, longest=1, duration=20)
    async with opened(retransmission=schedule) as (server, client):
        server.script = silence
        with pytest.raises(NoResponse):
            await client.exchange(AccountingRequest(AcctSessionId("1"), AcctDelayTime(0)))
        server.script = lambda octets: [(1, named(octets))]
        assert {type(found) for found in await at_once(client, users(255))} == {AccessAccept}
        assert not client.counters
    assert len(server.done) == 1


async def test_every_identifier_counts_its_delay_at_once(opened: Opened, quick_clock: MockClock) -> None:
    """With no Identifier to spare, changed records take each other's."""
    async with opened() as (server, client):
        server.script = lambda octets: [(5, reply(5, octets, prove=False, secret=SECRET))]
        records = [AccountingRequest(AcctSessionId(f"{at}"), AcctDelayTime(0)) for at in range(255)]
        found = await at_once(client, [*records])
        assert {type(one) for one in found} == {AccountingResponse}
        assert set(client.counters) <= {"unmatched"}
    assert len(server.done) == 1


# Handshakes


async def test_lost_flights_of_the_handshake(pki: PKI, nursery: trio.Nursery) -> None:
    """The timer of DTLS repeats them, on real time: one flight each way is lost."""
    server = await scripted(pki.settings("server"), nursery)
    dropped: list[bytes] = []

    def loses(kind: int, at: int) -> Callable[[bytes], Iterator[bytes]]:
        seen = itertools.count()

        def carry(datagram: bytes) -> Iterator[bytes]:
            if datagram[0] == kind and next(seen) == at:
                dropped.append(datagram)
            else:
                yield datagram

        return carry

    server.to_server, server.to_client = loses(22, 0), loses(22, 1)
    async with open_client(DTLS("127.0.0.1", server.port, pki.settings("client"))) as client:
        assert isinstance(await client.exchange(ASKED), AccessAccept)
        assert not client.counters
    assert len(dropped) == 2


async def test_a_server_that_says_nothing(pki: PKI, clock: MockClock) -> None:
    with trio.socket.socket(type=trio.socket.SOCK_DGRAM) as silent:
        await silent.bind(("127.0.0.1", 0))
        address = DTLS("127.0.0.1", silent.getsockname()[1], pki.settings("client"))
        async with open_client(address) as client:
            with pytest.raises(NoResponse, match="longer than 5 seconds") as raised:
                await client.connect()
            assert raised.value.reason == "handshake_timeout"


async def test_nobody_there(pki: PKI, clock: MockClock) -> None:
    with trio.socket.socket(type=trio.socket.SOCK_DGRAM) as taken:
        await taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    async with open_client(DTLS("127.0.0.1", port, pki.settings("client"))) as client:
        with pytest.raises(NoResponse, match="nothing listens there") as raised:
            await client.exchange(ASKED)
        assert raised.value.reason == "connection_refused"
        assert client.counters["connection_refused"] >= 3


async def test_a_name_that_does_not_resolve(pki: PKI) -> None:
    async with open_client(DTLS("nowhere.invalid", 2083, pki.settings("client"))) as client:
        with pytest.raises(NoResponse, match="cannot be reached") as raised:
            await client.connect()
        assert raised.value.reason == "unreachable"


@pytest.mark.parametrize(
    ("server", "client"),
    [
        ("stranger", {}),
        ("expired", {}),
        ("selfsigned", {}),
        ("client", {}),
        ("server", {"server_name": "radius.example.org"}),
        ("server", {"fingerprints": "00" * 32}),
    ],
)
async def test_servers_that_are_not_trusted(
    pki: PKI, nursery: trio.Nursery, clock: MockClock, server: str, client: dict[str, Any]
) -> None:
    served = await scripted(pki.settings(server), nursery)
    async with open_client(DTLS("127.0.0.1", served.port, pki.settings("client", **client))) as made:
        begun = trio.current_time()
        with pytest.raises(NoResponse) as raised:
            await made.exchange(ASKED)
        assert raised.value.reason == "certificate_refused"
        assert trio.current_time() - begun < 1
        await trio.sleep(1)
    assert not served.heard
    assert served.datagrams[21] == 1


async def test_a_client_that_is_refused(pki: PKI, nursery: trio.Nursery, clock: MockClock) -> None:
    """The alert says so (RFC 5246 section 7.2.2)."""
    served = await scripted(pki.settings("server"), nursery)
    address = DTLS("127.0.0.1", served.port, pki.settings("stranger"))
    async with open_client(address, retransmission=Retransmission(duration=5)) as client:
        with pytest.raises(NoResponse, match="the peer gave up: unknown ca") as raised:
            await client.exchange(ASKED)
        assert raised.value.reason == "peer_alert"


async def test_a_key_instead_of_certificates(nursery: trio.Nursery, clock: MockClock) -> None:
    """RFC 9813."""
    psk = PreSharedKey("nas", bytes(range(32)))
    served = await scripted(TLSSettings(psk=psk), nursery)
    async with open_client(DTLS("127.0.0.1", served.port, TLSSettings(psk=psk))) as client:
        assert isinstance(await client.exchange(ASKED), AccessAccept)


# Sessions that end


async def test_a_session_that_the_server_leaves(opened: Opened, clock: MockClock) -> None:
    """All that wait are sent once more, in one new session, half a second later at the least (T11)."""

    def script(octets: bytes) -> list[Step]:
        return [(1, LEAVES)] if len(server.done) == 1 else [(0, named(octets))]

    async with opened() as (server, client):
        server.script = script
        found = await at_once(client, users(20))
        assert client.counters == {"closed": 1}
    assert [accepted[ReplyMessage] for accepted in found] == [f"user{at:04}" for at in range(20)]
    assert len(server.done) == 2
    assert 1.5 <= server.done[1][0] - server.done[0][0] <= 1.8


async def test_once_more_and_not_again(opened: Opened, clock: MockClock) -> None:
    async with opened() as (server, client):
        server.script = lambda octets: [(0, LEAVES)]
        with pytest.raises(NoResponse, match="the server closed") as raised:
            await client.exchange(ASKED)
        assert raised.value.reason == "closed"
    assert len(server.heard) == len(server.done) == 2


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda octets: reply(2, octets, secret=b"another"), "response_authenticator"),
        (
            lambda octets: reply(2, octets, attribute(80, bytes(16)), prove=False, secret=SECRET),
            "message_authenticator_wrong",
        ),
        (lambda octets: reply(2, octets, b"\x12\x01", secret=SECRET), "attribute_length"),
        (lambda octets: b"\2", "length_out_of_range"),
        (lambda octets: b"\2\0\0\x13" + bytes(16), "length_out_of_range"),
        (lambda octets: b"\2\0\x10\x01" + bytes(5_000), "length_out_of_range"),
        (lambda octets: named(octets)[:-1], "length_out_of_range"),
    ],
)
async def test_a_bad_reply_closes(
    opened: Opened, clock: MockClock, answer: Callable[[bytes], bytes], reason: str
) -> None:
    """draft-ietf-radext-radiusdtls-bis: what makes no sense ends the session."""
    async with opened() as (server, client):
        server.script = lambda octets: [(0, answer(octets))] if len(server.done) == 1 else accept(octets)
        assert isinstance(await client.exchange(ASKED), AccessAccept)
        assert set(client.counters) == {reason}
    assert len(server.done) == 2


async def test_a_bad_reply_under_an_identifier_that_was_used_before(opened: Opened, quick_clock: MockClock) -> None:
    """That got its one reply, so that no other is to be expected."""

    def script(octets: bytes) -> list[Step]:
        return [(0, reply(2, octets, secret=b"another"))] if len(server.done) == 1 else accept(octets)

    async with opened() as (server, client):
        await at_once(client, users(255))
        server.script = script
        assert isinstance(await client.exchange(ASKED), AccessAccept)
        assert client.counters == {"response_authenticator": 1}


async def test_a_reply_that_cannot_answer_is_ignored(opened: Opened, clock: MockClock) -> None:
    async with opened() as (server, client):
        server.script = lambda octets: [(0, reply(5, octets, secret=SECRET)), (1, named(octets))]
        assert isinstance(await client.exchange(ASKED), AccessAccept)
        assert client.counters == {"unexpected_code": 1}
    assert len(server.done) == 1


async def test_datagrams_of_nobody(opened: Opened, clock: MockClock) -> None:
    """What does not decrypt is ignored, whatever it is."""

    def noise(datagram: bytes) -> Iterator[bytes]:
        yield from (b"", b"\x17", bytes(13), datagram[:-1] + bytes((datagram[-1] ^ 1,)), datagram)

    async with opened() as (server, client):
        await client.exchange(ASKED)
        server.to_client = noise
        assert isinstance(await client.exchange(ASKED), AccessAccept)
        assert not client.counters


# The watchdog (RFC 3539 section 3.4.1)


async def test_the_watchdog_asks_an_idle_server(opened: Opened, clock: MockClock) -> None:
    async with opened() as (server, client):
        await client.exchange(ASKED)
        await trio.sleep(600)
    assert len(server.done) == 1
    asked = server.heard[1:]
    assert {(heard.octets[0], heard.octets[1]) for heard in asked} == {(12, 0)}
    waits = [later.at - before.at for before, later in itertools.pairwise(server.heard)]
    assert all(28 <= wait <= 32.1 for wait in waits)
    assert max(waits) - min(waits) > 0.1


async def test_the_watchdog_asks_again_where_one_is_lost(opened: Opened, clock: MockClock) -> None:
    async with opened() as (server, client):
        await client.exchange(ASKED)
        asked = itertools.count()
        server.script = lambda octets: [] if next(asked) % 2 else accept(octets)
        await trio.sleep(300)
        assert not client.counters
    assert len(server.done) == 1


async def test_a_server_that_was_started_again(opened: Opened, clock: MockClock) -> None:
    """It knows nothing of the session, and says nothing to its records; the watchdog finds out (T6)."""
    async with opened(retransmission=Retransmission(attempts=99, longest=8, duration=200)) as (server, client):
        await client.exchange(ASKED)
        server.forget()
        begun = trio.current_time()
        assert isinstance(await client.exchange(ASKED), AccessAccept)
        assert 56 <= trio.current_time() - begun <= 66
        assert client.counters == {"watchdog": 1}
    assert len(server.done) == 2


# Settings


async def test_settings_that_cannot_work(pki: PKI) -> None:
    psk = PreSharedKey("nas", b"the same as the secret")
    for server, options, text in (
        (DTLS("127.0.0.1", 2083, pki.settings("client")), {"secret": ""}, "not empty"),
        (DTLS("127.0.0.1", 2083), {}, "a TLS client needs a certificate"),
        (DTLS("127.0.0.1", 2083, pki.settings("client", versions="1.1")), {}, r"DTLS is 1\.2"),
        (DTLS("127.0.0.1", 2083, TLSSettings(psk=psk)), {"secret": psk.key}, "is also a shared secret"),
    ):
        with pytest.raises(ConfigurationError, match=text):
            async with open_client(server, **options):  # type: ignore[arg-type]
                raise AssertionError("never reached")


async def test_a_secret_of_its_own(opened: Opened, clock: MockClock) -> None:
    async with opened(secret="of its own") as (server, client):
        server.script = lambda octets: [(0, reply(2, octets, secret=b"of its own"))]
        assert isinstance(await client.exchange(ASKED), AccessAccept)


async def test_source_address(pki: PKI, nursery: trio.Nursery) -> None:
    served = await scripted(pki.settings("server"), nursery)
    address = DTLS("127.0.0.1", served.port, pki.settings("client"), source_address="127.0.0.9")
    async with open_client(address) as client:
        assert isinstance(await client.exchange(ASKED), AccessAccept)
    assert served.sources == {"127.0.0.9"}


async def test_send_blocks(pki: PKI, nursery: trio.Nursery) -> None:
    served = await scripted(pki.settings("server"), nursery)
    address = DTLS("127.0.0.1", served.port, pki.settings("client"))
    accepted = await trio.to_thread.run_sync(lambda: send(address, ASKED))
    assert isinstance(accepted, AccessAccept)


# Our own server


async def test_our_own_server(pki: PKI, nursery: trio.Nursery) -> None:
    app: App[None] = App({"dns:nas.example.org": Peer()}, reject_delay=0)

    @app.on(AccessRequest)
    async def authenticate(request: AccessRequest) -> AccessAccept | AccessReject:
        return request.accept(ReplyMessage(request[UserName])) if request.verify_password("yes") else request.reject()

    @app.on(CoARequest)
    async def change(request: CoARequest) -> CoAACK:
        return request.ack()

    [(host, port)] = await nursery.start(serve, app, DTLS("127.0.0.1", 0, pki.settings("server")))
    async with open_client(DTLS(host, port, pki.settings("client"))) as client:
        good: list[Request[Any]] = [AccessRequest(UserName(f"{at}"), UserPassword("yes")) for at in range(300)]
        assert [accepted[ReplyMessage] for accepted in await at_once(client, good)] == [f"{at}" for at in range(300)]
        assert isinstance(await client.exchange(ASKED), AccessReject)
        assert isinstance(await client.exchange(CoARequest(UserName("alice"))), CoAACK)
        assert isinstance(await client.exchange(StatusServer()), AccessAccept)
        assert not client.counters
