"""Dictionary: attributes and vendors by name and by number.

``Dictionary.bundled()`` is what comes with the package; its vendor modules are imported when their vendor is first met.
A dictionary read from files (see freeradius.py) stands on top of another, and its entries win.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any

from trioradius.attributes.attribute import AVP, Attribute, Key, Vendor, unknown
from trioradius.attributes.nesting import VENDOR_SPECIFIC
from trioradius.errors import EncodeError


class Dictionary:
    """Names and numbers of attributes.

    ``dictionary["Mikrotik-Rate-Limit"]`` is the attribute, ``dictionary["..."]("...")`` an AVP,
    ``dictionary.parse("Service-Type = Login-User")`` an AVP from text.

    Args:
        base: the dictionary to ask for what this one does not have.
        modules: vendor modules to import when first met: vendor number to module name and name prefixes.
    """

    def __init__(
        self, base: Dictionary | None = None, *, modules: dict[int, tuple[str, tuple[str, ...]]] | None = None
    ) -> None:
        self._base = base
        self._modules = dict(modules or {})
        self._by_name: dict[str, Attribute[object]] = {}
        self._by_key: dict[Key, Attribute[object]] = {}
        self._vendors: dict[int, Vendor] = {}

    @classmethod
    @functools.cache
    def bundled(cls) -> Dictionary:
        """The attributes that come with the package, shared by everybody and never changed."""
        from trioradius.attributes import ietf
        from trioradius.attributes.vendors import MODULES

        dictionary = cls(modules=MODULES)
        dictionary.add_module(ietf)
        return dictionary

    def add(self, attribute: Attribute[object], *, name: str | None = None) -> None:
        """Add an attribute, or with ``name`` another name for it; a later entry for a number or name wins."""
        self._by_name[(name or attribute.name).lower()] = attribute
        if name is None:
            self._by_key[attribute.key] = attribute

    def add_vendor(self, vendor: Vendor) -> None:
        """Add a vendor, so that its attributes can be taken apart.

        One within an extended attribute (RFC 6929 section 2.4) always has one form, which nobody looks up.
        """
        if len(vendor.prefix) == 1:
            self._vendors[vendor.number] = vendor

    def add_module(self, module: ModuleType) -> None:
        """Add every attribute and vendor that a module (generated, or written by hand) names."""
        for value in vars(module).values():
            if isinstance(value, Attribute):
                self.add(value)
            elif isinstance(value, Vendor):
                self.add_vendor(value)

    def vendor(self, number: int) -> Vendor | None:
        """The vendor with this number (SMI Private Enterprise Code), or None."""
        if number in self._modules:
            self._load(number)
        found = self._vendors.get(number)
        return found or (self._base.vendor(number) if self._base else None)

    def attribute(self, key: Key) -> Attribute[object]:
        """The attribute at a key; one of raw octets, called ``Attr-200``, where nobody knows it."""
        found: Attribute[Any] = self.find(key) or unknown(key, within=self._space(key))
        return found

    def _space(self, key: Key) -> Vendor | None:
        """The vendor whose form an attribute that nobody knows is written in."""
        return self.vendor(key[1]) if isinstance(key, tuple) and key[0] == VENDOR_SPECIFIC else None

    def find(self, key: Key) -> Attribute[object] | None:
        """The attribute at a key, or None where nobody knows it."""
        if isinstance(key, tuple) and self._modules:
            # 26.9.1, or 241.26.9.1 for an Extended-Vendor-Specific attribute (RFC 6929 section 2.4).
            number = key[1:2] if key[0] == VENDOR_SPECIFIC else key[2:3]
            if number and number[0] in self._modules:
                self._load(number[0])
        return self._by_key.get(key) or (self._base.find(key) if self._base else None)

    def get(self, name: str) -> Attribute[object] | None:
        """The attribute of this name, whatever its case, or None."""
        wanted = name.lower()
        if wanted not in self._by_name:
            self._load_prefixes(wanted)
        return self._by_name.get(wanted) or (self._base.get(name) if self._base else None)

    def outside_vendors(self, name: str) -> Attribute[Any] | None:
        """The attribute of this name in the RADIUS space itself, or None; no vendor is met for it."""
        found = self._by_name.get(name.lower())
        if found is not None and found.within is None:
            return found
        return self._base.outside_vendors(name) if self._base else None

    def __getitem__(self, name: str) -> Attribute[object]:
        """The attribute of this name. Raises EncodeError (naming near misses) where there is none."""
        found = self.get(name)
        if found is None:
            raise EncodeError(f"no attribute is called {name!r}{self._suggestion(name)}")
        return found

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __iter__(self) -> Iterator[Attribute[object]]:
        """Every attribute, those of the base and of vendors not met so far included."""
        self.load_all()
        seen = set(self._by_name)
        yield from self._by_name.values()
        for attribute in self._base or ():
            if attribute.name.lower() not in seen:
                yield attribute

    @property
    def vendors(self) -> Iterable[Vendor]:
        """Every vendor."""
        self.load_all()
        inherited = {vendor.number: vendor for vendor in (self._base.vendors if self._base else ())}
        return (inherited | self._vendors).values()

    def parse(self, text: str) -> AVP:
        """An AVP from ``Name = value`` or ``Name:tag = value``, quotes round the value optional.

        Raises:
            EncodeError: no such attribute, or the value does not fit.
        """
        name, separator, value = text.partition("=")
        if not separator:
            raise EncodeError(f"{text.strip()!r} is not NAME=VALUE")
        return self.avp(name.strip(), _unquoted(value.strip()))

    def avp(self, name: str, value: object) -> AVP:
        """An AVP by name; a str value is read as a person types it, any other is the typed value."""
        bare, _, tag = name.partition(":")
        attribute = self[bare]
        if tag and not tag.isdecimal():
            raise EncodeError(f"{name}: the tag after the colon is not a number")
        if isinstance(value, str):
            return attribute.parse(value, tag=int(tag or 0))
        return attribute(value, tag=int(tag or 0))

    def load_all(self) -> None:
        """Import the modules of all vendors that were not met so far."""
        while self._modules:
            self._load(next(iter(self._modules)))

    def _load_prefixes(self, wanted: str) -> None:
        for number, (_, prefixes) in list(self._modules.items()):
            if number in self._modules and wanted.startswith(prefixes):
                self._load(number)

    def _load(self, number: int) -> None:
        """Import a vendor's module, and with it the other vendors that it holds."""
        name, _ = self._modules[number]
        self._modules = {other: entry for other, entry in self._modules.items() if entry[0] != name}
        self.add_module(importlib.import_module(f"trioradius.attributes.{name}"))

    def _suggestion(self, name: str) -> str:
        import difflib

        near = difflib.get_close_matches(name.lower(), [attribute.name.lower() for attribute in self], 1)
        return f"; did you mean {self[near[0]].name}?" if near else ""


def _unquoted(text: str) -> str:
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    return text
