"""How attributes lie within attributes: vendors' (RFC 2865 5.26), TLVs, extended ones (RFC 6929), fragments.

Both ways without knowing any value: ``wrap`` makes wire octets of one attribute's octets, ``expand`` takes the
(type, octets) pairs of a packet apart. What does not fit its container stays whole, under the container's number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import attrs

from trioradius.errors import EncodeError

if TYPE_CHECKING:
    from trioradius.attributes.attribute import Attribute, Key

VENDOR_SPECIFIC: Final = 26
EXTENDED: Final = frozenset({241, 242, 243, 244})
LONG_EXTENDED: Final = frozenset({245, 246})
NESTED: Final = frozenset({VENDOR_SPECIFIC}) | EXTENDED | LONG_EXTENDED
VALUE_MAXIMUM: Final = 253
MORE: Final = 0x80
"""The top bit of a long-extended flags octet and of a WiMAX continuation octet: the value goes on."""
DEPTH_MAXIMUM: Final = 16
"""How long a key may be; what lies deeper stays raw octets. RFC 6929 knows no deeper example than 6."""
USUAL_FORM: Final = (1, 1, False)
USUAL_OVERHEAD: Final = 6
"""Octets of a Vendor-Specific of the usual form before the value: the vendor, type and length."""
USUAL_MAXIMUM: Final = VALUE_MAXIMUM - USUAL_OVERHEAD
Pair: TypeAlias = tuple[int, bytes]
Entry: TypeAlias = "tuple[Key, bytes]"
VendorLookup: TypeAlias = "Callable[[int], Vendor | None]"


@attrs.frozen
class Vendor:
    """A vendor's space of attributes and how it writes them (RFC 2865 section 5.26).

    ``type_octets`` is 1, 2 or 4 and ``length_octets`` 0, 1 or 2; with ``continuation`` an octet follows whose
    top bit says that the value goes on in the next attribute (WiMAX). ``prefix`` is where the space lies: (26,),
    or (245, 26) for an Extended-Vendor-Specific one (RFC 6929 section 2.4).
    """

    number: int
    name: str
    type_octets: int = 1
    length_octets: int = 1
    continuation: bool = False
    prefix: tuple[int, ...] = (26,)

    @property
    def path(self) -> tuple[int, ...]:
        return *self.prefix, self.number

    @property
    def is_usual(self) -> bool:
        """Whether it writes its attributes as RFC 2865 section 5.26 recommends: type and length, an octet each."""
        return _form(self) == USUAL_FORM and self.prefix == (VENDOR_SPECIFIC,)


def sub_attribute(number: int, octets: bytes) -> bytes:
    """One TLV: type, length, value (RFC 6929 section 2.3)."""
    if len(octets) > VALUE_MAXIMUM or number > 255:
        raise EncodeError(f"a TLV of type {number} with {len(octets)} octets does not fit: 253 is the most")
    return bytes((number, len(octets) + 2)) + octets


def sub_attributes(octets: bytes) -> Iterator[Pair]:
    """The TLVs that fill these octets exactly. Raises ValueError where they do not."""
    at, end = 0, len(octets)
    while at < end:
        if end - at < 2 or not 2 <= octets[at + 1] <= end - at:
            raise ValueError("the TLVs do not fill their attribute")
        length = octets[at + 1]
        yield octets[at], octets[at + 2 : at + length]
        at += length


def depth(path: tuple[int, ...]) -> int:
    """How many numbers of a key say where an attribute lies that is in no TLV; those after them name TLVs."""
    if path[0] == VENDOR_SPECIFIC:
        return min(3, len(path))
    if path[0] in EXTENDED or path[0] in LONG_EXTENDED:
        return 4 if path[1:2] == (VENDOR_SPECIFIC,) and len(path) >= 4 else min(2, len(path))
    return 1


def is_fragmented(attribute: Attribute[Any]) -> bool:
    """Whether a value too long for one attribute goes on in the next."""
    number, vendor = attribute.path[0], attribute.vendor
    if number == VENDOR_SPECIFIC:
        return vendor is not None and vendor.continuation
    return attribute.concat or number in LONG_EXTENDED


def capacity(attribute: Attribute[Any]) -> int:
    """The most octets that this attribute's value may have; fragmented ones are bounded by the packet."""
    path = attribute.path
    tlvs = len(path) - depth(path)
    if is_fragmented(attribute):
        return VALUE_MAXIMUM - 2 * (tlvs - 1) if tlvs else 4096
    return VALUE_MAXIMUM - 2 * tlvs - _overhead(attribute)


def _overhead(attribute: Attribute[Any]) -> int:
    """The octets of an attribute in one piece that stand before its value."""
    path = attribute.path
    if len(path) == 1:
        return 0
    if path[0] == VENDOR_SPECIFIC:
        return 4 + sum(_form(attribute.vendor))
    return 1 if depth(path) == 2 else 6


def _form(vendor: Vendor | None) -> tuple[int, int, bool]:
    """How many octets type and length have, and whether one of continuation follows (RFC 2865 5.26 recommends 1, 1)."""
    return (vendor.type_octets, vendor.length_octets, vendor.continuation) if vendor else USUAL_FORM


def require_capacity(attribute: Attribute[Any], octets: bytes) -> None:
    """Raise EncodeError where the octets, hidden if they must be, do not fit the attribute."""
    needed, most = len(octets), attribute.capacity
    if attribute.encrypt == 1:
        most = min(most, 128)
    elif attribute.encrypt:
        needed = attribute.tagged + 2 + -(-(needed + 1 - attribute.tagged) // 16) * 16
    if needed > most:
        raise EncodeError(f"{attribute.name} is {len(octets)} octets long, too long for its attribute")


def wrap(attribute: Attribute[Any], octets: bytes) -> bytes:
    """The octets of one value as a run of RADIUS attributes. Raises EncodeError where they do not fit."""
    if attribute.vendor_header and len(octets) <= USUAL_MAXIMUM:
        return usual(attribute.vendor_header, octets)
    path = attribute.path
    first, outer = path[0], depth(path)
    for number in path[: outer - 1 : -1]:
        octets = sub_attribute(number, octets)
    if outer == 1:
        parts = _parts(octets, VALUE_MAXIMUM) if attribute.concat else [octets]
        return b"".join([_attribute(first, part) for part in parts])
    if first == VENDOR_SPECIFIC:
        return _vendor_specific(attribute.vendor, path, octets)
    if outer == 4:
        octets = path[2].to_bytes(4, "big") + path[3].to_bytes(1, "big") + octets
    if first in EXTENDED:
        return _attribute(first, path[1].to_bytes(1, "big") + octets)
    return _long_extended(first, path[1], octets)


def usual(vendor_header: bytes, octets: bytes) -> bytes:
    """A Vendor-Specific of the usual form; ``vendor_header`` is the vendor and the type, ``octets`` must fit."""
    length = len(octets) + 2
    return b"%c%c%b%c%b" % (VENDOR_SPECIFIC, length + USUAL_OVERHEAD, vendor_header, length, octets)


def _attribute(number: int, octets: bytes) -> bytes:
    if len(octets) > VALUE_MAXIMUM or not 0 < number < 256:
        raise EncodeError(f"attribute {number} with {len(octets)} octets cannot be sent")
    return bytes((number, len(octets) + 2)) + octets


def _parts(octets: bytes, size: int) -> list[bytes]:
    return [octets[at : at + size] for at in range(0, len(octets), size)] or [b""]


def _long_extended(number: int, extended: int, octets: bytes) -> bytes:
    """RFC 6929 section 2.2: each fragment but the last has the More flag."""
    parts = _parts(octets, VALUE_MAXIMUM - 2)
    return b"".join(
        _attribute(number, bytes((extended, MORE if at < len(parts) else 0)) + part) for at, part in enumerate(parts, 1)
    )


def _vendor_specific(vendor: Vendor | None, path: tuple[int, ...], octets: bytes) -> bytes:
    types, lengths, continued = _form(vendor)
    try:
        header = path[1].to_bytes(4, "big") + path[2].to_bytes(types, "big")
        if continued:
            return _continued(header, lengths, octets)
        if lengths:
            header += (types + lengths + len(octets)).to_bytes(lengths, "big")
    except OverflowError:
        raise EncodeError(f"type {path[2]} of vendor {path[1]} with {len(octets)} octets cannot be sent") from None
    return _attribute(VENDOR_SPECIFIC, header + octets)


def _continued(header: bytes, lengths: int, octets: bytes) -> bytes:
    """Each part but the last has the continuation bit (WiMAX)."""
    before = len(header) - 4 + lengths + 1
    parts = _parts(octets, VALUE_MAXIMUM - 4 - before)
    return b"".join(
        _attribute(
            VENDOR_SPECIFIC,
            header + (before + len(part)).to_bytes(lengths, "big") + bytes((MORE if at < len(parts) else 0,)) + part,
        )
        for at, part in enumerate(parts, 1)
    )


_Part: TypeAlias = "tuple[Key, bytes, bytes]"
"""One piece found within a container, and the container's octets where the value goes on in the next; else nothing."""


def expand(pairs: Iterable[Pair], vendor_of: VendorLookup) -> list[Entry]:
    """Take Vendor-Specific and extended attributes apart, joining their fragments; others stay as they are.

    A chain of fragments that is cut short or interrupted stays as the octets that came (RFC 6929 section 2.8).
    """
    entries: list[Entry] = []
    chain: list[_Part] = []
    for number, octets in pairs:
        for part in _take_apart(number, octets, vendor_of) if number in NESTED else ((number, octets, b""),):
            key, value, goes_on = part
            if chain and chain[0][0] != key:
                entries += _unfinished(chain)
                chain = []
            if goes_on:
                chain.append(part)
            elif chain:
                entries.append(_whole(key, b"".join([piece for _, piece, _ in chain]) + value))
                chain = []
            else:
                entries.append(_whole(key, value))
    return entries + _unfinished(chain)


def _unfinished(chain: list[_Part]) -> list[Entry]:
    return [(key[0] if isinstance(key, tuple) else key, raw) for key, _, raw in chain]


def _whole(key: Key, octets: bytes) -> Entry:
    """One that is complete; in an Extended-Vendor-Specific vendor and type come first (RFC 6929 section 2.4)."""
    if isinstance(key, tuple) and len(key) == 2 and key[1] == VENDOR_SPECIFIC and len(octets) >= 6:
        return (*key, int.from_bytes(octets[:4], "big"), octets[4]), octets[5:]
    return key, octets


def _take_apart(number: int, octets: bytes, vendor_of: VendorLookup) -> Sequence[_Part]:
    """The pieces within one container; what does not have its form is one piece as it is."""
    if number == VENDOR_SPECIFIC:
        return _vendor_parts(octets, vendor_of) or ((number, octets, b""),)
    if number in EXTENDED and len(octets) >= 2:
        return (((number, octets[0]), octets[1:], b""),)
    if number in LONG_EXTENDED and len(octets) >= 3:
        return (((number, octets[0]), octets[2:], octets if octets[1] >= MORE else b""),)
    return ((number, octets, b""),)


def _vendor_parts(octets: bytes, vendor_of: VendorLookup) -> list[_Part] | None:
    """The sub-attributes of one Vendor-Specific, or None where they do not fill it."""
    if len(octets) < 5:
        return None
    number = int.from_bytes(octets[:4], "big")
    form = _form(vendor_of(number))
    if form == USUAL_FORM:
        return _usual_parts(number, octets)
    types, lengths, continued = form
    parts: list[_Part] = []
    at, end, header = 4, len(octets), types + lengths + continued
    while at < end:
        if end - at < header:
            return None
        length = int.from_bytes(octets[at + types : at + types + lengths], "big") if lengths else end - at
        if not header <= length <= end - at:
            return None
        key = (VENDOR_SPECIFIC, number, int.from_bytes(octets[at : at + types], "big"))
        goes_on = continued and octets[at + header - 1] >= MORE
        raw = octets[:4] + octets[at : at + length] if goes_on else b""
        parts.append((key, octets[at + header : at + length], raw))
        at += length
    return parts


def _usual_parts(vendor: int, octets: bytes) -> list[_Part] | None:
    """The same where type and length have an octet each."""
    parts: list[_Part] = []
    at, end = 4, len(octets)
    while at < end:
        size = octets[at + 1] if at + 1 < end else 0
        if not 2 <= size <= end - at:
            return None
        parts.append(((VENDOR_SPECIFIC, vendor, octets[at]), octets[at + 2 : at + size], b""))
        at += size
    return parts


def descend(octets: bytes, path: tuple[int, ...]) -> Iterator[bytes]:
    """The octets of every TLV at ``path`` within these octets; none where they are malformed."""
    if not path:
        yield octets
        return
    try:
        inner = [part for number, part in sub_attributes(octets) if number == path[0]]
    except ValueError:
        return
    for part in inner:
        yield from descend(part, path[1:])
