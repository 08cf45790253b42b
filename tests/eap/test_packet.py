"""EAP packets: RFC 3748 section 4."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioradius.eap.packet import FAILURE, REQUEST, RESPONSE, SUCCESS, EAPPacket
from trioradius.errors import DecodeError


@pytest.mark.parametrize(
    ("packet", "octets"),
    [
        (EAPPacket(RESPONSE, 7, 1, b"bob"), "0207000801626f62"),
        (EAPPacket(REQUEST, 255, 1), "01ff000501"),
        (EAPPacket(SUCCESS, 9), "03090004"),
        (EAPPacket(FAILURE, 9), "04090004"),
    ],
)
def test_there_and_back(packet: EAPPacket, octets: str) -> None:
    assert packet.encode().hex() == octets
    assert EAPPacket.decode(bytes.fromhex(octets)) == packet
    assert EAPPacket.decode(bytes.fromhex(octets) + b"padding") == packet


@pytest.mark.parametrize("octets", ["", "0207", "020700", "02070004", "0207000901626f62", "0507000501", "0207000301"])
def test_what_is_no_packet(octets: str) -> None:
    with pytest.raises(DecodeError) as refused:
        EAPPacket.decode(bytes.fromhex(octets))
    assert refused.value.reason == "eap_malformed"


@given(st.binary(max_size=40))
def test_any_octets(octets: bytes) -> None:
    """They are no packet, or the packet that gives them back, but for padding."""
    try:
        packet = EAPPacket.decode(octets)
    except DecodeError:
        return
    length = int.from_bytes(octets[2:4], "big")
    assert (
        packet.encode()
        == octets[: length if packet.type else 4][:2]
        + packet.encode()[2:4]
        + octets[4:length][: len(packet.encode()) - 4]
    )


def test_what_it_carries_is_in_no_repr() -> None:
    assert "bob" not in repr(EAPPacket(RESPONSE, 7, 1, b"bob"))
