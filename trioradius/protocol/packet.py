"""Packet: an immutable list of attributes with a code; what all packets share.

A packet that was received keeps the (type, octets) pairs as they came, takes nested attributes apart when one is
first asked for, and unhides and decodes on access. A packet made here keeps AVPs. Both answer the same questions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, TypeVar, overload

from trioradius.attributes import nesting
from trioradius.attributes.attribute import AVP, Attribute, Key
from trioradius.attributes.dictionary import Dictionary
from trioradius.errors import MissingAttribute

if TYPE_CHECKING:
    from typing import Self

    from trioradius.protocol.hiding import Hiding
    from trioradius.protocol.owed import Owed
    from trioradius.protocol.wire import Message

T = TypeVar("T")
Named: TypeAlias = tuple[str, object]
"""An attribute by name: ``("Service-Type", "Login-User")``; a str value is read as a person types it."""


class Packet:
    """What every packet is: an ordered, immutable sequence of attributes.

    ``packet[UserName]`` is the first value and raises MissingAttribute, ``packet.get(UserName)`` is it or None,
    ``packet.all(ReplyMessage)`` a tuple of all; each takes an attribute's name as well. A malformed value counts as
    absent, ``packet.octets(...)`` still reads it. Iterating gives (name, value) pairs in order.
    """

    code: ClassVar[int]
    name: ClassVar[str]
    __slots__ = ("_avps", "_dictionary", "_entries", "_hiding", "_message", "_owed", "_reason")
    _owed: Owed | None
    """What a verification owes the reply, for an AccessRequest; here because to ask for an unset slot is dear."""
    _reason: str
    """Why, for a Reply."""

    def __init__(self, *attributes: AVP | Named, dictionary: Dictionary | None = None) -> None:
        self._message: Message | None = None
        self._dictionary = dictionary
        self._hiding: Hiding | None = None
        self._entries: list[nesting.Entry] | None = None
        self._owed = None
        self._reason = ""
        for item in attributes:
            if type(item) is not AVP:
                attributes = tuple(one if isinstance(one, AVP) else self.dictionary.avp(*one) for one in attributes)
                break
        self._avps: tuple[AVP, ...] | None = attributes  # type: ignore[assignment]

    @classmethod
    def received(cls, message: Message, hiding: Hiding | None, dictionary: Dictionary) -> Self:
        """The typed packet for a decoded message; ``hiding`` reads what RADIUS/1.0 hid, None where nothing is."""
        packet = cls.__new__(cls)
        packet._message = message
        packet._dictionary = dictionary
        packet._hiding = hiding
        packet._entries = None
        packet._owed = None
        packet._reason = ""
        packet._avps = None
        return packet

    @property
    def identifier(self) -> int:
        """The Identifier, or the Token, it came with; 0 for a packet made here, which gets one when it is sent."""
        return self._message.identifier if self._message else 0

    @property
    def authenticator(self) -> bytes:
        """The sixteen octets of the authenticator it came with; empty in RADIUS/1.1 and for a packet made here."""
        return self._message.authenticator if self._message else b""

    @property
    def wire(self) -> bytes:
        """The octets it came as; empty for a packet made here."""
        return self._message.octets if self._message else b""

    @property
    def dictionary(self) -> Dictionary:
        """What its attributes are called."""
        return self._dictionary or Dictionary.bundled()

    @property
    def avps(self) -> tuple[AVP, ...]:
        """Every attribute in order, in the clear."""
        if self._avps is None:
            unhide = self._hiding.unhide if self._hiding else None
            self._avps = tuple(
                attribute.avp(part, unhide)
                for key, octets in self._joined()
                for attribute in (self.dictionary.attribute(key),)
                for part in attribute.split(octets)
            )
        return self._avps

    @overload
    def get(self, attribute: Attribute[T], *, tag: int | None = None) -> T | None: ...
    @overload
    def get(self, attribute: str, *, tag: int | None = None) -> Any: ...

    def get(self, attribute: Attribute[Any] | str, *, tag: int | None = None) -> Any:
        """The first well-formed value, or None. ``tag`` asks for one tag's value (RFC 2868)."""
        if isinstance(attribute, str):
            attribute = self.dictionary[attribute]
        message = self._message
        if message is None or not attribute.plain or tag is not None:
            return next(iter(self.all(attribute, tag=tag)), None)
        octets = message.first(attribute.key)  # type: ignore[arg-type]
        if octets is None:
            return None
        try:
            return attribute.decode(octets, self._hiding.unhide if attribute.hides and self._hiding else None)
        except ValueError:
            return next(iter(self.all(attribute)), None)

    @overload
    def all(self, attribute: Attribute[T], *, tag: int | None = None) -> tuple[T, ...]: ...
    @overload
    def all(self, attribute: str, *, tag: int | None = None) -> tuple[Any, ...]: ...

    def all(self, attribute: Attribute[Any] | str, *, tag: int | None = None) -> tuple[Any, ...]:
        """Every well-formed value of an attribute, in order."""
        if isinstance(attribute, str):
            attribute = self.dictionary[attribute]
        unhide = self._hiding.unhide if self._hiding is not None and attribute.hides else None
        values = []
        for octets in self._find(attribute):
            if tag is None or attribute.tag_of(octets) == tag:
                try:
                    values.append(attribute.decode(octets, unhide))
                except ValueError:
                    continue
        return tuple(values)

    def octets(self, attribute: Attribute[Any] | str) -> bytes | None:
        """The octets of the first value, in the clear, well-formed or not; None where absent.

        A hidden value that cannot be unhidden counts as absent here too, so that nobody compares a password with it.
        """
        if isinstance(attribute, str):
            attribute = self.dictionary[attribute]
        hiding, message = self._hiding if attribute.encrypt else None, self._message
        if message is not None and attribute.alone:
            first = message.first(attribute.key)  # type: ignore[arg-type]
            if first is None or hiding is None:
                return first
            try:
                return attribute.clear(first, hiding.unhide)
            except ValueError:
                pass  # One that follows may be well-formed.
        for octets in self._find(attribute):
            try:
                return octets if hiding is None else attribute.clear(octets, hiding.unhide)
            except ValueError:
                continue
        return None

    def first_octets(self) -> dict[Key, bytes]:
        """The octets of the first attribute of every key, as they came: for one pass over many attributes at once.

        Nothing is decoded, unhidden or taken apart; what lies within another attribute is not in it.
        """
        return dict(reversed(self._flat()))

    @overload
    def __getitem__(self, attribute: Attribute[T]) -> T: ...
    @overload
    def __getitem__(self, attribute: str) -> Any: ...

    def __getitem__(self, attribute: Attribute[Any] | str) -> Any:
        """The first well-formed value. Raises MissingAttribute."""
        value = self.get(attribute)
        if value is None:
            raise MissingAttribute(attribute if isinstance(attribute, str) else attribute.name)
        return value

    def carries(self, number: int) -> bool:
        """Whether there is an attribute of this number of the RADIUS space, or one within it; a glance, no decoding."""
        return any((key if isinstance(key, int) else key[0]) == number for key, _ in self._flat())

    def __contains__(self, attribute: Attribute[Any] | str) -> bool:
        return self.get(attribute) is not None

    def __iter__(self) -> Iterator[tuple[str, object]]:
        """(name, value) of every attribute, in order."""
        return ((avp.name, avp.value) for avp in self.avps)

    def __len__(self) -> int:
        return len(self.avps)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Packet):
            return NotImplemented
        return (self.code, self.avps) == (other.code, other.avps)

    def __hash__(self) -> int:
        return hash((self.code, self.avps))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.avps))})"

    def _find(self, attribute: Attribute[Any]) -> list[bytes]:
        """The octets of an attribute wherever it lies: on its own, or as a TLV within others."""
        wanted = attribute.key
        if isinstance(wanted, int) and not attribute.array:
            if self._message is not None:
                found = self._message.values(wanted)
            else:
                found = [octets for key, octets in self._flat() if key == wanted]
            return [b"".join(found)] if attribute.concat and len(found) > 1 else found
        found = []
        path, enclosed = attribute.path, isinstance(attribute.within, Attribute)
        for key, octets in self._unfolded():
            if key == wanted:
                found += attribute.split(octets)
            elif enclosed and (isinstance(key, tuple) or key == path[0]):
                outer = (key,) if isinstance(key, int) else key
                if path[: len(outer)] == outer:
                    for whole in nesting.descend(octets, path[len(outer) :]):
                        found += attribute.split(whole)
        return found

    def _flat(self) -> list[nesting.Entry]:
        """(key, octets) of every attribute; nested ones may still be folded within their container."""
        if self._entries is not None:
            return self._entries
        if self._message is not None:
            return self._message.pairs  # type: ignore[return-value]
        self._entries = [(avp.attribute.key, avp.octets) for avp in self._avps or ()]
        return self._entries

    def _unfolded(self) -> list[nesting.Entry]:
        """The entries with Vendor-Specific and extended attributes taken apart, once."""
        if self._entries is None and self._message is not None:
            self._entries = nesting.expand(self._message.pairs, self.dictionary.vendor)
        return self._flat()

    def _joined(self) -> Iterator[nesting.Entry]:
        """The entries with split values (RFC 8044 section 3.6) joined at the place of their first part."""
        whole: dict[Key, list[bytes]] = {}
        for key, octets in self._unfolded():
            if self.dictionary.attribute(key).concat:
                whole.setdefault(key, []).append(octets)
        for key, octets in self._unfolded():
            if key not in whole:
                yield key, octets
            elif whole[key]:
                yield key, b"".join(whole[key])
                whole[key] = []
