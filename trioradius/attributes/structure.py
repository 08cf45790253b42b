"""STRUCT and MEMBER of FreeRADIUS 4: a value of several named fields, one after the other, without headers.

    (("Type", 2), ("Flags", 5), ("Name", "alice"))

A field of bits, a field whose length stands before it, and a key field whose value says what follows are all that
the format has; only the last field may have no size of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import attrs

from trioradius.attributes.datatypes import OCTETS, DataType

Fields: TypeAlias = tuple[tuple[str, object], ...]
Octets: TypeAlias = tuple[bytes, int]
"""What is still to be read, and how many bits of its first octet are taken."""


@attrs.frozen
class Member:
    """One field: ``bits`` for one smaller than its octets, ``length_octets`` where its length stands before it."""

    name: str
    datatype: DataType[Any]
    bits: int = 0
    length_octets: int = 0


def structure(
    *members: Member, key: str = "", variants: Mapping[int, Sequence[Member]] | None = None
) -> DataType[Fields]:
    """The data type of a value made of these fields.

    Args:
        members: the fields, in order.
        key: the name of the field whose value selects what follows.
        variants: the fields that follow, by that value; raw octets called ``data`` where it is none of them.
    """
    variants = variants or {}

    def decode(octets: bytes) -> Fields:
        found, rest = _read(members, octets)
        following = variants.get(dict(found).get(key)) if variants else ()  # type: ignore[call-overload]
        if following is not None:
            more, rest = _read(following, rest)
            found += more
        return (*found, ("data", rest)) if rest else tuple(found)

    def encode(fields: Fields) -> bytes:
        following = variants.get(dict(fields).get(key)) or ()  # type: ignore[call-overload]
        return _write([*members, *following], fields)

    def parse(text: str) -> Fields:
        typed = dict(_pair(part) for part in text.strip("{ }").split(","))
        following = variants.get(int(typed[key])) or () if key in typed else ()
        return tuple(
            (member.name, member.datatype.parse(typed[member.name]))
            for member in (*members, *following)
            if member.name in typed
        )

    return DataType("struct", encode, decode, parse, _show)


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise ValueError(f"{text.strip()!r} is not NAME=VALUE")
    return name.strip(), value.strip()


def _show(fields: Fields) -> str:
    return "{ " + ", ".join(f"{name} = {value}" for name, value in fields) + " }"


def _read(members: Sequence[Member], octets: bytes) -> tuple[list[tuple[str, object]], bytes]:
    """The fields at the start of these octets, and what follows them; raises ValueError where they are cut short."""
    found: list[tuple[str, object]] = []
    taken = 0
    for member in members:
        if member.bits:
            value, taken = _bits(octets, taken, member.bits)
            octets, taken = octets[taken // 8 :], taken % 8
        elif taken:
            raise ValueError(f"{member.name} does not start on an octet")
        else:
            part, octets = _cut(member, octets)
            value = member.datatype.decode(part)
        found.append((member.name, value))
    return found, octets


def _bits(octets: bytes, taken: int, bits: int) -> tuple[int, int]:
    end = taken + bits
    if len(octets) * 8 < end:
        raise ValueError("is too short for its fields")
    size = (end + 7) // 8
    return int.from_bytes(octets[:size], "big") >> (size * 8 - end) & ((1 << bits) - 1), end


def _cut(member: Member, octets: bytes) -> tuple[bytes, bytes]:
    start = member.length_octets
    size = int.from_bytes(octets[:start], "big") if start else member.datatype.size
    end = len(octets) if size is None else start + size
    if end > len(octets):
        raise ValueError(f"is too short for {member.name}")
    return octets[start:end], octets[end:]


def _write(members: Sequence[Member], fields: Fields) -> bytes:
    expected = [*members, *[Member("data", OCTETS)][: len(fields) - len(members)]]
    if [member.name for member in expected] != [name for name, _ in fields]:
        raise ValueError("wants the fields " + ", ".join(member.name for member in members))
    written, pending, taken = b"", 0, 0
    for member, (_, value) in zip(expected, fields, strict=True):
        if member.bits:
            pending, taken = pending << member.bits | _fitting(member, value), taken + member.bits
        elif taken:
            raise ValueError(f"{member.name} does not start on an octet")
        else:
            written += _octets(member, value)
        if taken % 8 == 0:
            written, pending, taken = written + pending.to_bytes(taken // 8, "big"), 0, 0
    if taken:
        raise ValueError("its fields of bits do not fill an octet")
    return written


def _octets(member: Member, value: object) -> bytes:
    octets = member.datatype.encode(value)
    if not member.length_octets:
        return octets
    if len(octets) >> 8 * member.length_octets:
        raise ValueError(f"{member.name} is too long for its length")
    return len(octets).to_bytes(member.length_octets, "big") + octets


def _fitting(member: Member, value: object) -> int:
    if not isinstance(value, int) or not 0 <= value < 1 << member.bits:
        raise ValueError(f"{member.name} wants a number of {member.bits} bits")
    return value
