"""Fragments of TLS messages in EAP packets (RFC 5216 sections 2.1.5 and 3.1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioradius.eap.fragments import MESSAGE_MAXIMUM, SMALLEST, Answer, Fragment, Fragments, Message
from trioradius.errors import DecodeError


def carry(sender: Fragments, receiver: Fragments, message: bytes) -> tuple[bytes, list[bytes]]:
    """A message from end to end: what arrives, and the packets of the sender."""
    packets = [sender.send(message)]
    while True:
        turn = receiver.receive(Fragment.decode(packets[-1]))
        if isinstance(turn, Message):
            return turn.octets, packets
        assert Fragment.decode(turn.data).is_acknowledgement
        answer = sender.receive(Fragment.decode(turn.data))
        assert isinstance(answer, Answer)
        packets.append(answer.data)


@given(st.binary(max_size=3_000), st.integers(SMALLEST, 1_500), st.integers(0, 7))
def test_a_message_arrives_whole(message: bytes, size: int, version: int) -> None:
    sender, receiver = Fragments(size, version=version), Fragments(size)
    for _ in range(2):
        arrived, packets = carry(sender, receiver, message)
        assert arrived == message
        assert not sender.is_sending
        fragments = [Fragment.decode(packet) for packet in packets]
        assert all(0 < len(packet) <= size for packet in packets)
        assert [fragment.more for fragment in fragments] == [True] * (len(packets) - 1) + [False]
        assert [fragment.length for fragment in fragments[1:]] == [None] * (len(packets) - 1)
        assert fragments[0].length == (len(message) if len(packets) > 1 else None)
        assert {fragment.version for fragment in fragments} == {version}


@pytest.mark.parametrize(("length", "count"), [(98, 1), (99, 1), (100, 2), (194, 2), (195, 3)])
def test_a_packet_is_never_longer_than_said(length: int, count: int) -> None:
    """Of 100 octets one is for flags, and of the first of several packets four for the length."""
    arrived, packets = carry(Fragments(100), Fragments(100), bytes(length))
    assert len(arrived) == length
    assert len(packets) == count
    assert max(map(len, packets)) <= 100


def test_acknowledgements_carry_the_version() -> None:
    assert Fragments(100, version=1).receive(Fragment(b"x", 2, more=True)) == Answer(b"\x01")


@pytest.mark.parametrize(
    ("octets", "fragment"),
    [
        (b"\x20", Fragment(start=True)),
        (b"\x21", Fragment(start=True, version=1)),
        (b"\x00", Fragment()),
        (b"\x80\x00\x00\x00\x02ab", Fragment(b"ab", 2)),
        (b"\xc7\x00\x00\x00\x03ab", Fragment(b"ab", 3, more=True, version=7)),
        (b"\x40ab", Fragment(b"ab", more=True)),
    ],
)
def test_flags(octets: bytes, fragment: Fragment) -> None:
    assert Fragment.decode(octets) == fragment
    assert fragment.encode() == octets


def test_reserved_bits_are_ignored() -> None:
    assert Fragment.decode(b"\x18ab") == Fragment(b"ab")


@pytest.mark.parametrize("octets", [b"", b"\x80", b"\x80\x00\x00\x00"])
def test_cut_off(octets: bytes) -> None:
    with pytest.raises(DecodeError) as raised:
        Fragment.decode(octets)
    assert raised.value.reason == "eap_malformed"


@pytest.mark.parametrize(
    ("fragments", "text"),
    [
        ([Fragment(b"ab", more=True)], "does not say how long"),
        ([Fragment(b"", 4, more=True)], "empty"),
        ([Fragment(b"ab", 4, more=True), Fragment(b"", more=True)], "empty"),
        ([Fragment(b"ab", 4, more=True), Fragment(b"cd", 5)], "length changes"),
        ([Fragment(b"ab", 4, more=True), Fragment(b"c")], "3 octets came, and 4 were announced"),
        ([Fragment(b"ab", 4, more=True), Fragment()], "2 octets came, and 4 were announced"),
        ([Fragment(b"ab", 4, more=True), Fragment(b"cde")], "more than the length says"),
        ([Fragment(b"ab", 4, more=True), Fragment(b"cde", more=True)], "more than the length says"),
        ([Fragment(b"abc", 2)], "more than the length says"),
        ([Fragment(b"abc", 4)], "3 octets came"),
        ([Fragment(b"abc", MESSAGE_MAXIMUM + 1, more=True)], "too long"),
        ([Fragment(b"abc", 0xFFFFFFFF, more=True)], "too long"),
        ([Fragment(bytes(MESSAGE_MAXIMUM + 1))], "more than the length says"),
    ],
)
def test_broken_chains(fragments: list[Fragment], text: str) -> None:
    receiver = Fragments(1_000)
    *before, last = fragments
    for fragment in before:
        assert isinstance(receiver.receive(fragment), Answer)
    with pytest.raises(DecodeError, match=text):
        receiver.receive(last)


def test_a_length_that_is_repeated_is_taken() -> None:
    receiver = Fragments(1_000)
    receiver.receive(Fragment(b"ab", 4, more=True))
    assert receiver.receive(Fragment(b"cd", 4)) == Message(b"abcd")


def test_a_whole_message_may_say_its_length() -> None:
    receiver = Fragments(1_000)
    assert receiver.receive(Fragment(b"ab", 2)) == Message(b"ab")
    assert receiver.receive(Fragment(b"cd")) == Message(b"cd")


def test_the_longest_message_is_taken() -> None:
    arrived, _ = carry(Fragments(1_000), Fragments(1_000), bytes(MESSAGE_MAXIMUM))
    assert len(arrived) == MESSAGE_MAXIMUM


@pytest.mark.parametrize("fragment", [Fragment(b"x"), Fragment(b"x", 2, more=True), Fragment(start=True)])
def test_our_fragments_are_answered_with_acknowledgements_alone(fragment: Fragment) -> None:
    sender = Fragments(SMALLEST)
    sender.send(bytes(200))
    assert sender.is_sending
    with pytest.raises(DecodeError, match="something else than an acknowledgement"):
        sender.receive(fragment)


def test_a_size_too_small_is_the_smallest() -> None:
    assert len(Fragments(1).send(bytes(200))) == SMALLEST


def test_nothing_of_a_message_is_printed() -> None:
    assert "secret" not in repr((Fragment(b"secret"), Answer(b"secret"), Message(b"secret")))
