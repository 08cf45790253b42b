"""EAP-TTLSv0 as a supplicant runs it (RFC 5281)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from tests.tls.pki import NOW, PKI
from trioradius.eap.packet import REQUEST, RESPONSE, EAPPacket
from trioradius.eap.supplicant import EAPCredentials, EAPMethod, Findings, method_of
from trioradius.eap.tls_based import avps
from trioradius.eap.tls_based.avps import MICROSOFT, DiameterAVP
from trioradius.errors import AuthenticityError, DecodeError
from trioradius.protocol import ms_chap

from .servers import TLSServer

VERSIONS = pytest.mark.parametrize("version", ["1.2", "1.3"])
NT_HASH = ms_chap.nt_hash("wonderland")
EAP_MESSAGE = 79


def connect(pki: PKI, method: EAPMethod, version: str = "1.3", **changes: Any) -> tuple[TLSServer, Findings]:
    """A server that has done the handshake, and what the supplicant finds out."""
    given: dict[str, Any] = {"identity": "alice", "password": "wonderland"}
    tls = pki.settings("client", certificate=None, key=None, server_name="localhost")
    run = method_of(EAPCredentials(method=method, tls=tls, **(given | changes)), NOW)
    serving = TLSServer(run, pki.settings("server", ca=None, maximum_version=version))
    serving.shake_hands()
    return serving, run.findings


def said(serving: TLSServer) -> dict[tuple[int, int], bytes]:
    """What the supplicant said first; every AVP of it is mandatory."""
    found = avps.decode(serving.plaintext)
    assert all(avp.mandatory for avp in found)
    return {(avp.vendor, avp.code): avp.value for avp in found}


def eap(packet: EAPPacket) -> bytes:
    return DiameterAVP(EAP_MESSAGE, packet.encode()).encode()


@VERSIONS
@pytest.mark.parametrize(
    ("password", "padded"),
    [("wonderland", b"wonderland" + bytes(6)), ("p" * 16, b"p" * 16), ("", b""), ("p" * 17, b"p" * 17 + bytes(15))],
)
def test_pap(pki: PKI, version: str, password: str, padded: bytes) -> None:
    """Section 11.2.5. Success may follow at once, since the certificate has proved the server."""
    serving, found = connect(pki, "ttls-pap", version, password=password)
    assert said(serving) == {(0, 1): b"alice", (0, 2): padded}
    assert found.complete
    label, context = (
        (b"ttls keying material", None) if version == "1.2" else (b"EXPORTER_EAP_TLS_Key_Material", b"\x15")
    )
    assert found.msk == serving.engine.export(label, 128, context)[:64]


@VERSIONS
def test_chap(pki: PKI, version: str) -> None:
    """Section 11.2.2: challenge and identifier are implied."""
    serving, found = connect(pki, "ttls-chap", version)
    implied = serving.engine.export(b"ttls challenge", 17)
    challenge, identifier = implied[:16], implied[16:]
    digest = hashlib.md5(identifier + b"wonderland" + challenge).digest()
    assert said(serving) == {(0, 1): b"alice", (0, 60): challenge, (0, 3): identifier + digest}
    assert found.complete


@VERSIONS
def test_mschap(pki: PKI, version: str) -> None:
    """Section 11.2.3."""
    serving, found = connect(pki, "ttls-mschap", version)
    implied = serving.engine.export(b"ttls challenge", 9)
    challenge, identifier = implied[:8], implied[8:]
    response = identifier + b"\1" + bytes(24) + ms_chap.challenge_response(challenge, NT_HASH)
    assert said(serving) == {(0, 1): b"alice", (MICROSOFT, 11): challenge, (MICROSOFT, 1): response}
    assert found.complete


@VERSIONS
def test_mschapv2(pki: PKI, version: str) -> None:
    """Section 11.2.4: complete once the server has proved that it knows the password."""
    serving, found = connect(pki, "ttls-mschapv2", version, identity="HOME\\alice")
    implied = serving.engine.export(b"ttls challenge", 17)
    challenge, identifier = implied[:16], implied[16:]
    heard = said(serving)
    response = heard[MICROSOFT, 25]
    own, nt_response = response[2:18], response[26:]
    assert heard[0, 1] == b"HOME\\alice"
    assert heard[MICROSOFT, 11] == challenge
    assert response[:2] == identifier + b"\0"
    assert response[18:26] == bytes(8)
    assert nt_response == ms_chap.nt_response(challenge, own, b"alice", NT_HASH)
    assert not found.complete
    proof = ms_chap.authenticator_response(challenge, own, b"alice", NT_HASH, nt_response)
    assert serving.say(DiameterAVP(26, identifier + proof, MICROSOFT).encode()) == b""
    assert found.complete


FORGED: dict[str, Callable[[bytes, bytes], bytes]] = {
    "another proof": lambda identifier, proof: identifier + b"S=" + b"0" * 40,
    "no proof": lambda identifier, proof: identifier,
    "another identifier": lambda identifier, proof: bytes((identifier[0] ^ 1,)) + proof,
    "nothing": lambda identifier, proof: b"",
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_mschapv2_of_a_server_that_does_not_know_the_password(pki: PKI, forge: Callable[[bytes, bytes], bytes]) -> None:
    serving, found = connect(pki, "ttls-mschapv2")
    challenge = serving.engine.export(b"ttls challenge", 17)
    response = said(serving)[MICROSOFT, 25]
    proof = ms_chap.authenticator_response(challenge[:16], response[2:18], b"alice", NT_HASH, response[26:])
    with pytest.raises(AuthenticityError) as raised:
        serving.say(DiameterAVP(26, forge(challenge[16:], proof), MICROSOFT).encode())
    assert raised.value.reason == "eap_server_proof"
    assert not found.complete


@pytest.mark.parametrize("method", ["ttls-mschap", "ttls-mschapv2"])
def test_refusals(pki: PKI, method: EAPMethod) -> None:
    serving, found = connect(pki, method)
    error = DiameterAVP(2, b"\1" + ms_chap.failure_v2(691, bytes(16)), MICROSOFT)
    assert serving.say(error.encode()) == b""
    assert found.refusal == "MS-CHAP error 691: authentication failure"
    assert found.complete == (method == "ttls-mschap")


@pytest.mark.parametrize("method", ["ttls-pap", "ttls-chap", "ttls-mschap", "ttls-mschapv2", "ttls-eap-md5"])
def test_text_for_the_user_says_nothing(pki: PKI, method: EAPMethod) -> None:
    serving, found = connect(pki, method)
    assert serving.say(DiameterAVP(18, b"Welcome").encode()) == b""
    assert found.refusal == ""


def test_a_server_that_hangs_up(pki: PKI) -> None:
    """With its Finished comes close_notify, and what we would have said stays unsaid."""
    tls = pki.settings("client", server_name="localhost")
    run = method_of(EAPCredentials(method="ttls-pap", identity="alice", password="wonderland", tls=tls), NOW)
    serving = TLSServer(run, pki.settings("server", ca=None, maximum_version="1.2"))
    serving.shake_hands(hang_up=True)
    assert serving.plaintext == b""


@pytest.mark.parametrize("method", ["ttls-pap", "ttls-mschapv2", "ttls-eap-md5"])
def test_unknown_avps(pki: PKI, method: EAPMethod) -> None:
    """Section 10.1: one that is mandatory ends the conversation, one that is not is ignored."""
    serving, _ = connect(pki, method)
    assert serving.say(DiameterAVP(1_000, b"x", mandatory=False).encode()) == b""
    with pytest.raises(DecodeError) as raised:
        serving.say(DiameterAVP(1_000, b"x").encode())
    assert raised.value.reason == "eap_unexpected"


def test_avps_that_are_none(pki: PKI) -> None:
    serving, _ = connect(pki, "ttls-pap")
    with pytest.raises(DecodeError) as raised:
        serving.say(b"hello")
    assert raised.value.reason == "eap_malformed"


@VERSIONS
def test_inner_eap(pki: PKI, version: str) -> None:
    """Section 11.2.1: it begins with the identity, and is complete when the inner method is."""
    serving, found = connect(pki, "ttls-eap-md5", version, identity="alice", anonymous_identity="anonymous")
    assert said(serving) == {(0, EAP_MESSAGE): EAPPacket(RESPONSE, 0, 1, b"alice").encode()}
    [nak] = avps.decode(serving.say(eap(EAPPacket(REQUEST, 1, 26, b"x"))))
    assert EAPPacket.decode(nak.value) == EAPPacket(RESPONSE, 1, 3, b"\4")
    assert found.refusal == "EAP: the server proposes type 26, not 4"
    assert not found.complete
    [answer] = avps.decode(serving.say(eap(EAPPacket(REQUEST, 2, 4, b"\4abcd"))))
    digest = hashlib.md5(b"\2wonderlandabcd").digest()
    assert EAPPacket.decode(answer.value) == EAPPacket(RESPONSE, 2, 4, b"\x10" + digest + b"alice")
    assert found.complete
    assert found.refusal == ""


def test_inner_eap_of_which_the_method_is_changed(pki: PKI) -> None:
    serving, _ = connect(pki, "ttls-eap-gtc")
    serving.say(eap(EAPPacket(REQUEST, 1, 6, b"Password:")))
    with pytest.raises(AuthenticityError) as raised:
        serving.say(eap(EAPPacket(REQUEST, 2, 4, b"\4abcd")))
    assert raised.value.reason == "eap_method_changed"


def test_inner_eap_in_several_avps(pki: PKI) -> None:
    """RADIUS splits a long packet, and so may TTLS (section 10.1)."""
    serving, found = connect(pki, "ttls-eap-gtc")
    packet = EAPPacket(REQUEST, 1, 6, b"Password:").encode()
    serving.say(DiameterAVP(EAP_MESSAGE, packet[:5]).encode() + DiameterAVP(EAP_MESSAGE, packet[5:]).encode())
    assert found.complete
