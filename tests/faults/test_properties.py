"""Whatever octets arrive: nothing but a discard or a reply leaves the server, and no handler sees the unproven."""

from __future__ import annotations

import itertools
from typing import Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.faults.corpus import ACCEPT, CORPUS, STRANGER, STRICT
from tests.faults.raw import ACCESS, ACCOUNTING, COA, DISCONNECT, STATUS, attribute, digested, is_proven, login, signed
from tests.faults.target import PEERS, Target
from trioradius.protocol.packets import REPLIES, REQUESTS
from trioradius.protocol.profile import RADIUS_1_0
from trioradius.protocol.source import Source
from trioradius.server import DISCARDED, AppService
from trioradius.transports.abreast import Answering

SOURCE: Final = Source(STRICT, 1812, "udp", RADIUS_1_0, frozenset(REQUESTS))
BOUNDED: Final = settings(max_examples=200, deadline=None)

ATTRIBUTES = st.lists(st.builds(attribute, st.integers(0, 255), st.binary(max_size=60)), max_size=12)
NESTING = st.sampled_from([26, 79, 80, 33, 241, 244, 245, 246])
HOSTILE = st.lists(st.builds(attribute, NESTING, st.binary(max_size=40)), max_size=12)
CODES = st.sampled_from([ACCESS, ACCOUNTING, STATUS, DISCONNECT, COA])


async def _answer(target: Target, octets: bytes) -> bytes | None:
    """What becomes of octets: a reply or, where they must be discarded, None; any other exception is a bug."""
    request = Answering(AppService(target.app), octets, SOURCE, None)
    await request.rest()
    assert not target.app.counters["handler_failed"]
    if request.error is not None:
        assert isinstance(request.error, DISCARDED)
        assert request.error.reason
        return None
    answer = request.answer
    assert isinstance(answer, bytes)
    assert answer[0] in REPLIES
    assert len(answer) == int.from_bytes(answer[2:4], "big") <= 4096
    return answer


async def _holds(octets: bytes) -> None:
    target = Target()
    reply = await _answer(target, octets)
    if reply is not None or target.handled or target.store.keys:
        assert is_proven(octets)
        assert reply is None or reply[1] == octets[1]
    assert not target.app.in_flight


@pytest.mark.trio
@BOUNDED
@example(octets=login())
@given(octets=st.binary(max_size=5000))
async def test_any_octets(octets: bytes) -> None:
    await _holds(octets)


@pytest.mark.trio
@BOUNDED
@given(code=st.integers(0, 255), identifier=st.integers(0, 255), rest=st.binary(max_size=300))
async def test_any_octets_under_a_right_length(code: int, identifier: int, rest: bytes) -> None:
    length = (20 + len(rest)).to_bytes(2, "big")
    await _holds(bytes((code, identifier)) + length + bytes(16) + rest)


@pytest.mark.trio
@BOUNDED
@given(code=CODES, attributes=ATTRIBUTES | HOSTILE)
async def test_proven_packets_of_any_attributes(code: int, attributes: list[bytes]) -> None:
    await _holds(signed(code, *attributes))


@pytest.mark.trio
@BOUNDED
@given(code=st.sampled_from([ACCOUNTING, DISCONNECT, COA]), attributes=HOSTILE)
async def test_digested_packets_of_any_attributes(code: int, attributes: list[bytes]) -> None:
    body = b"".join(attributes)
    octets = bytes((code, 1)) + (20 + len(body)).to_bytes(2, "big") + bytes(16) + body
    await _holds(digested(octets))


@pytest.mark.trio
@BOUNDED
@given(row=st.sampled_from(CORPUS), at=st.integers(0, 4096), octet=st.integers(1, 255))
async def test_one_octet_changed(row: object, at: int, octet: int) -> None:
    """Not one octet of what is signed may be another; what is not signed is no part of the packet."""
    changed = bytearray(getattr(row, "octets", b"") or login())
    changed[at % len(changed)] ^= octet
    await _holds(bytes(changed))


@pytest.mark.trio
@BOUNDED
@given(cuts=st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200)), min_size=1, max_size=4))
async def test_pieces_of_a_good_packet(cuts: list[tuple[int, int]]) -> None:
    good = login(attribute(24, b"state"), attribute(33, b"proxy"))
    await _holds(b"".join(good[start:end] for start, end in cuts))


@pytest.mark.trio
async def test_every_octet_of_a_good_packet_counts() -> None:
    """A request changed anywhere gets no Access-Accept, and its change never reaches a handler."""
    good = login(attribute(4, bytes(4)))
    for at, bit in itertools.product(range(len(good)), (1, 0x80)):
        target = Target()
        changed = good[:at] + bytes((good[at] ^ bit,)) + good[at + 1 :]
        assert await _answer(target, changed) is None
        assert not target.handled
        assert not target.store.keys


@pytest.mark.trio
async def test_the_unproven_neither_read_nor_poison_the_duplicate_store() -> None:
    """A forged twin, before or after the real request, changes nothing: same Identifier, same authenticator."""
    target = Target()
    good = login()
    forged = good.replace(b"alice", b"mallo")
    assert await target.verdict(forged) == "message_authenticator_wrong"
    assert await target.verdict(good) == ACCEPT
    assert await target.verdict(forged) == "message_authenticator_wrong"
    assert await target.verdict(good) == ACCEPT
    assert len(target.handled) == 1
    assert target.app.counters["repeats"] == 1


@pytest.mark.trio
async def test_floods_of_the_unproven_leave_nothing_behind() -> None:
    """Forged sources and forged packets fill no table beyond its bound."""
    target = Target()
    for number in range(2000):
        host = f"198.18.{number >> 8}.{number & 255}"
        await target.verdict(login(secret=b"another"), host)
        await target.verdict(login(secret=b"another"))
    assert not target.store.keys
    assert not target.app.in_flight
    assert not target.app.learned
    assert target.app.counters["discarded.unknown_peer"] == 2000
    assert STRANGER not in PEERS
