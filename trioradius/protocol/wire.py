"""Message <-> octets: the header and the attributes as they stand on the wire (RFC 2865 section 3).

Nothing here looks into an attribute, verifies or hides. Message-Authenticator is the one attribute whose place is
noted in passing, since verifying needs it and a second walk would cost as much as the first.
"""

from __future__ import annotations

from typing import Final

from trioradius.errors import DecodeError, EncodeError

HEADER: Final = 20
PACKET_MAXIMUM: Final = 4096
"""RFC 2865 section 3."""
ATTRIBUTES_MAXIMUM: Final = 200
"""More attributes than any NAS sends; a bound on the work one datagram can cause."""
MESSAGE_AUTHENTICATOR: Final = 80
PROXY_STATE: Final = 33

ABSENT: Final = 0
MALFORMED: Final = -1


class Message:
    """A packet taken apart as far as its attributes' boundaries.

    ``identifier`` and ``authenticator`` are what RADIUS/1.0 calls so; in RADIUS/1.1 the Token as a number, and nothing.
    ``pairs`` are (type, value octets) in order. ``proof_at`` is the offset of Message-Authenticator's value in
    ``octets``, ABSENT, or MALFORMED where there are several or one of another length than 18.
    """

    __slots__ = ("authenticator", "code", "identifier", "octets", "pairs", "proof_at")

    def __init__(self, octets: bytes, pairs: list[tuple[int, bytes]], proof_at: int) -> None:
        self.octets = octets
        self.code = octets[0]
        self.identifier = octets[1]
        self.authenticator = octets[4:20]
        self.pairs = pairs
        self.proof_at = proof_at

    def values(self, number: int) -> list[bytes]:
        """The value octets of every attribute of this type, in order."""
        return [octets for found, octets in self.pairs if found == number]


def header_of(code: int, identifier: int, attributes: bytes) -> bytes:
    """The first four octets of a packet with these attributes. Raises EncodeError where it would be too long."""
    length = HEADER + len(attributes)
    if length > PACKET_MAXIMUM:
        raise EncodeError(f"the packet would have {length} octets; RADIUS allows {PACKET_MAXIMUM}")
    return bytes((code, identifier, length >> 8, length & 0xFF))


def decode(octets: bytes) -> Message:
    """Take a datagram apart.

    Octets past the Length field are padding (RFC 2865 section 3).

    Raises:
        DecodeError: a length of any kind does not fit, or there are too many attributes.
    """
    size = len(octets)
    if size < HEADER:
        raise DecodeError(f"a packet of {size} octets is shorter than a header", reason="packet_too_short")
    length = octets[2] << 8 | octets[3]
    if length != size:
        octets = _without_padding(octets, length)
    pairs, proof_at = decode_attributes(octets, HEADER, length)
    return Message(octets, pairs, proof_at)


def _without_padding(octets: bytes, length: int) -> bytes:
    if not HEADER <= length <= min(len(octets), PACKET_MAXIMUM):
        text = f"the Length field says {length} octets, the datagram has {len(octets)}"
        raise DecodeError(text, reason="length_out_of_range")
    return octets[:length]


def decode_attributes(octets: bytes, at: int, end: int) -> tuple[list[tuple[int, bytes]], int]:
    """The (type, octets) pairs between two offsets, and where Message-Authenticator's value is.

    Raises:
        DecodeError: an attribute is shorter than two octets or runs past the end; more than 200 attributes.
    """
    pairs: list[tuple[int, bytes]] = []
    proof_at = ABSENT
    if end > PACKET_MAXIMUM:
        raise DecodeError(f"a packet of {end} octets is longer than RADIUS allows", reason="length_out_of_range")
    try:
        while at < end:
            number = octets[at]
            after = at + octets[at + 1]
            if after < at + 2 or after > end:
                raise DecodeError(f"attribute {number} does not fit its packet", reason="attribute_length")
            if number == MESSAGE_AUTHENTICATOR:
                proof_at = at + 2 if proof_at == ABSENT and after == at + 18 else MALFORMED
            pairs.append((number, octets[at + 2 : after]))
            at = after
    except IndexError:
        raise DecodeError("the last attribute has no length octet", reason="attribute_length") from None
    if len(pairs) > ATTRIBUTES_MAXIMUM:
        raise DecodeError(f"{len(pairs)} attributes are more than 200", reason="too_many_attributes")
    return pairs, proof_at
