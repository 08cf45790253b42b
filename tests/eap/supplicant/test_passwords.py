"""EAP-MD5, EAP-GTC and EAP-MSCHAPv2 as a supplicant runs them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from trioradius.eap.packet import REQUEST, EAPPacket
from trioradius.eap.supplicant.passwords import GTC, MD5, MSCHAPv2, refusal_of
from trioradius.errors import AuthenticityError, DecodeError
from trioradius.protocol import ms_chap
from trioradius.protocol.mppe import ms_chap_v2_msk

CHALLENGE = bytes(range(16))
NT_HASH = ms_chap.nt_hash("wonderland")


def request(data: bytes, kind: int = 26, identifier: int = 5) -> EAPPacket:
    return EAPPacket(REQUEST, identifier, kind, data)


def challenge(octets: bytes = CHALLENGE) -> bytes:
    """OpCode, MS-CHAPv2-ID, MS-Length, Value-Size, challenge, name (draft-kamath section 2.1)."""
    return b"\1\x07" + (5 + len(octets) + 6).to_bytes(2, "big") + bytes((len(octets),)) + octets + b"server"


@pytest.fixture
def mschapv2() -> MSCHAPv2:
    return MSCHAPv2("HOME\\alice", b"wonderland")


def taken_apart(response: bytes) -> tuple[bytes, bytes]:
    """The supplicant's challenge and NT-Response."""
    return response[5:21], response[29:53]


def proof(response: bytes) -> bytes:
    """What an honest server says of it."""
    own, nt_response = taken_apart(response)
    return ms_chap.authenticator_response(CHALLENGE, own, b"alice", NT_HASH, nt_response)


def success(message: bytes) -> bytes:
    return b"\3\x07" + (4 + len(message)).to_bytes(2, "big") + message


def test_md5() -> None:
    """RFC 3748 section 5.4, RFC 1994 section 4.1."""
    method = MD5("alice", b"wonderland")
    assert not method.findings.complete
    expected = hashlib.md5(b"\5" + b"wonderland" + CHALLENGE).digest()
    assert method.respond(request(b"\x10" + CHALLENGE + b"name", 4)) == b"\x10" + expected + b"alice"
    assert method.findings.complete
    assert method.findings.msk == b""


@pytest.mark.parametrize("data", [b"", b"\0", b"\x10", b"\x10" + CHALLENGE[:15]])
def test_md5_with_a_bad_challenge(data: bytes) -> None:
    method = MD5("alice", b"wonderland")
    with pytest.raises(DecodeError) as raised:
        method.respond(request(data, 4))
    assert raised.value.reason == "eap_malformed"
    assert not method.findings.complete


def test_gtc() -> None:
    """RFC 3748 section 5.6."""
    method = GTC("alice", b"wonderland")
    assert not method.findings.complete
    assert method.respond(request(b"Password: ", 6)) == b"wonderland"
    assert method.findings.complete
    assert method.findings.msk == b""


def test_mschapv2(mschapv2: MSCHAPv2) -> None:
    """The name is hashed without its domain, and sent with it (RFC 2759 section 4)."""
    response = mschapv2.respond(request(challenge()))
    own, nt_response = taken_apart(response)
    assert response[:5] == b"\2\x07" + (54 + len("HOME\\alice")).to_bytes(2, "big") + b"\x31"
    assert response[21:29] == bytes(8)
    assert response[53:] == b"\0HOME\\alice"
    assert nt_response == ms_chap.nt_response(CHALLENGE, own, b"alice", NT_HASH)
    assert not mschapv2.findings.complete
    assert mschapv2.findings.msk == b""
    assert mschapv2.respond(request(success(proof(response) + b" M=welcome"))) == b"\3"
    assert mschapv2.findings.complete
    assert mschapv2.findings.msk == ms_chap_v2_msk(NT_HASH, nt_response)


def test_its_challenge_is_never_the_same() -> None:
    made = {taken_apart(MSCHAPv2("alice", b"x").respond(request(challenge())))[0] for _ in range(20)}
    assert len(made) == 20


@pytest.mark.parametrize(
    "forge",
    [
        lambda honest: b"S=" + b"0" * 40,
        lambda honest: honest[:-1] + (b"0" if honest[-1:] != b"0" else b"1"),
        lambda honest: honest[:-1],
        lambda honest: honest + b"0",
        lambda honest: b"",
    ],
)
def test_a_server_that_does_not_know_the_password(mschapv2: MSCHAPv2, forge: Callable[[bytes], bytes]) -> None:
    """RFC 2759 section 8.8."""
    honest = proof(mschapv2.respond(request(challenge())))
    with pytest.raises(AuthenticityError) as raised:
        mschapv2.respond(request(success(forge(honest))))
    assert raised.value.reason == "eap_server_proof"
    assert not mschapv2.findings.complete
    assert mschapv2.findings.msk == b""


def test_a_refusal(mschapv2: MSCHAPv2) -> None:
    mschapv2.respond(request(challenge()))
    told = ms_chap.failure_v2(691, CHALLENGE)
    assert mschapv2.respond(request(b"\4\x07" + (4 + len(told)).to_bytes(2, "big") + told)) == b"\4"
    assert mschapv2.findings.refusal == "MS-CHAP error 691: authentication failure"
    assert not mschapv2.findings.complete


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (b"E=648 R=1 C=00 V=3 M=x", "MS-CHAP error 648: password expired"),
        (b"E=1", "MS-CHAP error 1: unknown"),
        (b"M=no", "MS-CHAP: refused without a reason"),
        (b"", "MS-CHAP: refused without a reason"),
    ],
)
def test_what_a_refusal_says(message: bytes, text: str) -> None:
    assert refusal_of(message) == text


@pytest.mark.parametrize("data", [success(b"S=" + b"0" * 40), b"\4\7\0\4", b"\2\7\0\4", b"\7", b""])
def test_operations_before_the_challenge(mschapv2: MSCHAPv2, data: bytes) -> None:
    with pytest.raises(DecodeError) as raised:
        mschapv2.respond(request(data))
    assert raised.value.reason == "eap_unexpected"


def test_a_second_challenge(mschapv2: MSCHAPv2) -> None:
    """A second response under a challenge of the server's choice is nothing it may have."""
    mschapv2.respond(request(challenge()))
    with pytest.raises(DecodeError) as raised:
        mschapv2.respond(request(challenge()))
    assert raised.value.reason == "eap_unexpected"


@pytest.mark.parametrize("octets", [b"", CHALLENGE[:15], CHALLENGE + b"\0"])
def test_challenges_of_another_length(mschapv2: MSCHAPv2, octets: bytes) -> None:
    with pytest.raises(DecodeError) as raised:
        mschapv2.respond(request(challenge(octets)))
    assert raised.value.reason == "eap_malformed"


@pytest.mark.parametrize("data", [b"\1", b"\1\7\0\x20", b"\1\7\0\x20\x10" + CHALLENGE[:15]])
def test_challenges_that_are_cut_off(mschapv2: MSCHAPv2, data: bytes) -> None:
    with pytest.raises(DecodeError) as raised:
        mschapv2.respond(request(data))
    assert raised.value.reason == "eap_malformed"
