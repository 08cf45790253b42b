"""The worked examples of RFC 2759 section 9 and RFC 3079 sections 2.5.3 and 3.5, and the attributes of RFC 2548.

What a NAS computes from the keys it is sent is written out here, so that the examples reach their end, the session
keys. Those of 40 and 56 bits after MS-CHAPv1 come of the LAN Manager hash, which this server never has.
"""

from __future__ import annotations

import hashlib
import json
import pathlib
from typing import Any, Final

import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4
from cryptography.hazmat.primitives.ciphers import Cipher

from trioradius import AccessRequest, Cleartext, Dictionary
from trioradius.attributes.microsoft import MSCHAP2Success, MSMPPERecvKey, MSMPPESendKey
from trioradius.protocol import mppe, ms_chap, wire
from trioradius.protocol.hiding import Hiding
from trioradius.protocol.md4 import md4
from trioradius.protocol.passwords import earned
from trioradius.protocol.profile import RADIUS_1_0
from trioradius.protocol.proofs import MSCHAP
from trioradius.protocol.secret import Secret
from trioradius.protocol.weigh import weigh

VECTORS: Final = {
    vector["id"]: vector
    for vector in json.loads((pathlib.Path(__file__).parent / "rfc_vectors.json").read_text())["vectors"]
}
USER, PASSWORD = b"User", "clientPass"
THEIRS = bytes.fromhex("5b5d7c7d7b3f2f3e3c2c602132262628")
OWN = bytes.fromhex("21402324255e262a28295f2b3a337c7e")
SEND = "rfc3079-3.5.1-40-bit-send-key", "rfc3079-3.5.2-56-bit-send-key", "rfc3079-3.5.3-128-bit-send-key"
SALT = {"40": b"\xd1\x26\x9e", "56": b"\xd1", "128": b""}


def expected(vector: str) -> dict[str, Any]:
    return VECTORS[vector]["expects"]  # type: ignore[no-any-return]


def session_key(start: bytes, bits: str) -> bytes:
    """GetNewKeyFromSHA and the salt of short keys, RFC 3079 sections 3.1 to 3.3: the NAS's work."""
    size = 16 if bits == "128" else 8
    key = hashlib.sha1(start[:size] + bytes(40) + start[:size] + b"\xf2" * 40).digest()[:size]
    return SALT[bits] + key[len(SALT[bits]) :]


def test_rfc_2759_section_9_2() -> None:
    nt_hash = ms_chap.nt_hash(PASSWORD)
    assert nt_hash.hex() == expected("rfc2759-9.2-ntpasswordhash")["hash"]
    assert md4(nt_hash).hex() == expected("rfc2759-9.2-passwordhashhash")["hash"]
    assert ms_chap.challenge_hash(OWN, THEIRS, USER).hex() == expected("rfc2759-9.2-challengehash")["challenge"]
    response = ms_chap.nt_response(THEIRS, OWN, USER, nt_hash)
    assert response.hex() == expected("rfc2759-9.2-nt-response")["nt_response"]
    proof = ms_chap.authenticator_response(THEIRS, OWN, USER, nt_hash, response)
    assert proof.decode() == expected("rfc2759-9.2-authenticatorresponse")["authenticator_response"]


def start_keys() -> tuple[bytes, bytes]:
    nt_hash = ms_chap.nt_hash(PASSWORD)
    return mppe.send_and_receive_keys(nt_hash, ms_chap.nt_response(THEIRS, OWN, USER, nt_hash))


@pytest.mark.parametrize("vector", SEND)
def test_rfc_3079_section_3_5(vector: str) -> None:
    send, _ = start_keys()
    wanted, bits = expected(vector), vector.split("-")[2]
    assert send.hex().startswith(wanted["send_start_key"])
    key = session_key(send, bits)
    assert key.hex() == wanted["send_session_key"]
    assert Cipher(ARC4(key), None).encryptor().update(b"test message").hex() == wanted["rc4_test_message"]


def test_the_receive_key() -> None:
    assert start_keys()[1].hex() == expected("rfc3079-3-128-bit-receive-key-(derived)")["recv_start_key"]


def test_the_msk_is_the_receive_key_the_send_key_and_zeros() -> None:
    nt_hash = ms_chap.nt_hash(PASSWORD)
    send, receive = start_keys()
    msk = mppe.ms_chap_v2_msk(nt_hash, ms_chap.nt_response(THEIRS, OWN, USER, nt_hash))
    assert msk == receive + send + bytes(32)


def test_rfc_3079_section_2_5_3() -> None:
    """128 bits after MS-CHAPv1: the NAS has the NT-Key out of MS-CHAP-MPPE-Keys, and the challenge."""
    wanted = expected("rfc3079-2.5.3-128-bit-ms-chapv1-key")
    challenge = bytes.fromhex(VECTORS["rfc3079-2.5.3-128-bit-ms-chapv1-key"]["inputs"]["challenge"])
    proof = MSCHAP(challenge, ms_chap.challenge_response(challenge, ms_chap.nt_hash(PASSWORD)))
    keys = earned(proof, weigh(proof, Cleartext(PASSWORD)), b"\1")[0].octets
    assert keys[:8] == bytes(8)
    nt_key = keys[8:]
    start = hashlib.sha1(nt_key + nt_key + challenge).digest()[:16]
    assert start.hex() == wanted["initial_session_key"]
    assert session_key(start, "128").hex() == wanted["session_key"]


@pytest.mark.parametrize(
    ("vector", "attribute"),
    [("rfc2548-2.4.2-ms-mppe-send-key", MSMPPESendKey), ("rfc2548-2.4.3-ms-mppe-recv-key", MSMPPERecvKey)],
)
def test_keys_as_rfc_2548_section_2_4_hides_them(vector: str, attribute: Any) -> None:
    wanted = expected(vector)
    hiding = Hiding(Secret(VECTORS[vector]["secret"].encode()), bytes.fromhex(wanted["request_authenticator"]))
    hiding._salt = int(wanted["salt"], 16) - 1
    assert attribute(bytes.fromhex(wanted["key"])).wire(hiding.hide).hex() == VECTORS[vector]["hex"]


def test_a_whole_request_and_what_it_earns() -> None:
    """RFC 2548 section 2.3.2 with the values of RFC 2759 section 9.2."""
    vector = next(value for name, value in VECTORS.items() if name.startswith("rfc2548-2.3.2"))
    message = wire.decode(bytes.fromhex(vector["hex"]))
    hiding = RADIUS_1_0.request_hiding(message, Secret(vector["secret"].encode()))
    request = AccessRequest.received(message, hiding, Dictionary.bundled())
    assert not request.verify_password("clientpass")
    assert MSCHAP2Success not in request.accept()
    assert request.verify_password(vector["expects"]["password"])
    accept = request.accept()
    assert accept[MSCHAP2Success].hex() == vector["expects"]["expect_reply_MS_CHAP2_Success"]
    assert (accept[MSMPPESendKey], accept[MSMPPERecvKey]) == start_keys()
