"""EAP-TLS as a supplicant runs it, and what all methods on TLS share (RFC 5216, RFC 9190, RFC 9427)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tls.pki import NOW, PKI
from trioradius.eap.fragments import Fragment
from trioradius.eap.packet import REQUEST, EAPPacket
from trioradius.eap.supplicant import EAPCredentials, Method, method_of
from trioradius.errors import AuthenticityError, DecodeError

from .servers import TLSServer

VERSIONS = pytest.mark.parametrize("version", ["1.2", "1.3"])
COMMITMENT = b"\0"


def supplicant(pki: PKI, *, certificate: str = "client", fragment_size: int = 1_020, **changes: Any) -> Method:
    settings = pki.settings(certificate, **({"server_name": "localhost"} | changes))
    return method_of(EAPCredentials(method="tls", identity="alice", tls=settings, fragment_size=fragment_size), NOW)


def server(method: Method, pki: PKI, certificate: str = "server", *, size: int = 1_020, **changes: Any) -> TLSServer:
    return TLSServer(method, pki.settings(certificate, **changes), size=size)


@VERSIONS
def test_both_ends_agree(pki: PKI, version: str) -> None:
    """Success counts after the handshake in TLS 1.2, after the commitment in TLS 1.3 (RFC 9190 section 2.5)."""
    method = supplicant(pki)
    serving = server(method, pki, maximum_version=version).shake_hands()
    assert serving.is_open
    found = method.findings
    assert found.complete == (version == "1.2")
    if version == "1.3":
        assert serving.say(COMMITMENT) == b""
        expected = serving.engine.export(b"EXPORTER_EAP_TLS_Key_Material", 128, b"\x0d")[:64]
    else:
        expected = serving.engine.export(b"client EAP encryption", 128)[:64]
    assert found.complete
    assert found.msk == expected
    assert found.tunnel is not None
    assert found.tunnel.version == f"TLSv{version}"
    assert found.tunnel.certificate is not None
    assert found.tunnel.certificate.dns == ("localhost",)
    assert serving.engine.done is not None
    assert serving.engine.done.certificate is not None
    assert "nas.example.org" in serving.engine.done.certificate.dns
    assert serving.engine.done.server_name == ""
    assert found.fault is None
    assert found.refusal == ""


@VERSIONS
@pytest.mark.parametrize("size", [200, 300])
def test_small_fragments_both_ways(pki: PKI, version: str, size: int) -> None:
    """RFC 5216 section 2.1.5."""
    method = supplicant(pki, fragment_size=size)
    serving = server(method, pki, size=size, maximum_version=version)
    serving.shake_hands()
    assert serving.is_open
    assert serving.rounds > 10


def test_no_response_is_longer_than_the_fragment_size(pki: PKI) -> None:
    method = supplicant(pki, fragment_size=200)
    lengths = []
    serving = server(method, pki, size=200)
    plain = serving.request

    def measured(data: bytes) -> bytes:
        response = plain(data)
        lengths.append(len(response))
        return response

    serving.request = measured  # type: ignore[method-assign]
    serving.shake_hands()
    assert max(lengths) == 200


@pytest.mark.parametrize("said", [b"\1", COMMITMENT * 2, b"hello"])
def test_anything_but_the_commitment(pki: PKI, said: bytes) -> None:
    method = supplicant(pki)
    serving = server(method, pki).shake_hands()
    with pytest.raises(DecodeError) as raised:
        serving.say(said)
    assert raised.value.reason == "eap_unexpected"
    assert not method.findings.complete


def test_tls_1_2_knows_no_commitment(pki: PKI) -> None:
    serving = server(supplicant(pki), pki, maximum_version="1.2").shake_hands()
    with pytest.raises(DecodeError):
        serving.say(COMMITMENT)


@VERSIONS
@pytest.mark.parametrize(
    ("certificate", "changes", "text"),
    [
        ("server", {"server_name": "radius.example.org"}, "not for the name 'radius.example.org', but for localhost"),
        ("stranger", {"server_name": "nas.example.org"}, "the EAP server: "),
        ("expired", {"server_name": "nas.example.org"}, "certificate has expired"),
        ("selfsigned", {}, "self-signed certificate"),
        ("server", {"server_name": "", "fingerprints": "00" * 32}, "none of the pinned ones"),
    ],
)
def test_servers_that_are_not_believed(
    pki: PKI, version: str, certificate: str, changes: dict[str, Any], text: str
) -> None:
    """The server hears an alert, and then the fault is raised."""
    method = supplicant(pki, **changes)
    serving = server(method, pki, certificate, maximum_version=version).shake_hands()
    assert not serving.is_open
    assert serving.failure.startswith("the peer gave up: ")
    fault = method.findings.fault
    assert isinstance(fault, AuthenticityError)
    assert text in str(fault)
    assert fault.reason == "certificate_refused"
    assert not method.findings.complete
    assert method.findings.msk == b""


@VERSIONS
def test_a_revoked_server(pki: PKI, version: str) -> None:
    method = supplicant(pki, server_name="revoked.example.org", crl=pki.folder / "crl.pem")
    server(method, pki, "revoked", maximum_version=version).shake_hands()
    assert "revoked" in str(method.findings.fault)


def test_the_common_name_is_no_name(pki: PKI) -> None:
    """RFC 9525: the certificate's common name is "server", and its subjectAltName is not."""
    method = supplicant(pki, server_name="server")
    server(method, pki).shake_hands()
    assert method.findings.fault is not None


@VERSIONS
def test_a_pinned_server(pki: PKI, version: str) -> None:
    method = supplicant(pki, ca=None, server_name="", fingerprints=pki.fingerprint("selfsigned"))
    assert server(method, pki, "selfsigned", maximum_version=version).shake_hands().is_open


@VERSIONS
def test_a_server_that_refuses_us(pki: PKI, version: str) -> None:
    """Its alert is acknowledged (RFC 5216 section 2.1.3); it is a refusal, and no fault of the server's."""
    method = supplicant(pki, certificate="stranger")
    serving = server(method, pki, maximum_version=version).shake_hands()
    assert serving.failure
    assert method.findings.refusal.startswith("TLS: the peer gave up: ")
    assert method.findings.fault is None
    assert not method.findings.complete


def test_no_version_in_common(pki: PKI) -> None:
    method = supplicant(pki, minimum_version="1.3")
    server(method, pki, maximum_version="1.2").shake_hands()
    assert method.findings.refusal
    assert not method.findings.complete


def test_after_the_end_there_are_acknowledgements_alone(pki: PKI) -> None:
    method = supplicant(pki, server_name="radius.example.org")
    serving = server(method, pki).shake_hands()
    assert serving.request(Fragment(b"more").encode()) == Fragment().encode()


def test_octets_that_are_no_tls(pki: PKI) -> None:
    method = supplicant(pki)
    serving = server(method, pki)
    serving.request(Fragment(start=True).encode())
    while method.respond(EAPPacket(REQUEST, 1, 13, Fragment().encode())) != Fragment().encode():
        pass
    serving.deliver(b"this is no record of TLS")
    assert method.findings.fault is not None
    assert method.findings.fault.reason == "tls_error"


def test_an_alert_in_the_middle_of_a_handshake(pki: PKI) -> None:
    """handshake_failure, not encrypted."""
    method = supplicant(pki, fragment_size=3_000)
    serving = server(method, pki)
    serving.request(Fragment(start=True).encode())
    serving.deliver(bytes.fromhex("15030300020228"))
    assert "TLS: the peer gave up: " in method.findings.refusal
    assert not method.findings.complete


def test_what_comes_before_the_start(pki: PKI) -> None:
    with pytest.raises(DecodeError) as raised:
        server(supplicant(pki), pki).request(Fragment(b"x").encode())
    assert raised.value.reason == "eap_unexpected"


def test_two_starts(pki: PKI) -> None:
    serving = server(supplicant(pki), pki)
    serving.request(Fragment(start=True).encode())
    with pytest.raises(DecodeError) as raised:
        serving.request(Fragment(start=True).encode())
    assert raised.value.reason == "eap_unexpected"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        Fragment(b"x", length=65_537, more=True).encode(),
        Fragment(b"x" * 30, length=20, more=True).encode(),
        Fragment(more=True, length=20).encode(),
    ],
)
def test_fragments_that_do_not_fit(pki: PKI, data: bytes) -> None:
    """RFC 5216 section 2.1.5: what a server can make us keep is bounded."""
    serving = server(supplicant(pki, fragment_size=3_000), pki)
    serving.request(Fragment(start=True).encode())
    with pytest.raises(DecodeError) as raised:
        serving.request(data)
    assert raised.value.reason == "eap_malformed"


def test_a_message_without_end(pki: PKI) -> None:
    """One that never says how long it is."""
    serving = server(supplicant(pki, fragment_size=3_000), pki)
    serving.request(Fragment(start=True).encode())
    serving.request(Fragment(b"x", length=50_000, more=True).encode())
    with pytest.raises(DecodeError):
        for _ in range(100):
            serving.request(Fragment(bytes(1_000), more=True).encode())


@VERSIONS
def test_a_server_that_closes(pki: PKI, version: str) -> None:
    """Its close_notify is acknowledged, and nothing follows from it."""
    method = supplicant(pki)
    serving = server(method, pki, maximum_version=version).shake_hands()
    serving.engine.close()
    assert serving.request(Fragment(serving.engine.take()).encode())[:1] == b"\0"
    assert method.findings.complete == (version == "1.2")
    assert method.findings.refusal == ""
    assert serving.request(Fragment().encode()) == Fragment().encode()
