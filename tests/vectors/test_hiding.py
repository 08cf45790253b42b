"""Hidden attributes as RFC 2865 section 5.2, RFC 2868 section 3.5 and RFC 2548 section 2.4 compute them."""

from __future__ import annotations

import json
import pathlib
from typing import Any, Final

import pytest

from trioradius import AVP, AccessAccept, Dictionary
from trioradius.attributes import TunnelPassword, UserPassword
from trioradius.attributes.microsoft import MSMPPERecvKey, MSMPPESendKey
from trioradius.protocol import wire
from trioradius.protocol.hiding import Hiding
from trioradius.protocol.profile import encode_attributes
from trioradius.protocol.secret import Secret

VECTORS: Final = json.loads((pathlib.Path(__file__).parent / "rfc_vectors.json").read_text())["vectors"]


def examples(*prefixes: str) -> pytest.MarkDecorator:
    found = [vector for vector in VECTORS if vector["kind"] == "attributes" and vector["id"].startswith(prefixes)]
    assert found
    return pytest.mark.parametrize("vector", found, ids=[vector["name"] for vector in found])


def opened(vector: dict[str, Any], attributes: bytes | None = None) -> tuple[AccessAccept, AVP, Hiding]:
    """The attributes of a vector, or others under its secret, in a packet."""
    octets = bytes.fromhex(vector["hex"]) if attributes is None else attributes
    authenticator = bytes.fromhex(vector["expects"]["request_authenticator"])
    hiding = Hiding(Secret(vector["secret"].encode()), authenticator)
    header = bytes((AccessAccept.code, 0)) + (wire.HEADER + len(octets)).to_bytes(2, "big")
    packet = AccessAccept.received(wire.decode(header + authenticator + octets), hiding, Dictionary.bundled())
    [avp] = packet.avps
    return packet, avp, hiding


@examples("rfc2865-5.2-")
def test_user_password(vector: dict[str, Any]) -> None:
    password = bytes.fromhex(vector["expects"]["password_hex"])
    packet, avp, hiding = opened(vector)
    assert packet[UserPassword] == password.decode()
    assert avp == UserPassword(password.decode())
    hidden = encode_attributes([avp], hiding)
    assert hidden.hex() == vector["hex"]
    assert len(hidden) - 2 == vector["expects"]["value_length"]


@examples("rfc2868-3.5-")
def test_tunnel_password(vector: dict[str, Any]) -> None:
    expects = vector["expects"]
    password = bytes.fromhex(expects["password_hex"]).decode()
    packet, avp, _ = opened(vector)
    assert packet.get(TunnelPassword, tag=expects["tag"]) == password
    assert (avp.tag, avp) == (expects["tag"], TunnelPassword(password, tag=expects["tag"]))
    again_with_another_salt(vector, avp, salt_at=3)


@examples("rfc2548-2.4.")
def test_mppe_keys(vector: dict[str, Any]) -> None:
    key = MSMPPESendKey if "Send" in vector["name"] else MSMPPERecvKey
    packet, avp, _ = opened(vector)
    assert packet[key].hex() == vector["expects"]["key"]
    assert avp == key(bytes.fromhex(vector["expects"]["key"]))
    again_with_another_salt(vector, avp, salt_at=8)


def again_with_another_salt(vector: dict[str, Any], avp: AVP, salt_at: int) -> None:
    """The salt is random, its top bit set, and different for each attribute of a packet; the rest is determined."""
    octets = bytes.fromhex(vector["hex"])
    assert octets[salt_at : salt_at + 2].hex() == vector["expects"]["salt"]
    _, _, hiding = opened(vector)
    first, second = encode_attributes([avp], hiding), encode_attributes([avp], hiding)
    for hidden in (first, second):
        assert (len(hidden), hidden[:salt_at]) == (len(octets), octets[:salt_at])
        assert hidden[salt_at] & 0x80
        assert opened(vector, hidden)[1] == avp
    assert first[salt_at : salt_at + 2] != second[salt_at : salt_at + 2]
