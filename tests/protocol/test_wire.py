"""Message: a datagram taken apart as far as its attributes' boundaries (RFC 2865 section 3)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioradius import DecodeError
from trioradius.protocol import wire
from trioradius.protocol.wire import ABSENT, MALFORMED, Message

VECTOR = bytes(range(16))
PROOF = b"\x50\x12" + bytes(16)


def packet(attributes: bytes, length: int | None = None) -> bytes:
    return b"\1\x2a" + (20 + len(attributes) if length is None else length).to_bytes(2, "big") + VECTOR + attributes


def decode(attributes: bytes, length: int | None = None) -> Message:
    return wire.decode(packet(attributes, length))


def test_header_and_attributes_in_order() -> None:
    message = decode(b"\1\7alice\x21\3a\x21\2\x21\3b")
    assert (message.code, message.identifier, message.authenticator) == (1, 42, VECTOR)
    assert message.pairs == [(1, b"alice"), (33, b"a"), (33, b""), (33, b"b")]
    assert message.values(33) == [b"a", b"", b"b"]
    assert message.values(99) == []


def test_octets_past_length_are_padding() -> None:
    message = decode(b"\1\7alice\1\7mallo", 27)
    assert message.pairs == [(1, b"alice")]
    assert message.octets == packet(b"\1\7alice")


def test_a_header_alone_is_a_packet() -> None:
    assert decode(b"").pairs == []


@pytest.mark.parametrize("octets", [b"", b"\1", packet(b"")[:19]])
def test_shorter_than_a_header(octets: bytes) -> None:
    with pytest.raises(DecodeError) as wrong:
        wire.decode(octets)
    assert wrong.value.reason == "packet_too_short"


@pytest.mark.parametrize("length", [0, 19, 28, 4097, 65_535])
def test_length_out_of_range(length: int) -> None:
    with pytest.raises(DecodeError, match=str(length)) as wrong:
        decode(b"\1\7alice", length)
    assert wrong.value.reason == "length_out_of_range"


def test_a_packet_has_at_most_4096_octets() -> None:
    most = b"\x19\xff" + bytes(253)
    assert len(decode(most * 15 + b"\x19\xfb" + bytes(249)).octets) == 4096
    with pytest.raises(DecodeError, match="4097"):
        decode(most * 15 + b"\x19\xfc" + bytes(250))


@pytest.mark.parametrize("attributes", [b"\1", b"\1\0", b"\1\1", b"\1\3", b"\1\7alic", b"\1\7alice\2", b"\xff\xff"])
def test_attributes_that_do_not_fill_their_packet(attributes: bytes) -> None:
    with pytest.raises(DecodeError) as wrong:
        decode(attributes)
    assert wrong.value.reason == "attribute_length"


def test_at_most_200_attributes() -> None:
    assert len(decode(b"\x19\2" * 200).pairs) == 200
    with pytest.raises(DecodeError) as wrong:
        decode(b"\x19\2" * 201)
    assert wrong.value.reason == "too_many_attributes"


@pytest.mark.parametrize(
    ("attributes", "place"),
    [
        (b"\1\7alice", ABSENT),
        (PROOF, 22),
        (b"\1\7alice" + PROOF, 29),
        (PROOF + b"\1\7alice", 22),
        (PROOF + PROOF, MALFORMED),
        (b"\x50\2", MALFORMED),
        (b"\x50\x11" + bytes(15), MALFORMED),
        (b"\x50\x13" + bytes(17), MALFORMED),
        (PROOF + b"\x50\2", MALFORMED),
        (b"\x50\2" + PROOF, MALFORMED),
        (b"\x1a\x18\0\0\0\x09" + PROOF, ABSENT),
    ],
)
def test_where_message_authenticator_is(attributes: bytes, place: int) -> None:
    """Once, with length 18, or it is malformed (RFC 3579 section 3.2)."""
    assert decode(attributes).proof_at == place


@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=15)), max_size=60))
def test_what_was_written_is_read(pairs: list[tuple[int, bytes]]) -> None:
    attributes = b"".join(bytes((number, len(octets) + 2)) + octets for number, octets in pairs)
    assert decode(attributes).pairs == pairs
