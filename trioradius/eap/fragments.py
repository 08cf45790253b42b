"""Fragments: how EAP-TLS, TTLS, PEAP and TEAP carry TLS messages of any length in EAP packets (RFC 5216 section 3.1).

Both ends use the same codec: a server sends the Requests, a peer the Responses, and each side's fragments are
acknowledged by the other with an empty one (RFC 5216 section 2.1.5).
"""

from __future__ import annotations

from typing import Final, TypeAlias

import attrs

from trioradius.errors import DecodeError

LENGTH_INCLUDED: Final = 0x80
MORE_FRAGMENTS: Final = 0x40
START: Final = 0x20
VERSION: Final = 0x07
"""The bits of the flags in which PEAP, TTLS and TEAP put their version; EAP-TLS leaves them 0 and ignores them."""

SMALLEST: Final = 64
"""No fragment_size is less: with the flags and the length not much would be left for TLS."""
MESSAGE_MAXIMUM: Final = 65_536
"""Octets of one TLS flight: a long chain of certificates fits several times, and memory stays bounded.

RFC 5216 section 2.1.5 leaves the bound to the implementation, against reassembly lockup and denial of service.
"""


def _malformed(text: str) -> DecodeError:
    return DecodeError(f"EAP fragment: {text}", reason="eap_malformed")


@attrs.frozen
class Fragment:
    """The Type-Data of one packet of such a method.

    ``length`` is the length of the whole message where this fragment says it (flag L), else None; ``more`` says that
    others follow (M), ``start`` that a server begins the conversation (S); ``version`` is 0 to 7.
    """

    data: bytes = attrs.field(default=b"", repr=False)
    length: int | None = None
    more: bool = False
    start: bool = False
    version: int = 0

    @property
    def is_acknowledgement(self) -> bool:
        """Whether it only says that the one before has arrived (RFC 5216 section 2.1.5: no data)."""
        return not self.data and not self.more and not self.start

    def encode(self) -> bytes:
        """The Type-Data."""
        flags = self.version | self.more * MORE_FRAGMENTS | self.start * START
        if self.length is None:
            return bytes((flags,)) + self.data
        return bytes((flags | LENGTH_INCLUDED,)) + self.length.to_bytes(4, "big") + self.data

    @classmethod
    def decode(cls, octets: bytes) -> Fragment:
        """The fragment in this Type-Data. Raises DecodeError."""
        if not octets:
            raise _malformed("no flags")
        flags, rest = octets[0], octets[1:]
        length = None
        if flags & LENGTH_INCLUDED:
            if len(rest) < 4:
                raise _malformed("the length is cut off")
            length, rest = int.from_bytes(rest[:4], "big"), rest[4:]
        return cls(rest, length, bool(flags & MORE_FRAGMENTS), bool(flags & START), flags & VERSION)


@attrs.frozen
class Answer:
    """These octets are the Type-Data of the next packet: an acknowledgement, or our own next fragment."""

    data: bytes = attrs.field(repr=False)


@attrs.frozen
class Message:
    """The other end's message is whole; b"" where it had nothing to say but that all of ours has arrived."""

    octets: bytes = attrs.field(repr=False)


Turn: TypeAlias = Answer | Message


class Fragments:
    """One conversation's messages, both ways, one packet at a time.

    Args:
        size: the most octets of Type-Data in one packet, flags included.
        version: what our packets carry in the version bits.
        maximum: the longest message that is taken.
    """

    def __init__(self, size: int, *, version: int = 0, maximum: int = MESSAGE_MAXIMUM) -> None:
        self.version = version
        self._size = max(size, SMALLEST)
        self._maximum = maximum
        self._outgoing = b""
        self._incoming: list[bytes] = []
        self._received = 0
        self._announced: int | None = None

    @property
    def is_sending(self) -> bool:
        """Whether fragments of our message still wait for the one before to be acknowledged."""
        return bool(self._outgoing)

    def send(self, message: bytes) -> bytes:
        """The Type-Data of the first packet of a message, or of an acknowledgement where it is b"".

        The length is included in the first of several fragments alone: a message that fits has none, as peers expect.
        """
        if len(message) < self._size:
            return Fragment(message, version=self.version).encode()
        room = self._size - 5
        self._outgoing = message[room:]
        return Fragment(message[:room], length=len(message), more=True, version=self.version).encode()

    def receive(self, fragment: Fragment) -> Turn:
        """What follows from the other end's packet.

        Raises:
            DecodeError: it does not continue what came before, or is longer than is taken; the conversation is over.
        """
        if self._outgoing:
            return self._next(fragment)
        self._check(fragment)
        self._incoming.append(fragment.data)
        self._received += len(fragment.data)
        if fragment.more:
            return Answer(Fragment(version=self.version).encode())
        return self._whole()

    def _next(self, fragment: Fragment) -> Answer:
        if not fragment.is_acknowledgement:
            raise _malformed("a fragment of ours was answered with something else than an acknowledgement")
        room = self._size - 1
        data, self._outgoing = self._outgoing[:room], self._outgoing[room:]
        return Answer(Fragment(data, more=self.is_sending, version=self.version).encode())

    def _check(self, fragment: Fragment) -> None:
        if fragment.more and not fragment.data:
            raise _malformed("an empty one says that more follow")
        if not self._incoming:
            if fragment.more and fragment.length is None:
                raise _malformed("the first one does not say how long the message is")
            self._announced = fragment.length
        elif fragment.length not in (None, self._announced):
            raise _malformed("the length changes on the way")
        if self._announced is not None and self._announced > self._maximum:
            raise _malformed(f"a message of {self._announced} octets is too long")
        if self._received + len(fragment.data) > (self._maximum if self._announced is None else self._announced):
            raise _malformed("there is more than the length says")

    def _whole(self) -> Message:
        message, announced = b"".join(self._incoming), self._announced
        self._incoming, self._received, self._announced = [], 0, None
        if announced is not None and announced != len(message):
            raise _malformed(f"{len(message)} octets came, and {announced} were announced")
        return Message(message)
