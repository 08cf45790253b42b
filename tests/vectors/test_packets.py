"""The RFCs' packets: their authenticators hold, they say what the RFC says, and encoding them gives them again."""

from __future__ import annotations

import json
import pathlib
from typing import Any, Final

import pytest

from trioradius import AccessRequest, AuthenticityError, DecodeError, Dictionary
from trioradius.attributes import EAPMessage, ErrorCause, OriginalPacketCode, UserName
from trioradius.protocol import wire
from trioradius.protocol.authenticator import sign_reply, sign_request, verify_reply, verify_request
from trioradius.protocol.codes import DIGEST_AUTHENTICATOR
from trioradius.protocol.hiding import Hiding
from trioradius.protocol.packet import Packet
from trioradius.protocol.packets import PACKETS, REQUESTS
from trioradius.protocol.profile import encode_attributes
from trioradius.protocol.secret import Secret

VECTORS: Final = json.loads((pathlib.Path(__file__).parent / "rfc_vectors.json").read_text())["vectors"]
EXAMPLES: Final = [vector for vector in VECTORS if vector["kind"] == "packet"]
MALFORMED: Final = [vector for vector in VECTORS if vector["kind"] == "malformed-packet"]
each_example: Final = pytest.mark.parametrize("vector", EXAMPLES, ids=[vector["id"] for vector in EXAMPLES])


def opened(vector: dict[str, Any]) -> tuple[wire.Message, Packet, Hiding, Secret, bytes]:
    """A vector as message and packet, and the Request Authenticator that it belongs to."""
    message = wire.decode(bytes.fromhex(vector["hex"]))
    authenticator = message.authenticator
    if message.code not in REQUESTS:
        authenticator = bytes.fromhex(vector["expects"]["request_authenticator"])
    secret = Secret(vector["secret"].encode())
    hiding = Hiding(secret, authenticator)
    packet = PACKETS[message.code].received(message, hiding, Dictionary.bundled())
    return message, packet, hiding, secret, authenticator


def shown(value: object) -> object:
    """A value as the vectors write it: numbers as such, octets in hexadecimal, the rest as text."""
    if isinstance(value, bytes):
        return value.hex()
    return int(value) if isinstance(value, int) else str(value)


@each_example
def test_what_it_says(vector: dict[str, Any]) -> None:
    expects = vector["expects"]
    message, packet, *_ = opened(vector)
    assert message.code == expects["code"]
    assert message.identifier == expects.get("id", message.identifier)
    if "attributes" in expects:
        # Behind a named value stands its number.
        wanted = [(name, number[0] if number else value) for name, value, *number in expects["attributes"]]
        listed = {name for name, _ in wanted}
        assert [(avp.name, shown(avp.value)) for avp in packet.avps if avp.name in listed] == wanted
        assert {avp.name for avp in packet.avps} - listed <= {"Message-Authenticator"}
    if "attributes_raw" in expects:
        assert [[number, octets.hex()] for number, octets in message.pairs] == expects["attributes_raw"]
    if "eap" in expects:
        assert packet[EAPMessage].hex() == expects["eap"]
    if "user" in expects:
        assert packet[UserName] == expects["user"]
    if "original_packet_code" in expects:
        assert packet[OriginalPacketCode] == expects["original_packet_code"]
    if "error_cause" in expects:
        assert expects["error_cause"] in (packet[ErrorCause], str(packet[ErrorCause]))
    if "chap" in expects:
        assert isinstance(packet, AccessRequest)
        assert packet.verify_password(expects["chap"]["password"])
        assert not packet.verify_password(expects["chap"]["password"] + "x")


@each_example
def test_its_authenticators(vector: dict[str, Any]) -> None:
    message, _, _, secret, authenticator = opened(vector)
    wrong = Secret(b"another secret")
    if message.code in REQUESTS:
        verify_request(message, secret)
        if message.proof_at != wire.ABSENT or message.code in DIGEST_AUTHENTICATOR:
            with pytest.raises(AuthenticityError):
                verify_request(message, wrong)
    else:
        verify_reply(message, authenticator, secret)
        with pytest.raises(AuthenticityError):
            verify_reply(message, authenticator, wrong)


@each_example
def test_encoding_it_again(vector: dict[str, Any]) -> None:
    message, packet, hiding, secret, authenticator = opened(vector)
    attributes = encode_attributes(packet.avps, hiding)
    pairs = [(number, octets) for number, octets in message.pairs if number != wire.MESSAGE_AUTHENTICATOR]
    assert attributes == b"".join(bytes((number, len(octets) + 2)) + octets for number, octets in pairs)
    sign = sign_request if message.code in REQUESTS else sign_reply
    signed = sign(message.code, message.identifier, authenticator, attributes, secret, prove=message.proof_at > 0)
    if message.proof_at in (wire.ABSENT, wire.HEADER + 2):
        assert signed == message.octets
    else:
        # Message-Authenticator goes first here; where the RFC has it elsewhere, the octets cannot be the same.
        assert len(signed) == len(message.octets)


@pytest.mark.parametrize("vector", MALFORMED, ids=[vector["id"] for vector in MALFORMED])
def test_malformed(vector: dict[str, Any]) -> None:
    with pytest.raises(DecodeError):
        wire.decode(bytes.fromhex(vector["hex"]))
