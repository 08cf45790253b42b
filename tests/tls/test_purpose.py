"""Contexts for EAP: what differs from RADIUS over TLS, and what does not."""

from __future__ import annotations

import pathlib
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from trioradius.errors import ConfigurationError
from trioradius.tls import (
    Context,
    PreSharedKey,
    Purpose,
    TLSSettings,
    client_engine,
    eap_client_context,
    eap_server_context,
    server_engine,
)
from trioradius.tls.certificates import make_authority, make_revocation_list
from trioradius.tls.context import server_context
from trioradius.tls.purpose import ClientCertificate

from .pairs import Pair, connect, data, done
from .pki import NOW, PKI

VERSIONS = pytest.mark.parametrize("version", ["1.2", "1.3"])
ANYBODY = Purpose(b"test", "none")


def server(pki: PKI, asked: ClientCertificate = "none", **changes: Any) -> Context:
    return eap_server_context(pki.settings("server", **changes), Purpose(b"test", asked, many=True))


def client(pki: PKI, stem: str | None = None, **changes: Any) -> Context:
    shown = {} if stem is not None else {"certificate": None, "key": None}
    return eap_client_context(pki.settings(stem or "client", **shown, **changes), ANYBODY)


@VERSIONS
def test_a_client_without_certificate(pki: PKI, version: str) -> None:
    pair = connect(server(pki), client(pki, maximum_version=version))
    found = done(pair.server)
    assert (found.certificate, found.psk_identity, found.resumed, found.protocol) == (None, "", False, "")
    assert done(pair.client).certificate is not None
    pair.client.write(b"hello")
    assert data(pair.pump().server_events) == b"hello"


@VERSIONS
@pytest.mark.parametrize(
    ("asked", "stem", "shown"),
    [
        ("none", "client", False),
        ("optional", None, False),
        ("optional", "client", True),
        ("required", "client", True),
    ],
)
def test_certificates_of_clients(
    pki: PKI, version: str, asked: ClientCertificate, stem: str | None, shown: bool
) -> None:
    pair = connect(server(pki, asked), client(pki, stem, maximum_version=version))
    assert (done(pair.server).certificate is not None) is shown


@VERSIONS
@pytest.mark.parametrize(("asked", "stem"), [("required", None), ("required", "stranger"), ("optional", "stranger")])
def test_clients_that_are_refused(pki: PKI, version: str, asked: ClientCertificate, stem: str | None) -> None:
    pair = connect(server(pki, asked), client(pki, stem, maximum_version=version))
    assert pair.failures[1] in ("no_certificate", "certificate_refused")
    assert pair.server.done is None


@VERSIONS
@pytest.mark.parametrize("stem", ["stranger", "expired", "selfsigned"])
def test_a_client_looks_at_the_server_always(pki: PKI, version: str, stem: str) -> None:
    serving = eap_server_context(pki.settings(stem), ANYBODY)
    pair = connect(serving, client(pki, maximum_version=version))
    assert pair.failures[0] == "certificate_refused"


def test_the_name_of_the_server_counts(pki: PKI) -> None:
    assert connect(server(pki), client(pki), name="radius.example.org").failures[0] == "certificate_refused"


@VERSIONS
def test_what_is_resumed_is_told_by_its_name(pki: PKI, version: str) -> None:
    serving, asking = server(pki), client(pki, maximum_version=version)
    first = connect(serving, asking)
    assert first.server.resumed_session == b""
    name = first.server.session_name()
    first.client.close()
    again = connect(serving, asking, resumption=first.client.resumption())
    assert done(again.server).resumed
    assert again.server.resumed_session == name
    other = connect(serving, asking)
    assert other.server.resumed_session == b""
    assert other.server.session_name() not in (name, b"")


def test_there_is_no_name_before_the_handshake(pki: PKI) -> None:
    assert server_engine(server(pki), now=NOW).session_name() == b""


@VERSIONS
def test_the_random_values_of_both_ends(pki: PKI, version: str) -> None:
    pair = connect(server(pki), client(pki, maximum_version=version))
    assert pair.client.randoms() == pair.server.randoms()
    assert len(pair.client.randoms()) == 64
    assert pair.client.export(b"test", 32) == pair.server.export(b"test", 32)


def test_reload_keeps_the_purpose(pki: PKI) -> None:
    context = server(pki, "optional")
    assert context.reload().purpose is context.purpose
    assert connect(context.reload(), client(pki)).server.done is not None
    assert server_context(pki.settings("server")).reload().purpose.radius


@pytest.mark.parametrize(
    ("certificate", "changes", "text"),
    [
        ("none", {"certificate": None, "key": None}, "certificate: "),
        ("optional", {"ca": None}, "ca: "),
        ("required", {"ca": None}, "ca: "),
        ("none", {"psk": PreSharedKey("someone", bytes(range(16)))}, "psk: "),
    ],
)
def test_servers_that_cannot_work(pki: PKI, certificate: ClientCertificate, changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        server(pki, certificate, **changes)


def test_clients_that_cannot_work(pki: PKI) -> None:
    with pytest.raises(ConfigurationError, match="ca: "):
        client(pki, ca=None)
    with pytest.raises(ConfigurationError, match="psk: "):
        client(pki, psk=PreSharedKey("someone", bytes(range(16))))


def test_no_authority_is_needed_where_no_certificate_is_asked_for(pki: PKI) -> None:
    assert connect(server(pki, ca=None), client(pki)).server.done is not None


def response(pki: PKI, file: pathlib.Path, about: str = "server") -> pathlib.Path:
    """An OCSP response about one of the certificates."""
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=pki.issued[about].certificate,
        issuer=pki.authority.certificate,
        algorithm=hashes.SHA1(),
        cert_status=ocsp.OCSPCertStatus.GOOD,
        this_update=NOW,
        next_update=NOW + timedelta(days=1),
        revocation_time=None,
        revocation_reason=None,
    )
    signed = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, pki.authority.certificate).sign(
        pki.authority.key, hashes.SHA256()
    )
    file.write_bytes(signed.public_bytes(Encoding.DER))
    return file


@VERSIONS
@pytest.mark.parametrize("given", [True, False])
def test_our_own_status_is_stapled(pki: PKI, tmp_path: pathlib.Path, version: str, given: bool) -> None:
    file = response(pki, tmp_path / "ocsp.der")
    asking = client(pki, maximum_version=version)
    seen: list[bytes] = []
    asking.ssl.set_ocsp_client_callback(lambda connection, octets, data: seen.append(octets) is None)
    pair = Pair(
        client_engine(asking, "localhost", now=NOW),
        server_engine(server(pki, ocsp=file if given else None), now=NOW),
    )
    pair.client._connection.request_ocsp()
    pair.client.advance()
    pair.pump()
    assert pair.server.done is not None
    assert seen == [file.read_bytes() if given else b""]


@pytest.mark.parametrize(
    ("about", "content", "text"),
    [
        ("client", None, "is not about our own certificate"),
        ("server", b"nothing", "no OCSP response"),
        ("server", b"", "no OCSP response"),
    ],
)
def test_a_status_that_is_of_no_use(
    pki: PKI, tmp_path: pathlib.Path, about: str, content: bytes | None, text: str
) -> None:
    file = response(pki, tmp_path / "ocsp.der", about)
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=rf"ocsp: .*{text}"):
        server(pki, ocsp=file)


def test_an_answer_without_status(pki: PKI, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "ocsp.der"
    unhappy = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)
    file.write_bytes(unhappy.public_bytes(Encoding.DER))
    with pytest.raises(ConfigurationError, match="TRY_LATER"):
        server(pki, ocsp=file)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        server(pki, ocsp=tmp_path / "missing.der")


def test_a_status_belongs_to_one_certificate(pki: PKI, tmp_path: pathlib.Path) -> None:
    """A host with a certificate of its own has none."""
    settings = pki.settings(
        "server",
        ocsp=response(pki, tmp_path / "ocsp.der"),
        hosts={"nas.example.org": (pki.folder / "client.pem", pki.folder / "client.key")},
    )
    assert settings.for_host("nas.example.org").ocsp is None
    assert eap_server_context(settings, ANYBODY).credentials.ocsp


def test_names_of_users(pki: PKI) -> None:
    """E-mail addresses and user principal names keep the case of their letters."""
    principal = x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), b"\x0c\x0dAlice@AD.corp")
    pki.issue("user", principal, x509.RFC822Name("Alice@example.org"))  # type: ignore[arg-type]
    found = done(connect(server(pki, "required"), client(pki, "user")).server).certificate
    assert found is not None
    assert (found.principals, found.email, found.realms) == (("Alice@AD.corp",), ("Alice@example.org",), ())


def test_settings_keep_a_path() -> None:
    assert TLSSettings(ocsp="status.der").ocsp == pathlib.Path("status.der")  # type: ignore[arg-type]


def test_all_lists_of_an_authority_count(pki: PKI, tmp_path: pathlib.Path) -> None:
    """And those of an authority count for what it issued itself, whatever the serial number."""
    files = [tmp_path / "revoked.pem", tmp_path / "other.pem"]
    for file, stem in zip(files, ("revoked", "other"), strict=True):
        file.write_bytes(make_revocation_list(NOW, pki.authority, [pki.issued[stem]]))
    found = server(pki, crl=files).credentials
    serial = pki.issued["other"].certificate.serial_number
    elsewhere = make_revocation_list(NOW, make_authority(NOW, name="elsewhere CA"), [pki.issued["client"]])
    files[0].write_bytes(elsewhere)
    assert [found.is_revoked(pki.issued[stem].certificate) for stem in ("revoked", "other", "client")] == [
        True,
        True,
        False,
    ]
    assert serial in found.revoked[pki.authority.certificate.subject]
    assert not server(pki, crl=files).credentials.is_revoked(pki.issued["client"].certificate)
