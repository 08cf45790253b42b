"""Attribute and AVP: making and reading values, tags, TLVs, hiding, and octets that are no value."""

from __future__ import annotations

import pickle
import traceback
from datetime import UTC, datetime
from ipaddress import IPv4Address
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioradius.attributes import datatypes as dt
from trioradius.attributes.attribute import AVP, TLV, Attribute, NamedValue, Vendor, unknown
from trioradius.attributes.datatypes import DataType
from trioradius.errors import EncodeError


class ServiceTypeAttribute(Attribute[int]):
    NONE: Final = NamedValue(0, "None")
    LOGIN: Final = NamedValue(1, "Login-User")


UserName = Attribute("User-Name", 1, dt.TEXT)
UserPassword = Attribute("User-Password", 2, dt.TEXT, encrypt=1)
ServiceType = ServiceTypeAttribute("Service-Type", 6, dt.INTEGER)
FramedIPAddress = Attribute("Framed-IP-Address", 8, dt.IPV4_ADDRESS)
State = Attribute("State", 24, dt.OCTETS)
SessionTimeout = Attribute("Session-Timeout", 27, dt.INTEGER)
EventTimestamp = Attribute("Event-Timestamp", 55, dt.DATE)
TunnelType = Attribute("Tunnel-Type", 64, dt.INTEGER, tagged=True)
TunnelClientEndpoint = Attribute("Tunnel-Client-Endpoint", 66, dt.TEXT, tagged=True)
TunnelPassword = Attribute("Tunnel-Password", 69, dt.TEXT, tagged=True, encrypt=2)
EAPMessage = Attribute("EAP-Message", 79, dt.OCTETS, concat=True)
Resolvers = Attribute("Resolvers", 200, dt.IPV4_ADDRESS, array=True)
Quiet = Attribute("Quiet", 201, dt.TEXT, secret=True)

WIMAX: Final = Vendor(24757, "WiMAX", continuation=True)
Capability = Attribute("WiMAX-Capability", 1, TLV, within=WIMAX)
Release = Attribute("WiMAX-Release", 1, dt.TEXT, within=Capability)
Keys = Attribute("WiMAX-DHCP", 86, TLV, within=WIMAX)
KeyNumber = Attribute("WiMAX-DHCP-RK-Key-ID", 4, dt.INTEGER, within=Keys)
RootKey = Attribute("WiMAX-hDHCP-DHCP-RK", 3, dt.OCTETS, within=Keys, encrypt=2)

SECRET: Final = "wonderland"


def hide(encrypt: int, octets: bytes) -> bytes:
    """Stands for hiding: the kind, and the octets upside down."""
    return bytes((encrypt,)) + bytes(octet ^ 0xFF for octet in octets)


def unhide(encrypt: int, octets: bytes) -> bytes:
    if octets[:1] != bytes((encrypt,)):
        raise ValueError("was not hidden so")
    return bytes(octet ^ 0xFF for octet in octets[1:])


def test_a_value_becomes_an_avp() -> None:
    avp = SessionTimeout(3600)
    assert (avp.name, avp.value, avp.octets, avp.tag) == ("Session-Timeout", 3600, b"\0\0\x0e\x10", 0)
    assert repr(avp) == "Session-Timeout = 3600"
    assert avp.wire(None) == bytes.fromhex("1b0600000e10")


def test_an_avp_is_a_value() -> None:
    assert SessionTimeout(5) == SessionTimeout(5) != SessionTimeout(6)
    assert len({SessionTimeout(5), SessionTimeout(5), UserName("5")}) == 2
    assert SessionTimeout(5) != "Session-Timeout = 5"


@pytest.mark.parametrize("address", ["10.0.0.1", IPv4Address("10.0.0.1")])
def test_addresses_as_text_or_as_such(address: str | IPv4Address) -> None:
    assert FramedIPAddress(address).octets == b"\n\0\0\1"


def test_a_moment_as_datetime_or_seconds() -> None:
    assert EventTimestamp(datetime(1970, 1, 1, 0, 0, 5, tzinfo=UTC)) == EventTimestamp(5)


@pytest.mark.parametrize(
    ("attribute", "values", "complaint"),
    [
        (SessionTimeout, ("one hour",), r"Session-Timeout \(integer\): wants an integer of 4 octets"),
        (SessionTimeout, (True,), "wants an integer"),
        (SessionTimeout, (-1,), "wants an integer"),
        (SessionTimeout, (), "wants a value"),
        (SessionTimeout, (1, 2), "takes one value"),
        (FramedIPAddress, (5,), "wants an IPv4Address or a str"),
        (FramedIPAddress, ("10.0.0.300",), "Octet 300"),
        (EventTimestamp, (datetime(2001, 9, 9),), "with a time zone"),
        (UserName, (5,), "wants a str"),
        (UserName, ("x" * 254,), "254 octets long, too long"),
        (UserPassword, ("x" * 129,), "too long"),
        (TunnelPassword, ("x" * 240,), "too long"),
        (EAPMessage, (b"x" * 4097,), "too long"),
        (Capability, (), "wants the AVPs within it"),
        (Capability, (b"\x01\x051.2",), "wants the AVPs within it"),
        (Capability, (SessionTimeout(5),), "does not lie within WiMAX-Capability"),
        (Release, ("x" * 254,), "too long"),
    ],
)
def test_a_value_that_does_not_fit(attribute: Attribute[Any], values: tuple[Any, ...], complaint: str) -> None:
    with pytest.raises(EncodeError, match=complaint):
        attribute(*values)


def test_the_longest_values_fit() -> None:
    for avp in UserName("x" * 253), TunnelPassword("x" * 239), EAPMessage(b"x" * 4096):
        assert avp.value


class TestNamedValues:
    def test_print_by_name_and_are_numbers(self) -> None:
        assert repr(ServiceType(1)) == "Service-Type = Login-User"
        assert ServiceType(1).value == 1 == ServiceType.LOGIN
        assert str(ServiceType.LOGIN) == "Login-User"
        assert repr(ServiceType(7)) == "Service-Type = 7"
        assert pickle.loads(pickle.dumps(ServiceType.LOGIN)).name == "Login-User"

    @pytest.mark.parametrize(("text", "number"), [("login-user", 1), ("None", 0), ("1", 1), ("0x2", 2)])
    def test_are_read_as_text(self, text: str, number: int) -> None:
        assert ServiceType.parse(text) == ServiceType(number)

    def test_text_that_is_neither(self) -> None:
        with pytest.raises(
            EncodeError, match=r"Service-Type \(integer\) cannot be 'Lgoin-User'; did you mean Login-User\?"
        ):
            ServiceType.parse("Lgoin-User")
        with pytest.raises(EncodeError, match=r"Service-Type \(integer\) cannot be 'Hurz'$"):
            ServiceType.parse("Hurz")


class TestTags:
    """RFC 2868 section 3."""

    @pytest.mark.parametrize(
        ("avp", "octets"),
        [
            (TunnelType(13, tag=1), "0100000d"),
            (TunnelType(13), "0000000d"),
            (TunnelClientEndpoint("lac", tag=31), "1f6c6163"),
            (TunnelClientEndpoint("lac"), "6c6163"),
            (TunnelClientEndpoint("\tlac"), "00096c6163"),
            (TunnelClientEndpoint(""), "00"),
            (TunnelPassword("lac"), "006c6163"),
        ],
    )
    def test_stand_in_the_first_octet(self, avp: AVP, octets: str) -> None:
        assert avp.octets.hex() == octets
        assert avp.attribute.avp(avp.octets).value == avp.value

    def test_print_after_a_colon(self) -> None:
        assert repr(TunnelType(13, tag=2)) == "Tunnel-Type:2 = 13"

    def test_an_octet_over_1f_is_text(self) -> None:
        avp = TunnelClientEndpoint.avp(b" lac")
        assert (avp.tag, avp.value) == (0, " lac")

    @pytest.mark.parametrize(
        ("attribute", "value", "tag"), [(TunnelType, 13, 32), (TunnelType, 1 << 24, 1), (UserName, "alice", 1)]
    )
    def test_that_do_not_fit(self, attribute: Attribute[Any], value: object, tag: int) -> None:
        with pytest.raises(EncodeError):
            attribute(value, tag=tag)

    @given(st.text(max_size=50), st.integers(0, 31))
    def test_never_change_the_text(self, text: str, tag: int) -> None:
        for attribute in TunnelClientEndpoint, TunnelPassword:
            avp = attribute(text, tag=tag)
            assert (avp.value, avp.tag) == (text, tag)


class TestArrays:
    def test_several_values_in_one_attribute(self) -> None:
        avp = Resolvers(IPv4Address("10.0.0.1"), IPv4Address("10.0.0.2"))
        assert repr(avp) == "Resolvers = 10.0.0.1, 10.0.0.2"
        assert [str(Resolvers.decode(part)) for part in Resolvers.split(avp.octets)] == ["10.0.0.1", "10.0.0.2"]

    def test_of_which_one_is_cut_short(self) -> None:
        assert Resolvers.avp(b"\n\0\0\1\n").name == "Attr-200"


class TestHiding:
    """``wire(hide)`` and ``avp(octets, unhide)``: RFC 2865 section 5.2, RFC 2868 section 3.5."""

    @pytest.mark.parametrize("avp", [UserPassword(SECRET), TunnelPassword(SECRET), TunnelPassword(SECRET, tag=3)])
    def test_both_ways(self, avp: AVP) -> None:
        wire = avp.wire(hide)
        assert SECRET.encode() not in wire
        assert avp.attribute.avp(wire[2:], unhide) == avp
        assert avp.attribute.decode(wire[2:], unhide) == SECRET
        assert avp.attribute.clear(wire[2:], unhide) == avp.octets

    def test_nothing_is_hidden_in_radius_1_1(self) -> None:
        assert UserPassword("hi").wire(None) == b"\x02\x04hi"

    def test_a_tag_stays_in_front(self) -> None:
        assert TunnelPassword("a", tag=3).wire(hide) == bytes((69, 5, 3, 2, 0x9E))

    def test_a_tag_that_is_none_is_ignored(self) -> None:
        avp = TunnelPassword.avp(b"\x20" + hide(2, b"a"), unhide)
        assert (avp.tag, avp.value, avp.octets) == (0, "a", b"\0a")

    def test_text_without_a_tag_octet_gets_one(self) -> None:
        assert TunnelPassword.avp(b"abc").wire(hide) == b"\x45\x07\x00" + hide(2, b"abc")

    def test_a_tlv_is_hidden_at_its_leaves(self) -> None:
        avp = Keys(RootKey(b"key"), KeyNumber(7))
        assert avp.octets.hex() == "03056b6579" + "040600000007"
        inner = bytes.fromhex("0306") + hide(2, b"key") + bytes.fromhex("040600000007")
        assert avp.wire(hide).endswith(inner)
        assert Keys.avp(inner, unhide) == avp
        assert Keys.decode(inner, unhide) == avp.children

    def test_a_tlv_without_its_children_is_hidden_too(self) -> None:
        avp = Keys(RootKey(b"key"))
        assert AVP(Keys, avp.octets).wire(hide) == avp.wire(hide)

    def test_what_cannot_be_unhidden_goes_on_as_it_came(self) -> None:
        avp = UserPassword.avp(b"not hidden", unhide)
        assert (avp.name, avp.octets, avp.show()) == ("Attr-2", b"not hidden", "...")
        assert avp.wire(hide) == b"\x02\x0cnot hidden"

    def test_a_child_that_cannot_be_unhidden_goes_on_as_it_came(self) -> None:
        inner = bytes.fromhex("0305616263040600000007")
        avp = Keys.avp(inner, unhide)
        assert [child.name for child in avp.children] == ["Attr-26.24757.86.3", "WiMAX-DHCP-RK-Key-ID"]
        assert avp.wire(hide).endswith(inner)

    @pytest.mark.parametrize(("attribute", "clear"), [(UserPassword, b"\xff"), (TunnelPassword, b"\2\xff")])
    def test_a_password_that_is_no_text_is_hidden_again(self, attribute: Attribute[str], clear: bytes) -> None:
        wire = attribute.hidden(clear, hide)
        avp = attribute.avp(wire, unhide)
        assert (avp.octets, avp.show()) == (clear, "...")
        assert avp.wire(hide)[2:] == wire


class TestSecrets:
    @pytest.mark.parametrize(
        ("avp", "shown"),
        [
            (UserPassword(SECRET), "User-Password = ..."),
            (Quiet(SECRET), "Quiet = ..."),
            (TunnelPassword(SECRET, tag=1), "Tunnel-Password:1 = ..."),
            (
                Keys(RootKey(SECRET.encode()), KeyNumber(7)),
                "WiMAX-DHCP = { WiMAX-hDHCP-DHCP-RK = ..., WiMAX-DHCP-RK-Key-ID = 7 }",
            ),
            (Keys.avp(b"\x03" + SECRET.encode()), "Attr-26.24757.86 = ..."),
            (UserPassword.avp(b"\xff" + SECRET.encode()), "Attr-2 = ..."),
        ],
    )
    def test_are_not_shown(self, avp: AVP, shown: str) -> None:
        assert repr(avp) == shown

    @pytest.mark.parametrize(
        "attempt",
        [
            lambda: UserPassword(SECRET + "\udc80"),
            lambda: UserPassword(SECRET * 20),
            lambda: Attribute[Any]("Pin", 3, dt.TEXT, encrypt=1)(SECRET.encode()),
            lambda: Attribute("Pin", 3, dt.INTEGER, encrypt=1).parse(SECRET),
            lambda: Attribute("Pin", 3, dt.IPV4_ADDRESS, encrypt=1)(SECRET),
            lambda: Attribute("Pin", 3, dt.ETHER, secret=True)(SECRET),
            lambda: RootKey.parse("0x" + SECRET),
        ],
    )
    def test_stay_out_of_exceptions(self, attempt: Any) -> None:
        with pytest.raises(EncodeError) as caught:
            attempt()
        error: BaseException | None = caught.value
        assert error is not None and error.__context__ is None and error.__cause__ is None
        shown = "".join(traceback.format_exception_only(error)) + repr(error)
        assert SECRET not in shown


class TestTLV:
    def test_holds_avps(self) -> None:
        avp = Capability(Release("1.2"))
        assert avp.octets == b"\x01\x051.2"
        assert Capability.avp(avp.octets).value == (Release("1.2"),)
        assert repr(avp) == "WiMAX-Capability = { WiMAX-Release = '1.2' }"

    def test_keeps_what_nobody_knows(self) -> None:
        avp = Capability.avp(b"\x09\x03x\x01\x051.2")
        assert [child.name for child in avp.children] == ["Attr-26.24757.1.9", "WiMAX-Release"]
        assert avp.wire(None).endswith(b"\x09\x03x\x01\x051.2")

    def test_cannot_be_typed(self) -> None:
        with pytest.raises(EncodeError):
            Capability.parse("1.2")

    def test_too_deep_stays_raw(self) -> None:
        outermost = Attribute("Deep", 210, TLV)
        inner = outermost
        for level in range(125):
            inner = Attribute(f"Deep-{level}", 1, TLV, within=inner)
        octets = b""
        for _ in range(125):
            octets = bytes((1, len(octets) + 2)) + octets
        avp = outermost.avp(octets)
        assert avp.octets == octets
        depth = 0
        while avp.children:
            avp, depth = avp.children[0], depth + 1
        assert (avp.name.count("."), depth) == (16, 16)

    def test_thousands_of_tiny_ones(self) -> None:
        assert len(Capability.avp(b"\x01\x02" * 2048).children) == 2048
        assert len(Capability.avp(b"".join(bytes((n % 256, 2)) for n in range(2048))).children) == 2048


DATATYPES: list[DataType[Any]] = [
    *(value for value in vars(dt).values() if isinstance(value, DataType)),
    dt.octets_of(3),
    TLV,
]
FLAGS: Final = ("", "tag", "array")
EVERY: list[Attribute[Any]] = [
    *(Attribute("A", 3, kind, tagged=flag == "tag", array=flag == "array") for kind in DATATYPES for flag in FLAGS),
    *(Attribute("A", 3, kind, encrypt=encrypt, tagged=encrypt == 2) for kind in DATATYPES for encrypt in (1, 2, 3)),
    Keys,
    Capability,
]


@given(st.binary(max_size=40))
def test_any_octets_make_an_avp_and_lose_nothing(octets: bytes) -> None:
    for attribute in EVERY:
        avp = attribute.avp(octets)
        assert avp.octets == octets
        assert avp.attribute.key == attribute.key
        assert avp.wire(None).endswith(octets)
        assert repr(avp)
        if avp.attribute is not attribute:
            assert avp.name.startswith("Attr-")
        attribute.avp(octets, unhide).wire(hide)


def test_malformed_octets_keep_their_place() -> None:
    avp = SessionTimeout.avp(b"\x01\x02")
    assert (avp.name, avp.attribute.key, avp.value) == ("Attr-27", 27, b"\x01\x02")
    long = Attribute("Long-Text", 202, dt.TEXT, concat=True).avp(b"\xff" * 300)
    assert long.wire(None) == b"\xca\xff" + b"\xff" * 253 + b"\xca\x31" + b"\xff" * 47


@pytest.mark.parametrize("avp", [AVP(State, bytes(254)), Attribute("Internal", 1000, dt.TEXT)("x")])
def test_what_no_attribute_can_carry(avp: AVP) -> None:
    with pytest.raises(EncodeError, match="cannot be sent"):
        avp.wire(None)


def test_a_number_that_nobody_knows() -> None:
    avp = unknown((26, 9, 250)).avp(b"x")
    assert (repr(avp), avp.wire(None).hex()) == ("Attr-26.9.250 = 0x78", "1a0900000009fa0378")


def test_what_is_prepared_for_the_wire_when_it_is_made() -> None:
    """What is the same in every packet: attributes in one piece, and those of vendors of the usual form."""
    cisco, wimax = Vendor(9, "Cisco"), Vendor(24757, "WiMAX", continuation=True)
    pair = Attribute("Pair", 1, dt.TEXT, within=cisco)
    assert Attribute("Text", 18, dt.TEXT)("x").as_is.hex() == "120378"
    assert pair("x").as_is.hex() == "1a0900000009010378"
    assert pair("x" * 247).as_is == pair("x" * 247).wire(None) == b"\x1a\xff\0\0\0\x09\x01\xf9" + b"x" * 247
    assert pair.avp(b"x" * 248).as_is == b""
    with pytest.raises(EncodeError, match="cannot be sent"):
        pair.avp(b"x" * 248).wire(None)
    tagged = Attribute("Tagged", 2, dt.TEXT, within=cisco, tagged=True)
    assert tagged("x", tag=3).as_is.hex() == "1a0a0000000902040378"
    key = Attribute("Key", 3, dt.OCTETS, within=cisco, encrypt=2)
    assert key(b"x").as_is == b""
    assert key(b"x").wire(hide).hex() == "1a0a0000000903040287"
    outer = Attribute("Outer", 4, TLV, within=cisco)
    pin = Attribute("Pin", 1, dt.OCTETS, within=outer, encrypt=2)
    assert pin(b"1234").as_is == outer(pin(b"1234")).as_is == b""
    assert Attribute("Other", 1, dt.TEXT, within=wimax)("x").as_is == b""
    for vendor, number in ((1 << 32, 1), (-9, 1), (9, 256), (9, -1)):
        unsendable = Attribute("Unsendable", number, dt.TEXT, within=Vendor(vendor, "Vendor"))("x")
        assert unsendable.as_is == b""
        with pytest.raises(EncodeError, match="cannot be sent"):
            unsendable.wire(None)


def test_a_secret_within_a_tlv_of_the_radius_space_itself_is_hidden() -> None:
    """Its container is short and plain, and still not the same on the wire as in the clear."""
    container = Attribute("Container", 250, TLV)
    assert container.as_is
    pin = Attribute("Pin", 1, dt.OCTETS, within=container, encrypt=2)
    assert container(pin(b"1234")).wire(hide) == b"\xfa\x09\x01\x07" + hide(2, b"1234")
    assert container(pin(b"1234")).wire(None) == b"\xfa\x08\x01\x061234"
