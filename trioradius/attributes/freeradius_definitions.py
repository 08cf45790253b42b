"""What dictionary files have defined so far, and how their words find it: names, numbers, references."""

from __future__ import annotations

import copy
import pathlib
from typing import Any, Final, NamedTuple, TypeAlias

import attrs

from trioradius.attributes.attribute import Attribute, Key, Vendor
from trioradius.attributes.dictionary import Dictionary
from trioradius.attributes.nesting import VENDOR_SPECIFIC

Place: TypeAlias = tuple[pathlib.Path, int]
Path: TypeAlias = tuple[int, ...]
Scope: TypeAlias = Vendor | Attribute[Any]
CONTAINERS: Final = frozenset({"tlv", "extended", "long-extended", "evs", "vsa", "struct"})


class NamedValueLine(NamedTuple):
    """One VALUE: its attribute, the value's name, and the value itself."""

    attribute: Attribute[Any]
    name: str
    value: object


@attrs.define
class Definitions:
    """What dictionary files define: every ATTRIBUTE, VALUE and VENDOR line, and other names of attributes."""

    attributes: list[Attribute[Any]] = attrs.field(factory=list)
    values: list[NamedValueLine] = attrs.field(factory=list)
    vendors: list[Vendor] = attrs.field(factory=list)
    aliases: dict[str, Attribute[Any]] = attrs.field(factory=dict)
    amended: list[Attribute[Any]] = attrs.field(factory=list)
    """Attributes of the base that got values or children here, as copies."""

    def dictionary(self, base: Dictionary | None = None) -> Dictionary:
        """These definitions as a dictionary that stands on another."""
        result = Dictionary(base)
        for attribute in (*self.amended, *self.attributes):
            result.add(attribute)
        for name, attribute in self.aliases.items():
            result.add(attribute, name=name)
        for vendor in self.vendors:
            result.add_vendor(vendor)
        return result


def number(text: str) -> int:
    """A number as dictionaries write it: decimal, 0x hexadecimal or 0o octal. Raises ValueError for another word."""
    prefix = text[:2].lower()
    try:
        if "_" not in text:
            return int(text, 16 if prefix == "0x" else 8 if prefix == "0o" else 10)
    except ValueError:
        pass
    raise ValueError(f"{text!r} is not a number")


def _key(path: Path) -> Key:
    first, *rest = path
    return path if rest else first


class Index:
    """Finds attributes and vendors, in the files read so far and in the dictionary below them."""

    def __init__(self, base: Dictionary | None) -> None:
        self.found: Definitions = Definitions()
        self._base = base
        self._names: dict[str, Attribute[Any]] = {}
        self._scoped: dict[Path, dict[str, Attribute[Any]]] = {}
        self._keys: dict[Key, Attribute[Any]] = {}
        self._containers: dict[Path, Scope] = {}
        self._vendors: dict[str, Vendor] = {}
        self._dotted: dict[Path, str] = {(VENDOR_SPECIFIC,): "Vendor-Specific"}

    def add(self, name: str, attribute: Attribute[Any], *, scoped: bool) -> None:
        """Remember an attribute under its own name and the one its block knows; a later one wins.

        ``scoped`` says that the block's name means nothing outside it (FreeRADIUS 4).
        """
        path = attribute.path
        self.found.attributes.append(attribute)
        self._keys[attribute.key] = attribute
        self._names[attribute.name.lower()] = attribute
        self._scoped.setdefault(path[:-1], {})[name.lower()] = attribute
        if attribute.datatype.name in CONTAINERS:
            self._containers[path] = attribute
        if scoped:
            self._add_dotted(name, attribute)

    def _add_dotted(self, name: str, attribute: Attribute[Any]) -> None:
        path = attribute.path
        above = self._dotted.get(path[:-1])
        full = self._dotted[path] = f"{above}.{name}" if above else name
        if above:
            self.found.aliases[full] = attribute

    def full_name(self, name: str, within: Scope | None, *, scoped: bool) -> str:
        """The name that an attribute has in the one list of all names.

        Within a block of FreeRADIUS 4 a name repeats neither the vendor's nor the TLV's, and may be taken elsewhere.
        """
        if isinstance(within, Vendor):
            own = name.lower().startswith(within.name.lower())
            return f"{within.name}-{name}" if (scoped and not own) or self._outside_vendors(name) else name
        if isinstance(within, Attribute) and (self._outside_vendors(name) or (scoped and self._taken(name, within))):
            return f"{within.name}.{name}"
        return name

    def _outside_vendors(self, name: str) -> bool:
        found = self._names.get(name.lower())
        if found is not None:
            return found.within is None
        return self._base is not None and self._base.outside_vendors(name) is not None

    def _taken(self, name: str, within: Attribute[Any]) -> bool:
        found = self._names.get(name.lower())
        return found is not None and found.within is not within

    def named(self, name: str, scopes: list[Path]) -> Attribute[Any] | None:
        """The attribute that these files call so within one of the blocks, innermost last, or anywhere."""
        lowered = name.lower()
        for scope in reversed(scopes):
            found = self._scoped.get(scope, {}).get(lowered)
            if found is not None:
                return found
        return self._names.get(lowered)

    def inherited(self, name: str) -> Attribute[Any] | None:
        """The attribute that only the dictionary below has, as a copy that these files may add to."""
        found = self._base.get(name) if self._base else None
        return self._amend(found) if found is not None else None

    def _amend(self, attribute: Attribute[Any]) -> Attribute[Any]:
        amended = copy.copy(attribute)
        amended.values, amended.names = dict(attribute.values), dict(attribute.names)
        amended.children = dict(attribute.children)
        self.found.amended.append(amended)
        self._keys[amended.key] = self._names[amended.name.lower()] = amended
        if amended.datatype.name in CONTAINERS:
            self._containers[amended.path] = amended
        return amended

    def container(self, path: Path) -> Scope | None:
        """What contains an attribute at this place. Raises ValueError where nothing does."""
        if len(path) == 1:
            return None
        found = self._containers.get(path[:-1]) or self._inherited_container(path[:-1])
        if found is None:
            raise ValueError(f"nothing that could contain {'.'.join(map(str, path))} is defined")
        if not 0 <= path[-1] < (256**found.type_octets if isinstance(found, Vendor) else 256):
            raise ValueError(f"{path[-1]} is not a number that {found.name} has room for")
        return found

    def _inherited_container(self, path: Path) -> Scope | None:
        if self._base is None:
            return None
        if len(path) == 2 and path[0] == VENDOR_SPECIFIC:
            return self._base.vendor(path[1])
        found = self._base.find(_key(path))
        return self._amend(found) if found is not None and found.datatype.name in CONTAINERS else None

    def add_vendor(self, vendor: Vendor) -> None:
        """Remember a vendor of a VENDOR line."""
        self.found.vendors.append(vendor)
        self._vendors[vendor.name.lower()] = vendor
        self.open_vendor(vendor)

    def open_vendor(self, vendor: Vendor) -> None:
        """Let attributes lie within this vendor's space."""
        self._containers[vendor.path] = vendor
        above = self._dotted.get(vendor.prefix, "Vendor-Specific")
        self._dotted[vendor.path] = f"{above}.{vendor.name}"

    def vendor(self, name: str) -> Vendor | None:
        """The vendor of this name."""
        known = self._vendors.get(name.lower())
        inherited = self._base.vendors if known is None and self._base else ()
        return known or next((vendor for vendor in inherited if vendor.name.lower() == name.lower()), None)

    def is_vendor(self, name: str) -> bool:
        """Whether these files define a vendor of this name."""
        return name.lower() in self._vendors

    def extended_vendor(self, vendor: Vendor, reference: str) -> Vendor:
        """The vendor's space within an Extended-Vendor-Specific (RFC 6929 section 2.4).

        Raises ValueError where the reference is to no such attribute.
        """
        name = reference.rpartition(".")[2]
        if name.lower() == "vendor-specific":
            return vendor
        parent = self.named(name, []) or (self._base.get(name) if self._base else None)
        if parent is None or parent.path[-1] != VENDOR_SPECIFIC:
            raise ValueError(f"{reference!r} contains no vendors")
        return Vendor(vendor.number, vendor.name, prefix=parent.path)

    def referred(self, reference: str, scope: Path) -> Attribute[Any]:
        """The attribute that ``clone=``, ``enum=`` or ALIAS refers to, by number or by name, dotted or not.

        Raises ValueError where there is none.
        """
        bare = reference.lstrip("@.")
        found = self._by_numbers(bare) or self._by_names(bare, scope)
        if found is None:
            raise ValueError(f"{reference!r} refers to nothing that is defined")
        return found

    def _by_numbers(self, text: str) -> Attribute[Any] | None:
        try:
            path = tuple(map(number, text.split(".")))
        except ValueError:
            return None
        key = _key(path)
        return self._keys.get(key) or (self._base.find(key) if self._base else None)

    def _by_names(self, text: str, scope: Path) -> Attribute[Any] | None:
        within = self._dotted.get(scope)
        dotted = {name.lower(): attribute for name, attribute in self.found.aliases.items()} if "." in text else {}
        return (
            (dotted.get(f"{within}.{text}".lower()) if within else None)
            or dotted.get(text.lower())
            or dotted.get(f"vendor-specific.{text}".lower())
            or self.named(text, [scope])
            or (self._base.get(text) if self._base else None)
        )
