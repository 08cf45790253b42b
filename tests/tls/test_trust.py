"""Who may finish a handshake: authorities, dates, revocation, names, fingerprints."""

from __future__ import annotations

import contextlib
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from OpenSSL import SSL

from trioradius.tls import Admission, Event, HandshakeDone, client_context, server_context, server_engine
from trioradius.tls.certificates import Issued, make_authority, make_revocation_list
from trioradius.tls.events import Failed

from .pairs import connect, done
from .pki import NOW, PKI

VERSIONS = ("1.2", "1.3")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("client", "text", "alert"),
    [
        ("expired", "certificate has expired", "certificate expired"),
        ("unborn", "certificate is not yet valid", "bad certificate"),
        ("revoked", "certificate revoked", "certificate revoked"),
        ("stranger", "unable to get local issuer certificate", "unknown ca"),
        ("selfsigned", "self-signed certificate", "unknown ca"),
        ("server", "unsuitable certificate purpose", "unsupported certificate"),
    ],
)
def test_clients_that_are_refused(pki: PKI, version: str, client: str, text: str, alert: str) -> None:
    server = pki.settings("server", crl=pki.folder / "crl.pem")
    pair = connect(server, pki.settings(client, maximum_version=version))
    assert pair.failures == ("peer_alert", "certificate_refused")
    assert text in pair.texts and alert in pair.texts
    assert not any(isinstance(event, HandshakeDone) for event in pair.server_events)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_without_a_certificate(pki: PKI, version: str) -> None:
    server = server_engine(server_context(pki.settings("server")), now=NOW)
    client = bare_client(version)
    events: list[Event] = []
    for _ in range(4):
        with contextlib.suppress(SSL.Error):
            client.do_handshake()
        with contextlib.suppress(SSL.WantReadError):
            events += server.feed(client.bio_read(65_536))
        if octets := server.take():
            client.bio_write(octets)
    assert [event.reason for event in events if isinstance(event, Failed)] == ["no_certificate"]


def bare_client(version: str) -> SSL.Connection:
    """A client that shows nothing and asks nothing."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_max_proto_version(SSL.TLS1_2_VERSION if version == "1.2" else SSL.TLS1_3_VERSION)
    client = SSL.Connection(context, None)
    client.set_connect_state()
    return client


def test_intermediate_certificates(pki: PKI) -> None:
    server, client = pki.settings("server"), pki.settings("deep")
    pair = connect(server, client)
    found = done(pair.server)
    assert found.certificate is not None and found.certificate.dns == ("deep.example.org",)
    assert len(found.chain) == 1


def test_intermediate_certificates_that_only_ca_has(pki: PKI) -> None:
    """RFC 8446 section 4.4.2: a peer needs all that lead to the authority, and the authority it has itself."""
    upper = make_authority(NOW, name="upper CA", issuer=pki.authority)
    lower = make_authority(NOW, name="lower CA", issuer=upper)
    impostor = make_authority(NOW, name="lower CA", issuer=upper)
    pki.issue("deeper", "deeper.example.org", issuer=lower)
    known = pki.folder / "known.pem"
    known.write_bytes(b"".join(one.certificate_pem for one in (pki.authority, impostor, upper, lower)))
    pair = connect(pki.settings("server"), pki.settings("deeper", ca=known))
    assert done(pair.server).chain == (lower.certificate, upper.certificate)


def test_the_authority_itself_is_not_sent(pki: PKI) -> None:
    pair = connect(pki.settings("server"), pki.settings("client"))
    assert done(pair.server).chain == done(pair.client).chain == ()


def test_nothing_is_trusted_that_was_not_given(pki: PKI) -> None:
    pair = connect(pki.settings("server", ca=None), pki.settings("client"))
    assert pair.failures[1] == "certificate_refused"


def test_a_revocation_list_must_be_there_for_every_authority(pki: PKI) -> None:
    pair = connect(pki.settings("server", crl=pki.folder / "crl.pem"), pki.settings("deep"))
    assert "unable to get certificate CRL" in pair.texts


def test_an_outdated_revocation_list_lets_nobody_in(pki: PKI) -> None:
    outdated = pki.folder / "outdated.pem"
    outdated.write_bytes(make_revocation_list(NOW - timedelta(days=60), pki.authority))
    pair = connect(pki.settings("server", crl=outdated), pki.settings("client"))
    assert "CRL has expired" in pair.texts


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST", "localhost.", "127.0.0.1"])
def test_a_server_by_its_names(pki: PKI, name: str) -> None:
    assert done(connect(pki.settings("server"), pki.settings("client"), name=name).client).certificate is not None


@pytest.mark.parametrize("name", ["other.example.org", "127.0.0.2", "::1", "server", ""])
def test_a_server_of_another_name(pki: PKI, name: str) -> None:
    pair = connect(pki.settings("server"), pki.settings("client"), name=name)
    assert pair.failures == ("certificate_refused", "peer_alert")
    assert "for localhost, 127.0.0.1" in pair.texts and "bad certificate" in pair.texts


def test_the_name_of_the_settings_goes_first(pki: PKI) -> None:
    client = pki.settings("client", server_name="localhost")
    assert done(connect(pki.settings("server"), client, name="192.0.2.7").client).server_name == "localhost"


def test_a_pinned_server_needs_no_authority_and_no_name(pki: PKI) -> None:
    client = pki.settings("client", ca=None, fingerprints=pki.fingerprint("selfsigned"))
    assert done(connect(pki.settings("selfsigned"), client, name="whatever").client)


def test_a_pinned_server_is_no_other(pki: PKI) -> None:
    client = pki.settings("client", fingerprints=pki.fingerprint("selfsigned"))
    assert connect(pki.settings("server"), client).failures == ("certificate_refused", "peer_alert")
    client = pki.settings("client", ca=None, fingerprints=pki.fingerprint("selfsigned"))
    assert connect(pki.settings("server"), client).failures == ("certificate_refused", "peer_alert")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_pinned_client_needs_no_authority(pki: PKI, version: str) -> None:
    server = pki.settings("server", ca=None, fingerprints=[pki.fingerprint("selfsigned"), pki.fingerprint("stranger")])
    for client in ("selfsigned", "stranger"):
        assert done(connect(server, pki.settings(client, maximum_version=version)).server).certificate is not None
    pair = connect(server, pki.settings("client", maximum_version=version))
    assert pair.failures == ("peer_alert", "certificate_refused")
    assert "unknown ca" in pair.texts


def constrained_authority(pki: PKI) -> Issued:
    """One under ours that may speak for example.com alone."""
    plain = make_authority(NOW, name="constrained CA", issuer=pki.authority)
    found = plain.certificate
    builder = x509.CertificateBuilder(
        found.issuer,
        found.subject,
        plain.key.public_key(),
        found.serial_number,
        found.not_valid_before_utc,
        found.not_valid_after_utc,
        [*found.extensions],
    )
    limits = x509.NameConstraints([x509.DNSName("example.com")], None)
    return Issued(builder.add_extension(limits, critical=True).sign(pki.authority.key, hashes.SHA256()), plain.key)


@pytest.mark.parametrize("version", VERSIONS)
def test_fingerprints_of_some_do_not_widen_what_an_authority_may_say(pki: PKI, version: str) -> None:
    """RFC 5280 section 4.2.1.10: OpenSSL looks at name constraints last, once the rest of the chain is fine."""
    authority = constrained_authority(pki)
    made = pki.issue("overreaching", "nas.example.org", issuer=authority)
    (pki.folder / "overreaching.pem").write_bytes(made.certificate_pem + authority.certificate_pem)
    client = pki.settings("overreaching", maximum_version=version)
    for fingerprints in ([], [pki.fingerprint("selfsigned")]):
        pair = connect(pki.settings("server", fingerprints=fingerprints), client)
        assert pair.failures == ("peer_alert", "certificate_refused"), pair.texts
        assert "permitted subtree violation" in pair.texts
    pinned = pki.settings("server", fingerprints=pki.fingerprint("overreaching"))
    assert done(connect(pinned, client).server).certificate is not None


def test_a_fingerprint_does_not_outlive_its_certificate(pki: PKI) -> None:
    server = pki.settings("server", fingerprints=pki.fingerprint("expired"))
    assert "has expired" in connect(server, pki.settings("expired")).texts


def test_fingerprints_of_the_owner_of_a_connection(pki: PKI) -> None:
    known = pki.issued["selfsigned"].certificate
    admission = Admission(pinned=lambda found: found == pki.fingerprint("selfsigned").replace(":", "").lower())
    pair = connect(pki.settings("server"), pki.settings("selfsigned"), admission=admission)
    found = done(pair.server).certificate
    assert found is not None and found.certificate == known


@pytest.mark.parametrize("version", VERSIONS)
def test_the_owner_of_a_connection_may_refuse(pki: PKI, version: str) -> None:
    admission = Admission(refuses=lambda found: "not ours" if "nas.example.org" in found.dns else "")
    pair = connect(pki.settings("server"), pki.settings("client", maximum_version=version), admission=admission)
    assert pair.failures == ("peer_alert", "certificate_refused")
    assert "not ours" in pair.texts and "bad certificate" in pair.texts


@pytest.mark.parametrize(
    "names", [b"garbage", bytes.fromhex("3005a303020100"), bytes.fromhex("30068704c0000201ff"), b"0\x00"]
)
def test_names_that_cannot_be_read(pki: PKI, names: bytes) -> None:
    pki.issue_malformed(names)
    pair = connect(pki.settings("server"), pki.settings("malformed"))
    assert pair.failures[1] == "certificate_refused" or done(pair.server).certificate is not None
    pinned = pki.settings("server", ca=None, fingerprints=pki.fingerprint("malformed"))
    pair = connect(pinned, pki.settings("malformed"))
    assert pair.failures[1] == "certificate_refused" or done(pair.server).certificate is not None


def test_a_live_connection_is_checked_again(pki: PKI) -> None:
    server = server_context(pki.settings("server"))
    for client in ("revoked", "deep"):
        found = done(connect(server, pki.settings(client)).server)
        assert found.certificate is not None
        check = found.certificate, found.chain, server.admission()
        assert server.fault(*check, NOW) == ""
        assert "expired" in server.fault(*check, NOW + timedelta(days=400))
        without = server_context(pki.settings("server", ca=pki.folder / "stranger.pem"))
        assert without.fault(*check, NOW)
    found = done(connect(server, pki.settings("revoked")).server)
    assert found.certificate is not None
    revoking = server_context(pki.settings("server", crl=pki.folder / "crl.pem"))
    assert revoking.fault(found.certificate, found.chain, revoking.admission(), NOW) == "certificate revoked"


def test_a_reloaded_context_has_the_new_files(pki: PKI) -> None:
    again = pki.folder / "again.pem"
    again.write_bytes(make_revocation_list(NOW, pki.authority))
    server = server_context(pki.settings("server", crl=again))
    assert done(connect(server, pki.settings("revoked")).server)
    again.write_bytes((pki.folder / "crl.pem").read_bytes())
    assert done(connect(server, pki.settings("revoked")).server)
    assert connect(server.reload(), pki.settings("revoked")).failures[1] == "certificate_refused"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_host_has_a_certificate_of_its_own(pki: PKI, version: str) -> None:
    pki.issue("host", "radius.example.org")
    hosts = {"Radius.example.org": (pki.folder / "host.pem", pki.folder / "host.key")}
    server = server_context(pki.settings("server", hosts=hosts))
    for name in ("localhost", "radius.example.org"):
        client = client_context(pki.settings("client", maximum_version=version))
        first = connect(server, client, name=name)
        found = done(first.client)
        assert found.certificate is not None and found.certificate.is_for(name)
        assert done(connect(server, client, name=name, resumption=first.client.resumption()).server).resumed
    pair = connect(server, pki.settings("client", versions="1.0"), name="radius.example.org")
    assert done(pair.server).protocol == "radius/1.0"
    refused = connect(server, pki.settings("stranger"), name="radius.example.org")
    assert refused.failures[1] == "certificate_refused"
    only = server_context(pki.settings("server", hosts=hosts, versions="1.1"))
    pair = connect(only, pki.settings("client", versions="1.0"), name="radius.example.org")
    assert pair.failures == ("no_common_protocol", "no_common_protocol")
