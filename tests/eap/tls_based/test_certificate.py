"""EAP-TLS against a peer on our own engine (RFC 5216, RFC 9190)."""

from __future__ import annotations

import contextlib
import pathlib
from datetime import timedelta

import attrs
import pytest
from cryptography import x509
from OpenSSL import SSL

from tests.eap.tls_based.peers import Peer, Talk, client, outcome, reason
from tests.tls.pki import NOW, PKI
from trioradius.eap.fragments import Fragment
from trioradius.eap.method import Done, Failed, Send, Step
from trioradius.eap.packet import RESPONSE, EAPPacket
from trioradius.eap.tls_based.certificate import EAPTLS
from trioradius.errors import ConfigurationError
from trioradius.protocol.credentials import Verdict
from trioradius.tls import PreSharedKey, TLSSettings

VERSIONS = pytest.mark.parametrize("version", ["1.2", "1.3"])


def authenticate(method: EAPTLS, peer: Peer, **options: object) -> Step:
    return Talk(method, **options).with_peer(peer)  # type: ignore[arg-type]


@VERSIONS
@pytest.mark.parametrize("size", [100, 1_015])
def test_both_ends_derive_the_same(pki: PKI, version: str, size: int) -> None:
    peer = Peer(client(pki.settings("client", maximum_version=version)), size=size)
    found = outcome(authenticate(EAPTLS(pki.settings("server")), peer, size=size))
    context = b"\x0d"
    if version == "1.3":
        expected = peer.engine.export(b"EXPORTER_EAP_TLS_Key_Material", 128, context)
        method_id = peer.engine.export(b"EXPORTER_EAP_TLS_Method-Id", 64, context)
    else:
        expected = peer.engine.export(b"client EAP encryption", 128)
        method_id = peer.engine.randoms()
    assert len(found.msk) == 64
    assert found.msk == expected[:64]
    assert found.session_id == context + method_id
    assert (found.method, found.inner_method, found.identity) == ("EAP-TLS", "", "nas.example.org")
    assert (found.tls_version, found.resumed) == (f"TLSv{version}", False)
    assert found.certificate is not None
    assert found.certificate.fingerprint == pki.fingerprint("client").replace(":", "").lower()


def test_tls_1_3_is_confirmed_within_tls(pki: PKI) -> None:
    """RFC 9190 section 2.5: the last thing said is one octet 0x00, and the peer acknowledges it."""
    peer, talk = Peer(client(pki.settings("client"))), Talk(EAPTLS(pki.settings("server")))
    outcome(talk.with_peer(peer))
    assert peer.heard[-1] == b"\0"
    assert b"".join(peer.heard) == b"\0"
    assert talk.sent[-1] == b"\0"


def test_tls_1_2_ends_with_the_servers_finished(pki: PKI) -> None:
    """RFC 5216 section 2.1.1: nothing is said within TLS, and the peer acknowledges the last message."""
    peer, talk = Peer(client(pki.settings("client", maximum_version="1.2"))), Talk(EAPTLS(pki.settings("server")))
    outcome(talk.with_peer(peer))
    assert b"".join(peer.heard) == b""
    assert talk.sent[-1] == b"\0"


@VERSIONS
@pytest.mark.parametrize("tickets", [True, False])
def test_a_session_is_resumed(pki: PKI, version: str, tickets: bool) -> None:
    """By a ticket, or by the session id of TLS 1.2 where the peer takes no tickets (RFC 5216 section 2.1.2)."""
    settings = pki.settings("client", maximum_version=version)
    asking, method = client(settings), EAPTLS(pki.settings("server"))
    if not tickets:
        asking.ssl.set_options(SSL.OP_NO_TICKET)
    first = Peer(asking)
    before = outcome(authenticate(method, first))
    first.engine.close()
    peer = Peer(asking, size=60_000, resumption=first.engine.resumption())
    talk = Talk(method, size=60_000)
    found = outcome(talk.with_peer(peer))
    assert found.resumed
    assert found.certificate == before.certificate
    assert found.identity == "nas.example.org"
    assert len(talk.sent) == (3 if version == "1.3" else 2)
    assert found.msk != before.msk
    assert found.session_id != before.session_id


@VERSIONS
def test_sessions_end_once_a_day(pki: PKI, version: str) -> None:
    """TLS 1.3 gives a new ticket with each resumption, so that one session would go on without end."""
    asking, method = client(pki.settings("client", maximum_version=version)), EAPTLS(pki.settings("server"))
    resumption, resumed = None, []
    for hours in (0, 12, 23, 25, 40, 47, 50):
        peer = Peer(asking, resumption=resumption)
        resumed.append(outcome(authenticate(method, peer, now=NOW + timedelta(hours=hours))).resumed)
        peer.engine.close()
        resumption = peer.engine.resumption()
    assert resumed == [False, True, True, False, True, True, False]


@VERSIONS
def test_what_was_revoked_since_is_not_resumed(pki: PKI, tmp_path: pathlib.Path, version: str) -> None:
    """RFC 9190 section 5.7: a resumed session is worth what its certificate is worth now."""
    asking = client(pki.settings("revoked", maximum_version=version))
    method = EAPTLS(pki.settings("server"))
    first = Peer(asking)
    outcome(authenticate(method, first))
    first.engine.close()
    # The files change, and not the context: its tickets stay good.
    with_list = EAPTLS(pki.settings("server", crl=pki.folder / "crl.pem"))
    object.__setattr__(method._context, "credentials", with_list._context.credentials)
    peer = Peer(asking, resumption=first.engine.resumption())
    assert "revoked" in reason(authenticate(method, peer))


@VERSIONS
def test_what_has_expired_since_is_not_resumed(pki: PKI, version: str) -> None:
    asking, method = client(pki.settings("client", maximum_version=version)), EAPTLS(pki.settings("server"))
    first = Peer(asking)
    outcome(authenticate(method, first))
    first.engine.close()
    peer = Peer(asking, resumption=first.engine.resumption())
    assert "expired" in reason(authenticate(method, peer, now=NOW + timedelta(days=366)))


@VERSIONS
def test_no_session_is_resumed_where_that_is_off(pki: PKI, version: str) -> None:
    asking, method = (
        client(pki.settings("client", maximum_version=version)),
        EAPTLS(pki.settings("server", resumption=False)),
    )
    first = Peer(asking)
    outcome(authenticate(method, first))
    first.engine.close()
    peer = Peer(asking, resumption=first.engine.resumption())
    assert not outcome(authenticate(method, peer)).resumed


@VERSIONS
def test_a_session_of_another_method_is_not_resumed(pki: PKI, version: str) -> None:
    asking = client(pki.settings("client", maximum_version=version))
    first = Peer(asking)
    outcome(authenticate(EAPTLS(pki.settings("server")), first))
    first.engine.close()
    peer = Peer(asking, resumption=first.engine.resumption())
    assert not outcome(authenticate(EAPTLS(pki.settings("server")), peer)).resumed


@VERSIONS
@pytest.mark.parametrize(
    ("stem", "changes", "text"),
    [
        ("expired", {}, "expired"),
        ("unborn", {}, "not yet valid"),
        ("stranger", {}, "unable to get local issuer certificate"),
        ("selfsigned", {}, "self-signed"),
        ("revoked", {"crl": "crl.pem"}, "revoked"),
    ],
)
def test_certificates_that_are_refused(pki: PKI, version: str, stem: str, changes: dict[str, str], text: str) -> None:
    """The peer hears an alert and answers to it before the method fails (RFC 5216 section 2.1.3)."""
    settings = pki.settings("server", **{name: pki.folder / file for name, file in changes.items()})
    peer = Peer(client(pki.settings(stem, maximum_version=version)))
    talk = Talk(EAPTLS(settings))
    assert text in reason(talk.with_peer(peer))
    assert type(peer.events[-1]).__name__ == "Failed"


@VERSIONS
def test_a_peer_without_certificate_is_refused(pki: PKI, version: str) -> None:
    peer = Peer(client(TLSSettings(ca=pki.folder / "ca.pem", maximum_version=version)))  # type: ignore[arg-type]
    assert "certificate" in reason(authenticate(EAPTLS(pki.settings("server")), peer))


@VERSIONS
def test_the_peers_alert_ends_it_at_once(pki: PKI, version: str) -> None:
    """RFC 5216 section 2.1.3: a peer that does not trust the server says so, and gets EAP-Failure."""
    settings = pki.settings("client", maximum_version=version, ca=pki.folder / "stranger.pem")
    talk = Talk(EAPTLS(pki.settings("server")))
    assert "unknown ca" in reason(talk.with_peer(Peer(client(settings))))


def test_versions_without_anything_in_common(pki: PKI) -> None:
    peer = Peer(client(pki.settings("client", maximum_version="1.2")))
    assert "unsupported protocol" in reason(authenticate(EAPTLS(pki.settings("server", minimum_version="1.3")), peer))


def test_radius_versions_mean_nothing_here(pki: PKI) -> None:
    """Settings for RADIUS/1.1 alone want TLS 1.3 and ALPN; EAP knows neither."""
    peer = Peer(client(pki.settings("client", maximum_version="1.2")))
    assert outcome(authenticate(EAPTLS(pki.settings("server", versions="1.1")), peer)).tls_version == "TLSv1.2"


def test_a_pinned_certificate_needs_no_authority(pki: PKI) -> None:
    method = EAPTLS(pki.settings("server", ca=None, fingerprints=pki.fingerprint("selfsigned")))
    assert outcome(authenticate(method, Peer(client(pki.settings("selfsigned"))))).identity == "localhost"
    assert "certificate" in reason(authenticate(method, Peer(client(pki.settings("client")))))


@VERSIONS
@pytest.mark.parametrize(
    ("identity", "accepted"),
    [
        ("NAS.example.ORG", True),
        ("192.0.2.1", True),
        ("host/nas.Example.org", True),
        ("host/192.0.2.1", False),
        ("mallory", False),
        ("", False),
    ],
)
def test_the_identity_may_have_to_match(pki: PKI, version: str, identity: str, accepted: bool) -> None:
    method = EAPTLS(pki.settings("server"), match_identity=True)
    peer = Peer(client(pki.settings("client", maximum_version=version)))
    step = authenticate(method, peer, identity=identity)
    assert isinstance(step, Done) is accepted
    if not accepted:
        assert f"does not name {identity!r}" in reason(step)


@VERSIONS
def test_the_identity_has_to_match_on_resumption_too(pki: PKI, version: str) -> None:
    asking = client(pki.settings("client", maximum_version=version))
    method = EAPTLS(pki.settings("server"), match_identity=True)
    first = Peer(asking)
    outcome(authenticate(method, first, identity="nas.example.org"))
    first.engine.close()
    peer = Peer(asking, resumption=first.engine.resumption())
    assert "does not name 'mallory'" in reason(authenticate(method, peer, identity="mallory"))


def test_another_identity_is_nothing_to_it_otherwise(pki: PKI) -> None:
    """RFC 9190 section 2.1.4: a peer may hide who it is until TLS does."""
    peer = Peer(client(pki.settings("client")))
    assert outcome(authenticate(EAPTLS(pki.settings("server")), peer, identity="@example.org")).identity


def names(pki: PKI, *alternatives: x509.GeneralName) -> str:
    pki.issue("holder", *alternatives)  # type: ignore[arg-type]
    return outcome(authenticate(EAPTLS(pki.settings("server")), Peer(client(pki.settings("holder"))))).identity


def test_whom_a_certificate_names(pki: PKI) -> None:
    """RFC 5216 section 5.2."""
    principal = x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), b"\x0c\x0dAlice@AD.corp")
    email, dns = x509.RFC822Name("alice@example.org"), x509.DNSName("host.example.org")
    uri = x509.UniformResourceIdentifier("urn:device:7")
    assert names(pki, dns, email, principal) == "Alice@AD.corp"
    assert names(pki, dns, email) == "alice@example.org"
    assert names(pki, uri, dns) == "host.example.org"
    assert names(pki, uri) == "urn:device:7"
    assert names(pki) == "holder"


def test_data_instead_of_an_acknowledgement(pki: PKI) -> None:
    for version in ("1.2", "1.3"):
        talk = Talk(EAPTLS(pki.settings("server")))
        peer = Peer(client(pki.settings("client", maximum_version=version)), speak=lambda peer, heard: b"hello")
        assert "nothing to say" in reason(talk.with_peer(peer))


def test_renegotiation_is_no_acknowledgement(pki: PKI) -> None:
    """A client that wants a new handshake gets none, and no success either."""
    asking = client(pki.settings("client", maximum_version="1.2"))
    willing = SSL.Context(SSL.TLS_CLIENT_METHOD)
    willing.set_max_proto_version(SSL.TLS1_2_VERSION)
    willing.use_certificate_file(str(pki.folder / "client.pem"))
    willing.use_privatekey_file(str(pki.folder / "client.key"))
    talk, peer = Talk(EAPTLS(pki.settings("server"))), Peer(attrs.evolve(asking, ssl=willing))
    talk.until_open(peer)
    peer.respond(talk.request)
    peer.engine._connection.renegotiate()
    with contextlib.suppress(SSL.WantReadError):
        peer.engine._connection.do_handshake()
    hello = peer.flush()
    assert len(hello) > 100
    assert "did not acknowledge" in reason(talk.answer(hello))


def test_the_last_message_has_to_arrive(pki: PKI) -> None:
    """The end of the handshake in fragments: Success comes after the last one is acknowledged, and not before."""
    peer, talk = Peer(client(pki.settings("client"))), Talk(EAPTLS(pki.settings("server")), size=100)
    talk.until_open(peer)
    fragments = []
    while isinstance(talk.step, Send):
        fragments.append(Fragment.decode(talk.request))
        talk.answer(b"\0")
    assert [fragment.more for fragment in fragments] == [True] * (len(fragments) - 1) + [False]
    assert len(fragments) > 5
    outcome(talk.step)


def test_a_success_is_not_told_twice(pki: PKI) -> None:
    method = EAPTLS(pki.settings("server")).start(Talk(EAPTLS(pki.settings("server"))).circumstances)
    assert isinstance(method.tell(Verdict(True), 1), Failed)
    method.close()


def test_nothing_comes_before_the_start(pki: PKI) -> None:
    talk = Talk(EAPTLS(pki.settings("server")))
    assert Fragment.decode(talk.request) == Fragment(start=True)
    response = EAPPacket(RESPONSE, 7, 13, b"\0")
    assert "in the middle of the handshake" in reason(talk.method.receive(response, 8))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"certificate": None, "key": None}, "certificate: "),
        ({"ca": None}, "ca: "),
        ({"psk": PreSharedKey("someone", bytes(range(16)))}, "psk: "),
    ],
)
def test_settings_that_cannot_work(pki: PKI, changes: dict[str, object], text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        EAPTLS(pki.settings("server", **changes))


def test_reload(pki: PKI, tmp_path: pathlib.Path) -> None:
    """What the files say now counts for the next conversation; a file that went bad changes nothing."""
    authorities = tmp_path / "ca.pem"
    authorities.write_bytes((pki.folder / "stranger.pem").read_bytes())
    method = EAPTLS(pki.settings("server", ca=authorities))
    reason(authenticate(method, Peer(client(pki.settings("client")))))
    authorities.write_bytes((pki.folder / "ca.pem").read_bytes())
    reason(authenticate(method, Peer(client(pki.settings("client")))))
    method.reload()
    outcome(authenticate(method, Peer(client(pki.settings("client")))))
    authorities.write_text("nothing")
    with pytest.raises(ConfigurationError):
        method.reload()
    outcome(authenticate(method, Peer(client(pki.settings("client")))))


def test_the_key_is_nowhere_in_it(pki: PKI) -> None:
    shown = repr(EAPTLS(pki.settings("server", key_password="sesame")))
    assert "EAPTLS(" in shown
    assert "sesame" not in shown
