"""The client over TLS in virtual time, against a server that delays, reorders, dies, lies and is somebody else."""

from __future__ import annotations

import contextlib
import itertools
import logging
import pathlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.exchanges import at_once, users
from tests.faults.raw import attribute, is_proven, reply
from tests.scripted_tls import DIES, LEAVES, SECRET, Scripted, Step, accept, accept_1_1, named, scripted, silence
from tests.tls.pki import NOW, PKI
from trioradius import (
    AccessAccept,
    AccessReject,
    AccessRequest,
    AccountingRequest,
    AccountingResponse,
    App,
    Client,
    ConfigurationError,
    EncodeError,
    NoResponse,
    Peer,
    Request,
    Retransmission,
    StatusServer,
    VersionRefused,
    chap,
    identifiers,
    open_client,
    send,
    serve,
)
from trioradius.attributes import AcctDelayTime, AcctSessionId, CHAPPassword, ReplyMessage, UserName, UserPassword
from trioradius.tls import PreSharedKey, TLSSettings
from trioradius.tls.certificates import make_revocation_list
from trioradius.transports import TLS, UDP

ASKED = AccessRequest(UserName("alice"), UserPassword("wonderland"))
OPEN_1_0 = {"versions": "1.0"}

Opened = Callable[..., contextlib.AbstractAsyncContextManager[tuple[Scripted, Client]]]


@pytest.fixture
def clock() -> MockClock:
    """Virtual time that jumps when nothing happened for 20 ms, so that real sockets get their turn."""
    return MockClock(autojump_threshold=0.02)


@pytest.fixture
def opened(pki: PKI, nursery: trio.Nursery) -> Opened:
    """A server with these settings, and a client of it with those of the keyword ``client``."""

    @contextlib.asynccontextmanager
    async def opened(
        server: dict[str, Any] | None = None, client: dict[str, Any] | None = None, **options: Any
    ) -> AsyncIterator[tuple[Scripted, Client]]:
        served, port = await scripted(pki.settings("server", **(OPEN_1_0 if server is None else server)), nursery)
        settings = pki.settings("client", **(client or {}))
        async with open_client(TLS("127.0.0.1", port, settings), **options) as made:
            yield served, made

    return opened


# Many exchanges on one connection


async def test_one_exchange(opened: Opened, clock: MockClock) -> None:
    async with opened() as (server, client):
        assert isinstance(await client.exchange(ASKED), AccessAccept)
        assert client.profile.name == "1.0"
        await client.exchange(StatusServer())
    assert all(is_proven(heard.octets, SECRET) for heard in server.heard)
    assert [heard.connection for heard in server.heard] == [1, 1]


async def test_replies_in_any_order(opened: Opened, clock: MockClock) -> None:
    waits = itertools.cycle((3, 0, 2, 1))
    async with opened() as (server, client):
        server.script = lambda octets: [(next(waits), named(octets))]
        found = await at_once(client, users(200))
    assert [accepted[ReplyMessage] for accepted in found] == [f"user{at:04}" for at in range(200)]
    assert len(server.accepted) == 1
    assert trio.current_time() < 5


async def test_more_than_the_identifiers_wait(opened: Opened, clock: MockClock) -> None:
    """Identifier 0 is kept for the watchdog."""
    async with opened() as (server, client):
        server.script = lambda octets: [(1, named(octets))]
        found = await at_once(client, users(600))
    assert [accepted[ReplyMessage] for accepted in found] == [f"user{at:04}" for at in range(600)]
    assert len(server.accepted) == 1
    assert 0 not in {heard.octets[1] for heard in server.heard}
    assert 3 <= trio.current_time() < 4


async def test_tokens(opened: Opened, clock: MockClock) -> None:
    """A counter, of which a thousand are in use at once."""
    async with opened({}) as (server, client):
        server.script = lambda octets: [(1, accept_1_1(octets)[0][1])]
        found = await at_once(client, users(1_000))
        assert client.profile.name == "1.1"
    tokens = [int.from_bytes(heard.octets[4:8], "big") for heard in server.heard]
    assert [(token - tokens[0]) % identifiers.TOKENS for token in tokens] == [*range(1_000)]
    assert {type(accepted) for accepted in found} == {AccessAccept}
    assert {heard.octets[1] for heard in server.heard} == {0}
    assert trio.current_time() < 2


async def test_tokens_begin_anywhere(opened: Opened, clock: MockClock) -> None:
    first = []
    for _ in range(3):
        async with opened({}) as (server, client):
            server.script = accept_1_1
            await client.exchange(ASKED)
            first.append(server.heard[0].octets[4:8])
    assert len(set(first)) == 3


async def test_tokens_go_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identifiers.secrets, "randbelow", lambda below: below - 2)
    tokens = identifiers.Tokens()
    assert [tokens.take() for _ in range(3)] == [identifiers.TOKENS - 1, 0, 1]


async def test_the_password_is_in_the_clear_only_in_1_1(opened: Opened, clock: MockClock) -> None:
    for settings, script, clear in ((OPEN_1_0, accept, False), ({}, accept_1_1, True)):
        async with opened(settings) as (server, client):
            server.script = script
            await client.exchange(ASKED)
            assert (b"wonderland" in server.heard[0].octets) is clear


async def test_octets_one_by_one(opened: Opened, clock: MockClock) -> None:
    def split(octets: bytes) -> list[Step]:
        answer = named(octets)
        return [(at / 10, answer[at : at + 1]) for at in range(len(answer) - 1)] + [(20, answer[-1:] + answer[:7])]

    async with opened() as (server, client):
        server.script = split
        assert isinstance(await client.exchange(ASKED), AccessAccept)


async def test_a_request_that_does_not_fit(opened: Opened, clock: MockClock) -> None:
    """It takes no Identifier along."""
    async with opened() as (server, client):
        for _ in range(300):
            with pytest.raises(EncodeError):
                await client.exchange(AccessRequest(*[UserName("x" * 250)] * 17))
        assert isinstance(await client.exchange(ASKED), AccessAccept)
    assert len(server.heard) == 1


async def test_chap_without_challenge_has_no_1_1(opened: Opened, clock: MockClock) -> None:
    async with opened({}) as (server, client):
        server.script = accept_1_1
        with pytest.raises(EncodeError, match="CHAP-Challenge"):
            await client.exchange(AccessRequest(CHAPPassword(bytes(17))))
        assert isinstance(await client.exchange(ASKED), AccessAccept)


# Time, and giving up


async def test_nothing_is_retransmitted(opened: Opened, clock: MockClock) -> None:
    async with opened(retransmission=Retransmission(duration=20)) as (server, client):
        server.script = silence
        begun = trio.current_time()
        with pytest.raises(NoResponse, match=r"no acceptable reply from 127.0.0.1 port \d+$"):
            await client.exchange(ASKED)
        assert trio.current_time() - begun == pytest.approx(20, abs=0.5)
        assert len(server.heard) == 1
        server.script = accept
        assert isinstance(await client.exchange(ASKED), AccessAccept)
    assert len(server.accepted) == 1


@pytest.mark.parametrize("settings", [OPEN_1_0, {}])
async def test_a_cancelled_exchange_leaves_the_connection(
    opened: Opened, clock: MockClock, settings: dict[str, Any]
) -> None:
    answer: Callable[[bytes], list[Step]] = accept if settings else accept_1_1
    async with opened(settings) as (server, client):
        server.script = lambda octets: [(2, octets) for _, octets in answer(octets)]
        with trio.move_on_after(1):
            await client.exchange(ASKED)
        assert isinstance(await client.exchange(ASKED), AccessAccept)
        assert client.counters == {"unmatched": 1}
    assert len(server.accepted) == 1


async def test_an_identifier_that_was_not_answered_is_taken_last(opened: Opened, clock: MockClock) -> None:
    async with opened(retransmission=Retransmission(duration=1)) as (server, client):
        server.script = silence
        with pytest.raises(NoResponse):
            await client.exchange(ASKED)
        server.script = accept
        for _ in range(300):
            await client.exchange(ASKED)
    assert server.heard[0].octets[1] not in {heard.octets[1] for heard in server.heard[1:]}


async def test_late_replies_do_not_meet_another_request(opened: Opened, clock: MockClock) -> None:
    """An Identifier whose reply is still to come is taken again only where there is no other."""
    async with opened(retransmission=Retransmission(duration=5)) as (server, client):
        server.script = lambda octets: [(10, named(octets))]
        assert all(isinstance(found, NoResponse) for found in await at_once(client, users(250)))
        server.script = lambda octets: [(1, named(octets))]
        for _ in range(3):
            found = await at_once(client, users(5))
            assert [accepted[ReplyMessage] for accepted in found] == [f"user{at:04}" for at in range(5)]
        await trio.sleep(10)
        assert client.counters == {"unmatched": 250}
        found = await at_once(client, users(255))
        assert {type(accepted) for accepted in found} == {AccessAccept}
    assert len(server.accepted) == 1


async def test_leaving_the_block_ends_what_is_under_way(opened: Opened, clock: MockClock) -> None:
    ended = []

    async def ask(client: Client) -> None:
        with pytest.raises(trio.ClosedResourceError, match="the client is closed"):
            await client.exchange(ASKED)
        ended.append(trio.current_time())

    async with trio.open_nursery() as nursery:
        async with opened() as (server, client):
            server.script = silence
            for _ in range(300):
                nursery.start_soon(ask, client)
            await trio.sleep(1)
        await ask(client)
    assert len(ended) == 301
    assert trio.current_time() < 2


async def test_leaving_the_block_while_connecting(opened: Opened, pki: PKI, clock: MockClock) -> None:
    """A server that takes connections and says nothing."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")

    async def ask(client: Client) -> None:
        with pytest.raises(trio.ClosedResourceError):
            await client.exchange(ASKED)

    async with listener, trio.open_nursery() as nursery:
        address = TLS("127.0.0.1", listener.socket.getsockname()[1], pki.settings("client"))
        async with open_client(address) as client:
            nursery.start_soon(ask, client)
            await trio.sleep(1)


# Connections that end


async def test_a_connection_that_dies_before_the_reply(opened: Opened, clock: MockClock) -> None:
    """All that wait are sent once more, on one new connection, half a second later at the least (T11)."""

    def script(octets: bytes) -> list[Step]:
        return [(1, DIES)] if len(server.accepted) == 1 else [(0, named(octets))]

    async with opened() as (server, client):
        server.script = script
        found = await at_once(client, users(20))
    assert [accepted[ReplyMessage] for accepted in found] == [f"user{at:04}" for at in range(20)]
    assert len(server.accepted) == 2
    assert 0.5 <= server.accepted[1] - server.ended[0] <= 0.7


@pytest.mark.parametrize(("step", "reason"), [(DIES, "cut_off"), (LEAVES, "closed")])
async def test_once_more_and_not_again(opened: Opened, clock: MockClock, step: bytes | None, reason: str) -> None:
    async with opened() as (server, client):
        server.script = lambda octets: [(0, step)]
        with pytest.raises(NoResponse) as raised:
            await client.exchange(ASKED)
        assert raised.value.reason == reason
    assert len(server.heard) == len(server.accepted) == 2


async def test_one_that_dies_in_the_middle_of_a_reply(opened: Opened, clock: MockClock) -> None:
    def script(octets: bytes) -> list[Step]:
        return accept(octets) if len(server.accepted) > 1 else [(0, named(octets)[:30]), (0.1, DIES)]

    async with opened() as (server, client):
        server.script = script
        assert isinstance(await client.exchange(ASKED), AccessAccept)


async def test_replies_before_the_end_count(opened: Opened, clock: MockClock) -> None:
    async with opened() as (server, client):
        server.script = lambda octets: [(0, named(octets) + b"\2\0\0\3")]
        assert isinstance(await client.exchange(ASKED), AccessAccept)
        await trio.sleep(1)
        assert client.counters == {"length_out_of_range": 1}


async def test_an_accounting_request_counts_its_delay(opened: Opened, clock: MockClock) -> None:
    def script(octets: bytes) -> list[Step]:
        return [(3, DIES)] if len(server.accepted) == 1 else [(0, reply(5, octets, prove=False, secret=SECRET))]

    async with opened() as (server, client):
        server.script = script
        record = AccountingRequest(AcctSessionId("1"), AcctDelayTime(7))
        assert isinstance(await client.exchange(record), AccountingResponse)
    assert [heard.octets[-1] for heard in server.heard] == [7, 10]


async def test_a_later_exchange_connects_again(opened: Opened, clock: MockClock) -> None:
    async with opened() as (server, client):
        server.script = lambda octets: [*accept(octets), (1, LEAVES)]
        for number in range(1, 4):
            await client.exchange(ASKED)
            await trio.sleep(5)
            assert len(server.accepted) == number
        assert client.counters == {"closed": 3}


async def test_backoff_grows(opened: Opened, clock: MockClock) -> None:
    """Connections that never bring a reply are made less and less often (T11)."""
    async with opened(retransmission=Retransmission(duration=1_000)) as (server, client):
        server.script = lambda octets: [(0, DIES)]
        for _ in range(5):
            with pytest.raises(NoResponse):
                await client.exchange(ASKED)
        waits = [later - before for before, later in itertools.pairwise(server.accepted)]
        for at, wait in enumerate(waits):
            wanted = min(0.5 * 2**at, 60)
            assert wanted <= wait <= 1.2 * wanted + 0.3
        server.script = accept
        await client.exchange(ASKED)
        server.script = lambda octets: [(0, DIES)] if len(server.accepted) == 11 else accept(octets)
        await client.exchange(ASKED)
        assert server.accepted[-1] - server.ended[-1] < 1


async def test_a_server_that_comes_up(pki: PKI, nursery: trio.Nursery, clock: MockClock) -> None:
    server, port = await scripted(pki.settings("server", versions="1.0"), nursery)
    with trio.socket.socket() as taken:
        await taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    async with open_client(TLS("127.0.0.1", port, pki.settings("client"))) as client:
        with pytest.raises(NoResponse, match="nothing listens there") as raised:
            await client.connect()
        assert raised.value.reason == "connection_refused"

        async def come_up() -> None:
            await trio.sleep(10)
            nursery.start_soon(trio.serve_tcp, server.serve, port)

        nursery.start_soon(come_up)
        assert isinstance(await client.exchange(ASKED), AccessAccept)
        assert client.counters["connection_refused"] >= 3


async def test_nobody_there(pki: PKI, clock: MockClock) -> None:
    with trio.socket.socket() as taken:
        await taken.bind(("127.0.0.1", 0))
        address = TLS("127.0.0.1", taken.getsockname()[1], pki.settings("client"))
        async with open_client(address, retransmission=Retransmission(duration=10)) as client:
            begun = trio.current_time()
            with pytest.raises(NoResponse, match="nothing listens there"):
                await client.exchange(ASKED)
            assert trio.current_time() - begun == pytest.approx(10, abs=0.5)


async def test_a_server_that_says_nothing(pki: PKI, clock: MockClock) -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        address = TLS("127.0.0.1", listener.socket.getsockname()[1], pki.settings("client"))
        async with open_client(address) as client:
            with pytest.raises(NoResponse, match="longer than 5 seconds") as raised:
                await client.connect()
            assert raised.value.reason == "handshake_timeout"


# Accounting beside logins, and connections after the first


async def test_accounting_has_a_connection_of_its_own(opened: Opened, clock: MockClock) -> None:
    """A server that is slow to record must not keep anybody out (T18)."""
    async with opened() as (server, client):
        server.script = lambda octets: accept(octets) if octets[0] == 1 else [(0, DIES)]
        record = AccountingRequest(AcctSessionId("1"))
        found = await at_once(client, [ASKED, record, *users(20)])
        assert [type(one) for one in found] == [AccessAccept, NoResponse, *[AccessAccept] * 20]
        await client.exchange(ASKED)
    assert len({heard.connection for heard in server.heard if heard.octets[0] == 1}) == 1
    assert len({heard.connection for heard in server.heard if heard.octets[0] == 4}) == 2


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("tls", ["1.2", "1.3"])
async def test_sessions_are_resumed(opened: Opened, clock: MockClock, tls: str, version: str) -> None:
    """As the version that they were made for (RFC 9765 section 3.5), and each ticket once (RFC 8446 appendix C.4)."""
    if (tls, version) == ("1.2", "1.1"):
        return
    answer = accept if version == "1.0" else accept_1_1
    async with opened({"versions": version}, {"maximum_version": tls}) as (server, client):
        server.script = lambda octets: [*answer(octets), (1, LEAVES)]
        for _ in range(4):
            assert isinstance(await client.exchange(ASKED), AccessAccept)
            assert client.profile.name == version
            await trio.sleep(5)
    assert [done.resumed for done in server.done] == [False, True, True, True]
    assert all(done.certificate is not None for done in server.done)


async def test_nothing_is_resumed_where_the_settings_say_so(opened: Opened, clock: MockClock) -> None:
    async with opened(client={"resumption": False}) as (server, client):
        server.script = lambda octets: [*accept(octets), (1, LEAVES)]
        for _ in range(2):
            await client.exchange(ASKED)
            await trio.sleep(5)
    assert [done.resumed for done in server.done] == [False, False]


async def test_a_resumption_that_is_refused(opened: Opened, clock: MockClock) -> None:
    """A server that forgot its keys shakes hands from the beginning."""
    async with opened() as (server, client):
        server.script = lambda octets: [*accept(octets), (1, LEAVES)]
        for _ in range(3):
            await client.exchange(ASKED)
            await trio.sleep(5)
            server.context = server.context.reload()
    assert [done.resumed for done in server.done] == [False, False, False]


async def test_files_that_change_count_for_the_next_connection(
    tmp_path: pathlib.Path, nursery: trio.Nursery, clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A new certificate is shown; one that cannot work is not, and nobody is resumed as who they were before."""
    caplog.set_level(logging.INFO, "trioradius.tls")
    pki = PKI(tmp_path)
    server, port = await scripted(pki.settings("server", versions="1.0"), nursery)
    server.script = lambda octets: [*accept(octets), (1, LEAVES)]
    async with open_client(TLS("127.0.0.1", port, pki.settings("client"))) as client:
        for change in (
            lambda: pki.issue("client", "other.example.org"),
            lambda: None,
            (tmp_path / "client.key").unlink,
            lambda: None,
        ):
            await client.exchange(ASKED)
            await trio.sleep(5)
            change()
        await client.exchange(ASKED)
    shown = [done.certificate.dns for done in server.done if done.certificate is not None]
    assert shown == [("nas.example.org",), *[("other.example.org",)] * 4]
    assert [done.resumed for done in server.done] == [False, False, True, True, True]
    said = [record.getMessage() for record in caplog.records if record.name == "trioradius.tls"]
    assert said[0] == "certificates read again"
    assert all("the certificates stay as they were: key: " in line for line in said[1:]) and len(said) == 3


async def test_a_server_that_is_revoked_meanwhile(
    tmp_path: pathlib.Path, nursery: trio.Nursery, clock: MockClock
) -> None:
    """What may be resumed is judged again by the lists there are now."""
    pki = PKI(tmp_path)
    server, port = await scripted(pki.settings("server", versions="1.0"), nursery)
    server.script = lambda octets: [*accept(octets), (1, LEAVES)]
    async with open_client(TLS("127.0.0.1", port, pki.settings("client", crl=tmp_path / "crl.pem"))) as client:
        await client.exchange(ASKED)
        await trio.sleep(5)
        (tmp_path / "crl.pem").write_bytes(make_revocation_list(NOW, pki.authority, [pki.issued["server"]]))
        with pytest.raises(NoResponse, match="revoked") as raised:
            await client.exchange(ASKED)
    assert raised.value.reason == "certificate_refused"


# What a reply must not be


def forged(octets: bytes) -> bytes:
    return reply(2, octets, secret=b"another")


def misproven(octets: bytes) -> bytes:
    return reply(2, octets, attribute(80, bytes(16)), prove=False, secret=SECRET)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (forged, "response_authenticator"),
        (misproven, "message_authenticator_wrong"),
        (lambda octets: reply(2, octets, attribute(33, b"foreign"), secret=SECRET), "proxy_state_foreign"),
        (lambda octets: reply(2, octets, b"\x12\x01", secret=SECRET), "attribute_length"),
        (lambda octets: reply(2, octets, b"\x12\x09a", secret=SECRET), "attribute_length"),
        (lambda octets: b"\2\0\0\x13" + bytes(16), "length_out_of_range"),
        (lambda octets: b"\2\0\xff\xff" + bytes(16), "length_out_of_range"),
    ],
)
async def test_a_bad_reply_closes(
    opened: Opened, clock: MockClock, answer: Callable[[bytes], bytes], reason: str
) -> None:
    """draft-ietf-radext-radiusdtls-bis: what makes no sense ends the connection."""
    async with opened() as (server, client):
        server.script = lambda octets: [(0, answer(octets))] if len(server.accepted) == 1 else accept(octets)
        assert isinstance(await client.exchange(ASKED), AccessAccept)
        assert set(client.counters) == {reason}
    assert len(server.accepted) == 2


@pytest.mark.parametrize(
    ("seconds", "answer", "reason"),
    [
        (0, forged, "unmatched"),
        (6, forged, "response_authenticator"),
        (0, lambda octets: reply(2, octets, b"\x12\x01", secret=SECRET), "attribute_length"),
    ],
)
async def test_what_may_be_a_late_reply_to_another_request(
    opened: Opened, clock: MockClock, seconds: float, answer: Callable[[bytes], bytes], reason: str
) -> None:
    """For a while after an Identifier's last user got no reply; what makes no sense at all closes ever."""
    async with opened(retransmission=Retransmission(duration=5)) as (server, client):
        server.script = silence
        await at_once(client, users(255))
        await trio.sleep(seconds)
        server.script = lambda octets: [(0, answer(octets))] if len(server.accepted) == 1 else accept(octets)
        await at_once(client, [ASKED])
        assert client.counters == {reason: 1}
    assert len(server.accepted) == (1 if reason == "unmatched" else 2)


async def test_what_fits_no_request_is_ignored(opened: Opened, clock: MockClock) -> None:
    async with opened() as (server, client):
        server.script = lambda octets: [(0, reply(2, bytes((1, octets[1] ^ 1)) + octets[2:])), *accept(octets)]
        assert isinstance(await client.exchange(ASKED), AccessAccept)
        server.script = lambda octets: [(0, reply(5, octets, secret=SECRET)), (1, accept(octets)[0][1])]
        assert isinstance(await client.exchange(ASKED), AccessAccept)
        assert client.counters == {"unmatched": 1, "unexpected_code": 1}
    assert len(server.accepted) == 1


async def test_message_authenticator_is_asked_for_only_where_one_says_so(opened: Opened, clock: MockClock) -> None:
    for options, accepted in (({}, True), ({"require_message_authenticator": True}, False)):
        async with opened(**options) as (server, client):
            server.script = lambda octets: [(0, reply(2, octets, prove=False, secret=SECRET))]
            if accepted:
                assert isinstance(await client.exchange(ASKED), AccessAccept)
            else:
                with pytest.raises(NoResponse, match="Message-Authenticator"):
                    await client.exchange(ASKED)


@pytest.mark.parametrize("settings", [OPEN_1_0, {}])
async def test_protocol_error(opened: Opened, clock: MockClock, settings: dict[str, Any]) -> None:
    """It is one exchange's answer, and not the end of the connection (RFC 7930 section 4, RFC 9765 section 6.1)."""
    cause = attribute(101, (406).to_bytes(4, "big"))

    def script(octets: bytes) -> list[Step]:
        if settings:
            original = attribute(241, b"\x04" + (1).to_bytes(4, "big"))
            return [(0, reply(52, octets, cause, original, secret=SECRET))]
        return [(0, bytes((52, 0, 0, 26)) + octets[4:8] + bytes(12) + cause)]

    async with opened(settings) as (server, client):
        server.script = script
        for _ in range(2):
            with pytest.raises(NoResponse) as raised:
                await client.exchange(ASKED)
            assert raised.value.reason == "protocol_error"
            assert raised.value.reply is not None
    assert len(server.accepted) == 1


# The watchdog


@pytest.mark.parametrize("settings", [OPEN_1_0, {}])
async def test_the_watchdog_asks_an_idle_server(opened: Opened, clock: MockClock, settings: dict[str, Any]) -> None:
    async with opened(settings) as (server, client):
        server.script = accept if settings else accept_1_1
        await client.exchange(ASKED)
        await trio.sleep(600)
    assert len(server.accepted) == 1
    asked = server.heard[1:]
    assert {heard.octets[0] for heard in asked} == {12}
    assert {heard.octets[1] for heard in asked} == {0}
    waits = [later.at - before.at for before, later in itertools.pairwise(server.heard)]
    assert all(28 <= wait <= 64.5 for wait in waits)
    assert max(waits) - min(waits) > 0.1
    if settings:
        assert all(is_proven(heard.octets, SECRET) for heard in asked)
    else:
        assert len({heard.octets[4:8] for heard in server.heard}) == len(server.heard)


async def test_the_watchdog_closes_what_is_dead(opened: Opened, clock: MockClock) -> None:
    async with opened(retransmission=Retransmission(duration=200)) as (server, client):
        server.script = lambda octets: silence(octets) if len(server.accepted) == 1 else accept(octets)
        assert isinstance(await client.exchange(ASKED), AccessAccept)
        assert client.counters == {"watchdog": 1}
    assert [heard.octets[0] for heard in server.heard] == [1, 12, 1]
    assert 56 <= server.heard[2].at - server.heard[0].at <= 66


async def test_a_server_that_speaks_needs_no_watchdog(opened: Opened, clock: MockClock) -> None:
    async with opened() as (server, client):
        for _ in range(20):
            await client.exchange(ASKED)
            await trio.sleep(20)
    assert {heard.octets[0] for heard in server.heard} == {1}


# Who the server is


@pytest.mark.parametrize(
    ("server", "client"),
    [
        ("server", {}),
        ("server", {"server_name": "localhost"}),
        ("selfsigned", {"ca": (), "fingerprints": "selfsigned"}),
    ],
)
async def test_servers_that_are_trusted(
    pki: PKI, nursery: trio.Nursery, clock: MockClock, server: str, client: dict[str, Any]
) -> None:
    served, port = await scripted(pki.settings(server, versions="1.0"), nursery)
    if "fingerprints" in client:
        client = client | {"fingerprints": pki.fingerprint(server)}
    async with open_client(TLS("127.0.0.1", port, pki.settings("client", **client))) as made:
        assert isinstance(await made.exchange(ASKED), AccessAccept)
    assert len(served.heard) == 1


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
@pytest.mark.parametrize(
    ("server", "client"),
    [
        ("stranger", {}),
        ("expired", {}),
        ("selfsigned", {}),
        ("client", {}),
        ("server", {"server_name": "radius.example.org"}),
        ("server", {"server_name": "server"}),
        ("server", {"fingerprints": "00" * 32}),
    ],
)
async def test_servers_that_are_not(
    pki: PKI, nursery: trio.Nursery, clock: MockClock, tls: str, server: str, client: dict[str, Any]
) -> None:
    """Nothing is sent to them, and nobody waits for a certificate to mend itself. A common name is no name."""
    served, port = await scripted(pki.settings(server, maximum_version=tls), nursery)
    async with open_client(TLS("127.0.0.1", port, pki.settings("client", **client))) as made:
        begun = trio.current_time()
        with pytest.raises(NoResponse) as raised:
            await made.exchange(ASKED)
        assert raised.value.reason == "certificate_refused"
        assert trio.current_time() - begun < 1
    assert not served.heard


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
async def test_a_client_that_is_refused(pki: PKI, nursery: trio.Nursery, clock: MockClock, tls: str) -> None:
    """In TLS 1.3 the server judges when the client has finished (RFC 8446 section 4.4.4)."""
    served, port = await scripted(pki.settings("server", maximum_version=tls), nursery)
    settings = pki.settings("stranger")
    async with open_client(TLS("127.0.0.1", port, settings), retransmission=Retransmission(duration=5)) as client:
        with pytest.raises(NoResponse, match=r"TLS failed|broke") as raised:
            await client.exchange(ASKED)
        assert raised.value.reason in {"peer_alert", "cut_off"}
    assert not served.heard


async def test_a_key_instead_of_certificates(nursery: trio.Nursery, clock: MockClock) -> None:
    """RFC 9813."""
    psk = PreSharedKey("nas", bytes(range(32)))
    _, port = await scripted(TLSSettings(psk=psk, versions="1.0"), nursery)
    async with open_client(TLS("127.0.0.1", port, TLSSettings(psk=psk))) as client:
        assert isinstance(await client.exchange(ASKED), AccessAccept)


# Versions


@pytest.mark.parametrize("client", ["1.0", "1.0, 1.1", "1.1", None])
@pytest.mark.parametrize("server", ["1.0", "1.0, 1.1", "1.1", None])
async def test_negotiation(
    pki: PKI, nursery: trio.Nursery, clock: MockClock, client: str | None, server: str | None
) -> None:
    """RFC 9765 section 3.3.2, with the scripted server for one that lets a peer without ALPN in."""
    served, port = await scripted(pki.settings("server", versions=server), nursery)
    ours, theirs = set((client or "1.0").split(", ")), set((server or "1.0").split(", "))
    version = max(ours & theirs, default="")
    if server == "1.1" and client is None:
        return
    served.script = accept if version == "1.0" else accept_1_1
    async with open_client(TLS("127.0.0.1", port, pki.settings("client", versions=client))) as made:
        if version:
            await made.connect()
            assert made.profile.name == version
            assert isinstance(await made.exchange(ASKED), AccessAccept)
        else:
            with pytest.raises(VersionRefused if client == "1.1" else NoResponse):
                await made.exchange(ASKED)
            assert 1 not in {heard.octets[0] for heard in served.heard}


async def test_1_1_alone_and_a_server_of_tls_1_2(opened: Opened, clock: MockClock) -> None:
    async with opened({"maximum_version": "1.2"}, {"versions": "1.1"}) as (_, client):
        with pytest.raises(VersionRefused, match=r"only RADIUS/1.1 is offered"):
            await client.connect()


async def test_1_1_alone_and_a_server_without_alpn(opened: Opened, clock: MockClock) -> None:
    """It is told why, by a Protocol-Error with Token 0 (RFC 9765 section 3.3.1)."""
    async with opened({"versions": None}, {"versions": "1.1"}) as (server, client):
        server.script = silence
        with pytest.raises(VersionRefused):
            await client.connect()
        await trio.sleep(1)
    [heard] = server.heard
    assert heard.octets[0] == 52 and heard.octets[4:20] == bytes(16)
    assert attribute(101, (406).to_bytes(4, "big")) in heard.octets


async def test_the_version_follows_the_connection(opened: Opened, clock: MockClock) -> None:
    """One server becomes another behind the same address."""
    async with opened({}) as (server, client):
        server.script = lambda octets: [*accept_1_1(octets), (1, LEAVES)]
        assert client.profile.name == "1.0"
        await client.exchange(ASKED)
        assert client.profile.name == "1.1"


# Settings


async def test_settings_that_cannot_work(pki: PKI) -> None:
    client = pki.settings("client")
    psk = PreSharedKey("nas", b"the same as the secret")
    for server, options, text in (
        (UDP("127.0.0.1", 1812), {}, "UDP needs the secret"),
        (TLS("127.0.0.1", 2083, client), {"secret": ""}, "not empty"),
        (TLS("127.0.0.1", 2083), {}, "a TLS client needs a certificate"),
        (TLS("127.0.0.1", 2083, pki.settings("client", ca=())), {}, "needs a ca"),
        (TLS("127.0.0.1", 2083, pki.settings("client", ca="missing.pem")), {}, "missing.pem cannot be read"),
        (TLS("127.0.0.1", 2083, TLSSettings(psk=psk)), {"secret": psk.key}, "is also a shared secret"),
    ):
        with pytest.raises(ConfigurationError, match=text):
            async with open_client(server, **options):
                raise AssertionError("never reached")


async def test_a_secret_of_its_own(opened: Opened, clock: MockClock) -> None:
    async with opened(secret="of its own") as (server, client):
        server.script = lambda octets: [(0, reply(2, octets, secret=b"of its own"))]
        assert isinstance(await client.exchange(ASKED), AccessAccept)


async def test_a_name_that_does_not_resolve(pki: PKI) -> None:
    async with open_client(TLS("nowhere.invalid", 2083, pki.settings("client"))) as client:
        with pytest.raises(NoResponse, match="cannot be reached"):
            await client.connect()


async def test_source_address(pki: PKI, nursery: trio.Nursery) -> None:
    served, port = await scripted(pki.settings("server", versions="1.0"), nursery)
    address = TLS("127.0.0.1", port, pki.settings("client"), source_address="127.0.0.9")
    async with open_client(address) as client:
        assert isinstance(await client.exchange(ASKED), AccessAccept)
    assert served.sources == ["127.0.0.9"]


async def test_send_blocks(pki: PKI, nursery: trio.Nursery) -> None:
    _, port = await scripted(pki.settings("server", versions="1.0"), nursery)
    address = TLS("127.0.0.1", port, pki.settings("client"))
    accepted = await trio.to_thread.run_sync(lambda: send(address, ASKED))
    assert isinstance(accepted, AccessAccept)


# Our own server


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_our_own_server(pki: PKI, nursery: trio.Nursery, version: str) -> None:
    app: App[None] = App({"dns:nas.example.org": Peer(SECRET)}, reject_delay=0)

    @app.on(AccessRequest)
    async def authenticate(request: AccessRequest) -> AccessAccept | AccessReject:
        return request.accept(ReplyMessage(request[UserName])) if request.verify_password("yes") else request.reject()

    [(host, port)] = await nursery.start(serve, app, TLS("127.0.0.1", 0, pki.settings("server")))
    async with open_client(TLS(host, port, pki.settings("client", versions=version))) as client:
        good: list[Request[Any]] = [AccessRequest(UserName(f"{at}"), UserPassword("yes")) for at in range(300)]
        assert [accepted[ReplyMessage] for accepted in await at_once(client, good)] == [f"{at}" for at in range(300)]
        assert isinstance(await client.exchange(AccessRequest(UserName("bob"), *chap("yes"))), AccessAccept)
        assert isinstance(await client.exchange(ASKED), AccessReject)
        assert isinstance(await client.exchange(StatusServer()), AccessAccept)
        assert client.profile.name == version
        assert not client.counters
