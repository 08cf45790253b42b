"""Packet: an ordered, immutable sequence of attributes, made here or received."""

from __future__ import annotations

from typing import Any, Final

import pytest

from trioradius import AccessAccept, AccessRequest, CoARequest, Dictionary, EncodeError, MissingAttribute
from trioradius.attributes.attribute import AVP
from trioradius.attributes.ietf import (
    EAPMessage,
    FramedMTU,
    NASPort,
    ProxyState,
    ReplyMessage,
    ServiceType,
    State,
    TunnelPassword,
    TunnelPrivateGroupId,
    TunnelType,
    UserName,
    UserPassword,
)
from trioradius.attributes.microsoft import MSMPPESendKey
from trioradius.attributes.mikrotik import MikrotikRateLimit
from trioradius.protocol import IS_COMPILED, wire
from trioradius.protocol.packet import Packet
from trioradius.protocol.profile import RADIUS_1_0
from trioradius.protocol.secret import Secret

SECRET: Final = Secret(b"xyzzy5461")
AVPS: Final = (UserName("alice"), ReplyMessage("one"), ProxyState(b"\0"), ReplyMessage("two"), FramedMTU(1500))


def over_the_wire(request: AccessRequest) -> AccessRequest:
    """The same packet as a server receives it."""
    octets, _ = RADIUS_1_0.encode_request(request, 7, SECRET)
    message = RADIUS_1_0.decode(octets)
    return AccessRequest.received(message, RADIUS_1_0.request_hiding(message, SECRET), Dictionary.bundled())


def received(attributes: bytes) -> AccessRequest:
    octets = b"\1\7" + (20 + len(attributes)).to_bytes(2, "big") + bytes(16) + attributes
    return AccessRequest.received(wire.decode(octets), None, Dictionary.bundled())


def both(*attributes: AVP) -> list[AccessRequest]:
    """Made here, and received; the latter without the proof that went with it."""
    arrived = over_the_wire(AccessRequest(*attributes))
    return [AccessRequest(*attributes), AccessRequest(*arrived.avps[1:])]


@pytest.mark.parametrize("packet", both(*AVPS), ids=["made", "received"])
def test_values_by_attribute_and_by_name(packet: AccessRequest) -> None:
    assert packet[UserName] == packet["User-Name"] == packet["user-name"] == "alice"
    assert packet.get(FramedMTU) == 1500
    assert packet.all(ReplyMessage) == packet.all("Reply-Message") == ("one", "two")
    assert packet.octets(UserName) == b"alice"
    assert UserName in packet
    assert "Reply-Message" in packet


@pytest.mark.parametrize("packet", both(*AVPS), ids=["made", "received"])
def test_what_is_absent(packet: AccessRequest) -> None:
    assert packet.get(NASPort) is None
    assert packet.all(NASPort) == ()
    assert packet.octets(NASPort) is None
    assert NASPort not in packet
    with pytest.raises(MissingAttribute, match="NAS-Port is not in the packet") as missing:
        packet[NASPort]
    assert isinstance(missing.value, KeyError)


@pytest.mark.parametrize("packet", both(*AVPS), ids=["made", "received"])
def test_order_and_repeats_are_kept(packet: AccessRequest) -> None:
    assert packet.avps == AVPS
    assert len(packet) == 5
    assert [name for name, _ in packet] == [avp.name for avp in AVPS]
    assert list(packet)[3] == ("Reply-Message", "two")


def test_equality_is_of_code_and_attributes() -> None:
    made, arrived = both(*AVPS)
    assert made == arrived
    assert hash(made) == hash(arrived)
    assert made != AccessRequest(*reversed(AVPS))
    assert AccessRequest() != AccessAccept()
    assert AccessRequest() != "Access-Request"


def require_immutable(packet: Packet, *names: str) -> None:
    for name in names:
        with pytest.raises(AttributeError):
            setattr(packet, name, 5)
    with pytest.raises(TypeError):
        packet[UserName] = "mallory"  # type: ignore[index]


def test_packets_are_immutable() -> None:
    for packet in both(*AVPS):
        require_immutable(packet, "identifier", "authenticator", "avps", "peer", "source", "realm")
    require_immutable(AccessAccept(*AVPS), "identifier", "authenticator", "avps", "code", "name", "anything")


@pytest.mark.skipif(IS_COMPILED, reason="compiled, a request can be given attributes of its own")
def test_requests_take_no_further_attributes() -> None:
    for packet in both(*AVPS):
        require_immutable(packet, "code", "name", "anything")


def test_identifier_and_authenticator_of_the_wire() -> None:
    arrived = over_the_wire(AccessRequest())
    assert arrived.identifier == 7
    assert len(arrived.authenticator) == 16
    assert (AccessRequest().identifier, AccessRequest().authenticator) == (0, b"")


def test_built_by_names_as_on_a_command_line() -> None:
    packet = AccessRequest(("User-Name", "alice"), ("Service-Type", "Login-User"), ("NAS-Port", 5), State(b"s"))
    assert packet == AccessRequest(UserName("alice"), ServiceType(ServiceType.LOGIN_USER), NASPort(5), State(b"s"))
    assert str(packet[ServiceType]) == "Login-User"


def test_names_with_tags() -> None:
    """RFC 2868 section 3."""
    packet = AccessAccept(("Tunnel-Type:1", "VLAN"), ("Tunnel-Private-Group-Id:1", "10"), ("Tunnel-Type:2", "L2TP"))
    assert packet == AccessAccept(TunnelType(13, tag=1), TunnelPrivateGroupId("10", tag=1), TunnelType(3, tag=2))
    assert packet.get(TunnelType, tag=2) == 3
    assert packet.all("Tunnel-Type", tag=1) == (13,)
    assert packet.get(TunnelType, tag=9) is None
    assert "Tunnel-Type:1 = VLAN" in repr(packet)


@pytest.mark.parametrize("name", ["User-Nam", "", "Tunnel-Type:x", "User-Name:1"])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(EncodeError):
        AccessRequest((name, "alice"))


@pytest.mark.parametrize("packet", both(MikrotikRateLimit("10M/10M")), ids=["made", "received"])
def test_a_vendors_attribute(packet: AccessRequest) -> None:
    assert packet["Mikrotik-Rate-Limit"] == packet[MikrotikRateLimit] == "10M/10M"
    assert list(packet) == [("Mikrotik-Rate-Limit", "10M/10M")]


@pytest.mark.parametrize("octets", [b"\x06\2", b"\x06\5\0\0\1", b"\x06\7\0\0\0\1\0"])
def test_a_malformed_value_counts_as_absent_and_stays_readable(octets: bytes) -> None:
    packet = received(octets)
    assert packet.get(ServiceType) is None
    assert ServiceType not in packet
    assert packet.all(ServiceType) == ()
    with pytest.raises(MissingAttribute):
        packet["Service-Type"]
    assert packet.octets(ServiceType) == octets[2:]
    assert list(packet) == [("Attr-6", octets[2:])]


def test_a_malformed_value_does_not_hide_the_next() -> None:
    packet = received(b"\x06\3\1" + b"\x06\6\0\0\0\1")
    assert packet[ServiceType] == 1
    assert packet.all(ServiceType) == (1,)
    assert packet.octets(ServiceType) == b"\1"


def test_an_attribute_nobody_knows_stays_octets_under_its_number() -> None:
    assert list(received(b"\xc8\4ab" + b"\x1a\x09\0\0\xff\xfe\1\3c")) == [
        ("Attr-200", b"ab"),
        ("Attr-26.65534.1", b"c"),
    ]


def test_a_split_value_is_joined() -> None:
    """RFC 3579 section 3.1; fragments may have others between them."""
    packet = received(b"\x4f\4ab" + b"\1\3x" + b"\x4f\3c")
    assert packet[EAPMessage] == b"abc"
    assert list(packet) == [("EAP-Message", b"abc"), ("User-Name", "x")]
    assert len(over_the_wire(AccessRequest(EAPMessage(bytes(600))))[EAPMessage]) == 600


HIDDEN: Final[list[Any]] = [UserPassword, TunnelPassword, MSMPPESendKey]


@pytest.mark.parametrize("attribute", HIDDEN, ids=str)
def test_secret_values_are_readable_but_never_printed(attribute: Any) -> None:
    value = "wonderland0123456" if attribute in (UserPassword, TunnelPassword) else b"wonderland0123456"
    packet = AccessRequest(attribute(value))
    arrived = over_the_wire(packet)
    assert arrived[attribute] == value
    for shown in (repr(packet), str(arrived), repr(arrived.avps), f"{list(arrived.avps)[-1].show()}"):
        assert "wonderland" not in shown
        assert b"wonderland".hex() not in shown
        assert "..." in shown


def test_a_hidden_value_is_not_on_the_wire() -> None:
    request = AccessRequest(
        UserPassword("wonderland"), TunnelPassword("looking-glass", tag=1), MSMPPESendKey(b"key" * 9)
    )
    octets, _ = RADIUS_1_0.encode_request(request, 7, SECRET)
    for clear in (b"wonderland", b"looking-glass", b"keykey"):
        assert clear not in octets


def test_what_cannot_be_unhidden_is_absent_and_nothing_compares_with_it() -> None:
    """A hidden password of fifteen octets is no password, so that nobody compares one with its octets."""
    octets, _ = RADIUS_1_0.encode_request(AccessRequest(UserName("alice")), 7, SECRET)
    message = wire.decode(octets[:2] + (len(octets) + 17).to_bytes(2, "big") + octets[4:] + b"\2\x11" + b"w" * 15)
    packet = AccessRequest.received(message, RADIUS_1_0.request_hiding(message, SECRET), Dictionary.bundled())
    assert packet.octets(UserPassword) is None
    assert packet.get(UserPassword) is None
    assert not packet.verify_password(b"w" * 15)
    assert "w" * 15 not in repr(packet)


def test_a_hidden_value_within_a_tlv() -> None:
    """The children of a TLV are in the clear however one gets at them (WiMAX-hDHCP-DHCP-RK)."""
    dictionary = Dictionary.bundled()
    key, outer = dictionary["WiMAX-hDHCP-DHCP-RK"], dictionary["WiMAX-hDHCP-Server-Parameters"]
    arrived = over_the_wire(AccessRequest(outer(key("0123456789abcdef"))))
    assert arrived[key] == "0123456789abcdef"
    [child] = next(avp for avp in arrived.avps if avp.attribute is outer).value
    assert child.octets == b"0123456789abcdef"
    [child] = arrived[outer]
    assert child.octets == b"0123456789abcdef"
    assert "0123456789abcdef" not in repr(arrived)


def test_a_packet_with_a_dictionary_of_its_own() -> None:
    own = Dictionary(Dictionary.bundled())
    assert Packet.__init__ is AccessRequest.__init__
    packet = CoARequest(("User-Name", "alice"), dictionary=own)
    assert packet.ack(("User-Name", "alice")).avps == packet.avps


def test_the_first_octets_of_every_attribute() -> None:
    request = AccessRequest(*AVPS)
    for packet in (request, over_the_wire(request)):
        found = packet.first_octets()
        assert found[UserName.key] == b"alice"
        assert found[ReplyMessage.key] == b"one"
        assert NASPort.key not in found
