"""TLVs of TEAP against octets written by hand after RFC 9930 section 4.2, and what no peer may say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioradius.eap.packet import RESPONSE, EAPPacket
from trioradius.eap.tls_based import tlvs
from trioradius.eap.tls_based.tlvs import FAILURE, SUCCESS, TLV, Message, Password
from trioradius.errors import DecodeError

IDENTITY = EAPPacket(RESPONSE, 7, 1, b"alice")
PAYLOAD = b"\x80\x09\0\x0a" + IDENTITY.encode()
PASSWORD = b"\x80\x0e\0\x0a\5alice\3abc"
RESULT = b"\x80\x03\0\2\0\1"


def test_octets_and_back() -> None:
    said = [TLV(9, b"abc"), TLV(1, b"", mandatory=False)]
    octets = tlvs.encode(said)
    assert octets == b"\x80\x09\0\3abc" + b"\0\1\0\0"
    assert tlvs.decode(octets) == said
    assert tlvs.number(tlvs.ERROR, 2002, 4).encode() == b"\x80\x05\0\4\0\0\x07\xd2"
    assert tlvs.number(tlvs.RESULT, FAILURE).encode() == b"\x80\x03\0\2\0\2"


def test_there_is_a_bound() -> None:
    """Each mandatory one that is not known would be refused, and a message holds 16,384."""
    one = TLV(99, b"").encode()
    assert len(tlvs.decode(one * tlvs.TLVS_MAXIMUM)) == tlvs.TLVS_MAXIMUM
    with pytest.raises(DecodeError, match="more than 64"):
        tlvs.decode(one * (tlvs.TLVS_MAXIMUM + 1))


def test_the_reserved_bit_is_ignored() -> None:
    assert tlvs.decode(b"\xc0\x03\0\2\0\1") == [TLV(3, b"\0\1")]


@given(st.lists(st.builds(TLV, st.integers(0, 0x3FFF), st.binary(max_size=40), st.booleans()), max_size=6))
def test_any_tlvs_come_back(said: list[TLV]) -> None:
    assert tlvs.decode(tlvs.encode(said)) == said


@given(st.binary(max_size=80))
def test_any_octets_are_read_or_refused(octets: bytes) -> None:
    """Whatever a peer sends, nothing but DecodeError comes of it."""
    for read in (Message.decode, tlvs.without_outer, Password.decode):
        try:
            read(octets)
        except DecodeError as error:
            assert error.reason == "eap_malformed"


@pytest.mark.parametrize("cut", range(1, len(PAYLOAD)))
def test_a_tlv_that_is_cut_off(cut: int) -> None:
    with pytest.raises(DecodeError, match="cut off"):
        Message.decode(PAYLOAD[:cut])


def test_a_message() -> None:
    binding = bytes(76)
    octets = (
        b"\x80\x02\0\2\0\2"
        + RESULT
        + b"\x80\x04\0\6\0\0\0\0\0\x0d"
        + b"\x80\x05\0\4\0\0\x03\xe9"
        + b"\x80\x08\0\2\2\1"
        + PAYLOAD
        + b"\x80\x0a\0\2\0\2"
        + TLV(12, binding).encode()
    )
    assert Message.decode(octets) == Message(
        identity_type=2,
        result=SUCCESS,
        intermediate=FAILURE,
        action=FAILURE,
        binding=binding,
        eap=IDENTITY,
        refused=(13,),
        errors=(1001,),
    )
    assert Message.decode(PASSWORD) == Message(password=Password("alice", b"abc"))


def test_what_is_within_other_tlvs_is_passed_over() -> None:
    """Sections 4.2.10 and 4.2.11: optional TLVs may follow within."""
    within = b"\0\x63\0\1x"
    assert Message.decode(b"\x80\x0a\0\7\0\1" + within).intermediate == SUCCESS
    assert Message.decode(b"\x80\x09\0\x0f" + IDENTITY.encode() + within).eap == IDENTITY


def test_hints_and_what_cannot_be_refused_say_nothing() -> None:
    hints = TLV(19, b"host/pc", mandatory=False).encode() + TLV(19, b"alice", mandatory=False).encode()
    others = b"".join(TLV(kind, b"x", mandatory=True).encode() for kind in (1, 6, 15, 16, 17, 18))
    vendor = TLV(7, b"\0\0\0\x09abc", mandatory=False).encode()
    assert Message.decode(b"").says_nothing
    assert Message.decode(hints + others + vendor + TLV(99, b"", mandatory=False).encode()).says_nothing
    assert not Message.decode(RESULT).says_nothing


def test_mandatory_tlvs_that_are_not_known() -> None:
    """Section 4.2.5: the NAK TLV names the vendor, where there is one."""
    unknown = [TLV(99, b"x"), TLV(7, b"\0\0\0\x09abc"), TLV(7, b"\x09")]
    assert Message.decode(tlvs.encode(unknown)).unknown == tuple(unknown)
    assert [tlvs.nak(tlv).encode() for tlv in unknown] == [
        b"\x80\x04\0\6\0\0\0\0\0\x63",
        b"\x80\x04\0\6\0\0\0\x09\0\x07",
        b"\x80\x04\0\6\0\0\0\x09\0\x07",
    ]


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (RESULT * 2, "type 3 that may not be there"),
        (PAYLOAD * 2, "type 9 that may not be there"),
        (PASSWORD * 2, "type 14 that may not be there"),
        (PAYLOAD + PASSWORD, "at once"),
        (b"\0\x0b\0\0", "type 11 that may not be there"),
        (b"\x80\x0d\0\0", "type 13 that may not be there"),
        (b"\x80\x03\0\2\0\3", "type 3 with a value"),
        (b"\x80\x03\0\1\1", "type 3 with a value"),
        (b"\x80\x02\0\2\1\1", "type 2 with a value"),
        (b"\x80\x0a\0\0", "type 10 with a value"),
        (b"\x80\x09\0\3\2\7\0", "Length"),
    ],
)
def test_what_no_peer_may_say(octets: bytes, text: str) -> None:
    with pytest.raises(DecodeError, match=text):
        Message.decode(octets)


@pytest.mark.parametrize(
    ("status", "expected"), [(b"\1\1", SUCCESS), (b"\2\1", FAILURE), (b"\3\1", FAILURE), (b"", FAILURE)]
)
def test_what_follows_where_an_action_is_not_done(status: bytes, expected: int) -> None:
    assert Message.decode(TLV(8, status).encode()).action == expected


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (RESULT, False),
        (b"\x80\x03\0\2\0\2", True),
        (b"\x80\x05\0\4\0\0\x07\xcf", False),
        (b"\x80\x05\0\4\0\0\x07\xd0", True),
        (RESULT + b"\x80\x05\0\4\0\0\x07\xd1", True),
    ],
)
def test_a_fatal_error_is_a_failure_whatever_is_beside_it(octets: bytes, expected: bool) -> None:
    assert Message.decode(octets).is_failure is expected


def test_a_password_is_taken_as_it_is() -> None:
    """Section 4.2.15: any octets, and UTF-8 in the name."""
    assert Password.decode(b"\3\xc3\xa4b\3\0\xff ") == Password("äb", b"\0\xff ")
    assert "secret" not in repr(Password("alice", b"secret"))
    assert Password.decode(b"\xfd" + b"a" * 253 + b"\1x").user == "a" * 253


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"", "lengths"),
        (b"\0\3abc", "lengths"),
        (b"\5alice", "lengths"),
        (b"\5alice\0", "lengths"),
        (b"\5alice\4abc", "lengths"),
        (b"\5alice\2abc", "lengths"),
        (b"\x06alice", "lengths"),
        (b"\5ali\0e\3abc", "printable"),
        (b"\2a\xff\3abc", "printable"),
        (b"\xfe" + b"a" * 254 + b"\1x", "253"),
    ],
)
def test_a_password_that_is_none(value: bytes, text: str) -> None:
    with pytest.raises(DecodeError, match=text):
        Password.decode(value)


@pytest.mark.parametrize(
    ("data", "rest", "outer"),
    [
        (b"\x01hello", b"\x01hello", b""),
        (b"\x11\0\0\0\4helloABCD", b"\x01hello", b"ABCD"),
        (b"\x91\0\0\x10\0\0\0\0\4helloABCD", b"\x81\0\0\x10\0hello", b"ABCD"),
        (b"\x11\0\0\0\0hello", b"\x01hello", b""),
        (b"\x11\0\0\0\4ABCD", b"\x01", b"ABCD"),
    ],
)
def test_outer_tlvs_stand_at_the_end(data: bytes, rest: bytes, outer: bytes) -> None:
    """Section 4.1."""
    assert tlvs.without_outer(data) == (rest, outer)


@pytest.mark.parametrize(
    "data", [b"", b"\x11", b"\x11\0\0\0", b"\x11\0\0\0\5ABCD", b"\x91\0\0\x10\0\0\0\0", b"\x11\xff\xff\xff\xff"]
)
def test_outer_tlvs_that_are_not_there(data: bytes) -> None:
    with pytest.raises(DecodeError):
        tlvs.without_outer(data)
