"""Data types: octets known from RFC 8044 both ways, what does not fit, and round trips of everything that does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioradius.attributes import datatypes as dt
from trioradius.attributes.datatypes import DataType

ANY: list[DataType[Any]] = [
    *(value for value in vars(dt).values() if isinstance(value, DataType)),
    dt.octets_of(3),
]

KNOWN: list[tuple[DataType[Any], object, str]] = [
    (dt.INTEGER, 3600, "00000e10"),
    (dt.INTEGER, 0xFFFFFFFF, "ffffffff"),
    (dt.INTEGER64, 1 << 63, "8000000000000000"),
    (dt.BYTE, 255, "ff"),
    (dt.SHORT, 258, "0102"),
    (dt.UINT24, 0x010203, "010203"),
    (dt.SIGNED, -2, "fffffffe"),
    (dt.SIGNED8, -128, "80"),
    (dt.SIGNED16, -1, "ffff"),
    (dt.SIGNED64, -1, "ffffffffffffffff"),
    (dt.FLOAT32, 1.5, "3fc00000"),
    (dt.FLOAT64, -2.0, "c000000000000000"),
    (dt.BOOLEAN, True, "01"),
    (dt.BOOLEAN, False, "00"),
    (dt.DATE, datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC), "3b9aca00"),
    (dt.DATE, datetime(2106, 2, 7, 6, 28, 15, tzinfo=UTC), "ffffffff"),
    (dt.TEXT, "grüße", "6772c3bcc39f65"),
    (dt.OCTETS, b"\x00\xff", "00ff"),
    (dt.octets_of(2), b"\x00\xff", "00ff"),
    (dt.INTERFACE_ID, "0000:0000:0000:0001", "0000000000000001"),
    (dt.ETHER, "00:11:22:aa:bb:cc", "001122aabbcc"),
    (dt.IPV4_ADDRESS, IPv4Address("192.0.2.1"), "c0000201"),
    (dt.IPV6_ADDRESS, IPv6Address("2001:db8::1"), "20010db8000000000000000000000001"),
    (dt.IPV4_PREFIX, IPv4Network("192.0.2.0/24"), "0018c0000200"),
    (dt.IPV4_PREFIX, IPv4Network("0.0.0.0/0"), "000000000000"),
    (dt.IPV6_PREFIX, IPv6Network("::/0"), "0000"),
    (dt.IPV6_PREFIX, IPv6Network("2001:db8::/32"), "002020010db8"),
    (dt.IPV6_PREFIX, IPv6Network("2001:db8:8000::/33"), "002120010db880"),
    (dt.IPV6_PREFIX, IPv6Network("2001:db8::1/128"), "008020010db8000000000000000000000001"),
    (dt.COMBO_ADDRESS, IPv4Address("192.0.2.1"), "c0000201"),
    (dt.COMBO_ADDRESS, IPv6Address("::1"), "00000000000000000000000000000001"),
]


@pytest.mark.parametrize(("datatype", "value", "octets"), KNOWN)
def test_known_octets_both_ways(datatype: DataType[Any], value: object, octets: str) -> None:
    assert datatype.encode(value) == bytes.fromhex(octets)
    assert datatype.decode(bytes.fromhex(octets)) == value


@pytest.mark.parametrize(("datatype", "value", "octets"), KNOWN)
def test_text_form_reads_back(datatype: DataType[Any], value: object, octets: str) -> None:
    assert datatype.encode(datatype.parse(datatype.show(value))).hex() == octets


@pytest.mark.parametrize(
    ("datatype", "value", "octets"),
    [
        (dt.IPV4_ADDRESS, "192.0.2.1", "c0000201"),
        (dt.IPV6_ADDRESS, "::1", "00000000000000000000000000000001"),
        (dt.COMBO_ADDRESS, "192.0.2.1", "c0000201"),
        (dt.COMBO_ADDRESS, "::1", "00000000000000000000000000000001"),
        (dt.IPV4_PREFIX, "192.0.2.0/24", "0018c0000200"),
        (dt.IPV6_PREFIX, "2001:db8::/32", "002020010db8"),
        (dt.DATE, 1_000_000_000, "3b9aca00"),
        (dt.DATE, datetime(2001, 9, 9, 3, 46, 40, tzinfo=timezone(timedelta(hours=2))), "3b9aca00"),
        (dt.INTERFACE_ID, "0:0:0:1", "0000000000000001"),
        (dt.ETHER, "00-11-22-AA-BB-CC", "001122aabbcc"),
        (dt.ETHER, "0011.22aa.bbcc", "001122aabbcc"),
        (dt.ETHER, "001122aabbcc", "001122aabbcc"),
        (dt.OCTETS, bytearray(b"\x01"), "01"),
    ],
)
def test_other_forms_of_a_value(datatype: DataType[Any], value: object, octets: str) -> None:
    assert datatype.encode(value).hex() == octets


@pytest.mark.parametrize(
    ("datatype", "text", "octets"),
    [
        (dt.INTEGER, "0x10", "00000010"),
        (dt.SIGNED, "-5", "fffffffb"),
        (dt.OCTETS, "0x00ff", "00ff"),
        (dt.OCTETS, "alice", "616c696365"),
        (dt.DATE, "1000000000", "3b9aca00"),
        (dt.DATE, "2001-09-09T01:46:40", "3b9aca00"),
        (dt.DATE, "2001-09-09T03:46:40+02:00", "3b9aca00"),
        (dt.BOOLEAN, "Yes", "01"),
        (dt.BOOLEAN, "false", "00"),
    ],
)
def test_text_as_a_person_types_it(datatype: DataType[Any], text: str, octets: str) -> None:
    assert datatype.encode(datatype.parse(text)).hex() == octets


@pytest.mark.parametrize(
    ("datatype", "text"),
    [
        (dt.INTEGER, "many"),
        (dt.INTEGER, "0xfg"),
        (dt.OCTETS, "0xabc"),
        (dt.DATE, "yesterday"),
        (dt.DATE, "9" * 30),
        (dt.BOOLEAN, "maybe"),
        (dt.IPV4_ADDRESS, "192.0.2.256"),
        (dt.COMBO_ADDRESS, "1:2"),
    ],
)
def test_text_that_is_no_value(datatype: DataType[Any], text: str) -> None:
    with pytest.raises(ValueError):
        datatype.parse(text)


@pytest.mark.parametrize(
    ("datatype", "value"),
    [
        (dt.INTEGER, -1),
        (dt.INTEGER, 1 << 32),
        (dt.INTEGER, True),
        (dt.INTEGER, "5"),
        (dt.INTEGER, 5.0),
        (dt.INTEGER, None),
        (dt.INTEGER64, 1 << 64),
        (dt.BYTE, 256),
        (dt.SHORT, 1 << 16),
        (dt.SIGNED, 1 << 31),
        (dt.SIGNED8, 128),
        (dt.FLOAT32, 1e300),
        (dt.FLOAT32, "1.5"),
        (dt.BOOLEAN, "no"),
        (dt.BOOLEAN, 2),
        (dt.TEXT, b"alice"),
        (dt.TEXT, 5),
        (dt.TEXT, "\udc80"),
        (dt.OCTETS, "alice"),
        (dt.OCTETS, 5),
        (dt.octets_of(3), b"ab"),
        (dt.DATE, -1),
        (dt.DATE, 1 << 32),
        (dt.DATE, True),
        (dt.DATE, "2001-09-09"),
        (dt.DATE, datetime(2001, 9, 9)),
        (dt.DATE, datetime(1969, 12, 31, tzinfo=UTC)),
        (dt.IPV4_ADDRESS, 5),
        (dt.IPV4_ADDRESS, b"abcd"),
        (dt.IPV4_ADDRESS, "192.0.2"),
        (dt.IPV4_ADDRESS, "192.0.02.1"),
        (dt.IPV4_ADDRESS, IPv6Address("::1")),
        (dt.IPV6_ADDRESS, 5),
        (dt.IPV6_ADDRESS, "192.0.2.1"),
        (dt.IPV6_ADDRESS, "fe80::1%eth0"),
        (dt.COMBO_ADDRESS, 5),
        (dt.COMBO_ADDRESS, "fe80::1%eth0"),
        (dt.IPV4_PREFIX, "192.0.2.1/24"),
        (dt.IPV4_PREFIX, 5),
        (dt.IPV6_PREFIX, "2001:db8::1/32"),
        (dt.IPV6_PREFIX, b"abcd"),
        (dt.INTERFACE_ID, "0:0:1"),
        (dt.INTERFACE_ID, "0:0:0:+1"),
        (dt.INTERFACE_ID, "0:0:0:12345"),
        (dt.INTERFACE_ID, 1),
        (dt.ETHER, "00:11:22:33:44"),
        (dt.ETHER, "0:1:2:3:4:5"),
        (dt.ETHER, 1),
    ],
)
def test_a_value_that_does_not_fit(datatype: DataType[Any], value: object) -> None:
    with pytest.raises(ValueError):
        datatype.encode(value)


@pytest.mark.parametrize(
    ("datatype", "octets"),
    [
        (dt.BOOLEAN, "02"),
        (dt.TEXT, "ff"),
        (dt.COMBO_ADDRESS, "0102030405"),
        (dt.IPV4_PREFIX, "0018c00002"),
        (dt.IPV4_PREFIX, "0021c0000200"),
        (dt.IPV6_PREFIX, "00"),
        (dt.IPV6_PREFIX, "0081" + "00" * 16),
        (dt.IPV6_PREFIX, "0020" + "00" * 17),
        (dt.IPV6_PREFIX, "002020010d"),
    ],
)
def test_malformed_octets(datatype: DataType[Any], octets: str) -> None:
    with pytest.raises(ValueError):
        datatype.decode(bytes.fromhex(octets))


@pytest.mark.parametrize("datatype", [datatype for datatype in ANY if datatype.size], ids=repr)
@pytest.mark.parametrize("more", [-1, 1])
def test_a_fixed_size_is_exact(datatype: DataType[Any], more: int) -> None:
    assert datatype.size is not None
    with pytest.raises(ValueError):
        datatype.decode(bytes(datatype.size + more))


def test_bits_outside_a_received_prefix_are_ignored() -> None:
    assert dt.IPV4_PREFIX.decode(bytes.fromhex("0018c0000201")) == IPv4Network("192.0.2.0/24")
    assert dt.IPV6_PREFIX.decode(bytes.fromhex("002020010db8ffff")) == IPv6Network("2001:db8::/32")


@given(st.binary(max_size=20))
def test_octets_decode_or_raise_value_error(octets: bytes) -> None:
    for datatype in ANY:
        try:
            value = datatype.decode(octets)
        except ValueError:
            continue
        datatype.show(value)


MOMENTS = st.integers(0, (1 << 32) - 1).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
VALUES: list[tuple[DataType[Any], st.SearchStrategy[Any]]] = [
    *((kind, st.integers(0, (1 << 8 * (kind.size or 0)) - 1)) for kind in (dt.BYTE, dt.SHORT, dt.UINT24, dt.INTEGER)),
    (dt.INTEGER64, st.integers(0, (1 << 64) - 1)),
    (dt.SIGNED8, st.integers(-(1 << 7), (1 << 7) - 1)),
    (dt.SIGNED16, st.integers(-(1 << 15), (1 << 15) - 1)),
    (dt.SIGNED, st.integers(-(1 << 31), (1 << 31) - 1)),
    (dt.SIGNED64, st.integers(-(1 << 63), (1 << 63) - 1)),
    (dt.FLOAT32, st.floats(width=32, allow_nan=False)),
    (dt.FLOAT64, st.floats(allow_nan=False)),
    (dt.BOOLEAN, st.booleans()),
    (dt.TEXT, st.text()),
    (dt.OCTETS, st.binary()),
    (dt.DATE, MOMENTS),
    (dt.IPV4_ADDRESS, st.ip_addresses(v=4)),
    (dt.IPV6_ADDRESS, st.ip_addresses(v=6)),
    (dt.COMBO_ADDRESS, st.ip_addresses()),
    (
        dt.IPV4_PREFIX,
        st.builds(lambda a, n: IPv4Network((a, n), strict=False), st.ip_addresses(v=4), st.integers(0, 32)),
    ),
    (
        dt.IPV6_PREFIX,
        st.builds(lambda a, n: IPv6Network((a, n), strict=False), st.ip_addresses(v=6), st.integers(0, 128)),
    ),
    (dt.INTERFACE_ID, st.binary(min_size=8, max_size=8).map(lambda octets: octets.hex(":", 2))),
    (dt.ETHER, st.binary(min_size=6, max_size=6).map(lambda octets: octets.hex(":"))),
]


@pytest.mark.parametrize(("datatype", "values"), VALUES, ids=[datatype.name for datatype, _ in VALUES])
@given(data=st.data())
def test_every_value_comes_back(datatype: DataType[Any], values: st.SearchStrategy[Any], data: st.DataObject) -> None:
    value = data.draw(values)
    assert datatype.decode(datatype.encode(value)) == value


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_given_as_text(address: IPv4Address) -> None:
    assert dt.IPV4_ADDRESS.encode(str(address)) == address.packed  # type: ignore[arg-type]
