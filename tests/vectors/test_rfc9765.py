"""RADIUS/1.1 packets as RFC 9765 lays them out: what they say, and that encoding them gives them again."""

from __future__ import annotations

import json
import pathlib
from typing import Any, Final

import pytest

from trioradius import Dictionary
from trioradius.attributes import ErrorCause, TunnelPassword, UserName
from trioradius.protocol import wire
from trioradius.protocol.packet import Packet
from trioradius.protocol.packets import PACKETS
from trioradius.protocol.profile import RADIUS_1_1
from trioradius.protocol.secret import Secret

VECTORS: Final = json.loads((pathlib.Path(__file__).parent / "rfc_vectors.json").read_text())["vectors"]
EXAMPLES: Final = [vector for vector in VECTORS if vector["kind"] == "radius-1.1"]
each_example: Final = pytest.mark.parametrize("vector", EXAMPLES, ids=[vector["name"] for vector in EXAMPLES])
NO_SECRET: Final = Secret(b"unused")


def opened(vector: dict[str, Any]) -> tuple[wire.Message, Packet]:
    message = RADIUS_1_1.decode(bytes.fromhex(vector["hex"]))
    hiding = RADIUS_1_1.request_hiding(message, NO_SECRET)
    return message, PACKETS[message.code].received(message, hiding, Dictionary.bundled())


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 4


@each_example
def test_what_it_says(vector: dict[str, Any]) -> None:
    expects = vector["expects"]
    message, packet = opened(vector)
    assert (message.code, message.identifier) == (expects["code"], int(expects["token"], 16))
    assert (packet.identifier, packet.authenticator) == (message.identifier, b"")
    for name, value in expects.get("attributes", ()):
        shown = packet[name]
        assert (shown.hex() if isinstance(shown, bytes) else shown) == value
    if "value" in expects:
        assert packet.get(TunnelPassword, tag=expects["tag"]) == expects["value"]
    if "error_cause" in expects:
        assert packet[ErrorCause] == expects["error_cause"]


@each_example
def test_encoding_it_again(vector: dict[str, Any]) -> None:
    """Octet for octet, but for what a receiver ignores and a sender must not send."""
    message, packet = opened(vector)
    attributes = RADIUS_1_1.encode_attributes(packet.avps, None, frozenset())
    again = RADIUS_1_1.sign_request(message.code, message.identifier, b"", attributes, NO_SECRET, prove=True)
    if "verdict" in vector["expects"]:
        assert again == bytes.fromhex("01000019 01020304 000000000000000000000000 0105626f62")
    else:
        assert again == message.octets == bytes.fromhex(vector["hex"])


def test_reserved_fields_and_a_bogus_message_authenticator_are_ignored() -> None:
    """RFC 9765 sections 4.1 and 5.2: the packet is processed, and proves nothing by it."""
    [vector] = [vector for vector in EXAMPLES if "verdict" in vector["expects"]]
    message, packet = opened(vector)
    RADIUS_1_1.verify_request(message, NO_SECRET)
    assert message.proof_at == wire.ABSENT
    assert packet.avps == (UserName("bob"),)
