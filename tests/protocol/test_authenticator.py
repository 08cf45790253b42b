"""Sign and verify, both ways, for every code; and the examples of RFC 2865 section 7."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from trioradius import AuthenticityError, EncodeError
from trioradius.protocol import authenticator as proof
from trioradius.protocol import codes, wire
from trioradius.protocol.secret import Secret

SECRET = Secret(b"xyzzy5461")
OTHER = Secret(b"another")
VECTOR = bytes(range(16))
ALICE = b"\1\7alice"
DIGESTED = sorted(codes.DIGEST_AUTHENTICATOR)
RANDOM = sorted(codes.RANDOM_AUTHENTICATOR)
REPLIES = [2, 3, 5, 11, 41, 42, 44, 45, 52]
RFC_2865_7_1 = bytes.fromhex(
    "010000380f403f9473978057bd83d5cb98f4227a01066e656d6f02120dbe708d93d413ce3196e43f782a0aee0406c0a80110050600000003"
)
RFC_2865_7_1_REPLY = bytes.fromhex("0200002686fe220e7624ba2a1005f6bf9b55e0b20606000000010f06000000000e06c0a80103")


def request(code: int, *, prove: bool = True, secret: Secret = SECRET) -> bytes:
    return proof.sign_request(code, 7, VECTOR, ALICE, secret, prove=prove)


def reply(code: int, *, prove: bool = True, secret: Secret = SECRET, vector: bytes = VECTOR) -> bytes:
    return proof.sign_reply(code, 7, vector, ALICE, secret, prove=prove)


def test_the_reply_of_rfc_2865_section_7_1() -> None:
    asked = RFC_2865_7_1[4:20]
    proof.verify_reply(wire.decode(RFC_2865_7_1_REPLY), asked, SECRET)
    assert proof.sign_reply(2, 0, asked, RFC_2865_7_1_REPLY[20:], SECRET, prove=False) == RFC_2865_7_1_REPLY


@pytest.mark.parametrize("prove", [True, False])
@pytest.mark.parametrize("code", [*DIGESTED, *RANDOM])
def test_every_request_both_ways(code: int, *, prove: bool) -> None:
    octets = request(code, prove=prove)
    proof.verify_request(wire.decode(octets), SECRET)
    if code in DIGESTED or prove:
        with pytest.raises(AuthenticityError):
            proof.verify_request(wire.decode(octets), OTHER)


@pytest.mark.parametrize("prove", [True, False])
@pytest.mark.parametrize("code", REPLIES)
def test_every_reply_both_ways(code: int, *, prove: bool) -> None:
    message = wire.decode(reply(code, prove=prove))
    proof.verify_reply(message, VECTOR, SECRET)
    for vector, secret in ((VECTOR, OTHER), (bytes(16), SECRET)):
        with pytest.raises(AuthenticityError) as wrong:
            proof.verify_reply(message, vector, secret)
        assert wrong.value.reason == "response_authenticator"


@pytest.mark.parametrize("code", RANDOM)
def test_random_authenticators_go_out_as_they_are(code: int) -> None:
    """RFC 2865 section 3, RFC 5997 section 3."""
    assert request(code)[4:20] == VECTOR


@pytest.mark.parametrize("code", DIGESTED)
def test_digest_authenticators(code: int) -> None:
    """RFC 2866 section 3 and RFC 5176 section 2.3: MD5 over the packet with zeros in its place, and the secret."""
    octets = request(code, prove=False)
    assert octets[4:20] == hashlib.md5(octets[:4] + bytes(16) + octets[20:] + SECRET.octets).digest()


@pytest.mark.parametrize("code", [*DIGESTED, *RANDOM])
def test_message_authenticator_is_first_and_rfc_3579s(code: int) -> None:
    octets = request(code)
    vector = bytes(16) if code in DIGESTED else VECTOR
    blank = octets[:4] + vector + b"\x50\x12" + bytes(16) + octets[38:]
    assert octets[20:38] == b"\x50\x12" + hmac.digest(SECRET.octets, blank, "md5")


@pytest.mark.parametrize("code", REPLIES)
def test_message_authenticator_of_a_reply_is_over_the_request_authenticator(code: int) -> None:
    octets = reply(code)
    blank = octets[:4] + VECTOR + b"\x50\x12" + bytes(16) + octets[38:]
    assert octets[20:38] == b"\x50\x12" + hmac.digest(SECRET.octets, blank, "md5")


@pytest.mark.parametrize("code", [*DIGESTED, *RANDOM])
def test_without_proof_there_is_no_message_authenticator(code: int) -> None:
    assert request(code, prove=False)[20:] == ALICE


@pytest.mark.parametrize("secret", [b"x", b"y" * 64, b"z" * 65, b"w" * 300])
def test_hmac_of_any_secret(secret: bytes) -> None:
    """RFC 2104: one longer than a block is hashed first."""
    assert Secret(secret).hmac(ALICE) == hmac.digest(secret, ALICE, "md5")


@pytest.mark.parametrize("code", [*RANDOM, *DIGESTED])
def test_a_wrong_message_authenticator(code: int) -> None:
    octets = proof.sign_request(code, 7, VECTOR, b"\x50\x12" + bytes(16) + ALICE, SECRET, prove=False)
    with pytest.raises(AuthenticityError) as wrong:
        proof.verify_request(wire.decode(octets), SECRET)
    assert wrong.value.reason == "message_authenticator_wrong"


@pytest.mark.parametrize("proofs", [b"\x50\2", b"\x50\x12" + bytes(16) + b"\x50\x12" + bytes(16)])
def test_a_malformed_message_authenticator(proofs: bytes) -> None:
    asked = proof.sign_request(4, 7, VECTOR, proofs, SECRET, prove=False)
    answer = proof.sign_reply(2, 7, VECTOR, proofs, SECRET, prove=False)
    for verify in (
        lambda: proof.verify_request(wire.decode(asked), SECRET),
        lambda: proof.verify_reply(wire.decode(answer), VECTOR, SECRET),
    ):
        with pytest.raises(AuthenticityError) as wrong:
            verify()
        assert wrong.value.reason == "message_authenticator_malformed"


def test_a_packet_that_radius_cannot_carry() -> None:
    for prove, most in ((False, 4076), (True, 4058)):
        assert len(proof.sign_request(1, 7, VECTOR, bytes(most), SECRET, prove=prove)) == 4096
        with pytest.raises(EncodeError, match="4097"):
            proof.sign_request(1, 7, VECTOR, bytes(most + 1), SECRET, prove=prove)
        with pytest.raises(EncodeError, match="4097"):
            proof.sign_reply(2, 7, VECTOR, bytes(most + 1), SECRET, prove=prove)


def test_new_authenticators_are_sixteen_fresh_octets() -> None:
    fresh = {proof.new_authenticator() for _ in range(100)}
    assert len(fresh) == 100
    assert {len(octets) for octets in fresh} == {16}
