"""Message <-> octets: the header and the attributes as they stand on the wire (RFC 2865 section 3).

Nothing here looks into an attribute, verifies or hides. Message-Authenticator is the one attribute whose place is
noted in passing, since verifying needs it and a second walk would cost as much as the first.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Final

from trioradius.errors import DecodeError, EncodeError

HEADER: Final = 20
PACKET_MAXIMUM: Final = 4096
"""RFC 2865 section 3."""
ATTRIBUTES_MAXIMUM: Final = 200
"""More attributes than any NAS sends; a bound on the work one datagram can cause."""
MESSAGE_AUTHENTICATOR: Final = 80
PROXY_STATE: Final = 33

_HEADER: Final = struct.Struct(">BBH16s")
"""Code, Identifier, Length, and the authenticator."""
_START: Final = struct.Struct(">BBH")
"""The header without the authenticator."""

ABSENT: Final = 0
MALFORMED: Final = -1


class Message:
    """A packet taken apart as far as its attributes' boundaries.

    ``identifier`` and ``authenticator`` are what RADIUS/1.0 calls so; in RADIUS/1.1 the Token as a number, and nothing.
    ``places`` has, for each type of attribute, where in ``octets`` the first one begins; ``repeats`` says that others
    follow of some type. ``proof_at`` is the offset of Message-Authenticator's value, ABSENT, or MALFORMED where there
    are several or one of another length than 18.
    """

    __slots__ = ("_pairs", "authenticator", "code", "identifier", "octets", "places", "proof_at", "repeats")

    def __init__(self, octets: bytes, code: int, identifier: int, authenticator: bytes, places: dict[int, int]) -> None:
        self.octets = octets
        self.code = code
        self.identifier = identifier
        self.authenticator = authenticator
        self.places = places
        self.repeats = False
        self.proof_at = ABSENT
        self._pairs: list[tuple[int, bytes]] | None = None

    def find_first(self) -> None:
        """Let ``places`` have the first attribute of each type, where some stand several times."""
        self.repeats = True
        self.places = {self.octets[at]: at for at in reversed([*self._all_places()])}

    def find_proof(self) -> None:
        """Note where Message-Authenticator's value is."""
        at = self.places[MESSAGE_AUTHENTICATOR]
        if self.octets[at + 1] != 18 or (self.repeats and len(self.values(MESSAGE_AUTHENTICATOR)) > 1):
            self.proof_at = MALFORMED
        else:
            self.proof_at = at + 2

    @property
    def pairs(self) -> list[tuple[int, bytes]]:
        """(type, value octets) of every attribute, laid out only for who asks: a few first values are mostly enough."""
        if self._pairs is None:
            self._pairs = [(self.octets[at], self._value_at(at)) for at in self._all_places()]
        return self._pairs

    def _all_places(self) -> Iterator[int]:
        at, end = HEADER, len(self.octets)
        while at < end:
            yield at
            at += self.octets[at + 1]

    def _value_at(self, at: int) -> bytes:
        octets = self.octets
        return octets[at + 2 : at + octets[at + 1]]

    def first(self, number: int) -> bytes | None:
        """The value octets of the first attribute of this type."""
        at = self.places.get(number)
        if at is None:
            return None
        octets = self.octets
        return octets[at + 2 : at + octets[at + 1]]

    def values(self, number: int) -> list[bytes]:
        """The value octets of every attribute of this type, in order."""
        first = self.first(number)
        if first is None or not self.repeats:
            return [] if first is None else [first]
        return [octets for found, octets in self.pairs if found == number]

    def leave_out(self, is_unwanted: Callable[[int, bytes], bool]) -> None:
        """Forget attributes, as if they were not there."""
        kept = [at for at in self._all_places() if not is_unwanted(self.octets[at], self._value_at(at))]
        self._pairs = [(self.octets[at], self._value_at(at)) for at in kept]
        self.places = {self.octets[at]: at for at in reversed(kept)}


def header_of(code: int, identifier: int, attributes: bytes) -> bytes:
    """The first four octets of a packet with these attributes. Raises EncodeError where it would be too long."""
    length = HEADER + len(attributes)
    if length > PACKET_MAXIMUM:
        raise EncodeError(f"the packet would have {length} octets; RADIUS allows {PACKET_MAXIMUM}")
    return _START.pack(code, identifier, length)


def decode(octets: bytes) -> Message:
    """Take a datagram apart.

    Octets past the Length field are padding (RFC 2865 section 3).

    Raises:
        DecodeError: a length of any kind does not fit, or there are too many attributes.
    """
    size = len(octets)
    if size < HEADER:
        raise DecodeError(f"a packet of {size} octets is shorter than a header", reason="packet_too_short")
    code: int
    identifier: int
    length: int
    authenticator: bytes
    code, identifier, length, authenticator = _HEADER.unpack_from(octets)
    if length != size or length > PACKET_MAXIMUM:
        octets = _without_padding(octets, length)
    places: dict[int, int] = {}
    at, count = HEADER, 0
    try:
        while at < length:
            size = octets[at + 1]
            if size < 2:
                raise DecodeError(f"attribute {octets[at]} does not fit its packet", reason="attribute_length")
            places[octets[at]] = at
            at += size
            count += 1
    except IndexError:
        raise DecodeError("the last attribute has no length octet", reason="attribute_length") from None
    if at != length:
        raise DecodeError("the last attribute does not fit its packet", reason="attribute_length")
    if count > ATTRIBUTES_MAXIMUM:
        raise DecodeError(f"{count} attributes are more than 200", reason="too_many_attributes")
    message = Message(octets, code, identifier, authenticator, places)
    if count != len(places):
        message.find_first()
    if MESSAGE_AUTHENTICATOR in places:
        message.find_proof()
    return message


def _without_padding(octets: bytes, length: int) -> bytes:
    if not HEADER <= length <= min(len(octets), PACKET_MAXIMUM):
        text = f"the Length field says {length} octets, the datagram has {len(octets)}"
        raise DecodeError(text, reason="length_out_of_range")
    return octets[:length]
