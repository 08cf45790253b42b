"""Attribute: a typed key that makes AVPs and reads values.

    SessionTimeout(3600)          an AVP, checked now, hidden (if at all) when the packet is encoded
    TunnelType(13, tag=1)         RFC 2868: the tag travels in the value's octets
    request[SessionTimeout]       the same key reads the value back, with its type

A ``key`` says where the attribute lies: 27 for Session-Timeout, (26, 9, 1) for vendor 9's type 1,
(26, 24757, 1, 3) for a TLV within it, (241, 1) for an extended attribute.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, Final, Generic, TypeAlias, TypeVar, cast, overload

from trioradius.attributes import nesting
from trioradius.attributes.avp import AVP, TLV, Hide, Unhide
from trioradius.attributes.datatypes import OCTETS, TEXT, DataType, NamedValue
from trioradius.attributes.nesting import Vendor
from trioradius.errors import EncodeError

__all__ = [
    "ASCEND_HIDING",
    "AVP",
    "SALTED_HIDING",
    "TAG_MAXIMUM",
    "TLV",
    "USER_PASSWORD_HIDING",
    "Attribute",
    "Hide",
    "Key",
    "NamedValue",
    "Unhide",
    "Vendor",
    "unknown",
]

T = TypeVar("T", covariant=True)
Key: TypeAlias = int | tuple[int, ...]
USER_PASSWORD_HIDING: Final = 1
"""``encrypt=1``: User-Password, RFC 2865 section 5.2."""
SALTED_HIDING: Final = 2
"""``encrypt=2``: Tunnel-Password and the MPPE keys, RFC 2868 section 3.5."""
ASCEND_HIDING: Final = 3
"""``encrypt=3``: Ascend-Send-Secret."""

TAG_MAXIMUM: Final = 0x1F
_RULED: Final = frozenset({33, 80})
"""Proxy-State and Message-Authenticator: whether an AVP of them is written is for the packet's encoder to say."""


class Attribute(Generic[T]):
    """A typed key: it makes AVPs, reads values, and knows where it lies and how it is written.

    Args:
        name: as dictionaries write it, ``Framed-IP-Address``.
        number: within its container.
        datatype: how a value becomes octets.
        within: the Vendor, or the TLV or extended Attribute, that contains it; None for the RADIUS space itself.
        encrypt: 0, or the hiding that RADIUS/1.0 applies (1, 2 or 3).
        secret: the value is shown to nobody, though nothing hides it on the wire; implied by ``encrypt``.
        tagged: the value starts with a tag (RFC 2868).
        concat: a long value is split over several attributes (RFC 8044 section 3.6; EAP-Message).
        array: several values of fixed size may stand in one attribute.
    """

    key: Key
    within: Vendor | Attribute[Any] | None
    tagged_integer: bool
    plain: bool
    alone: bool
    as_is: bool
    vendor_header: bytes
    hides: bool
    secret: bool
    _constants: Sequence[NamedValue] = ()

    def __init_subclass__(cls) -> None:
        cls._constants = tuple(value for value in vars(cls).values() if isinstance(value, NamedValue))

    def __init__(
        self,
        name: str,
        number: int,
        datatype: DataType[T],
        *,
        within: Vendor | Attribute[Any] | None = None,
        encrypt: int = 0,
        tagged: bool = False,
        concat: bool = False,
        array: bool = False,
        secret: bool = False,
    ) -> None:
        self.name = name
        self.number = number
        self.encrypt = encrypt
        self.tagged = tagged
        self.concat = concat
        self.array = array
        self.values: dict[int, NamedValue] = {int(value): value for value in self._constants}
        """The named values, by number."""
        self.names: dict[str, Any] = {value.name.lower(): value for value in self._constants}
        """Every value that has a name, by that name in lower case; one value may have several."""
        self.children: dict[int, Attribute[Any]] = {}
        """What lies within a TLV, by number."""
        self.hides = bool(encrypt)
        """Whether RADIUS/1.0 hides the value, or one within it."""
        self.secret = secret or self.hides
        """Whether the value, or one within it, is shown to nobody."""
        self.tagged_integer = tagged and datatype.size is not None
        self.written_as(datatype)
        self._settle(number if within is None else (*within.path, number), within)
        if isinstance(within, Attribute):
            within.children[number] = self
            within._contain(self)

    def written_as(self, datatype: DataType[Any]) -> None:
        """Give the values a data type; a dictionary that is being read learns a struct's only from what follows."""
        self.datatype: DataType[T] = datatype
        self._to_octets = datatype.encode
        self._from_octets = datatype.decode
        self._is_tlv = datatype is TLV
        self._is_whole = not (self._is_tlv or self.tagged or self.array)
        # Hiding of these kinds fills up with NULs, which are taken away again: also those that ended a key.
        self._unhidden_size = (datatype.size or 0) if self.encrypt in (USER_PASSWORD_HIDING, ASCEND_HIDING) else 0

    def name_value(self, name: str, value: Any) -> None:
        """Give a value a name; of several names for one value, the last is the one that is shown."""
        self.names[name.lower()] = value
        if isinstance(value, int):
            self.names[name.lower()] = self.values[int(value)] = NamedValue(value, name)

    def _settle(self, key: Key, within: Vendor | Attribute[Any] | None) -> None:
        self.key, self.within = key, within
        self.path: tuple[int, ...] = (key,) if isinstance(key, int) else key
        """The key as a tuple, also for an attribute of the RADIUS space itself."""
        self.plain = isinstance(key, int) and not self.concat
        """Whether it is an attribute of the RADIUS space itself, in one piece."""
        self.alone = self.plain and not self.array
        """Whether moreover that piece holds one value."""
        self.as_is = self.plain and not self.hides and self.number < 256 and self.number not in _RULED
        """Whether type, length and the AVP's octets are the whole attribute on the wire, in every packet."""
        self.vendor_header = b""
        """Of a vendor's attribute that has the usual form (RFC 2865 section 5.26), the vendor and its type."""
        if isinstance(within, Vendor) and within.is_usual and len(self.path) == 3:
            _, vendor, number = self.path
            if 0 <= vendor < 1 << 32 and 0 <= number < 1 << 8:
                self.vendor_header = vendor.to_bytes(4, "big") + bytes((number,))

    def _contain(self, child: Attribute[Any]) -> None:
        self.hides, self.secret = self.hides or child.hides, self.secret or child.secret
        self.as_is = self.as_is and not self.hides
        if isinstance(self.within, Attribute):
            self.within._contain(child)

    @functools.cached_property
    def vendor(self) -> Vendor | None:
        """The vendor whose space this lies in, if any."""
        return self.within.vendor if isinstance(self.within, Attribute) else self.within

    @functools.cached_property
    def capacity(self) -> int:
        """The most octets a value may have on the wire."""
        return nesting.capacity(self)

    @overload
    def __call__(self: Attribute[IPv4Address], value: IPv4Address | str, /, *, tag: int = 0) -> AVP: ...
    @overload
    def __call__(self: Attribute[IPv6Address], value: IPv6Address | str, /, *, tag: int = 0) -> AVP: ...
    @overload
    def __call__(
        self: Attribute[IPv4Address | IPv6Address], value: IPv4Address | IPv6Address | str, /, *, tag: int = 0
    ) -> AVP: ...
    @overload
    def __call__(self: Attribute[IPv4Network], value: IPv4Network | str, /) -> AVP: ...
    @overload
    def __call__(self: Attribute[IPv6Network], value: IPv6Network | str, /) -> AVP: ...
    @overload
    def __call__(self: Attribute[datetime], value: datetime | int, /) -> AVP: ...
    @overload
    def __call__(self: Attribute[tuple[AVP, ...]], /, *children: AVP) -> AVP: ...
    @overload
    def __call__(self, value: T, /, *more: T, tag: int = 0) -> AVP: ...  # type: ignore[misc]

    def __call__(self, *values: Any, tag: int = 0) -> AVP:
        """Make an AVP.

        A TLV takes its AVPs, an array attribute one value or more, any other exactly one.

        Raises:
            EncodeError: the value has the wrong type, range or length, or a tag where none belongs.
        """
        if self._is_tlv:
            return self._enclose(values)
        octets = self._encode(values[0]) if len(values) == 1 else self._pack(values)
        if self.tagged:
            octets = self._tag(octets, tag)
        elif tag:
            raise EncodeError(f"{self.name} has no tag (RFC 2868)")
        if len(octets) > 128:
            nesting.require_capacity(self, octets)
        return AVP(self, octets)

    def _encode(self, value: Any) -> bytes:
        try:
            return self._to_octets(value)
        except (ValueError, TypeError, AttributeError) as error:
            complaint = "does not fit" if self.secret else str(error)
        # Raised out here so that no secret value is left in the exception's context.
        raise EncodeError(f"{self.name} ({self.datatype.name}): {complaint}")

    def _pack(self, values: tuple[T, ...]) -> bytes:
        if not values:
            raise EncodeError(f"{self.name} wants a value")
        if not self.array:
            raise EncodeError(f"{self.name} takes one value; for several, add it several times")
        return b"".join(map(self._encode, values))

    def _enclose(self, children: tuple[object, ...]) -> AVP:
        avps = tuple(child for child in children if isinstance(child, AVP))
        if not avps or len(avps) != len(children):
            raise EncodeError(f"{self.name} wants the AVPs within it")
        for avp in avps:
            if avp.attribute.path[:-1] != self.path:
                raise EncodeError(f"{avp.name} does not lie within {self.name}")
        enclosing = self._enclosing(avps)
        nesting.require_capacity(self, enclosing.octets)
        return enclosing

    def _enclosing(self, children: tuple[AVP, ...]) -> AVP:
        octets = b"".join(nesting.sub_attribute(child.attribute.number, child.octets) for child in children)
        return AVP(self, octets, children)

    def _tag(self, octets: bytes, tag: int) -> bytes:
        """RFC 2868 section 3: an integer gives up its first octet for the tag, text is preceded by it."""
        if not 0 <= tag <= TAG_MAXIMUM:
            raise EncodeError(f"{self.name}: a tag is 0 to {TAG_MAXIMUM}")
        if self.tagged_integer:
            if octets[0]:
                raise EncodeError(f"{self.name}: a tagged integer has three octets")
            return bytes((tag,)) + octets[1:]
        if tag or self.encrypt or octets[:1] <= b"\x1f":
            return bytes((tag,)) + octets
        return octets

    def tag_of(self, octets: bytes) -> int:
        """The tag within these octets, 0 where there is none."""
        return octets[0] if self.tagged and octets and octets[0] <= TAG_MAXIMUM else 0

    def _untagged(self, octets: bytes) -> bytes:
        if octets[:1] > b"\x1f":
            return octets
        return b"\0" + octets[1:] if self.tagged_integer else octets[1:]

    def hidden(self, octets: bytes, hide: Hide) -> bytes:
        """The octets as RADIUS/1.0 carries them; the tag stays in front of what is hidden (RFC 2868 section 3.5)."""
        if not self.encrypt:
            return octets
        if not self.tagged:
            return hide(self.encrypt, octets)
        tag, octets = (octets[:1], octets[1:]) if octets[:1] <= b"\x1f" else (b"\0", octets)
        return tag + hide(self.encrypt, octets)

    def clear(self, octets: bytes, unhide: Unhide) -> bytes:
        """The octets of a RADIUS/1.0 attribute without its hiding, the tag kept; raises ValueError where it cannot be.

        A tag that is none (over 0x1f) is ignored, as RFC 2868 section 3.5 wants it, and becomes 0.
        """
        encrypt = self.encrypt
        if not encrypt:
            return octets
        if not self.tagged:
            clear = unhide(encrypt, octets)
            return clear.ljust(self._unhidden_size, b"\0") if self._unhidden_size else clear
        tag = octets[:1] if octets[:1] <= b"\x1f" else b"\0"
        return tag + unhide(self.encrypt, octets[1:])

    def decode(self, octets: bytes, unhide: Unhide | None = None) -> T:
        """The value within octets; with ``unhide``, within those of RADIUS/1.0. Raises ValueError: malformed."""
        if unhide is not None:
            octets = self.clear(octets, unhide)
        value: Any
        if self._is_whole:
            value = self._from_octets(octets)
        elif self._is_tlv:
            return cast("T", self.parse_children(octets, unhide))
        else:
            value = self._from_octets(self._untagged(octets) if self.tagged else self.split(octets)[0])
        return self.values.get(value, value) if self.values else value  # type: ignore[no-any-return]

    def split(self, octets: bytes) -> list[bytes]:
        """The octets of each value: several only for an array attribute of fixed size."""
        size = self.datatype.size
        if not self.array or not size or len(octets) % size or not octets:
            return [octets]
        return [octets[at : at + size] for at in range(0, len(octets), size)]

    def parse_children(self, octets: bytes, unhide: Unhide | None = None) -> tuple[AVP, ...]:
        """The AVPs within a TLV's octets. Raises ValueError where they are malformed or nested too deep."""
        if len(self.path) > nesting.DEPTH_MAXIMUM:
            raise ValueError("too many TLVs within each other")
        return tuple(
            (self.children.get(number) or unknown((*self.path, number), within=self)).avp(part, unhide)
            for number, part in nesting.sub_attributes(octets)
        )

    def avp(self, octets: bytes, unhide: Unhide | None = None) -> AVP:
        """The AVP for octets from the wire; raw octets under the same key where they are malformed. Never raises.

        Args:
            unhide: takes the hiding of RADIUS/1.0 away; None where the octets are in the clear (RADIUS/1.1).
        """
        try:
            clear = self.clear(octets, unhide) if unhide else octets
        except ValueError:
            return AVP(self._untyped(0), octets)
        try:
            if self.datatype is TLV:
                return self._opened(clear, unhide)
            for part in self.split(clear) if self.array else (clear,):
                self.decode(part)
        except ValueError:
            return AVP(self._untyped(self.encrypt), clear)
        return AVP(self, clear)

    def _opened(self, octets: bytes, unhide: Unhide | None) -> AVP:
        children = self.parse_children(octets, unhide)
        return self._enclosing(children) if unhide and self.hides else AVP(self, octets, children)

    def _untyped(self, encrypt: int) -> Attribute[bytes]:
        """This attribute as raw octets; with ``encrypt``, octets in the clear that must not leave so."""
        tagged = self.tagged and encrypt > 0
        return _raw(self.key, self.within, encrypt, tagged=tagged, concat=self.concat, secret=self.secret)

    def parse(self, text: str, *, tag: int = 0) -> AVP:
        """The AVP for a value as a person types it: a value's name, or the data type's text form.

        Raises:
            EncodeError: the text is neither.
        """
        try:
            value = self.names.get(text.lower())
            return self(self.datatype.parse(text) if value is None else value, tag=tag)
        except EncodeError:
            raise
        except ValueError:
            shown = "this value" if self.secret else repr(text)
        raise EncodeError(f"{self.name} ({self.datatype.name}) cannot be {shown}{self._suggestion(text)}")

    def _suggestion(self, text: str) -> str:
        import difflib

        near = [] if self.secret else difflib.get_close_matches(text.lower(), self.names, 1)
        return f"; did you mean {getattr(self.names[near[0]], 'name', near[0])}?" if near else ""

    def show(self, value: Any) -> str:
        """A value as text for people; '...' where the attribute is a secret."""
        if self.datatype is TLV and not self.encrypt:
            return "{ " + ", ".join(map(repr, value)) + " }"
        if self.secret:
            return "..."
        if isinstance(value, NamedValue):
            return value.name
        text = self.datatype.show(value)
        return repr(text) if self.datatype is TEXT else text

    def __repr__(self) -> str:
        return self.name


def unknown(key: Key, *, within: Vendor | Attribute[Any] | None = None) -> Attribute[bytes]:
    """The attribute for a number that no dictionary names: raw octets, called ``Attr-26.9.250``."""
    return _raw(key, within)


@functools.lru_cache(maxsize=1024)
def _raw(
    key: Key,
    within: Vendor | Attribute[Any] | None,
    encrypt: int = 0,
    *,
    tagged: bool = False,
    concat: bool = False,
    secret: bool = False,
) -> Attribute[bytes]:
    path = (key,) if isinstance(key, int) else key
    name = "Attr-" + ".".join(map(str, path))
    attribute = Attribute(name, path[-1], OCTETS, encrypt=encrypt, tagged=tagged, concat=concat, secret=secret)
    attribute._settle(key, within)
    return attribute
