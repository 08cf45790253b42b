"""EAP-TTLS against a peer on our own engine (RFC 5281, RFC 9427)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.eap.tls_based.peers import PASSWORD, Peer, Talk, client, outcome, reason
from tests.tls.pki import NOW, PKI
from trioradius.eap.gtc import EAPGTC
from trioradius.eap.md5 import EAPMD5
from trioradius.eap.method import Done, MethodSettings, Outcome
from trioradius.eap.mschapv2 import EAPMSCHAPv2
from trioradius.eap.packet import IDENTITY, REQUEST, RESPONSE, EAPPacket
from trioradius.eap.tls_based import avps
from trioradius.eap.tls_based.avps import MICROSOFT, DiameterAVP
from trioradius.eap.tls_based.remembered import Remembered
from trioradius.eap.tls_based.ttls import EAPTTLS
from trioradius.errors import ConfigurationError
from trioradius.protocol import ms_chap

VERSIONS = pytest.mark.parametrize("version", ["1.2", "1.3"])
USER = DiameterAVP(1, b"alice")


def pap(password: bytes = PASSWORD, user: DiameterAVP = USER) -> bytes:
    return avps.encode([user, DiameterAVP(2, password.ljust(16, b"\0"))])


def once(said: bytes) -> object:
    """Says this once TLS is open, and nothing more."""
    left = [said]
    return lambda peer, heard: left.pop() if left else b""


def peer_of(pki: PKI, speak: object, version: str = "1.3", **options: object) -> Peer:
    settings = pki.settings("client", certificate=None, key=None, maximum_version=version)
    return Peer(client(settings), speak=speak, **options)  # type: ignore[arg-type]


def ms_chap_v2(peer: Peer, password: str = "wonderland") -> bytes:
    implied = peer.engine.export(b"ttls challenge", 17)
    own = bytes(range(16))
    response = ms_chap.nt_response(implied[:16], own, b"alice", ms_chap.nt_hash(password))
    value = implied[16:] + b"\0" + own + bytes(8) + response
    return avps.encode([USER, DiameterAVP(11, implied[:16], MICROSOFT), DiameterAVP(25, value, MICROSOFT)])


@VERSIONS
@pytest.mark.parametrize("size", [100, 1_015])
def test_both_ends_derive_the_same(pki: PKI, version: str, size: int) -> None:
    peer = peer_of(pki, once(pap()), version, size=size)
    found = outcome(Talk(EAPTTLS(pki.settings("server")), size=size).with_peer(peer))
    context = b"\x15"
    if version == "1.3":
        expected = peer.engine.export(b"EXPORTER_EAP_TLS_Key_Material", 128, context)
        method_id = peer.engine.export(b"EXPORTER_EAP_TLS_Method-Id", 64, context)
    else:
        expected, method_id = peer.engine.export(b"ttls keying material", 128), peer.engine.randoms()
    assert (found.msk, found.session_id) == (expected[:64], context + method_id)
    assert found == Outcome("EAP-TTLS", "alice", "PAP", None, f"TLSv{version}", False, found.msk, found.session_id)


@VERSIONS
def test_a_hasty_peer(pki: PKI, version: str) -> None:
    """With TLS 1.3 a proof may come along with the message that ends the handshake (RFC 9427 section 3)."""
    talk = Talk(EAPTTLS(pki.settings("server"), resumption=True), size=3_000)
    assert outcome(talk.with_peer(peer_of(pki, once(pap()), version, hasty=True, size=3_000))).identity == "alice"
    assert len(talk.sent) == (2 if version == "1.3" else 3)


@VERSIONS
def test_ms_chap_v2_is_proved_both_ways(pki: PKI, version: str) -> None:
    """RFC 5281 section 11.2.4: the server's proof, and the peer takes notice of it before Success."""
    left = [1]
    peer = peer_of(pki, lambda peer, heard: ms_chap_v2(peer) if left and left.pop() else b"", version)
    talk = Talk(EAPTTLS(pki.settings("server")))
    assert outcome(talk.with_peer(peer)).inner_method == "MS-CHAPv2"
    success = next(heard for heard in reversed(peer.heard) if heard)
    (avp,) = avps.decode(success)
    assert (avp.vendor, avp.code, avp.mandatory, avp.value[1:3], len(avp.value)) == (MICROSOFT, 26, True, b"S=", 43)
    assert avp.value[:1] == peer.engine.export(b"ttls challenge", 17)[16:]
    assert talk.sent[-1] == b"\0"


def test_who_does_not_take_notice_of_the_proof_is_not_in(pki: PKI) -> None:
    peer = peer_of(pki, lambda peer, heard: ms_chap_v2(peer))
    assert "take notice" in reason(Talk(EAPTTLS(pki.settings("server"))).with_peer(peer))


@VERSIONS
@pytest.mark.parametrize(
    ("said", "text"),
    [
        (pap(b"wrong"), "PAP: wrong password"),
        (pap(user=DiameterAVP(1, b"mallory")), "unknown user"),
        (avps.encode([USER]), "no proof"),
        (b"\0\0\0\1", "cut off"),
        (avps.encode([DiameterAVP(79, b"\2\0\0")]), "Length"),
        (avps.encode([DiameterAVP(79, EAPPacket(RESPONSE, 0, 4, b"").encode())]), "instead of the identity"),
        (avps.encode([DiameterAVP(79, EAPPacket(REQUEST, 0, 1, b"").encode())]), "code 1"),
        (avps.encode([DiameterAVP(79, EAPPacket(RESPONSE, 0, 1, b"\xff").encode())]), "printable"),
        (avps.encode([DiameterAVP(79, EAPPacket(RESPONSE, 0, 1, b"a" * 254).encode())]), "printable"),
        (avps.encode([DiameterAVP(79, EAPPacket(RESPONSE, 0, 1, b"a\nb").encode())]), "printable"),
    ],
)
def test_what_proves_nothing(pki: PKI, version: str, said: bytes, text: str) -> None:
    talk = Talk(EAPTTLS(pki.settings("server")))
    assert text in reason(talk.with_peer(peer_of(pki, once(said), version)))


@VERSIONS
def test_an_open_tunnel_is_no_proof(pki: PKI, version: str) -> None:
    talk = Talk(EAPTTLS(pki.settings("server")))
    assert "proves nothing" in reason(talk.with_peer(peer_of(pki, once(b""), version)))


def test_what_is_not_offered(pki: PKI) -> None:
    talk = Talk(EAPTTLS(pki.settings("server"), plain=["CHAP"]))
    assert "PAP is not offered" in reason(talk.with_peer(peer_of(pki, once(pap()))))
    with pytest.raises(ConfigurationError, match="plain"):
        EAPTTLS(pki.settings("server"), plain=["pap"])


class InnerPeer:
    """EAP in TTLS: the identity, and GTC."""

    def __init__(self, *wanted: int, password: bytes = PASSWORD) -> None:
        self.requests: list[EAPPacket] = []
        self._wanted = wanted
        self._password = password
        self._begun = False

    def __call__(self, peer: Peer, heard: bytes) -> bytes:
        if not self._begun:
            self._begun = True
            return self._say(EAPPacket(RESPONSE, 0, IDENTITY, b"alice"))
        if not heard:
            return b""
        (avp,) = avps.decode(heard)
        assert (avp.vendor, avp.code, avp.mandatory) == (0, 79, True)
        request = EAPPacket.decode(avp.value)
        self.requests.append(request)
        if request.type not in self._wanted:
            return self._say(EAPPacket(RESPONSE, request.identifier, 3, bytes(self._wanted)))
        return self._say(EAPPacket(RESPONSE, request.identifier, request.type, self._password))

    def _say(self, packet: EAPPacket) -> bytes:
        return DiameterAVP(79, packet.encode()).encode()


@VERSIONS
def test_eap_within(pki: PKI, version: str) -> None:
    """RFC 5281 section 11.2.1: MSCHAPv2 is proposed, the peer wants GTC."""
    within = InnerPeer(6)
    found = outcome(Talk(EAPTTLS(pki.settings("server"))).with_peer(peer_of(pki, within, version)))
    assert (found.identity, found.inner_method) == ("alice", "GTC")
    assert [(request.type, request.identifier) for request in within.requests] == [(26, 1), (6, 2)]


@pytest.mark.parametrize(
    ("methods", "within", "text"),
    [
        ((EAPGTC(),), InnerPeer(6, password=b"wrong"), "wrong password"),
        ((EAPGTC(),), InnerPeer(4), "no method in common"),
        ((EAPGTC(), EAPMD5()), InnerPeer(26), "no method in common"),
    ],
)
def test_eap_within_that_fails(pki: PKI, methods: tuple[MethodSettings, ...], within: InnerPeer, text: str) -> None:
    talk = Talk(EAPTTLS(pki.settings("server"), *methods))
    assert text in reason(talk.with_peer(peer_of(pki, within)))


def test_another_type_within_than_was_asked_for(pki: PKI) -> None:
    identity = DiameterAVP(79, EAPPacket(RESPONSE, 0, IDENTITY, b"alice").encode()).encode()
    other = DiameterAVP(79, EAPPacket(RESPONSE, 1, 4, b"x").encode()).encode()
    left = [other, identity]
    talk = Talk(EAPTTLS(pki.settings("server"), EAPGTC()))
    assert "type 4 came as an answer to type 6" in reason(
        talk.with_peer(peer_of(pki, lambda peer, heard: left.pop() if left else b""))
    )


def test_a_proof_without_eap_after_eap_has_begun(pki: PKI) -> None:
    identity = DiameterAVP(79, EAPPacket(RESPONSE, 0, IDENTITY, b"alice").encode()).encode()
    left = [pap(), identity]
    talk = Talk(EAPTTLS(pki.settings("server"), EAPMSCHAPv2()))
    assert "Length" in reason(talk.with_peer(peer_of(pki, lambda peer, heard: left.pop() if left else b"")))


@VERSIONS
@pytest.mark.parametrize("resumption", [True, False])
def test_a_session_stands_for_its_user(pki: PKI, version: str, resumption: bool) -> None:
    """Where that is wanted: RFC 9427 section 4."""
    asking = client(pki.settings("client", maximum_version=version))
    method = EAPTTLS(pki.settings("server"), resumption=resumption)
    first = Peer(asking, speak=once(pap()))  # type: ignore[arg-type]
    outcome(Talk(method).with_peer(first))
    first.engine.close()
    again = Peer(asking, resumption=first.engine.resumption())
    step = Talk(method).with_peer(again)
    if not resumption:
        assert "proves nothing" in reason(step)
        return
    found = outcome(step)
    assert (found.identity, found.inner_method, found.resumed) == ("alice", "PAP", True)
    assert len(found.msk) == 64
    assert again.heard[-1:] == ([b"\0"] if version == "1.3" else again.heard[-1:])


@VERSIONS
def test_a_session_without_a_proved_user_stands_for_nobody(pki: PKI, version: str) -> None:
    """A handshake, a wrong password, and then a resumption: the ticket is good, and proves nothing."""
    asking = client(pki.settings("client", maximum_version=version))
    method = EAPTTLS(pki.settings("server"), resumption=True)
    first = Peer(asking, speak=once(pap(b"wrong")))  # type: ignore[arg-type]
    reason(Talk(method).with_peer(first))
    first.engine.close()
    again = Peer(asking, resumption=first.engine.resumption())
    talk = Talk(method)
    assert "proves nothing" in reason(talk.with_peer(again))
    assert talk.method._channel.done.resumed  # type: ignore[attr-defined]


@VERSIONS
def test_a_resumed_session_may_prove_its_user_anew(pki: PKI, version: str) -> None:
    """It was not remembered, so the peer speaks in the tunnel as ever."""
    asking = client(pki.settings("client", maximum_version=version))
    method = EAPTTLS(pki.settings("server"), resumption=True)
    first = Peer(asking, speak=once(pap()))  # type: ignore[arg-type]
    outcome(Talk(method).with_peer(first))
    first.engine.close()
    method._tunnel.remembered.clear()
    again = Peer(asking, resumption=first.engine.resumption(), speak=once(pap()))  # type: ignore[arg-type]
    found = outcome(Talk(method).with_peer(again))
    assert not found.resumed
    assert len(method._tunnel.remembered) == 1


@VERSIONS
def test_a_user_comes_back_for_a_limited_time(pki: PKI, version: str) -> None:
    asking = client(pki.settings("client", maximum_version=version))
    method = EAPTTLS(pki.settings("server"), resumption=True)
    method._tunnel.remembered = Remembered(0)
    peer = Peer(asking, speak=once(pap()))  # type: ignore[arg-type]
    outcome(Talk(method).with_peer(peer))
    peer.engine.close()
    again = Peer(asking, resumption=peer.engine.resumption())
    assert "proves nothing" in reason(Talk(method, now=NOW).with_peer(again))


@VERSIONS
def test_coming_back_does_not_make_it_last(pki: PKI, version: str) -> None:
    """An hour after the password was asked for it is asked for again, whatever was resumed in between."""
    asking = client(pki.settings("client", maximum_version=version))
    method = EAPTTLS(pki.settings("server"), resumption=True)
    peer = Peer(asking, speak=once(pap()))  # type: ignore[arg-type]
    outcome(Talk(method).with_peer(peer))
    for minutes, accepted in ((30, True), (59, True), (61, False)):
        peer.engine.close()
        peer = Peer(asking, resumption=peer.engine.resumption())
        step = Talk(method, now=NOW + timedelta(minutes=minutes)).with_peer(peer)
        assert isinstance(step, Done) is accepted


@VERSIONS
def test_only_what_was_resumed_is_looked_up(pki: PKI, version: str) -> None:
    method = EAPTTLS(pki.settings("server"), resumption=True)
    method._tunnel.remembered.add(b"", Outcome("EAP-TTLS", "mallory", "PAP"), NOW)
    assert "proves nothing" in reason(Talk(method).with_peer(peer_of(pki, once(b""), version)))


@VERSIONS
def test_a_user_comes_back_again_and_again(pki: PKI, version: str) -> None:
    asking = client(pki.settings("client", maximum_version=version))
    method = EAPTTLS(pki.settings("server"), resumption=True)
    peer = Peer(asking, speak=once(pap()))  # type: ignore[arg-type]
    assert not outcome(Talk(method).with_peer(peer)).resumed
    for _ in range(3):
        peer.engine.close()
        peer = Peer(asking, resumption=peer.engine.resumption())
        assert outcome(Talk(method).with_peer(peer)).resumed


def test_reload_forgets_whom_sessions_stand_for(pki: PKI) -> None:
    asking = client(pki.settings("client"))
    method = EAPTTLS(pki.settings("server"), resumption=True)
    peer = Peer(asking, speak=once(pap()))  # type: ignore[arg-type]
    outcome(Talk(method).with_peer(peer))
    method.reload()
    assert len(method._tunnel.remembered) == 0
    peer.engine.close()
    again = Peer(asking, resumption=peer.engine.resumption())
    assert "proves nothing" in reason(Talk(method).with_peer(again))


@pytest.mark.parametrize(
    ("asked", "stem", "shown"),
    [("none", "client", None), ("optional", "client", "client"), ("required", "client", "client")],
)
def test_a_machine_may_show_a_certificate(pki: PKI, asked: str, stem: str, shown: str | None) -> None:
    method = EAPTTLS(pki.settings("server"), client_certificate=asked)  # type: ignore[arg-type]
    peer = Peer(client(pki.settings(stem)), speak=once(pap()))  # type: ignore[arg-type]
    found = outcome(Talk(method).with_peer(peer))
    assert (found.certificate.dns if found.certificate else None) == (("nas.example.org",) if shown else None)
    assert found.identity == "alice"


@VERSIONS
@pytest.mark.parametrize(("asked", "accepted"), [("none", True), ("optional", True), ("required", False)])
def test_a_machine_without_certificate(pki: PKI, version: str, asked: str, accepted: bool) -> None:
    method = EAPTTLS(pki.settings("server"), client_certificate=asked)  # type: ignore[arg-type]
    assert isinstance(Talk(method).with_peer(peer_of(pki, once(pap()), version)), Done) is accepted


def test_a_bad_certificate_is_refused_even_where_none_is_needed(pki: PKI) -> None:
    method = EAPTTLS(pki.settings("server"), client_certificate="optional")
    peer = Peer(client(pki.settings("stranger")), speak=once(pap()))  # type: ignore[arg-type]
    assert "issuer certificate" in reason(Talk(method).with_peer(peer))


def test_no_authorities_are_needed_without_client_certificates(pki: PKI) -> None:
    outcome(Talk(EAPTTLS(pki.settings("server", ca=None))).with_peer(peer_of(pki, once(pap()))))
    with pytest.raises(ConfigurationError, match="ca: "):
        EAPTTLS(pki.settings("server", ca=None), client_certificate="optional")
    assert "EAPTTLS(" in repr(EAPTTLS(pki.settings("server")))
