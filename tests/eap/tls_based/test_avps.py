"""AVPs of TTLS (RFC 5281 section 10)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioradius.eap.tls_based.avps import AVPS_MAXIMUM, DiameterAVP, decode, encode
from trioradius.errors import DecodeError

AVPS = st.builds(
    DiameterAVP, st.integers(0, 2**32 - 1), st.binary(max_size=40), st.integers(0, 2**32 - 1), st.booleans()
)


@given(st.lists(AVPS, max_size=8))
def test_both_ways(avps: list[DiameterAVP]) -> None:
    octets = encode(avps)
    assert len(octets) % 4 == 0
    assert decode(octets) == avps


def test_the_octets() -> None:
    """RFC 5281 section 10.1: flags V and M, 24 bits of length without the padding."""
    assert DiameterAVP(1, b"alice").encode() == bytes.fromhex("00000001 4000000d 616c696365 000000")
    assert DiameterAVP(26, b"x", 311, False).encode() == bytes.fromhex("0000001a 8000000d 00000137 78 000000")


def test_the_last_padding_may_be_missing() -> None:
    assert decode(DiameterAVP(1, b"alice").encode()[:-3]) == [DiameterAVP(1, b"alice")]


@pytest.mark.parametrize(
    "octets",
    [
        b"\0",
        bytes(7),
        bytes.fromhex("00000001 40000007"),
        bytes.fromhex("00000001 4000000d 61"),
        bytes.fromhex("00000001 c0000008"),
        bytes.fromhex("00000001 c000000b 00000000"),
        bytes.fromhex("00000001 40ffffff 61"),
    ],
)
def test_malformed(octets: bytes) -> None:
    with pytest.raises(DecodeError) as raised:
        decode(octets)
    assert raised.value.reason == "eap_malformed"


@given(st.binary(max_size=100))
def test_any_octets_are_avps_or_refused(octets: bytes) -> None:
    try:
        found = decode(octets)
    except DecodeError:
        return
    assert decode(encode(found)) == found


def test_there_is_a_bound() -> None:
    assert len(decode(encode([DiameterAVP(1, b"")] * AVPS_MAXIMUM))) == AVPS_MAXIMUM
    with pytest.raises(DecodeError, match="more than"):
        decode(encode([DiameterAVP(1, b"")] * (AVPS_MAXIMUM + 1)))


def test_values_are_not_printed() -> None:
    assert "sesame" not in repr(DiameterAVP(2, b"sesame"))
