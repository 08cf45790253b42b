"""The data types of RFC 8044 and FreeRADIUS: a Python value to octets, octets to a value, and both as text.

A DataType is four functions in one value. They raise ValueError for what does not fit; Attribute turns
that into EncodeError on the way out and into "malformed, so absent" on the way in.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final, Generic, Self, TypeVar

import attrs

T = TypeVar("T")
_DECIMAL: Final = {str(number): number for number in range(256)}
"""Reads an IPv4 address four times as fast as IPv4Address, for the texts that every reply carries."""
_GROUP: Final = re.compile("[0-9a-fA-F]{1,4}")
_ETHER: Final = re.compile("(?:[0-9a-fA-F]{2}[:-]?){5}[0-9a-fA-F]{2}|(?:[0-9a-fA-F]{4}[.]){2}[0-9a-fA-F]{4}")


@attrs.frozen(repr=False)
class DataType(Generic[T]):
    """How one kind of value is written.

    encode and decode translate between the value and its octets in network byte order; parse reads the text a
    person types; show writes it. ``size`` is the fixed length in octets, or None.
    """

    name: str
    encode: Callable[[T], bytes]
    decode: Callable[[bytes], T]
    parse: Callable[[str], T]
    show: Callable[[T], str] = str
    size: int | None = None

    def __repr__(self) -> str:
        return self.name


class NamedValue(int):
    """An integer that a dictionary gave a name (RFC 8044 section 3.2). It is the number; it prints as the name."""

    name: str

    def __new__(cls, number: int, name: str) -> Self:
        value = super().__new__(cls, number)
        value.name = name
        return value

    def __repr__(self) -> str:
        return self.name

    __str__ = __repr__

    def __reduce__(self) -> tuple[type[NamedValue], tuple[int, str]]:
        return NamedValue, (int(self), self.name)


def _require(condition: object, problem: str) -> None:
    if not condition:
        raise ValueError(problem)


def integer(name: str, size: int, *, signed: bool = False) -> DataType[int]:
    """An integer of ``size`` octets (RFC 8044 sections 3.1, 3.2, 3.12). A bool is none: it is most often a mistake."""
    problem = f"wants an integer of {size} octet{'s' if size > 1 else ''}"

    def encode(value: int) -> bytes:
        if value is True or value is False:
            raise ValueError(problem)
        try:
            return value.to_bytes(size, "big", signed=signed)
        except (AttributeError, OverflowError):
            raise ValueError(problem) from None

    def decode(octets: bytes) -> int:
        if len(octets) != size:
            raise ValueError(f"is {len(octets)} octets, not {size}")
        return int.from_bytes(octets, "big", signed=signed)

    def parse(text: str) -> int:
        return int(text, 0) if text[:2].lower() == "0x" else int(text)

    return DataType(name, encode, decode, parse, lambda value: format(value, "d"), size)


def _encode_text(value: str) -> bytes:
    """RFC 8044 section 3.4: UTF-8."""
    try:
        return str.encode(value)
    except TypeError:
        raise ValueError("wants a str") from None


def _encode_octets(value: bytes) -> bytes:
    """RFC 8044 section 3.5."""
    _require(isinstance(value, bytes | bytearray | memoryview), "wants bytes")
    return bytes(value)


def _parse_octets(text: str) -> bytes:
    """Octets from text as a person types them: 0x and hexadecimal digits, anything else as UTF-8."""
    return bytes.fromhex(text[2:]) if text[:2].lower() == "0x" else text.encode()


def _show_octets(value: bytes) -> str:
    return "0x" + value.hex()


def _decode_ipv4(octets: bytes) -> IPv4Address:
    _require(len(octets) == 4, "is not 4 octets")
    return IPv4Address(octets)


def _decode_ipv6(octets: bytes) -> IPv6Address:
    _require(len(octets) == 16, "is not 16 octets")
    return IPv6Address(octets)


def _ipv4_octets(value: IPv4Address | str) -> bytes:
    """RFC 8044 section 3.8. IPv4Address would take an int as well, which is most often a mistake."""
    if isinstance(value, IPv4Address):
        return value.packed
    _require(isinstance(value, str), "wants an IPv4Address or a str")
    try:
        first, second, third, fourth = map(_DECIMAL.__getitem__, value.split("."))
    except (KeyError, ValueError):
        return IPv4Address(value).packed  # which says what is wrong
    return bytes((first, second, third, fourth))


def _ipv6_octets(value: IPv6Address | str) -> bytes:
    """RFC 8044 section 3.9."""
    if not isinstance(value, IPv6Address):
        _require(isinstance(value, str), "wants an IPv6Address or a str")
        value = IPv6Address(value)
    _require(value.scope_id is None, "cannot carry a scope")
    return value.packed


def _combo_address(value: IPv4Address | IPv6Address | str) -> IPv4Address | IPv6Address:
    if isinstance(value, IPv4Address | IPv6Address):
        return value
    _require(isinstance(value, str), "wants an IPv4Address, an IPv6Address or a str")
    return IPv6Address(value) if ":" in value else IPv4Address(value)


def _combo_octets(value: IPv4Address | IPv6Address | str) -> bytes:
    address = _combo_address(value)
    return address.packed if isinstance(address, IPv4Address) else _ipv6_octets(address)


def _decode_combo(octets: bytes) -> IPv4Address | IPv6Address:
    _require(len(octets) in (4, 16), "is neither 4 nor 16 octets")
    return IPv4Address(octets) if len(octets) == 4 else IPv6Address(octets)


def _encode_ipv4_prefix(value: IPv4Network | str) -> bytes:
    """RFC 8044 section 3.11: bits outside of the prefix must be zero, which IPv4Network sees to."""
    _require(isinstance(value, IPv4Network | str), "wants an IPv4Network or a str")
    network = IPv4Network(value)
    return bytes((0, network.prefixlen)) + network.network_address.packed


def _decode_ipv4_prefix(octets: bytes) -> IPv4Network:
    """Reserved, prefix length, four octets. Bits outside of the prefix are ignored, since some NASes set them."""
    _require(len(octets) == 6 and octets[1] <= 32, "is not an IPv4 prefix")
    return IPv4Network((octets[2:], octets[1]), strict=False)


def _encode_ipv6_prefix(value: IPv6Network | str) -> bytes:
    """RFC 8044 section 3.10: no more octets of the prefix than its length needs."""
    _require(isinstance(value, IPv6Network | str), "wants an IPv6Network or a str")
    network = IPv6Network(value)
    shortest = (network.prefixlen + 7) // 8
    return bytes((0, network.prefixlen)) + network.network_address.packed[:shortest]


def _decode_ipv6_prefix(octets: bytes) -> IPv6Network:
    """Reserved, prefix length, up to sixteen octets; they may be more than the length needs."""
    _require(2 <= len(octets) <= 18 and octets[1] <= 128, "is not an IPv6 prefix")
    _require(len(octets) - 2 >= (octets[1] + 7) // 8, "is shorter than its prefix length")
    return IPv6Network((octets[2:].ljust(16, b"\0"), octets[1]), strict=False)


def _encode_date(value: datetime | int) -> bytes:
    """RFC 8044 section 3.3: seconds since 1970 in UTC, as 32 unsigned bits."""
    if isinstance(value, datetime):
        _require(value.tzinfo, "wants a datetime with a time zone, such as datetime.now(UTC)")
        value = int(value.timestamp())
    _require(type(value) is not bool and isinstance(value, int), "wants a datetime or seconds since 1970")
    _require(0 <= value < 1 << 32, "wants a moment between 1970 and 2106")
    return value.to_bytes(4, "big")


def _decode_date(octets: bytes) -> datetime:
    _require(len(octets) == 4, "is not 4 octets")
    return datetime.fromtimestamp(int.from_bytes(octets, "big"), UTC)


def _parse_date(text: str) -> datetime:
    """Seconds since 1970 or ISO 8601, which is UTC where it names no time zone."""
    if text.isdecimal():
        return _decode_date(_encode_date(int(text)))
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _fixed_octets(name: str, size: int) -> DataType[bytes]:
    def check(octets: bytes) -> bytes:
        octets = _encode_octets(octets)
        _require(len(octets) == size, f"is not {size} octets")
        return octets

    return DataType(name, check, check, _parse_octets, _show_octets, size)


def octets_of(size: int) -> DataType[bytes]:
    """FreeRADIUS ``octets[n]``: exactly ``size`` octets."""
    return _fixed_octets(f"octets[{size}]", size)


def _encode_interface(value: str) -> bytes:
    """RFC 8044 section 3.7: eight octets, written as four groups of up to four hexadecimal digits."""
    groups = value.split(":") if isinstance(value, str) else []
    _require(len(groups) == 4 and all(map(_GROUP.fullmatch, groups)), "wants four hexadecimal groups, as in 0:0:0:1")
    return b"".join(int(group, 16).to_bytes(2, "big") for group in groups)


def _decode_interface(octets: bytes) -> str:
    _require(len(octets) == 8, "is not 8 octets")
    return octets.hex(":", 2)


def _encode_ether(value: str) -> bytes:
    _require(isinstance(value, str) and _ETHER.fullmatch(value), "wants six octets, as in 00:11:22:33:44:55")
    return bytes.fromhex(re.sub("[:.-]", "", value))


def _decode_ether(octets: bytes) -> str:
    _require(len(octets) == 6, "is not 6 octets")
    return octets.hex(":")


def _encode_boolean(value: bool) -> bytes:
    _require(isinstance(value, int) and value in (0, 1), "wants True or False")
    return b"\1" if value else b"\0"


def _decode_boolean(octets: bytes) -> bool:
    _require(octets in (b"\0", b"\1"), "is neither 0 nor 1")
    return octets == b"\1"


def _parse_boolean(text: str) -> bool:
    _require(text.lower() in ("yes", "no", "true", "false", "1", "0"), "wants yes or no")
    return text.lower() in ("yes", "true", "1")


def _floating(name: str, layout: str) -> DataType[float]:
    size = struct.calcsize(layout)

    def encode(value: float) -> bytes:
        try:
            return struct.pack(layout, value)
        except (struct.error, OverflowError):
            raise ValueError(f"wants a number of {size} octets") from None

    def decode(octets: bytes) -> float:
        _require(len(octets) == size, f"is not {size} octets")
        return float(struct.unpack(layout, octets)[0])

    return DataType(name, encode, decode, float, str, size)


def _same(text: str) -> str:
    return text


INTEGER: Final = integer("integer", 4)
INTEGER64: Final = integer("integer64", 8)
BYTE: Final = integer("byte", 1)
SHORT: Final = integer("short", 2)
UINT24: Final = integer("uint24", 3)
SIGNED: Final = integer("signed", 4, signed=True)
SIGNED8: Final = integer("int8", 1, signed=True)
SIGNED16: Final = integer("int16", 2, signed=True)
SIGNED64: Final = integer("int64", 8, signed=True)
FLOAT32: Final = _floating("float32", "!f")
FLOAT64: Final = _floating("float64", "!d")
BOOLEAN: Final[DataType[bool]] = DataType("bool", _encode_boolean, _decode_boolean, _parse_boolean, size=1)
TEXT: Final[DataType[str]] = DataType("string", _encode_text, bytes.decode, _same, _same)
OCTETS: Final[DataType[bytes]] = DataType("octets", _encode_octets, bytes, _parse_octets, _show_octets)
DATE: Final[DataType[datetime]] = DataType(
    "date", _encode_date, _decode_date, _parse_date, lambda value: value.isoformat(), 4
)
IPV4_ADDRESS: Final[DataType[IPv4Address]] = DataType("ipaddr", _ipv4_octets, _decode_ipv4, IPv4Address, size=4)
IPV6_ADDRESS: Final[DataType[IPv6Address]] = DataType("ipv6addr", _ipv6_octets, _decode_ipv6, IPv6Address, size=16)
IPV4_PREFIX: Final[DataType[IPv4Network]] = DataType(
    "ipv4prefix", _encode_ipv4_prefix, _decode_ipv4_prefix, IPv4Network
)
IPV6_PREFIX: Final[DataType[IPv6Network]] = DataType(
    "ipv6prefix", _encode_ipv6_prefix, _decode_ipv6_prefix, IPv6Network
)
COMBO_ADDRESS: Final[DataType[IPv4Address | IPv6Address]] = DataType(
    "combo-ip", _combo_octets, _decode_combo, _combo_address
)
INTERFACE_ID: Final[DataType[str]] = DataType("ifid", _encode_interface, _decode_interface, _same, _same, 8)
ETHER: Final[DataType[str]] = DataType("ether", _encode_ether, _decode_ether, _same, _same, 6)
BINARY_FILTER: Final[DataType[bytes]] = DataType("abinary", _encode_octets, bytes, _parse_octets, _show_octets)
EXTENDED: Final[DataType[bytes]] = attrs.evolve(OCTETS, name="extended")
LONG_EXTENDED: Final[DataType[bytes]] = attrs.evolve(OCTETS, name="long-extended")
EXTENDED_VENDOR: Final[DataType[bytes]] = attrs.evolve(OCTETS, name="evs")
VENDOR_SPECIFIC: Final[DataType[bytes]] = attrs.evolve(OCTETS, name="vsa")
