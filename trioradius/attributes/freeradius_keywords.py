"""What each keyword of a FreeRADIUS dictionary does, one method a keyword.

FreeRADIUS 3 keeps all names in one list; 4 keeps the names of a vendor or TLV within it. Here every attribute has a
name in the one list: a vendor's name of FreeRADIUS 4, Rate-Limit, becomes Mikrotik-Rate-Limit, as FreeRADIUS 3 calls
it, and is found under Vendor-Specific.Mikrotik.Rate-Limit as well.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from trioradius.attributes.attribute import Attribute, Vendor
from trioradius.attributes.datatypes import DataType
from trioradius.attributes.dictionary import Dictionary
from trioradius.attributes.freeradius_definitions import (
    CONTAINERS,
    Definitions,
    Index,
    NamedValueLine,
    Path,
    Place,
    Scope,
    number,
)
from trioradius.attributes.freeradius_structs import Struct, member_of
from trioradius.attributes.freeradius_types import datatype, flags_of, interpret, option_of
from trioradius.attributes.structure import structure
from trioradius.errors import DictionaryError

TYPE_OCTETS: Final = (1, 2, 4)
LENGTH_OCTETS: Final = (0, 1, 2)
UNNUMBERED: Final = 1 << 24
"""Where the numbers of DEFINE start: beyond all that can be sent."""


class Block(NamedTuple):
    """A BEGIN that waits for its END."""

    keyword: str
    name: str
    scope: Scope | None
    place: Place


class Later(NamedTuple):
    """What has to wait until all files are read, and where it stands."""

    place: Place
    act: Callable[[], None]


class Reader:
    """Understands one line after the other. Each method with ``words`` is a keyword's.

    They raise ValueError for a line that is malformed.
    """

    def __init__(self, base: Dictionary | None) -> None:
        self.blocks: list[Block] = []
        self.place: Place = (pathlib.Path(), 0)
        self._index = Index(base)
        self._enumerations: dict[str, Attribute[Any]] = {}
        self._structs: dict[int, Struct] = {}
        self._struct: tuple[Struct, int | None] | None = None
        self._relative_to: Attribute[Any] | None = None
        self._scoped = False
        self._defined = UNNUMBERED
        self._values_to_come: list[Later] = []
        self._references: list[Later] = []

    def understand(self, words: list[str]) -> None:
        """Take in one line. Raises ValueError where it is malformed."""
        keyword = KEYWORDS.get(words[0].upper())
        if keyword is None:
            raise ValueError(f"unknown keyword {words[0]!r}")
        if len(words) <= keyword.least:
            raise ValueError(f"{words[0]} wants {keyword.usage}")
        keyword.act(self, words[1:])

    def require_closed(self, depth: int) -> None:
        """Raise DictionaryError where a file ends with a block that it began and did not end."""
        if len(self.blocks) > depth:
            block = self.blocks[-1]
            file, line = block.place
            raise DictionaryError(f"{block.keyword} {block.name} is never closed", file=file, line=line)

    def finish(self) -> Definitions:
        """All definitions, once everything that had to wait is done. Raises DictionaryError where it cannot be."""
        # A VALUE from before its ATTRIBUTE must not replace the name that a later line shows: last one first.
        for later in (*reversed(self._values_to_come), *self._references):
            try:
                later.act()
            except ValueError as error:
                file, line = later.place
                raise DictionaryError(str(error), file=file, line=line) from None
        return self._index.found

    # Attributes and values.

    def attribute(self, words: list[str]) -> None:
        """ATTRIBUTE name number type [flags]."""
        path = self._path(words[1])
        attribute = self._add(words[0], path, self._index.container(path), words[2], words[3:])
        if attribute.datatype.name in CONTAINERS and words[1][0] != ".":
            self._relative_to = attribute

    def define(self, words: list[str]) -> None:
        """DEFINE name type [flags]: an attribute without a number, which is never sent."""
        self._defined += 1
        self._add(words[0], (self._defined,), None, words[1], words[2:])

    def value(self, words: list[str]) -> None:
        """VALUE attribute name number; it may stand before its ATTRIBUTE."""
        attribute = self._named(words[0])
        if attribute is not None:
            self._name_value(attribute, words[1], words[2])
        else:
            self._values_to_come.append(Later(self.place, lambda: self._late_value(*words[:3])))

    def enumeration(self, words: list[str]) -> None:
        """ENUM name type: values to be shared by ``enum=``."""
        self._enumerations[words[0].lower()] = Attribute(words[0], 0, datatype(words[1]))

    def alias(self, words: list[str]) -> None:
        """ALIAS name reference: another name for an attribute."""
        scope = self._scope_path()
        self._references.append(Later(self.place, lambda: self._alias(words[0], words[1], scope)))

    def flags(self, words: list[str]) -> None:
        """FLAGS internal: what follows is never sent, which its number says as well."""
        for flag in flags_of(words):
            interpret(flag.removeprefix("!"), {})

    def _add(self, name: str, path: Path, within: Scope | None, type_name: str, flags: list[str]) -> Attribute[Any]:
        kind: DataType[Any] = datatype(type_name)
        arguments: dict[str, Any] = {"concat": True} if type_name == "concat" else {}
        for flag in flags_of(flags):
            vendor = self._index.vendor(flag) if within is None and self._index.is_vendor(flag) else None
            if vendor is not None:
                within = vendor
            else:
                kind = interpret(flag, arguments) or kind
        full_name = self._index.full_name(name, within, scoped=self._scoped)
        attribute = Attribute(full_name, path[-1], kind, within=within, **arguments)
        if type_name.startswith("struct"):
            self._begin_struct(attribute)
        self._index.add(name, attribute, scoped=self._scoped)
        if flags:
            self._note_references(attribute, flags)
        return attribute

    def _note_references(self, attribute: Attribute[Any], flags: list[str]) -> None:
        for name, act in (("enum", self._share_values), ("clone", self._clone)):
            reference = option_of(flags, name)
            if reference:
                self._references.append(Later(self.place, _acting(act, attribute, reference, self._scope_path())))

    def _path(self, text: str) -> Path:
        """The place of an attribute, from its number within the block or, with a dot in front, the last TLV."""
        if "." not in text:
            return *self._scope_path(), number(text)
        if text[0] != ".":
            return *self._scope_path(), *map(number, text.split("."))
        if self._relative_to is None:
            raise ValueError(f"{text} follows no TLV")
        return *self._relative_to.path, *map(number, text[1:].split("."))

    def _named(self, name: str) -> Attribute[Any] | None:
        scopes = [block.scope.path for block in self.blocks if block.scope is not None]
        return self._enumerations.get(name.lower()) or self._index.named(name, scopes)

    def _late_value(self, attribute_name: str, name: str, text: str) -> None:
        attribute = self._index.named(attribute_name, [])
        if attribute is not None:
            shown = dict(attribute.values)
            self._name_value(attribute, name, text)
            attribute.values.update(shown)
            return
        attribute = self._index.inherited(attribute_name)
        if attribute is None:
            raise ValueError(f"VALUE {name} is for {attribute_name}, which nothing defines")
        self._name_value(attribute, name, text)

    def _name_value(self, attribute: Attribute[Any], name: str, text: str) -> None:
        value = _value(attribute, text)
        attribute.name_value(name, value)
        self._index.found.values.append(NamedValueLine(attribute, name, value))

    def _share_values(self, attribute: Attribute[Any], reference: str, scope: Path) -> None:
        source = self._enumerations.get(reference.lstrip("@.").lower()) or self._index.referred(reference, scope)
        attribute.values.update(source.values)
        attribute.names.update(source.names)

    def _clone(self, attribute: Attribute[Any], reference: str, scope: Path) -> None:
        """Give a TLV what lies within another, or a struct the fields of another."""
        source = self._index.referred(reference, scope)
        if source.datatype.name == "struct":
            attribute.written_as(source.datatype)
        for child in source.children.values():
            self._clone_child(attribute, child)

    def _clone_child(self, parent: Attribute[Any], child: Attribute[Any]) -> None:
        short = child.name.rpartition(".")[2]
        twin = Attribute(
            f"{parent.name}.{short}", child.number, child.datatype, within=parent,
            encrypt=child.encrypt, tagged=child.tagged, concat=child.concat, array=child.array, secret=child.secret,
        )  # fmt: skip
        twin.values, twin.names = child.values, child.names
        self._index.found.attributes.append(twin)
        for grandchild in child.children.values():
            self._clone_child(twin, grandchild)

    def _alias(self, name: str, reference: str, scope: Path) -> None:
        self._index.found.aliases[name] = self._index.referred(reference, scope)

    # Blocks.

    def vendor(self, words: list[str]) -> None:
        """VENDOR name number [format=types,lengths[,c]]."""
        types, lengths, continuation = _vendor_format(words[2:])
        self._index.add_vendor(Vendor(number(words[1]), words[0], types, lengths, continuation))

    def begin_vendor(self, words: list[str]) -> None:
        """BEGIN-VENDOR name [format=Extended-Vendor-Specific-N | parent=reference]."""
        vendor = self._index.vendor(words[0])
        if vendor is None:
            raise ValueError(f"unknown vendor {words[0]!r}")
        parent = option_of(words[1:], "parent") or option_of(words[1:], "format")
        if parent:
            vendor = self._index.extended_vendor(vendor, parent)
        self._index.open_vendor(vendor)
        self._begin("BEGIN-VENDOR", words[0], vendor)

    def begin_tlv(self, words: list[str]) -> None:
        """BEGIN-TLV name, or BEGIN name: what follows lies within that attribute."""
        attribute = self._named(words[0]) or self._index.inherited(words[0])
        if attribute is None:
            raise ValueError(f"no attribute is called {words[0]!r}")
        if attribute.datatype.name not in CONTAINERS:
            raise ValueError(f"{words[0]} is of type {attribute.datatype.name}, which contains nothing")
        if id(attribute) in self._structs:
            self._struct = self._structs[id(attribute)], None
        self._begin("BEGIN-TLV", words[0], attribute)

    def begin_protocol(self, words: list[str]) -> None:
        """BEGIN-PROTOCOL RADIUS: names are those of FreeRADIUS 4."""
        self.protocol(words)
        self._scoped = True
        self._begin("BEGIN-PROTOCOL", words[0], None)

    def protocol(self, words: list[str]) -> None:
        """PROTOCOL RADIUS 1."""
        if words[0].upper() != "RADIUS":
            raise ValueError(f"{words[0]} is another protocol; only dictionaries of RADIUS can be read")

    def end_vendor(self, words: list[str]) -> None:
        """END-VENDOR name."""
        self._end("BEGIN-VENDOR", "END-VENDOR", words)

    def end_tlv(self, words: list[str]) -> None:
        """END-TLV name, or END [name]."""
        self._end("BEGIN-TLV", "END-TLV", words)

    def end_protocol(self, words: list[str]) -> None:
        """END-PROTOCOL RADIUS."""
        self._end("BEGIN-PROTOCOL", "END-PROTOCOL", words)
        self._scoped = any(block.keyword == "BEGIN-PROTOCOL" for block in self.blocks)

    def _begin(self, keyword: str, name: str, scope: Scope | None) -> None:
        self.blocks.append(Block(keyword, name, scope, self.place))

    def _end(self, begin: str, end: str, words: list[str]) -> None:
        if not self.blocks or self.blocks[-1].keyword != begin:
            raise ValueError(f"{end} without {begin}")
        begun = self.blocks[-1]
        if words and words[0].lower() != begun.name.lower():
            raise ValueError(f"{end} {words[0]} does not close {begin} {begun.name} of line {begun.place[1]}")
        self.blocks.pop()

    def _scope_path(self) -> Path:
        scope = self.blocks[-1].scope if self.blocks else None
        return scope.path if scope is not None else ()

    # Structs.

    def _begin_struct(self, attribute: Attribute[Any]) -> None:
        attribute.written_as(structure())
        struct = self._structs[id(attribute)] = Struct(attribute)
        self._struct = struct, None

    def struct(self, words: list[str]) -> None:
        """STRUCT name key value: the fields that follow where the key field of the last struct has this value."""
        if self._struct is None:
            raise ValueError(f"STRUCT {words[0]} follows no attribute of type struct")
        struct = self._struct[0]
        if words[1].rpartition(".")[2] != struct.key:
            raise ValueError(f"{words[1]} is no key field of {struct.attribute.name}")
        variant = number(words[2])
        struct.variants[variant] = []
        self._struct = struct, variant

    def member(self, words: list[str]) -> None:
        """MEMBER name type [flags]: a field of the last struct."""
        if self._struct is None:
            raise ValueError(f"MEMBER {words[0]} follows no attribute of type struct")
        struct, variant = self._struct
        if "key" in flags_of(words[2:]) and variant is None:
            struct.key = words[0]
        struct.add(member_of(words), variant)


class Keyword(NamedTuple):
    """How a line of one keyword is understood, and the least number of words that it has after the keyword."""

    act: Callable[[Reader, list[str]], None]
    least: int
    usage: str


KEYWORDS: Final = {
    "ALIAS": Keyword(Reader.alias, 2, "a name and a reference"),
    "ATTRIBUTE": Keyword(Reader.attribute, 3, "a name, a number and a type"),
    "BEGIN": Keyword(Reader.begin_tlv, 1, "the name of an attribute"),
    "BEGIN-PROTOCOL": Keyword(Reader.begin_protocol, 1, "the name of a protocol"),
    "BEGIN-TLV": Keyword(Reader.begin_tlv, 1, "the name of an attribute"),
    "BEGIN-VENDOR": Keyword(Reader.begin_vendor, 1, "the name of a vendor"),
    "DEFINE": Keyword(Reader.define, 2, "a name and a type"),
    "END": Keyword(Reader.end_tlv, 0, ""),
    "END-PROTOCOL": Keyword(Reader.end_protocol, 1, "the name of a protocol"),
    "END-TLV": Keyword(Reader.end_tlv, 1, "the name of an attribute"),
    "END-VENDOR": Keyword(Reader.end_vendor, 1, "the name of a vendor"),
    "ENUM": Keyword(Reader.enumeration, 2, "a name and a type"),
    "FLAGS": Keyword(Reader.flags, 1, "a flag"),
    "FLAG": Keyword(Reader.flags, 1, "a flag"),
    "MEMBER": Keyword(Reader.member, 2, "a name and a type"),
    "PROTOCOL": Keyword(Reader.protocol, 2, "a name and a number"),
    "STRUCT": Keyword(Reader.struct, 3, "a name, a key field and its value"),
    "VALUE": Keyword(Reader.value, 3, "an attribute, a name and a number"),
    "VENDOR": Keyword(Reader.vendor, 2, "a name and a number"),
}


def _acting(
    act: Callable[[Attribute[Any], str, Path], None], attribute: Attribute[Any], reference: str, scope: Path
) -> Callable[[], None]:
    return lambda: act(attribute, reference, scope)


def _vendor_format(words: list[str]) -> tuple[int, int, bool]:
    """The octets of a type, those of a length, and whether a continuation octet follows: ``format=1,1,c``."""
    if not words:
        return 1, 1, False
    keyword, _, text = words[0].partition("=")
    sizes = text.split(",")
    if keyword != "format" or not 2 <= len(sizes) <= 3 or sizes[2:] not in ([], ["c"]):
        raise ValueError(f"{words[0]!r} is not format=TYPE,LENGTH or format=TYPE,LENGTH,c")
    types, lengths = number(sizes[0]), number(sizes[1])
    if types not in TYPE_OCTETS or lengths not in LENGTH_OCTETS:
        raise ValueError(f"a type has 1, 2 or 4 octets and a length 0, 1 or 2, not {sizes[0]} and {sizes[1]}")
    return types, lengths, len(sizes) == 3


def _value(attribute: Attribute[Any], text: str) -> object:
    kind = attribute.datatype
    if kind.name in CONTAINERS:
        raise ValueError(f"{attribute.name} is of type {kind.name}, whose values have no names")
    try:
        value = number(text) if text[:2] == "0x" and kind.size else kind.parse(text)
        kind.encode(value)
    except ValueError:
        raise ValueError(f"{text!r} is not a value that {attribute.name} ({kind.name}) can have") from None
    return value
