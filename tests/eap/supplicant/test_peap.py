"""PEAPv0 as a supplicant runs it ([MS-PEAP], draft-kamath-pppext-peapv0)."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from tests.tls.pki import NOW, PKI
from trioradius.eap.fragments import Fragment
from trioradius.eap.packet import REQUEST, RESPONSE, EAPPacket
from trioradius.eap.supplicant import EAPCredentials, EAPMethod, Findings, method_of
from trioradius.eap.tls_based import extensions
from trioradius.eap.tls_based.extensions import CRYPTOBINDING, EXTENSIONS, CompoundKeys
from trioradius.errors import AuthenticityError, DecodeError
from trioradius.protocol import ms_chap
from trioradius.protocol.mppe import ms_chap_v2_msk

from .servers import TLSServer

VERSIONS = pytest.mark.parametrize("version", ["1.2", "1.3"])
MSCHAPV2 = 26
CHALLENGE = bytes(range(16))
NT_HASH = ms_chap.nt_hash("wonderland")
NONCE = bytes(range(32))
SUCCESS = extensions.result(True)
FAILURE = extensions.result(False)


def connect(pki: PKI, method: EAPMethod, version: str = "1.3", **changes: Any) -> tuple[TLSServer, Findings]:
    """A server that has done the handshake, and what the supplicant finds out."""
    tls = pki.settings("client", server_name="localhost")
    given: dict[str, Any] = {"identity": "alice", "password": "wonderland", "tls": tls}
    run = method_of(EAPCredentials(method=method, **(given | changes)), NOW)
    serving = TLSServer(run, pki.settings("server", ca=None, maximum_version=version))
    serving.shake_hands()
    return serving, run.findings


def result(tlvs: bytes, identifier: int = 9) -> bytes:
    return EAPPacket(REQUEST, identifier, EXTENSIONS, tlvs).encode()


def confirmed(heard: bytes) -> dict[int, bytes]:
    """The TLVs of a whole packet of EAP Extensions."""
    packet = EAPPacket.decode(heard)
    assert (packet.code, packet.identifier, packet.type) == (RESPONSE, 9, EXTENSIONS)
    return extensions.decode(packet.data)


def show_password(serving: TLSServer) -> None:
    """MSCHAPv2 up to the server's proof, without headers."""
    response = serving.say(bytes((MSCHAPV2, 1, 7, 0, 21, 16)) + CHALLENGE)
    assert response[0] == MSCHAPV2
    own, nt_response = response[6:22], response[30:54]
    proof = ms_chap.authenticator_response(CHALLENGE, own, b"alice", NT_HASH, nt_response)
    assert serving.say(bytes((MSCHAPV2, 3, 7, 0, 46)) + proof) == bytes((MSCHAPV2, 3))


def tunnel_key(serving: TLSServer) -> bytes:
    assert serving.engine.done is not None
    if serving.engine.done.tls_version == "TLSv1.3":
        return serving.engine.export(b"EXPORTER_EAP_TLS_Key_Material", 128, b"\x19")[:64]
    return serving.engine.export(b"client EAP encryption", 128)[:64]


@VERSIONS
@pytest.mark.parametrize("whole", [False, True])
def test_mschapv2(pki: PKI, version: str, whole: bool) -> None:
    """The identity is asked with or without a header, and said without; success counts once the tunnel brings it."""
    serving, found = connect(pki, "peap-mschapv2", version, anonymous_identity="anonymous")
    assert serving.plaintext == b""
    identity = EAPPacket(REQUEST, 3, 1)
    assert serving.say(identity.encode() if whole else b"\1") == b"\1alice"
    show_password(serving)
    assert not found.complete
    assert confirmed(serving.say(result(SUCCESS))) == {extensions.RESULT: b"\0\1"}
    assert found.complete
    assert found.msk == tunnel_key(serving)


def test_a_text_that_looks_like_a_header(pki: PKI) -> None:
    """A packet without header, whose octets would be one but for the length."""
    serving, _ = connect(pki, "peap-gtc")
    assert serving.say(b"\1ab\6cd") == b"\1alice"


def test_no_version_but_0_is_spoken(pki: PKI) -> None:
    """A server that offers PEAPv1 is answered in version 0 (draft-josefsson-pppext-eap-tls-eap section 2.3)."""
    tls = pki.settings("client", server_name="localhost")
    run = method_of(EAPCredentials(method="peap-gtc", identity="alice", password="x", tls=tls), NOW)
    response = run.respond(EAPPacket(REQUEST, 1, 25, Fragment(start=True, version=1).encode()))
    assert Fragment.decode(response).version == 0


def test_another_method_is_declined(pki: PKI) -> None:
    serving, found = connect(pki, "peap-gtc")
    assert serving.say(b"\1") == b"\1alice"
    assert serving.say(bytes((MSCHAPV2, 1, 7, 0, 21, 16)) + CHALLENGE) == b"\3\6"
    assert found.refusal == "EAP: the server proposes type 26, not 6"
    assert serving.say(b"\6Password:") == b"\6wonderland"
    assert confirmed(serving.say(result(SUCCESS))) == {extensions.RESULT: b"\0\1"}
    assert found.complete


def test_md5_takes_the_identifier_of_the_packet_round_it(pki: PKI) -> None:
    serving, found = connect(pki, "peap-md5")
    answer = serving.say(b"\4\4abcd")
    identifier = bytes((serving.rounds,))
    assert answer == b"\4\x10" + hashlib.md5(identifier + b"wonderlandabcd").digest() + b"alice"
    serving.say(result(SUCCESS))
    assert found.complete


@VERSIONS
def test_tls_within(pki: PKI, version: str) -> None:
    """Outside the tunnel the certificate is not shown, though the server asks; inside it is."""
    tls = pki.settings("client", server_name="localhost")
    run = method_of(EAPCredentials(method="peap-tls", identity="alice", tls=tls), NOW)
    settings = pki.settings("server", maximum_version=version)
    serving = TLSServer(run, settings).shake_hands()
    assert not serving.is_open
    assert run.findings.refusal

    serving, found = connect(pki, "peap-tls", version)
    inner = TLSServer(Within(serving), settings)
    inner.shake_hands()
    if version == "1.3":
        inner.say(b"\0")
    assert inner.is_open
    confirmed(serving.say(result(SUCCESS)))
    assert found.complete


class Within:
    """EAP-TLS of a supplicant, reached through the tunnel of another server."""

    type = 13

    def __init__(self, tunnel: TLSServer) -> None:
        self.findings = Findings()
        self._tunnel = tunnel

    def respond(self, request: EAPPacket) -> bytes:
        before = self._tunnel.rounds
        answer = self._tunnel.say(bytes((request.type,)) + request.data)
        # Not split: some servers take an inner packet from one outer packet alone.
        assert self._tunnel.rounds <= before + 2
        assert answer[0] == self.type
        return answer[1:]


@VERSIONS
@pytest.mark.parametrize("method", ["peap-mschapv2", "peap-gtc"])
def test_crypto_binding(pki: PKI, version: str, method: EAPMethod) -> None:
    """[MS-PEAP] section 3.1.5.5: both ends prove both keys, and the MSK is made of them."""
    serving, found = connect(pki, method, version)
    inner_key = b""
    if method == "peap-gtc":
        serving.say(b"\6Password:")
    else:
        show_password(serving)
        inner_key = found_inner_key(serving)
    keys = CompoundKeys.derive(tunnel_key(serving), inner_key)
    heard = confirmed(serving.say(result(SUCCESS + extensions.binding(keys, NONCE))))
    assert extensions.is_bound(keys, heard[CRYPTOBINDING])
    assert NONCE in heard[CRYPTOBINDING]
    assert found.complete
    assert found.msk == keys.msk
    assert found.msk != tunnel_key(serving)


def found_inner_key(serving: TLSServer) -> bytes:
    """What the server has of MSCHAPv2: of all that was said, the response."""
    at = serving.plaintext.index(bytes((MSCHAPV2, 2)))
    return ms_chap_v2_msk(NT_HASH, serving.plaintext[at + 30 : at + 54])


@pytest.mark.parametrize("spoil", ["keys", "response", "cut"])
def test_crypto_binding_of_another_tunnel(pki: PKI, spoil: str) -> None:
    serving, _ = connect(pki, "peap-gtc")
    serving.say(b"\6Password:")
    keys = CompoundKeys.derive(bytes(64) if spoil == "keys" else tunnel_key(serving), b"")
    tlv = extensions.binding(keys, NONCE, response=spoil == "response")
    if spoil == "cut":
        tlv = tlv[:2] + (len(tlv) - 5).to_bytes(2, "big") + tlv[4:-1]
    with pytest.raises(AuthenticityError) as raised:
        serving.say(result(SUCCESS + tlv))
    assert raised.value.reason == "eap_crypto_binding"


def test_success_before_the_inner_method(pki: PKI) -> None:
    serving, found = connect(pki, "peap-mschapv2")
    serving.say(b"\1")
    with pytest.raises(AuthenticityError) as raised:
        serving.say(result(SUCCESS))
    assert raised.value.reason == "eap_premature_success"
    assert not found.complete


def test_success_without_the_servers_proof(pki: PKI) -> None:
    """The response is shown, and the server goes on without saying S=."""
    serving, found = connect(pki, "peap-mschapv2")
    serving.say(bytes((MSCHAPV2, 1, 7, 0, 21, 16)) + CHALLENGE)
    with pytest.raises(AuthenticityError) as raised:
        serving.say(result(SUCCESS))
    assert raised.value.reason == "eap_premature_success"
    assert not found.complete


def test_success_twice(pki: PKI) -> None:
    serving, _ = connect(pki, "peap-gtc")
    serving.say(b"\6Password:")
    serving.say(result(SUCCESS))
    with pytest.raises(AuthenticityError):
        serving.say(result(SUCCESS, 10))


def test_failure_after_success(pki: PKI) -> None:
    """The last word counts."""
    serving, found = connect(pki, "peap-gtc")
    serving.say(b"\6Password:")
    serving.say(result(SUCCESS))
    serving.say(EAPPacket(REQUEST, 10, EXTENSIONS, FAILURE).encode())
    assert not found.complete
    assert found.refusal


@pytest.mark.parametrize("shown", [True, False])
def test_failure(pki: PKI, shown: bool) -> None:
    serving, found = connect(pki, "peap-gtc")
    if shown:
        serving.say(b"\6Password:")
    assert confirmed(serving.say(result(FAILURE))) == {extensions.RESULT: b"\0\2"}
    assert found.refusal == "PEAP: the server says failure inside the tunnel"
    assert not found.complete


def test_a_refusal_of_the_inner_method_is_kept(pki: PKI) -> None:
    serving, found = connect(pki, "peap-mschapv2")
    serving.say(bytes((MSCHAPV2, 1, 7, 0, 21, 16)) + CHALLENGE)
    error = ms_chap.failure_v2(691, CHALLENGE)
    assert serving.say(bytes((MSCHAPV2, 4, 7)) + (4 + len(error)).to_bytes(2, "big") + error) == bytes((MSCHAPV2, 4))
    serving.say(result(FAILURE))
    assert found.refusal == "MS-CHAP error 691: authentication failure"


@pytest.mark.parametrize("tlvs", [b"", b"\x80\3\0\2\0\3", b"\x80\3\0\1\0", b"\x80\3\0\0", b"\x80\3\0\2\0", b"\0\7\0\0"])
def test_results_that_are_none(pki: PKI, tlvs: bytes) -> None:
    serving, _ = connect(pki, "peap-gtc")
    serving.say(b"\6Password:")
    with pytest.raises(DecodeError) as raised:
        serving.say(result(tlvs))
    assert raised.value.reason == "eap_malformed"


def test_success_in_the_tunnel_is_no_request(pki: PKI) -> None:
    """PEAPv0 says it as a result."""
    serving, _ = connect(pki, "peap-gtc")
    with pytest.raises(DecodeError):
        serving.say(b"\3\1\0\4")


def test_a_fault_of_the_inner_server_is_raised_when_it_has_heard_of_it(pki: PKI) -> None:
    """Inside, EAP-TLS meets another server than outside."""
    serving, found = connect(pki, "peap-tls")
    inner = TLSServer(Within(serving), pki.settings("deep"))
    with pytest.raises(AuthenticityError, match="not for the name"):
        inner.shake_hands()
    assert inner.failure
    assert found.fault is not None
