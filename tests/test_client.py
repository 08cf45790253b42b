"""The client over real sockets in virtual time, against a server that drops, delays, repeats and corrupts."""

from __future__ import annotations

import itertools
import random
import socket
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.faults.raw import SECRET, attribute, is_proven, reply
from trioradius import (
    UDP,
    AccessAccept,
    AccessRequest,
    AccountingRequest,
    AccountingResponse,
    Client,
    CoARequest,
    ConfigurationError,
    Dictionary,
    DisconnectRequest,
    EncodeError,
    NoResponse,
    Reply,
    Request,
    Retransmission,
    StatusServer,
    channels,
    open_client,
    send,
)
from trioradius.attributes import (
    AcctDelayTime,
    AcctSessionId,
    Attribute,
    ErrorCause,
    ProxyState,
    ReplyMessage,
    UserName,
    UserPassword,
)
from trioradius.attributes.datatypes import TEXT

Script: TypeAlias = Callable[[bytes], Iterable[tuple[float, bytes]]]
"""A request's octets to what is sent back, each with the seconds to wait before."""
ASKED: Final = AccessRequest(UserName("alice"), UserPassword("wonderland"))
RECORD: Final = AccountingRequest(UserName("alice"), AcctSessionId("1"), AcctDelayTime(7))


def silence(_: bytes) -> list[tuple[float, bytes]]:
    return []


def accept(octets: bytes) -> list[tuple[float, bytes]]:
    return [(0, reply(2, octets))]


def named(octets: bytes) -> bytes:
    """An Access-Accept whose Reply-Message is the User-Name that was asked for, behind Message-Authenticator."""
    return reply(2, octets, attribute(18, octets[40 : 38 + octets[39]]))


@attrs.frozen
class Heard:
    """One datagram that the server got: when, what, and from which address."""

    at: float
    octets: bytes
    address: Any


class Scripted:
    """A UDP server that answers as its script says, and remembers what it heard."""

    def __init__(self, bound: trio.socket.SocketType, nursery: trio.Nursery) -> None:
        self.address = UDP(*bound.getsockname()[:2])
        self.script: Script = accept
        self.heard: list[Heard] = []
        self._socket = bound
        self._nursery = nursery

    async def run(self) -> None:
        with self._socket:
            while True:
                octets, address = await self._socket.recvfrom(4096)
                self.heard.append(Heard(trio.current_time(), octets, address))
                for seconds, answer in self.script(octets):
                    self._nursery.start_soon(self._answer, seconds, answer, address)

    async def _answer(self, seconds: float, octets: bytes, address: Any) -> None:
        await trio.sleep(seconds)
        await self._socket.sendto(octets, address)


async def scripted(host: str, nursery: trio.Nursery, port: int = 0) -> Scripted:
    bound = trio.socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    await bound.bind((host, port))
    server = Scripted(bound, nursery)
    nursery.start_soon(server.run)
    return server


@pytest.fixture
def clock() -> MockClock:
    """Virtual time that jumps when nothing happened for 10 ms, so that real sockets get their turn."""
    return MockClock(autojump_threshold=0.01)


@pytest.fixture
def quick_clock() -> MockClock:
    """For thousands of timers. Where it jumps too early, that is one more loss."""
    return MockClock(autojump_threshold=0.001)


@pytest.fixture
async def server(nursery: trio.Nursery) -> Scripted:
    return await scripted("127.0.0.1", nursery)


@pytest.fixture
async def opened(server: Scripted) -> AsyncIterator[Client]:
    async with open_client(server.address, secret=SECRET) as made:
        yield made


@pytest.fixture
def few_places(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(channels, "EXCHANGES_MAXIMUM", 10)
    return 10


async def all_at_once(opened: Client, requests: Iterable[Request[Any]]) -> list[Reply]:
    """The replies in the order of the requests."""
    replies: dict[int, Reply] = {}

    async def ask(at: int, request: Request[Any]) -> None:
        replies[at] = await opened.exchange(request)

    async with trio.open_nursery() as nursery:
        for at, request in enumerate(requests):
            nursery.start_soon(ask, at, request)
    return [replies[at] for at in sorted(replies)]


async def require_every_identifier(server: Scripted, opened: Client, sockets: int) -> None:
    """So many sockets carry 256 requests each: none leaked, none has two users, and no further socket is opened."""
    server.heard.clear()
    server.script = lambda octets: [(1, reply(2, octets))]
    replies = await all_at_once(opened, [ASKED] * 256 * sockets)
    assert {type(one) for one in replies} == {AccessAccept}
    assert len({(heard.address, heard.octets[1]) for heard in server.heard}) == 256 * sockets
    assert len({heard.address for heard in server.heard}) == sockets


# Many at once


async def test_a_thousand_at_once_over_a_bad_network(server: Scripted, quick_clock: MockClock) -> None:
    """Each reply goes to its own request; more than 256 open further sockets (RFC 2865 section 2.5)."""
    chance = random.Random(1)

    def bad_network(octets: bytes) -> list[tuple[float, bytes]]:
        right = named(octets)
        at = chance.randrange(len(right))
        corrupt = right[:at] + bytes((right[at] ^ 1,)) + right[at + 1 :]
        answers = [] if chance.random() < 0.2 else [right] * chance.randint(1, 2)
        answers += [corrupt] if chance.random() < 0.2 else []
        return [(chance.random() * 3, answer) for answer in answers]

    server.script = bad_network
    names = [f"user{number}" for number in range(1000)]
    schedule = Retransmission(attempts=20, duration=500)
    async with open_client(server.address, secret=SECRET, retransmission=schedule) as opened:
        replies = await all_at_once(opened, [AccessRequest(UserName(name)) for name in names])
        assert [one[ReplyMessage] for one in replies] == names
        assert opened.counters["response_authenticator"] > 50
        await trio.sleep(10)
        await require_every_identifier(server, opened, sockets=4)


async def test_cancelled_at_any_moment(server: Scripted, opened: Client, quick_clock: MockClock) -> None:
    """Its Identifier is free again, and a late reply reaches nobody else."""
    chance = random.Random(2)
    server.script = lambda octets: [(chance.random() * 4, named(octets))]
    told: dict[str, Any] = {}

    async def ask(name: str, patience: float) -> None:
        await trio.sleep(chance.random() * 10)
        with trio.move_on_after(patience):
            told[name] = (await opened.exchange(AccessRequest(UserName(name))))[ReplyMessage]

    async with trio.open_nursery() as nursery:
        for number in range(1500):
            nursery.start_soon(ask, f"user{number}", chance.choice((0, 0.5, 1, 2, 3, 4, 60)))
    assert 300 < len(told) < 1200
    assert all(name == said for name, said in told.items())
    assert opened.counters["unmatched"] > 100
    await trio.sleep(10)
    server.script = accept
    replies = await all_at_once(opened, [ASKED] * 1000)
    assert len(replies) == 1000
    await require_every_identifier(server, opened, sockets=4)


async def test_a_late_reply_does_not_reach_the_next_user_of_the_identifier(
    server: Scripted, opened: Client, clock: MockClock
) -> None:
    server.script = lambda octets: [(5, named(octets))]
    with trio.move_on_after(1):
        await opened.exchange(AccessRequest(UserName("first")))
    server.script = silence
    with trio.move_on_after(1):
        await all_at_once(opened, [ASKED] * 255)
    server.script = lambda octets: [(9, named(octets))]
    second = await opened.exchange(AccessRequest(UserName("second")))
    assert server.heard[-1].octets[1] == server.heard[0].octets[1]
    assert second[ReplyMessage] == "second"
    assert opened.counters["response_authenticator"] == 1


async def test_past_the_bound_they_wait_in_order(few_places: int, server: Scripted, clock: MockClock) -> None:
    server.script = lambda octets: [(1, named(octets))]
    names = [f"user{number:02}" for number in range(40)]
    finished: list[str] = []
    async with open_client(server.address, secret=SECRET) as opened, trio.open_nursery() as nursery:

        async def ask(name: str) -> None:
            finished.append((await opened.exchange(AccessRequest(UserName(name))))[ReplyMessage])

        for name in names:
            nursery.start_soon(ask, name)
            await wait_all_tasks_blocked()
    assert [names.index(name) // few_places for name in finished] == [at // few_places for at in range(40)]
    assert [round(heard.at - server.heard[0].at) for heard in server.heard] == [at // few_places for at in range(40)]


async def test_cancelled_while_waiting_for_a_place(few_places: int, server: Scripted, clock: MockClock) -> None:
    server.script = silence
    async with open_client(server.address, secret=SECRET) as opened:
        with trio.move_on_after(1):
            await all_at_once(opened, [ASKED] * 3 * few_places)
        assert len(server.heard) == few_places
        server.script = accept
        assert len(await all_at_once(opened, [ASKED] * 3 * few_places)) == 3 * few_places


# Retransmission (RFC 5080 section 2.2.1)


@pytest.mark.parametrize(
    "request_packet", [ASKED, StatusServer(), CoARequest(UserName("alice"))], ids=lambda one: one.name
)
async def test_the_very_same_octets_until_the_schedule_runs_out(
    request_packet: Request[Any], server: Scripted, opened: Client, clock: MockClock
) -> None:
    server.script = silence
    begun = trio.current_time()
    with pytest.raises(NoResponse, match=rf"127.0.0.1 port {server.address.port}$"):
        await opened.exchange(request_packet)
    assert 26.9 < trio.current_time() - begun < 30.001
    assert len({heard.octets for heard in server.heard}) == 1
    waits = [after.at - before.at for before, after in itertools.pairwise(server.heard)]
    assert len(waits) in (3, 4)
    assert 1.8 <= waits[0] <= 2.2
    assert all(1.89 * before <= after <= 2.11 * before for before, after in itertools.pairwise(waits[:3]))


@pytest.mark.parametrize(
    ("schedule", "sent", "seconds"),
    [
        (Retransmission(attempts=1), 1, (1.8, 2.2)),
        (Retransmission(attempts=1, duration=0.5), 1, (0.499, 0.501)),
        (Retransmission(attempts=9, initial=1, longest=1, duration=3.5), 4, (3.499, 3.501)),
    ],
)
async def test_when_it_gives_up(
    schedule: Retransmission, sent: int, seconds: tuple[float, float], server: Scripted, clock: MockClock
) -> None:
    server.script = silence
    async with open_client(server.address, secret=SECRET, retransmission=schedule) as opened:
        begun = trio.current_time()
        with pytest.raises(NoResponse):
            await opened.exchange(ASKED)
        assert seconds[0] <= trio.current_time() - begun <= seconds[1]
    assert len(server.heard) == sent


async def test_the_hint_is_about_this_exchange(server: Scripted, opened: Client, clock: MockClock) -> None:
    """Two at once: the replies to one are signed with another secret, the other gets none."""
    errors: dict[str, NoResponse] = {}

    async def ask(name: str) -> None:
        with pytest.raises(NoResponse) as caught:
            await opened.exchange(AccessRequest(UserName(name)))
        errors[name] = caught.value

    server.script = lambda octets: [(0, reply(2, octets, secret=b"another"))] * 2 if b"alice" in octets else []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, "alice")
        nursery.start_soon(ask, "bob")
    assert str(errors["alice"]).endswith("the shared secrets differ (response_authenticator)")
    assert errors["alice"].reason == "response_authenticator"
    assert str(errors["bob"]).endswith(f"port {server.address.port}")
    assert errors["bob"].reason == "NoResponse"


async def test_a_reply_to_somebody_else_is_a_hint_only_where_there_is_no_other(
    server: Scripted, opened: Client, clock: MockClock
) -> None:
    stray = reply(2, bytes((1, 255)) + bytes(18))
    server.script = lambda octets: [(0, stray), (0, stray), (0, reply(5, octets))]
    with pytest.raises(NoResponse, match="unexpected_code"):
        await opened.exchange(ASKED)
    server.script = lambda octets: [(0, stray)]
    with pytest.raises(NoResponse, match="unmatched"):
        await opened.exchange(ASKED)


# Accounting (RFC 2866 section 5.2)


def delay(octets: bytes) -> int:
    return int.from_bytes(octets[octets.index(b"\x29\x06") + 2 :][:4], "big")


async def test_the_delay_is_counted_up_under_new_identifiers(
    server: Scripted, opened: Client, clock: MockClock
) -> None:
    own = Attribute("Own-Text", (26, 9999, 5), TEXT)
    dictionary = Dictionary.bundled()
    dictionary.add(own)
    request = AccountingRequest(("Own-Text", "kept"), *RECORD.avps, ProxyState(b"kept too"), dictionary=dictionary)
    server.script = silence
    with pytest.raises(NoResponse):
        await opened.exchange(request)
    sent = [heard.octets for heard in server.heard]
    begun = server.heard[0].at
    assert [delay(octets) for octets in sent] == [7 + int(heard.at - begun) for heard in server.heard]
    assert len({octets[1] for octets in sent}) == len({octets[4:20] for octets in sent}) == len(sent)
    assert all(is_proven(octets) and attribute(80) not in octets for octets in sent)
    place = sent[0].index(b"\x29\x06") + 2
    assert len({octets[20:place] + octets[place + 4 :] for octets in sent}) == 1
    assert b"kept" in sent[0]


async def test_a_reply_to_an_earlier_transmission_counts(server: Scripted, opened: Client, clock: MockClock) -> None:
    server.script = lambda octets: [(9, reply(5, octets, prove=False))] if delay(octets) == 7 else []
    assert isinstance(await opened.exchange(RECORD), AccountingResponse)
    assert len(server.heard) == 3
    assert not opened.counters


async def test_an_exchange_holds_five_identifiers_at_most(server: Scripted, clock: MockClock) -> None:
    schedule = Retransmission(attempts=20, initial=1.2, longest=1.2)
    async with open_client(server.address, secret=SECRET, retransmission=schedule) as opened:
        server.script = lambda octets: [(12, reply(5, octets, prove=False))] if delay(octets) == 7 else []
        with pytest.raises(NoResponse, match="unmatched"):
            await opened.exchange(RECORD)
        await require_every_identifier(server, opened, sockets=1)


@pytest.mark.parametrize(
    ("request_packet", "initial"),
    [(AccountingRequest(UserName("alice")), 2), (RECORD, 0.1)],
    ids=["without Acct-Delay-Time", "within a second"],
)
async def test_an_unchanged_record_keeps_its_identifier(
    request_packet: Request[Any], initial: float, server: Scripted, clock: MockClock
) -> None:
    server.script = silence
    schedule = Retransmission(attempts=3, initial=initial)
    async with open_client(server.address, secret=SECRET, retransmission=schedule) as opened:
        with pytest.raises(NoResponse):
            await opened.exchange(request_packet)
    assert len(server.heard) == 3
    assert len({heard.octets for heard in server.heard}) == 1


async def test_the_delay_stops_at_its_largest(server: Scripted, opened: Client, clock: MockClock) -> None:
    server.script = silence
    with pytest.raises(NoResponse):
        await opened.exchange(AccountingRequest(AcctDelayTime(2**32 - 2)))
    assert {delay(heard.octets) for heard in server.heard} == {2**32 - 2, 2**32 - 1}


# What goes out, and what comes back


@pytest.mark.parametrize(
    ("kind", "code", "prove", "first"),
    [
        (AccessRequest, 2, False, True),
        (StatusServer, 2, False, True),
        (StatusServer, 5, False, True),
        (AccountingRequest, 5, True, False),
        (CoARequest, 44, False, False),
        (CoARequest, 45, True, True),
        (DisconnectRequest, 41, False, False),
        (DisconnectRequest, 42, True, True),
    ],
)
async def test_message_authenticator(
    kind: type[Request[Any]], code: int, prove: bool, first: bool, server: Scripted, clock: MockClock
) -> None:
    """Always first in Access-Request and Status-Server, never in accounting (RFC 2869 section 5.19)."""
    server.script = lambda octets: [(0, reply(code, octets))]
    async with open_client(server.address, secret=SECRET, prove_dynamic=prove) as opened:
        assert (await opened.exchange(kind(UserName("alice")))).code == code
    octets = server.heard[0].octets
    assert is_proven(octets)
    assert (octets[20] == 80) == first
    assert (attribute(80, bytes(16))[:2] in octets[20:]) == first


async def test_a_protocol_error_ends_the_exchange(server: Scripted, opened: Client, clock: MockClock) -> None:
    """RFC 7930 section 4: no retransmission, and the caller can read Error-Cause."""
    server.script = lambda octets: [(1, reply(52, octets, attribute(101, (502).to_bytes(4, "big"))))]
    with pytest.raises(NoResponse, match=r"cannot answer.*Request-Not-Routable") as caught:
        await opened.exchange(ASKED)
    assert caught.value.reason == "protocol_error"
    assert caught.value.reply is not None
    assert caught.value.reply[ErrorCause] == 502
    await trio.sleep(30)
    assert len(server.heard) == 1


@pytest.mark.parametrize("strict", [True, False])
async def test_require_message_authenticator(strict: bool, server: Scripted, clock: MockClock) -> None:
    server.script = lambda octets: [(0, reply(2, octets, prove=False))]
    async with open_client(server.address, secret=SECRET, require_message_authenticator=strict) as opened:
        if strict:
            with pytest.raises(NoResponse, match="message_authenticator_missing"):
                await opened.exchange(ASKED)
        else:
            assert isinstance(await opened.exchange(ASKED), AccessAccept)


async def test_a_request_that_does_not_fit(server: Scripted, opened: Client) -> None:
    """It takes no Identifier along."""
    for _ in range(300):
        with pytest.raises(EncodeError):
            await opened.exchange(AccessRequest(*[UserName("x" * 250)] * 17))
    assert isinstance(await opened.exchange(ASKED), AccessAccept)
    assert len(server.heard) == 1


async def test_a_full_socket_is_waited_for(clock: MockClock) -> None:
    """UDP on one machine never fills up; this pair of sockets does."""
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with near, far:
        near.setblocking(False)
        channel = channels._Channel(near, Dictionary.bundled(), Counter())
        sent = 0
        with trio.move_on_after(1):
            while True:
                await channel.send(b"octets", channels.UnderWay())
                sent += 1
        async with trio.open_nursery() as nursery:
            nursery.start_soon(channel.send, b"last", channels.UnderWay())
            await wait_all_tasks_blocked()
            assert [far.recv(10) for _ in range(sent)] == [b"octets"] * sent
        assert far.recv(10) == b"last"


# Addresses


async def test_source_address(server: Scripted, clock: MockClock) -> None:
    address = attrs.evolve(server.address, source_address="127.0.0.9")
    async with open_client(address, secret=SECRET) as opened:
        await all_at_once(opened, [ASKED] * 300)
    assert {heard.address[0] for heard in server.heard} == {"127.0.0.9"}


async def test_ipv6(nursery: trio.Nursery, clock: MockClock) -> None:
    try:
        server = await scripted("::1", nursery)
    except OSError:
        pytest.skip("there is no IPv6")
    async with open_client(server.address, secret=SECRET) as opened:
        assert len(await all_at_once(opened, [ASKED] * 300)) == 300


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (UDP("no-such-host.invalid"), "no-such-host.invalid cannot be reached"),
        (UDP("255.255.255.255"), "255.255.255.255 port 1812 from any address cannot be reached"),
        (UDP("127.0.0.1", source_address="192.0.2.1"), "from 192.0.2.1 cannot be reached"),
    ],
    ids=lambda value: getattr(value, "host", ""),
)
async def test_an_address_that_cannot_work(address: UDP, text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        async with open_client(address, secret=SECRET):
            pass


async def test_nothing_listens_until_something_does(nursery: trio.Nursery, clock: MockClock) -> None:
    """ICMP says so; that is a hint, and ends nothing."""
    with socket.socket(type=socket.SOCK_DGRAM) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    async with open_client(UDP("127.0.0.1", port), secret=SECRET) as opened:
        with pytest.raises(NoResponse, match=r"nothing listens there \(Connection refused\)$") as caught:
            await opened.exchange(ASKED)
        assert caught.value.reason == "connection_refused"
        assert opened.counters["connection_refused"] in (4, 5)
        nursery.start_soon(all_at_once, opened, [ASKED] * 10)
        await trio.sleep(3)
        server = await scripted("127.0.0.1", nursery, port)
        assert isinstance(await opened.exchange(ASKED), AccessAccept)
        await trio.sleep(6)
        assert len(server.heard) == 11


# The block


def caused() -> ValueError:
    error = ValueError("ours")
    error.__cause__ = KeyError("why")
    return error


@pytest.mark.parametrize(
    "error",
    [NoResponse("silent"), KeyboardInterrupt(), caused(), ExceptionGroup("theirs", [ValueError()]), SystemExit(1)],
    ids=lambda error: type(error).__name__,
)
async def test_what_the_block_raises_comes_out_as_itself(error: BaseException, server: Scripted) -> None:
    cause = error.__cause__
    with pytest.raises(type(error)) as caught:
        async with open_client(server.address, secret=SECRET) as opened:
            await opened.exchange(ASKED)
            raise error
    assert caught.value is error
    assert caught.value.__cause__ is cause


async def test_no_response_reaches_the_callers_except(server: Scripted, clock: MockClock) -> None:
    server.script = silence
    with pytest.raises(NoResponse):
        async with open_client(server.address, secret=SECRET) as opened:
            await opened.exchange(ASKED)


async def test_cancelled_in_the_block(server: Scripted, clock: MockClock) -> None:
    server.script = silence
    with trio.move_on_after(1) as scope:
        async with open_client(server.address, secret=SECRET) as opened:
            await opened.exchange(ASKED)
    assert scope.cancelled_caught


@pytest.mark.parametrize("secret", ["", b""])
async def test_an_empty_secret(secret: bytes | str) -> None:
    with pytest.raises(ConfigurationError, match="not empty"):
        async with open_client(UDP("127.0.0.1"), secret=secret):
            pass


async def test_leaving_the_block_ends_what_is_under_way(few_places: int, server: Scripted, clock: MockClock) -> None:
    """Those that wait for a reply and those that wait for a place; and nothing is left open."""
    server.script = silence
    ended: list[float] = []

    async def ask() -> None:
        with pytest.raises(trio.ClosedResourceError, match="the client is closed"):
            await opened.exchange(ASKED)
        ended.append(trio.current_time())

    async with trio.open_nursery() as nursery:
        async with open_client(server.address, secret=SECRET) as opened:
            for _ in range(3 * few_places):
                nursery.start_soon(ask)
            await trio.sleep(1)
        closed = trio.current_time()
    assert ended == [closed] * 3 * few_places
    await ask()


@pytest.mark.parametrize("steps", range(6))
async def test_leaving_the_block_while_sockets_are_opened(steps: int, server: Scripted) -> None:
    async def ask() -> None:
        with pytest.raises(trio.ClosedResourceError):
            await opened.exchange(ASKED)

    server.script = silence
    async with trio.open_nursery() as nursery, open_client(server.address, secret=SECRET) as opened:
        for _ in range(600):
            nursery.start_soon(ask)
        for _ in range(steps):
            await trio.lowlevel.checkpoint()


# Without Trio


@contextmanager
def blocking_server(script: Script) -> Iterator[UDP]:
    """A server in a thread, that answers one datagram."""
    with socket.socket(type=socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        bound.settimeout(10)

        def answer() -> None:
            octets, address = bound.recvfrom(4096)
            for _, datagram in script(octets):
                bound.sendto(datagram, address)

        thread = threading.Thread(target=answer)
        thread.start()
        yield UDP(*bound.getsockname())
        thread.join()


def test_send() -> None:
    with blocking_server(accept) as address:
        assert isinstance(send(address, ASKED, secret=SECRET), AccessAccept)


def test_send_raises_what_exchange_raises() -> None:
    with blocking_server(silence) as address, pytest.raises(NoResponse):
        send(address, ASKED, secret=SECRET, retransmission=Retransmission(attempts=1, duration=0.01))
    with pytest.raises(ConfigurationError):
        send(UDP("127.0.0.1"), ASKED, secret="")


async def test_send_within_trio_says_what_to_use() -> None:
    with pytest.raises(RuntimeError, match="open_client"):
        send(UDP("127.0.0.1"), ASKED, secret=SECRET)
