"""AVPs as TTLS carries them: code, flags, length, vendor, value, padding (RFC 5281 section 10.1)."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Final

import attrs

from trioradius.errors import DecodeError

VENDOR: Final = 0x80
MANDATORY: Final = 0x40
AVPS_MAXIMUM: Final = 64
"""In one message; a peer sends three or four."""
MICROSOFT: Final = 311

_HEADER: Final = struct.Struct("!II")


@attrs.frozen
class DiameterAVP:
    """One attribute; ``vendor`` is 0 for those of RADIUS and Diameter, ``mandatory`` that it must be understood."""

    code: int
    value: bytes = attrs.field(repr=False)
    vendor: int = 0
    mandatory: bool = True

    def encode(self) -> bytes:
        """The octets, padded to a multiple of four."""
        vendor = self.vendor.to_bytes(4, "big") if self.vendor else b""
        flags = self.mandatory * MANDATORY | bool(self.vendor) * VENDOR
        length = _HEADER.size + len(vendor) + len(self.value)
        return _HEADER.pack(self.code, flags << 24 | length) + vendor + self.value + bytes(-length % 4)


def encode(avps: Iterable[DiameterAVP]) -> bytes:
    """AVPs one after the other."""
    return b"".join(avp.encode() for avp in avps)


def decode(octets: bytes) -> list[DiameterAVP]:
    """The AVPs in a message. Raises DecodeError."""
    found: list[DiameterAVP] = []
    at = 0
    while at < len(octets):
        if len(found) == AVPS_MAXIMUM:
            raise DecodeError(f"EAP-TTLS: more than {AVPS_MAXIMUM} AVPs", reason="eap_malformed")
        avp, at = _decode_one(octets, at)
        found.append(avp)
    return found


def _decode_one(octets: bytes, at: int) -> tuple[DiameterAVP, int]:
    if len(octets) < at + _HEADER.size:
        raise DecodeError("EAP-TTLS: an AVP is cut off", reason="eap_malformed")
    code, word = _HEADER.unpack_from(octets, at)
    flags, end = word >> 24, at + (word & 0xFFFFFF)
    start = at + _HEADER.size + (4 if flags & VENDOR else 0)
    if not start <= end <= len(octets):
        raise DecodeError("EAP-TTLS: the length of an AVP does not fit", reason="eap_malformed")
    vendor = int.from_bytes(octets[start - 4 : start], "big") if flags & VENDOR else 0
    # The padding of the last one may be missing: some peers leave it out.
    return DiameterAVP(code, octets[start:end], vendor, bool(flags & MANDATORY)), end + -(end - at) % 4
