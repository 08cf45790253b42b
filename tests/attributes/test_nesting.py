"""Attributes within attributes: every vendor format, TLVs, extended types, fragments, and what is none of them."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioradius.attributes import datatypes as dt
from trioradius.attributes.attribute import TLV, Attribute, Vendor, unknown
from trioradius.attributes.nesting import (
    VENDOR_SPECIFIC,
    Entry,
    Pair,
    descend,
    expand,
    sub_attribute,
    sub_attributes,
)
from trioradius.errors import EncodeError

FORMS: Final = [
    (types, lengths, continued)
    for types, lengths, continued in itertools.product((1, 2, 4), (0, 1, 2), (False, True))
    if lengths or not continued
]
VENDORS: Final = {
    number: Vendor(number, f"Vendor-{number}", types, lengths, continued)
    for number, (types, lengths, continued) in enumerate(FORMS, 1)
}
WIMAX: Final = Vendor(24757, "WiMAX", continuation=True)
VENDORS[24757] = WIMAX


def pairs(wire: bytes) -> list[Pair]:
    """The attributes of a packet, which have the form of TLVs."""
    return list(sub_attributes(wire))


def opened(wire: bytes) -> list[Entry]:
    return expand(pairs(wire), VENDORS.get)


def closed(entries: Iterable[Entry]) -> bytes:
    """Every entry on the wire again, under whatever name."""
    return b"".join(
        unknown(key, within=VENDORS.get(key[1]) if isinstance(key, tuple) and key[0] == 26 else None)
        .avp(octets)
        .wire(None)
        for key, octets in entries
    )


class TestVendorSpecific:
    """RFC 2865 section 5.26."""

    @pytest.mark.parametrize(
        ("form", "wire"),
        [
            ((1, 1, False), "1a09 00000009 01 03 78"),
            ((1, 0, False), "1a08 00000009 01 78"),
            ((1, 2, False), "1a0a 00000009 01 0004 78"),
            ((2, 1, False), "1a0a 00000009 0001 04 78"),
            ((2, 2, False), "1a0b 00000009 0001 0005 78"),
            ((4, 0, False), "1a0b 00000009 00000001 78"),
            ((4, 2, False), "1a0d 00000009 00000001 0007 78"),
            ((1, 1, True), "1a0a 00000009 01 04 00 78"),
        ],
    )
    def test_known_octets_of_each_form(self, form: tuple[int, int, bool], wire: str) -> None:
        attribute = Attribute("Text", 1, dt.TEXT, within=Vendor(9, "Vendor", *form))
        assert attribute("x").wire(None) == bytes.fromhex(wire)
        assert expand(pairs(bytes.fromhex(wire)), lambda _: attribute.vendor) == [((26, 9, 1), b"x")]

    @pytest.mark.parametrize("vendor", VENDORS.values(), ids=str)
    @given(octets=st.binary(max_size=600), number=st.integers(1, 255))
    def test_every_form_comes_back(self, vendor: Vendor, octets: bytes, number: int) -> None:
        attribute = Attribute("Octets", number, dt.OCTETS, within=vendor)
        octets = octets[: attribute.capacity]
        assert opened(attribute(octets).wire(None)) == [(attribute.key, octets)]

    @pytest.mark.parametrize("vendor", [vendor for vendor in VENDORS.values() if not vendor.continuation], ids=str)
    def test_capacity_is_exact(self, vendor: Vendor) -> None:
        attribute = Attribute("Octets", 1, dt.OCTETS, within=vendor)
        assert len(attribute(bytes(attribute.capacity)).wire(None)) == 255
        with pytest.raises(EncodeError):
            attribute(bytes(attribute.capacity + 1))

    def test_a_type_too_large_for_its_form(self) -> None:
        with pytest.raises(EncodeError, match="type 256 of vendor 9"):
            Attribute("Large", 256, dt.TEXT, within=Vendor(9, "Vendor"))("x").wire(None)

    def test_several_in_one(self) -> None:
        wire = bytes.fromhex("1a0c 00001092 010378 fa0379")
        assert opened(wire) == [((26, 4242, 1), b"x"), ((26, 4242, 250), b"y")]

    @pytest.mark.parametrize(
        "wire",
        [
            "1a02",
            "1a06 00001092",
            "1a07 00001092 01",
            "1a08 00001092 01 01",
            "1a09 00001092 01 04 78",
            "1a0a 00001092 01 03 78 01",
            "1a09 000060b5 01 02 00",
        ],
    )
    def test_garbage_stays_whole(self, wire: str) -> None:
        assert opened(bytes.fromhex(wire)) == [(26, bytes.fromhex(wire)[2:])]
        assert closed(opened(bytes.fromhex(wire))) == bytes.fromhex(wire)

    def test_continuation(self) -> None:
        wire = Attribute("Octets", 1, dt.OCTETS, within=WIMAX)(b"x" * 300).wire(None)
        assert [(octets[:7].hex(), len(octets)) for _, octets in pairs(wire)] == [
            ("000060b501f980", 253),
            ("000060b5013900", 61),
        ]


class TestExtended:
    """RFC 6929 sections 2.1 to 2.4."""

    @pytest.mark.parametrize("number", [241, 244])
    @given(octets=st.binary(min_size=1, max_size=252))
    def test_short_ones(self, number: int, octets: bytes) -> None:
        attribute = Attribute("Octets", 7, dt.OCTETS, within=Attribute("Extended", number, dt.EXTENDED))
        assert opened(attribute(octets).wire(None)) == [((number, 7), octets)]

    @pytest.mark.parametrize("number", [245, 246])
    @given(octets=st.binary(min_size=1, max_size=800))
    def test_long_ones(self, number: int, octets: bytes) -> None:
        attribute = Attribute("Octets", 7, dt.OCTETS, within=Attribute("Long", number, dt.LONG_EXTENDED))
        wire = attribute(octets).wire(None)
        assert len(pairs(wire)) == -(-len(octets) // 251)
        assert opened(wire) == [((number, 7), octets)]

    @pytest.mark.parametrize("number", [241, 245])
    @given(octets=st.binary(min_size=1, max_size=800), vendor=st.integers(0, (1 << 32) - 1))
    def test_vendors_within_them(self, number: int, octets: bytes, vendor: int) -> None:
        attribute = Attribute("Octets", 4, dt.OCTETS, within=Vendor(vendor, "Vendor", prefix=(number, 26)))
        octets = octets[: attribute.capacity]
        assert opened(attribute(octets).wire(None)) == [((number, 26, vendor, 4), octets)]

    @pytest.mark.parametrize(
        "within", [Attribute("E", 241, dt.EXTENDED), Vendor(9, "Vendor", prefix=(241, 26))], ids=str
    )
    def test_capacity_is_exact(self, within: Any) -> None:
        attribute = Attribute("Octets", 1, dt.OCTETS, within=within)
        assert len(attribute(bytes(attribute.capacity)).wire(None)) == 255
        with pytest.raises(EncodeError):
            attribute(bytes(attribute.capacity + 1))

    @pytest.mark.parametrize("wire", ["f102", "f10301", "f502", "f50301", "f5040100"])
    def test_too_short_stays_whole(self, wire: str) -> None:
        octets = bytes.fromhex(wire)
        assert opened(octets) == [(octets[0], octets[2:])]

    def test_a_vendor_without_a_value_stays_whole(self) -> None:
        assert opened(bytes.fromhex("f1081a0000000906")) == [((241, 26), bytes.fromhex("0000000906"))]


class TestFragments:
    """RFC 6929 section 2.8: what is no complete chain is not taken apart."""

    @pytest.mark.parametrize(
        "wire",
        [
            "f5060180 6162",
            "f5060180 6162 f5060180 6364",
            "f5060180 6162 0103 78",
            "f5060180 6162 f5060280 6364",
            "f5060180 6162 f6060180 6364",
            "f5060180 6162 f502 010378",
            "1a0b 000060b5 01058061 62",
            "1a0b 000060b5 01058061 62 1a0b 000060b5 02058061 62",
        ],
    )
    def test_broken_chains_stay_as_they_came(self, wire: str) -> None:
        octets = bytes.fromhex(wire)
        assert opened(octets) == pairs(octets)
        assert closed(opened(octets)) == octets

    def test_an_interrupted_chain_costs_only_itself(self) -> None:
        wire = bytes.fromhex("f5060180 6162 010378 f5060180 6364 f5060100 6566")
        assert opened(wire) == [(245, b"\x01\x80ab"), (1, b"x"), ((245, 1), b"cdef")]

    def test_a_chain_of_a_thousand(self) -> None:
        assert opened(b"\xf5\x05\x01\x80x" * 800 + b"\xf5\x05\x01\x00y") == [((245, 1), b"x" * 800 + b"y")]


class TestTLV:
    """RFC 6929 section 2.3."""

    Outer = Attribute("Outer", 2, TLV, within=WIMAX)
    Inner = Attribute("Inner", 3, TLV, within=Outer)
    Leaf = Attribute("Leaf", 5, dt.TEXT, within=Inner)

    def test_on_its_own_a_leaf_brings_what_it_lies_in(self) -> None:
        wire = self.Outer(self.Inner(self.Leaf("x"))).wire(None)
        assert self.Leaf("x").wire(None) == wire
        assert wire.hex() == "1a0e" + "000060b5" + "020800" + "0305" + "050378"
        assert opened(wire) == [((26, 24757, 2), bytes.fromhex("0305050378"))]

    def test_are_found_from_above(self) -> None:
        octets = bytes.fromhex("0305050378 040341 0305050379")
        assert list(descend(octets, (3, 5))) == [b"x", b"y"]
        assert list(descend(octets, ())) == [octets]
        assert list(descend(b"\x03", (3,))) == []

    @pytest.mark.parametrize("octets", [b"\x01", b"\x01\x01", b"\x01\x04x", b"\x01\x02\x01"])
    def test_must_fill_their_attribute(self, octets: bytes) -> None:
        with pytest.raises(ValueError, match="do not fill"):
            list(sub_attributes(octets))

    def test_that_are_too_long_for_a_length_octet(self) -> None:
        with pytest.raises(EncodeError, match="too long"):
            self.Inner(*[self.Leaf("x" * 200)] * 2)
        with pytest.raises(EncodeError, match="253 is the most"):
            sub_attribute(1, bytes(254))


def test_concat_is_split_in_full_parts() -> None:
    """RFC 8044 section 3.6; RFC 3579 section 3.1."""
    message = Attribute("EAP-Message", 79, dt.OCTETS, concat=True)(bytes(600))
    assert [(number, len(octets)) for number, octets in pairs(message.wire(None))] == [(79, 253), (79, 253), (79, 94)]


def test_a_number_that_is_none() -> None:
    with pytest.raises(EncodeError, match="cannot be sent"):
        Attribute("None", 0, dt.OCTETS, concat=True)(b"x").wire(None)


def vendor_pairs(*numbers: int) -> st.SearchStrategy[Pair]:
    """Vendor-Specific attributes whose lengths are often right."""
    small = st.lists(st.sampled_from([0, 1, 2, 3, 4, 5, 0x80, 0xFF]), max_size=12).map(bytes)
    return st.tuples(
        st.just(26), st.builds(lambda n, octets: n.to_bytes(4, "big") + octets, st.sampled_from(numbers), small)
    )


WHOLE: Final = [4242, *(number for number, vendor in VENDORS.items() if not vendor.continuation)]
FRAGMENTS: Final = st.builds(
    lambda number, kind, flags, octets: (number, bytes((kind, flags)) + octets),
    st.sampled_from([245, 246]),
    st.sampled_from([1, 2]),
    st.sampled_from([0, 0x80]),
    st.binary(min_size=1, max_size=8),
)
ARBITRARY: Final = st.tuples(st.sampled_from([1, 26, 241, 245, 246]), st.binary(max_size=60))
UNFRAGMENTED: Final = st.tuples(st.sampled_from([1, 26, 241]), st.binary(max_size=60)) | vendor_pairs(*WHOLE)


class TestAnyPairs:
    @given(st.lists(ARBITRARY | vendor_pairs(4242, *VENDORS) | FRAGMENTS, max_size=8))
    def test_say_the_same_when_put_together_again(self, arbitrary: list[Pair]) -> None:
        entries = expand(arbitrary, VENDORS.get)
        assert opened(closed(entries)) == entries

    @given(st.lists(ARBITRARY | vendor_pairs(4242, *VENDORS) | FRAGMENTS, max_size=8))
    def test_give_only_what_was_in_them_and_in_order(self, arbitrary: list[Pair]) -> None:
        rest = iter(b"".join(octets for _, octets in arbitrary))
        for key, octets in expand(arbitrary, VENDORS.get):
            # What is cut short beside others of its vendor gets a container of its own, with the vendor's number.
            assert all(octet in rest for octet in (octets[4:] if key == VENDOR_SPECIFIC else octets))

    def test_one_that_is_cut_short_beside_a_whole_one(self) -> None:
        """Found by the property above, which took the vendor's number for octets that came twice."""
        wire = bytes.fromhex("1a0f 000060b5 010400 61 010580 6263")
        assert opened(wire) == [((26, 24757, 1), b"a"), (26, bytes.fromhex("000060b5 010580 6263"))]

    @given(st.lists(UNFRAGMENTED, max_size=8))
    def test_are_no_shorter_afterwards(self, whole: list[Pair]) -> None:
        wire = b"".join(bytes((number, len(octets) + 2)) + octets for number, octets in whole)
        assert len(closed(opened(wire))) >= len(wire)

    @given(st.lists(FRAGMENTS, max_size=8))
    def test_lose_no_fragment(self, fragments: list[Pair]) -> None:
        values = b"".join(
            octets if isinstance(key, tuple) else octets[2:] for key, octets in expand(fragments, VENDORS.get)
        )
        assert values == b"".join(octets[2:] for _, octets in fragments)


@pytest.mark.parametrize(
    "octets",
    [b"\x01\x02" * 2048, b"\x01\x03x" * 1365, bytes(4096), b"\xff" * 4096],
    ids=["empty", "tiny", "nulls", "ones"],
)
def test_a_packet_of_tiny_tlvs_takes_little_time(octets: bytes) -> None:
    bomb = Attribute("Bomb", 1, TLV, within=WIMAX)
    Attribute("Bomb-Child", 1, TLV, within=bomb)
    started = time.thread_time()
    bomb.avp(octets)
    assert time.thread_time() - started < 0.5
