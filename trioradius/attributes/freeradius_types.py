"""What the words of a FreeRADIUS dictionary mean: data types and flags, as tables.

The names of FreeRADIUS 2, 3 and 4 and of RFC 8044 stand side by side; they do not contradict each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from trioradius.attributes import datatypes
from trioradius.attributes.attribute import ASCEND_HIDING, SALTED_HIDING, TLV, USER_PASSWORD_HIDING
from trioradius.attributes.datatypes import DataType

DATATYPES: Final[dict[str, DataType[Any]]] = {
    "abinary": datatypes.BINARY_FILTER,
    "bool": datatypes.BOOLEAN,
    "byte": datatypes.BYTE,
    "combo-ip": datatypes.COMBO_ADDRESS,
    "combo-ip-addr": datatypes.COMBO_ADDRESS,
    "concat": datatypes.OCTETS,
    "date": datatypes.DATE,
    "enum": datatypes.INTEGER,
    "ether": datatypes.ETHER,
    "ethernet": datatypes.ETHER,
    "evs": datatypes.EXTENDED_VENDOR,
    "extended": datatypes.EXTENDED,
    "float32": datatypes.FLOAT32,
    "float64": datatypes.FLOAT64,
    "ifid": datatypes.INTERFACE_ID,
    "int16": datatypes.SIGNED16,
    "int32": datatypes.SIGNED,
    "int64": datatypes.SIGNED64,
    "int8": datatypes.SIGNED8,
    "integer": datatypes.INTEGER,
    "integer64": datatypes.INTEGER64,
    "ipaddr": datatypes.IPV4_ADDRESS,
    "ipv4addr": datatypes.IPV4_ADDRESS,
    "ipv4prefix": datatypes.IPV4_PREFIX,
    "ipv6addr": datatypes.IPV6_ADDRESS,
    "ipv6prefix": datatypes.IPV6_PREFIX,
    "long-extended": datatypes.LONG_EXTENDED,
    "octets": datatypes.OCTETS,
    "short": datatypes.SHORT,
    "signed": datatypes.SIGNED,
    "string": datatypes.TEXT,
    "text": datatypes.TEXT,
    "time": datatypes.DATE,
    "time_delta": datatypes.INTEGER,
    "tlv": TLV,
    "uint16": datatypes.SHORT,
    "uint24": datatypes.UINT24,
    "uint32": datatypes.INTEGER,
    "uint64": datatypes.INTEGER64,
    "uint8": datatypes.BYTE,
    "vendor": datatypes.VENDOR_SPECIFIC,
    "vsa": datatypes.VENDOR_SPECIFIC,
}
"""What each type name reads and writes; any other name is raw octets, so that nothing is ever lost."""

ENCRYPTIONS: Final = {
    "1": USER_PASSWORD_HIDING,
    "user-password": USER_PASSWORD_HIDING,
    "2": SALTED_HIDING,
    "tunnel-password": SALTED_HIDING,
    "3": ASCEND_HIDING,
    "ascend-secret": ASCEND_HIDING,
    "0": 0,
    "none": 0,
}

OPTIONS: Final[dict[str, str]] = {"has_tag": "tagged", "concat": "concat", "array": "array", "secret": "secret"}
"""Flags that are keyword arguments of Attribute."""

RETYPED: Final[dict[str, DataType[Any]]] = {
    "abinary": datatypes.BINARY_FILTER,
    "extended": datatypes.EXTENDED,
    "long": datatypes.LONG_EXTENDED,
    "long_extended": datatypes.LONG_EXTENDED,
    "long-extended": datatypes.LONG_EXTENDED,
}
"""Flags of FreeRADIUS 4 that were data types in FreeRADIUS 3."""

MEANINGLESS: Final = frozenset(
    {"internal", "virtual", "counter", "unsafe", "key", "clone", "enum", "ref", "length", "offset", "precision"}
    | {"seconds", "milliseconds", "microseconds", "nanoseconds", "subtype", "migration", "name_only", "allow_flat"}
    | {"runtime", "local", "is_known_width", "exact"}
)
"""Flags that change nothing here, or that are looked up by name where they matter."""


def datatype(name: str) -> DataType[Any]:
    """The data type of this name; raw octets where nobody knows it. Raises ValueError for a malformed length."""
    known = DATATYPES.get(name)
    if known is not None:
        return known
    lowered, bracket, length = name.lower().partition("[")
    if not bracket:
        return DATATYPES.get(lowered, datatypes.OCTETS)
    if not length.endswith("]") or not length[:-1].isdecimal() or not 0 < int(length[:-1]) < 256:
        raise ValueError(f"the length in {name!r} is not a number from 1 to 255")
    return datatypes.octets_of(int(length[:-1])) if lowered == "octets" else DATATYPES.get(lowered, datatypes.OCTETS)


def _option(arguments: dict[str, Any], value: str, argument: str) -> None:
    arguments[argument] = value.lower() not in ("no", "false", "0")


def interpret(word: str, arguments: dict[str, Any]) -> DataType[Any] | None:
    """Enter what a flag says into the arguments of an Attribute; the data type it demands, if it does.

    Raises ValueError for a flag nobody knows.
    """
    name, _, value = word.partition("=")
    name = name.lower()
    if name in OPTIONS:
        _option(arguments, value, OPTIONS[name])
    elif name == "encrypt":
        arguments["encrypt"] = _encryption(value)
    elif name in RETYPED:
        return RETYPED[name]
    elif name not in MEANINGLESS and name not in DATATYPES:
        raise ValueError(f"unknown flag {word!r}")
    return None


def _encryption(value: str) -> int:
    if value.lower() not in ENCRYPTIONS:
        raise ValueError(f"unknown encryption {value!r}: 1, 2 and 3 are known")
    return ENCRYPTIONS[value.lower()]


def flags_of(words: list[str]) -> Iterator[str]:
    """The flags in the last words of a line, which commas and spaces part."""
    return (flag for word in words for flag in word.split(",") if flag)


def option_of(words: list[str], name: str) -> str:
    """What stands after ``name=`` among these words."""
    wanted = name + "="
    return next((flag.removeprefix(wanted) for flag in flags_of(words) if flag.startswith(wanted)), "")
