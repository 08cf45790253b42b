"""Whatever arrives at a waiting client: only the right reply ends an exchange, and nothing shifts its timers."""

from __future__ import annotations

import contextlib
import itertools
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Final

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from tests.faults.conftest import SentFrom
from tests.faults.raw import SECRET, attribute, reply
from trioradius import (
    UDP,
    AccessAccept,
    AccessRequest,
    AccountingRequest,
    AccountingResponse,
    Client,
    CoARequest,
    Dictionary,
    NoResponse,
    Reply,
    Request,
    Retransmission,
    StatusServer,
    open_client,
)
from trioradius.attributes.ietf import ProxyState, UserName
from trioradius.errors import AuthenticityError, DecodeError
from trioradius.protocol.exchange import Sent
from trioradius.protocol.profile import RADIUS_1_0
from trioradius.protocol.secret import Secret

ASKED: Final = AccessRequest(UserName("alice"), ProxyState(b"ours"))
STATE: Final = attribute(33, b"ours")
PROVED: Final = attribute(80, bytes(16))
SCHEDULE: Final = Retransmission(attempts=4, initial=1, longest=16, duration=30)


def right(octets: bytes) -> bytes:
    return reply(2, octets, STATE)


def another_identifier(octets: bytes) -> bytes:
    return reply(2, octets[:1] + bytes((octets[1] ^ 1,)) + octets[2:], STATE)


WRONG: Final[dict[str, tuple[Callable[[bytes], bytes], str]]] = {
    "nothing": (lambda _: b"", "unmatched"),
    "one octet": (lambda _: b"\2", "unmatched"),
    "only code and Identifier": (lambda asked: bytes((2, asked[1])), "packet_too_short"),
    "the request itself": (lambda asked: asked, "unexpected_code"),
    "another Identifier": (another_identifier, "unmatched"),
    "Length too long": (lambda asked: right(asked)[:-1], "length_out_of_range"),
    "Length zero": (lambda asked: right(asked)[:2] + bytes(2) + right(asked)[4:], "length_out_of_range"),
    "attribute of length 0": (lambda asked: reply(2, asked, b"\1\0"), "attribute_length"),
    "another secret": (lambda asked: reply(2, asked, STATE, secret=b"another"), "response_authenticator"),
    "authenticator of zeros": (
        lambda asked: right(asked)[:4] + bytes(16) + right(asked)[20:],
        "response_authenticator",
    ),
    "another code signed": (lambda asked: b"\3" + right(asked)[1:], "response_authenticator"),
    "no Message-Authenticator": (
        lambda asked: reply(2, asked, STATE, prove=False),
        "message_authenticator_missing",
    ),
    "Message-Authenticator of zeros": (
        lambda asked: reply(2, asked, PROVED, STATE, prove=False),
        "message_authenticator_wrong",
    ),
    "two Message-Authenticators": (lambda asked: reply(2, asked, PROVED, STATE), "message_authenticator_malformed"),
    "a short Message-Authenticator": (
        lambda asked: reply(2, asked, attribute(80, bytes(15)), prove=False),
        "message_authenticator_malformed",
    ),
    "a foreign Proxy-State": (lambda asked: reply(2, asked, STATE, attribute(33, b"theirs")), "proxy_state_foreign"),
    "Proxy-State twice": (lambda asked: reply(2, asked, STATE, STATE), "proxy_state_foreign"),
    "Accounting-Response": (lambda asked: reply(5, asked, STATE), "unexpected_code"),
    "CoA-ACK": (lambda asked: reply(44, asked, STATE), "unexpected_code"),
    "code 255": (lambda asked: reply(255, asked, STATE), "unexpected_code"),
    "Protocol-Error without proof": (lambda asked: reply(52, asked, prove=False), "message_authenticator_missing"),
    "201 attributes": (lambda asked: reply(2, asked, *[attribute(25)] * 201), "too_many_attributes"),
}


@pytest.fixture
def server() -> Iterator[trio.socket.SocketType]:
    """A UDP socket that answers only what a test tells it to."""
    with socket.socket(type=socket.SOCK_DGRAM) as plain:
        plain.bind(("127.0.0.1", 0))
        yield trio.socket.from_stdlib_socket(plain)


@contextlib.asynccontextmanager
async def asking(
    server: trio.socket.SocketType, script: Callable[[bytes, Any], Awaitable[None]]
) -> AsyncIterator[Client]:
    """A client of this server, and a task that does what the script says with the first datagram."""

    async def play() -> None:
        octets, address = await server.recvfrom(4096)
        await script(octets, address)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(play)
        host, port = server.getsockname()
        async with open_client(UDP(host, port), secret=SECRET, retransmission=SCHEDULE) as client:
            yield client
        nursery.cancel_scope.cancel()


@pytest.mark.trio
@pytest.mark.parametrize(("make", "reason"), WRONG.values(), ids=WRONG)
async def test_a_wrong_reply_is_counted_and_the_right_one_still_taken(
    make: Callable[[bytes], bytes], reason: str, server: trio.socket.SocketType, clock: MockClock
) -> None:
    async def answer(octets: bytes, address: Any) -> None:
        await server.sendto(make(octets), address)
        await server.sendto(right(octets), address)

    async with asking(server, answer) as client:
        assert isinstance(await client.exchange(ASKED), AccessAccept)
        assert trio.current_time() < 0.9
        assert client.counters == {reason: 1}


@pytest.mark.trio
@pytest.mark.parametrize(("make", "reason"), WRONG.values(), ids=WRONG)
async def test_wrong_replies_do_not_shift_the_timers(
    make: Callable[[bytes], bytes], reason: str, server: trio.socket.SocketType, clock: MockClock
) -> None:
    """RFC 5080 section 2.2.1: a flood of them, and the request is sent again exactly when it would have been."""
    sent_at: list[float] = []

    async def flood(octets: bytes, address: Any) -> None:
        sent_at.append(trio.current_time())
        for _ in range(5):
            await trio.sleep(0.1)
            await server.sendto(make(octets), address)
        while True:
            again = await server.recv(4096)
            assert again == octets
            sent_at.append(trio.current_time())

    async with asking(server, flood) as client:
        with pytest.raises(NoResponse, match=reason):
            await client.exchange(ASKED)
        assert client.counters == {reason: 5}
    interval = [later - before for before, later in itertools.pairwise(sent_at)]
    assert len(interval) == 3
    assert 0.9 <= interval[0] <= 1.11
    for before, later in itertools.pairwise(interval):
        assert 1.79 * before <= later <= 2.21 * before


@pytest.mark.trio
async def test_a_reply_from_another_address_never_arrives(
    server: trio.socket.SocketType, sent_from: SentFrom, clock: MockClock
) -> None:
    """The right octets from another port or host: the socket is connected (RFC 2865 section 3)."""

    async def betray(octets: bytes, address: Any) -> None:
        for host in ("127.0.0.1", "127.0.0.2"):
            await sent_from(host, address).send(right(octets))

    async with asking(server, betray) as client:
        with pytest.raises(NoResponse):
            await client.exchange(ASKED)
        assert not client.counters


@pytest.mark.trio
async def test_a_right_reply_after_the_last_timer_is_unmatched(
    server: trio.socket.SocketType, clock: MockClock
) -> None:
    async def late(octets: bytes, address: Any) -> None:
        await trio.sleep(60)
        await server.sendto(right(octets), address)

    async with asking(server, late) as client:
        with pytest.raises(NoResponse):
            await client.exchange(ASKED)
        await trio.sleep(60)
        assert client.counters == {"unmatched": 1}


@pytest.mark.trio
async def test_a_reply_repeated_counts_once(server: trio.socket.SocketType, clock: MockClock) -> None:
    async def twice(octets: bytes, address: Any) -> None:
        for _ in range(2):
            await server.sendto(right(octets), address)

    async with asking(server, twice) as client:
        assert isinstance(await client.exchange(ASKED), AccessAccept)
        await trio.sleep(1)


SENT: Final = Sent.make(ASKED, 7, Secret(SECRET), RADIUS_1_0)


def read(octets: bytes, sent: Sent[Any] = SENT) -> Reply | None:
    """What a datagram is to the client; None where it is discarded. Anything else raised is a bug."""
    try:
        found = sent.read_reply(octets, Dictionary.bundled())
    except (DecodeError, AuthenticityError) as discard:
        assert discard.reason
        return None
    assert isinstance(repr(found), str)
    return found


@settings(max_examples=200, deadline=None)
@given(octets=st.binary(max_size=5000))
def test_any_octets_are_no_reply(octets: bytes) -> None:
    assert read(octets) is None
    assert read(bytes((2, 7)) + octets[2:]) is None


@settings(max_examples=200, deadline=None)
@given(attributes=st.lists(st.builds(attribute, st.integers(0, 255), st.binary(max_size=60)), max_size=10))
def test_a_signed_reply_of_any_attributes(attributes: list[bytes]) -> None:
    """Readable whatever it holds, unless it holds a second proof or a Proxy-State that was not sent."""
    refused = {80, 33} & {found[0] for found in attributes}
    assert (read(reply(2, SENT.octets, *attributes)) is None) == bool(refused)


def test_every_octet_of_a_reply_counts() -> None:
    good = right(SENT.octets)
    assert isinstance(read(good), AccessAccept)
    for at in range(len(good)):
        assert read(good[:at] + bytes((good[at] ^ 1,)) + good[at + 1 :]) is None


@pytest.mark.parametrize(
    ("request_packet", "answers"),
    [
        (ASKED, {2, 3, 11, 52}),
        (AccountingRequest(UserName("alice")), {5, 52}),
        (CoARequest(UserName("alice")), {44, 45, 52}),
        (StatusServer(), {2, 5, 52}),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_which_codes_answer_which_request(request_packet: Request[Any], answers: set[int]) -> None:
    """RFC 2865 section 4, RFC 2866 section 4, RFC 5176 section 2, RFC 5997 section 2, RFC 7930 section 4."""
    sent = Sent.make(request_packet, 7, Secret(SECRET), RADIUS_1_0)
    assert {code for code in range(256) if read(reply(code, sent.octets), sent)} == answers


def test_a_client_may_be_told_to_trust_the_digest_alone() -> None:
    """For a server that cannot send Message-Authenticator; a wrong one is refused all the same."""
    loose = Sent.make(ASKED, 7, Secret(SECRET), RADIUS_1_0, require_message_authenticator=False)
    assert isinstance(read(reply(2, loose.octets, prove=False), loose), AccessAccept)
    assert read(reply(2, loose.octets, PROVED, prove=False), loose) is None
    accounting = Sent.make(AccountingRequest(), 7, Secret(SECRET), RADIUS_1_0)
    assert isinstance(read(reply(5, accounting.octets, prove=False), accounting), AccountingResponse)
