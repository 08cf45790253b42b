"""Nak and expanded Nak: RFC 3748 sections 5.3.1, 5.3.2 and 5.7."""

from __future__ import annotations

import pytest

from trioradius.eap.gtc import EAPGTC
from trioradius.eap.md5 import EAPMD5
from trioradius.eap.mschapv2 import EAPMSCHAPv2
from trioradius.eap.negotiation import Negotiation, plain
from trioradius.eap.packet import EXPANDED, NAK, RESPONSE, EAPPacket

ENTRY = bytes((EXPANDED,)) + bytes(3)


def expanded(number: int, data: bytes = b"", vendor: bytes = bytes(3)) -> EAPPacket:
    return EAPPacket(RESPONSE, 7, EXPANDED, vendor + number.to_bytes(4, "big") + data)


def entry(number: int, vendor: bytes = bytes(3)) -> bytes:
    return bytes((EXPANDED,)) + vendor + number.to_bytes(4, "big")


def test_an_expanded_type_of_the_ietf_is_the_plain_one() -> None:
    assert plain(expanded(4, b"data")) == EAPPacket(RESPONSE, 7, 4, b"data")
    assert plain(expanded(4)) == EAPPacket(RESPONSE, 7, 4, b"")


@pytest.mark.parametrize(
    "packet",
    [
        EAPPacket(RESPONSE, 7, 4, b"data"),
        expanded(4, b"data", vendor=b"\0\x01\x37"),
        expanded(254, b"data"),
        expanded(0x10000004, b"data"),
        EAPPacket(RESPONSE, 7, EXPANDED, bytes(6)),
    ],
)
def test_other_packets_stay_as_they_are(packet: EAPPacket) -> None:
    assert plain(packet) is packet


def test_an_expanded_nak_names_plain_types() -> None:
    """A vendor's type, a cut off entry and one that is no type ask for nothing."""
    data = entry(26) + entry(1, b"\0\x01\x37") + entry(4) + entry(254) + b"\x06" + entry(6)[1:] + entry(6 << 8)[:7]
    assert plain(expanded(NAK, data)) == EAPPacket(RESPONSE, 7, NAK, bytes((26, 4)))
    assert plain(expanded(NAK, entry(0))) == EAPPacket(RESPONSE, 7, NAK, b"")


def test_the_server_s_order_counts_and_each_is_proposed_once() -> None:
    best, second, third = EAPMSCHAPv2(), EAPMD5(), EAPGTC()
    negotiation = Negotiation([best, second, third])
    assert negotiation.first() is best
    assert negotiation.among(bytes((26, 6, 4))) is second
    assert negotiation.among(bytes((4, 26, 13))) is None
    assert negotiation.among(bytes((6,))) is third
    assert negotiation.among(bytes((6,))) is None
    assert Negotiation([]).first() is None
    assert Negotiation([best]).among(b"") is None
