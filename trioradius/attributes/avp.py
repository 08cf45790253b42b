"""AVP: one attribute with one value, as octets in the clear."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias

from trioradius.attributes import nesting
from trioradius.attributes.datatypes import DataType

if TYPE_CHECKING:
    from trioradius.attributes.attribute import Attribute

Hide: TypeAlias = Callable[[int, bytes], bytes]
"""Takes the kind of hiding (1, 2 or 3) and octets in the clear, gives hidden ones. A tag is in neither."""
Unhide: TypeAlias = Callable[[int, bytes], bytes]
"""Takes the kind of hiding and hidden octets, gives those in the clear; raises ValueError where it cannot."""


class AVP:
    """One attribute and its value, as the octets RADIUS/1.1 would carry: a tag included, nothing hidden.

    An immutable value; made by calling an Attribute.
    """

    # Several are made for every reply: this form costs a third of a frozen attrs class.
    __slots__ = ("as_is", "attribute", "children", "octets")

    def __init__(self, attribute: Attribute[Any], octets: bytes, children: tuple[AVP, ...] = ()) -> None:
        self.attribute: Final = attribute
        self.octets: Final = octets
        self.children: Final = children
        self.as_is: Final = _as_is(attribute, octets)
        """The whole attribute on the wire, where it is the same in every packet; else empty."""

    @property
    def name(self) -> str:
        """The attribute's name, ``Session-Timeout``."""
        return self.attribute.name

    @property
    def value(self) -> Any:
        """The typed value; for a TLV its AVPs, of an array attribute the first value."""
        return self.children or self.attribute.decode(self.octets)

    @property
    def tag(self) -> int:
        """The tag of RFC 2868, 0 where there is none."""
        return self.attribute.tag_of(self.octets)

    def show(self) -> str:
        """The value as text for people; '...' where it is a secret."""
        attribute = self.attribute
        if self.children:
            return attribute.show(self.children)
        return ", ".join(attribute.show(attribute.decode(part)) for part in attribute.split(self.octets))

    def wire(self, hide: Hide | None) -> bytes:
        """The complete run of RADIUS attributes that carries this AVP.

        Args:
            hide: applied where a definition has ``encrypt``, in a TLV at its leaves; None hides nothing (RADIUS/1.1).

        Raises:
            EncodeError: the octets, hidden if they must be, do not fit.
        """
        if self.as_is:
            return self.as_is
        attribute, octets = self.attribute, self.octets
        if hide is not None and attribute.hides:
            octets = self.hidden(hide)
        return nesting.wrap(attribute, octets)

    def hidden(self, hide: Hide) -> bytes:
        """The value's octets with hiding applied, in a TLV at its leaves."""
        attribute, octets = self.attribute, self.octets
        if attribute.hides and attribute.datatype is TLV:
            octets = b"".join(nesting.sub_attribute(child.attribute.number, child.hidden(hide)) for child in self.value)
        return attribute.hidden(octets, hide)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AVP):
            return NotImplemented
        return self.attribute.key == other.attribute.key and self.octets == other.octets

    def __hash__(self) -> int:
        return hash((self.attribute.key, self.octets))

    def __repr__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.name}{tag} = {self.show()}"


def _as_is(attribute: Attribute[Any], octets: bytes) -> bytes:
    """The whole attribute on the wire; empty where it has to be hidden or split, or lies deeper than a vendor's."""
    if attribute.as_is:
        return bytes((attribute.number, len(octets) + 2)) + octets if len(octets) <= nesting.VALUE_MAXIMUM else b""
    if attribute.vendor_header and not attribute.hides and len(octets) <= nesting.USUAL_MAXIMUM:
        return nesting.usual(attribute.vendor_header, octets)
    return b""


def _not_directly(_: object) -> NoReturn:
    raise ValueError("is made of the AVPs within it")


TLV: Final[DataType[tuple[AVP, ...]]] = DataType("tlv", _not_directly, _not_directly, _not_directly)
"""A value that is itself attributes (RFC 6929 section 2.3); Attribute reads and writes it, since it knows them."""
