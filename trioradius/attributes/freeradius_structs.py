"""STRUCT and MEMBER lines, as far as they have been read."""

from __future__ import annotations

from typing import Any

import attrs

from trioradius.attributes.attribute import Attribute
from trioradius.attributes.freeradius_definitions import CONTAINERS, number
from trioradius.attributes.freeradius_types import datatype, flags_of, option_of
from trioradius.attributes.structure import Member, structure


@attrs.define
class Struct:
    """A struct whose MEMBER lines are being read."""

    attribute: Attribute[Any]
    members: list[Member] = attrs.field(factory=list)
    key: str = ""
    variants: dict[int, list[Member]] = attrs.field(factory=dict)

    def add(self, member: Member, variant: int | None) -> None:
        """Add a field, to the struct itself or to what follows where its key has a value."""
        (self.members if variant is None else self.variants[variant]).append(member)
        self.attribute.written_as(structure(*self.members, key=self.key, variants=self.variants))


def member_of(words: list[str]) -> Member:
    """The field that the words after MEMBER describe. Raises ValueError for a malformed size."""
    bare, bracket, size = words[1].partition("[")
    flags = list(flags_of(words[2:]))
    if bare == "bit" and bracket:
        return Member(words[0], datatype("uint64"), bits=number(size.removesuffix("]")))
    length_octets = {"uint8": 1, "uint16": 2}.get(option_of(flags, "length"), 0)
    kind = datatype("octets" if bare in CONTAINERS else words[1])
    return Member(words[0], kind, length_octets=length_octets)
