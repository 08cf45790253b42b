"""PEAP against a peer on our own engine (draft-kamath-pppext-peapv0, [MS-PEAP], RFC 9427)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from tests.eap.tls_based.peers import PASSWORD, Peer, Talk, client, outcome, reason
from tests.tls.pki import PKI
from trioradius.eap.fragments import Fragment
from trioradius.eap.gtc import EAPGTC
from trioradius.eap.md5 import EAPMD5
from trioradius.eap.method import Done
from trioradius.eap.packet import REQUEST, RESPONSE, EAPPacket
from trioradius.eap.tls_based import extensions
from trioradius.eap.tls_based.certificate import EAPTLS
from trioradius.eap.tls_based.extensions import CRYPTOBINDING, EXTENSIONS, CompoundKeys
from trioradius.eap.tls_based.peap import PEAP
from trioradius.errors import ConfigurationError

VERSIONS = pytest.mark.parametrize("version", ["1.2", "1.3"])
GTC = 6
SAME = extensions.result(True)
Judge = Callable[["Within", Peer, dict[int, bytes]], bytes]


class Within:
    """What a supplicant says in a PEAP tunnel: identity, GTC, and what ``judge`` makes of the result."""

    def __init__(
        self,
        *wanted: int,
        password: bytes = PASSWORD,
        judge: Judge = lambda within, peer, tlvs: SAME,
        headers: bool = False,
    ) -> None:
        self.results: list[dict[int, bytes]] = []
        self.types: list[int] = []
        self._wanted = wanted or (GTC,)
        self._password = password
        self._judge = judge
        self._headers = headers

    def __call__(self, peer: Peer, heard: bytes) -> bytes:
        if not heard:
            return b""
        if heard[0] == REQUEST and len(heard) > 5 and heard[4] == EXTENSIONS:
            request = EAPPacket.decode(heard)
            self.results.append(extensions.decode(request.data))
            said = self._judge(self, peer, self.results[-1])
            return EAPPacket(RESPONSE, request.identifier, EXTENSIONS, said).encode()
        kind = heard[0]
        self.types.append(kind)
        if kind == 1:
            return self._say(1, b"alice")
        return self._say(kind, self._password) if kind in self._wanted else self._say(3, bytes(self._wanted))

    def _say(self, kind: int, data: bytes) -> bytes:
        return EAPPacket(RESPONSE, 99, kind, data).encode() if self._headers else bytes((kind,)) + data


def bound(within: Within, peer: Peer, tlvs: dict[int, bytes], inner: bytes | None = b"") -> bytes:
    """The peer's half of the crypto-binding."""
    keys = CompoundKeys.derive(tunnel_key(peer), inner)
    assert extensions.is_bound(keys, tlvs[CRYPTOBINDING], response=False)
    return SAME + extensions.binding(keys, tlvs[CRYPTOBINDING][4:36], response=True)


def tunnel_key(peer: Peer) -> bytes:
    assert peer.engine.done is not None
    if peer.engine.done.tls_version == "TLSv1.3":
        return peer.engine.export(b"EXPORTER_EAP_TLS_Key_Material", 128, b"\x19")[:64]
    return peer.engine.export(b"client EAP encryption", 128)[:64]


def peer_of(pki: PKI, within: Callable[[Peer, bytes], bytes], version: str = "1.3", size: int = 1_000) -> Peer:
    settings = pki.settings("client", certificate=None, key=None, maximum_version=version)
    return Peer(client(settings), speak=within, size=size)


@VERSIONS
@pytest.mark.parametrize("size", [100, 1_015])
@pytest.mark.parametrize("headers", [False, True])
def test_both_ends_derive_the_same(pki: PKI, version: str, size: int, headers: bool) -> None:
    """Inner packets go without a header; a peer that sends one is understood."""
    within = Within(headers=headers)
    peer = peer_of(pki, within, version, size)
    found = outcome(Talk(PEAP(pki.settings("server")), size=size).with_peer(peer))
    assert (found.method, found.inner_method, found.identity) == ("PEAP", "GTC", "alice")
    assert (found.tls_version, found.resumed, found.certificate) == (f"TLSv{version}", False, None)
    assert found.msk == tunnel_key(peer)
    context = b"\x19"
    method_id = (
        peer.engine.export(b"EXPORTER_EAP_TLS_Method-Id", 64, context) if version == "1.3" else peer.engine.randoms()
    )
    assert found.session_id == context + method_id
    assert within.types == [1, 26, GTC]
    assert within.results[0][extensions.RESULT] == b"\0\1"


@VERSIONS
def test_crypto_binding_makes_keys_of_tunnel_and_inner_method(pki: PKI, version: str) -> None:
    peer = peer_of(pki, Within(judge=bound), version)
    found = outcome(Talk(PEAP(pki.settings("server"), crypto_binding="required")).with_peer(peer))
    assert found.msk == CompoundKeys.derive(tunnel_key(peer), b"").msk
    assert found.msk != tunnel_key(peer)


@pytest.mark.parametrize("wanted", ["none", "optional", "required"])
def test_peers_without_crypto_binding(pki: PKI, wanted: str) -> None:
    within = Within()
    step = Talk(PEAP(pki.settings("server"), crypto_binding=wanted)).with_peer(peer_of(pki, within))  # type: ignore[arg-type]
    assert (CRYPTOBINDING in within.results[0]) is (wanted != "none")
    if wanted == "required":
        assert "no crypto-binding" in reason(step)
    else:
        outcome(step)


def relayed(within: Within, peer: Peer, tlvs: dict[int, bytes]) -> bytes:
    """Somebody in the middle knows the tunnel's key, and not the inner method's."""
    return SAME + extensions.binding(CompoundKeys.derive(tunnel_key(peer), b"other"), bytes(32), response=True)


def echoed(within: Within, peer: Peer, tlvs: dict[int, bytes]) -> bytes:
    return SAME + (b"\0\x0c\0\x38" + tlvs[CRYPTOBINDING])


@pytest.mark.parametrize(
    ("judge", "text"),
    [
        (relayed, "does not fit"),
        (echoed, "does not fit"),
        (lambda within, peer, tlvs: SAME + b"\0\x0c\0\1x", "does not fit"),
        (lambda within, peer, tlvs: extensions.result(False), "does not take it for a success"),
        (lambda within, peer, tlvs: b"", "does not take it for a success"),
        (lambda within, peer, tlvs: b"\x80\x03\0\2\0", "does not fit"),
    ],
)
def test_a_result_that_is_not_agreed_on(pki: PKI, judge: Judge, text: str) -> None:
    method = PEAP(pki.settings("server"), resumption=True)
    assert text in reason(Talk(method).with_peer(peer_of(pki, Within(judge=judge))))
    assert len(method._tunnel.remembered) == 0


@VERSIONS
@pytest.mark.parametrize("answer", [extensions.result(False), extensions.result(True), b"", b"\0"])
def test_a_wrong_password_fails_whatever_the_peer_says(pki: PKI, version: str, answer: bytes) -> None:
    within = Within(password=b"wrong", judge=lambda within, peer, tlvs: answer)
    assert "wrong password" in reason(Talk(PEAP(pki.settings("server"))).with_peer(peer_of(pki, within, version)))
    assert within.results == [{extensions.RESULT: b"\0\2"}]


def saying(*said: bytes) -> Callable[[Peer, bytes], bytes]:
    """Says these in turn to whatever comes through the tunnel."""
    left = list(reversed(said))
    return lambda peer, heard: left.pop() if left and heard else b""


SUCCESS = EAPPacket(RESPONSE, 1, EXTENSIONS, SAME).encode()


@VERSIONS
@pytest.mark.parametrize(
    ("said", "text"),
    [
        ([b""], "nothing to say"),
        ([b"\1alice", b""], "nothing to say"),
        ([SUCCESS, SUCCESS], "type 33 came instead of the identity"),
        ([b"\1alice", SUCCESS, SUCCESS], "type 33 came as an answer to type 26"),
        ([b"\1alice", b"\4abc", SUCCESS], "type 4 came as an answer to type 26"),
        ([b"\1alice", b"\3\4", SUCCESS], "no method in common"),
        ([b"\1alice", b"\3\0", SUCCESS], "no method in common"),
        ([b"\1alice", b"\3\6", b"\3\x1a", SUCCESS], "no method in common"),
        ([b"\1alice", b"\3\6", b"\6" + PASSWORD, b"\6" + PASSWORD], "did not confirm the result"),
        ([b"\1alice", b"\3\6", b"\6" + PASSWORD, b"\2\0\0\1"], "did not confirm the result"),
    ],
)
def test_no_success_without_all_of_it(pki: PKI, version: str, said: list[bytes], text: str) -> None:
    """Whatever is claimed within the tunnel, the inner method and its result decide."""
    assert text in reason(Talk(PEAP(pki.settings("server"))).with_peer(peer_of(pki, saying(*said), version)))


def test_no_way_to_another_method_once_one_has_begun(pki: PKI) -> None:
    """RFC 3748 section 2.1 holds within a tunnel, too."""
    begun = b"\x0d" + Fragment(b"hello", 100, more=True).encode()
    talk = Talk(PEAP(pki.settings("server"), EAPTLS(pki.settings("server")), EAPGTC()))
    peer = peer_of(pki, saying(b"\1alice", begun, b"\3\6", SUCCESS))
    assert "type 3 came as an answer to type 13" in reason(talk.with_peer(peer))


def test_the_end_of_the_handshake_goes_alone(pki: PKI) -> None:
    """With TLS 1.2, our Finished: what else was in its packet some peers would not see. Resumed, it is not the last."""
    asking = client(pki.settings("client", maximum_version="1.2"))
    method = PEAP(pki.settings("server"), resumption=True)
    first = Peer(asking, speak=Within())
    outcome(Talk(method, size=3_000).with_peer(first))
    assert first.heard[:3] == [b"", b"", b"\1"]
    first.engine.close()
    method._tunnel.remembered.clear()
    talk = Talk(method, size=3_000)
    again = Peer(asking, resumption=first.engine.resumption(), speak=Within(), size=3_000)
    outcome(talk.with_peer(again))
    assert again.heard[0] == b"\1"


def test_speaking_before_being_asked(pki: PKI) -> None:
    peer = Peer(client(pki.settings("client")), speak=lambda peer, heard: b"\1alice", hasty=True)
    assert "before it is asked" in reason(Talk(PEAP(pki.settings("server"))).with_peer(peer))


@VERSIONS
def test_md5_is_over_the_outer_identifier(pki: PKI, version: str) -> None:
    """PEAPv0 leaves the header out, so that the Identifier of an inner packet is that of the packet round it."""

    def speak(peer: Peer, request: bytes) -> bytes:
        if request[:1] == b"\4":
            identifier = bytes((talk.identifier,))
            digest = hashlib.md5(identifier + PASSWORD + request[2:18], usedforsecurity=False).digest()
            return b"\4\x10" + digest
        return b"\1alice" if request == b"\1" else SUCCESS if request else b""

    talk = Talk(PEAP(pki.settings("server"), EAPMD5()))
    assert outcome(talk.with_peer(peer_of(pki, speak, version))).inner_method == "MD5"


@VERSIONS
@pytest.mark.parametrize("binding", [True, False])
def test_a_session_stands_for_its_user(pki: PKI, version: str, binding: bool) -> None:
    asking = client(pki.settings("client", maximum_version=version))
    method = PEAP(pki.settings("server"), resumption=True)
    first = Peer(asking, speak=Within())
    outcome(Talk(method).with_peer(first))
    for _ in range(2):
        first.engine.close()
        within = Within(judge=lambda within, peer, tlvs: bound(within, peer, tlvs, None) if binding else SAME)
        again = Peer(asking, resumption=first.engine.resumption(), speak=within)
        found = outcome(Talk(method).with_peer(again))
        assert (found.identity, found.inner_method, found.resumed) == ("alice", "GTC", True)
        assert within.types == []
        assert found.msk == (CompoundKeys.derive(tunnel_key(again), None).msk if binding else tunnel_key(again))
        first = again


@VERSIONS
def test_a_session_without_a_proved_user_stands_for_nobody(pki: PKI, version: str) -> None:
    asking = client(pki.settings("client", maximum_version=version))
    method = PEAP(pki.settings("server"), resumption=True)
    first = Peer(asking, speak=Within(password=b"wrong"))
    reason(Talk(method).with_peer(first))
    first.engine.close()
    within = Within(password=b"wrong")
    talk = Talk(method)
    assert "wrong password" in reason(talk.with_peer(Peer(asking, resumption=first.engine.resumption(), speak=within)))
    assert talk.method._channel.done.resumed  # type: ignore[attr-defined]
    assert within.types == [1, 26, GTC]


@VERSIONS
def test_without_resumption_everything_is_proved_anew(pki: PKI, version: str) -> None:
    asking, method = client(pki.settings("client", maximum_version=version)), PEAP(pki.settings("server"))
    first = Peer(asking, speak=Within())
    outcome(Talk(method).with_peer(first))
    first.engine.close()
    within = Within()
    again = Peer(asking, resumption=first.engine.resumption(), speak=within)
    assert not outcome(Talk(method).with_peer(again)).resumed
    assert within.types == [1, 26, GTC]


@VERSIONS
def test_eap_tls_within(pki: PKI, version: str) -> None:
    """A certificate, hidden in the tunnel."""
    inside = Talk(EAPTLS(pki.settings("server"))).circumstances
    assert inside.fragment_size == 1_015
    user = Peer(client(pki.settings("client", maximum_version=version)), size=600)

    def speak(peer: Peer, heard: bytes) -> bytes:
        if heard == b"\1":
            return b"\1nas.example.org"
        if heard[:1] == b"\x0d":
            return b"\x0d" + user.respond(heard[1:])
        return SUCCESS if heard else b""

    found = outcome(Talk(PEAP(pki.settings("server"), EAPTLS(pki.settings("server")))).with_peer(peer_of(pki, speak)))
    assert (found.identity, found.inner_method) == ("nas.example.org", "EAP-TLS")
    assert found.certificate is not None


def test_reload_reaches_inner_methods(pki: PKI) -> None:
    inner = EAPTLS(pki.settings("server"))
    before = inner._context
    PEAP(pki.settings("server"), inner, EAPGTC()).reload()
    assert inner._context is not before


@pytest.mark.parametrize(("asked", "accepted"), [("none", True), ("optional", True), ("required", False)])
def test_a_machine_without_certificate(pki: PKI, asked: str, accepted: bool) -> None:
    method = PEAP(pki.settings("server"), client_certificate=asked)  # type: ignore[arg-type]
    assert isinstance(Talk(method).with_peer(peer_of(pki, Within())), Done) is accepted


def test_settings_that_cannot_work(pki: PKI) -> None:
    with pytest.raises(ConfigurationError, match="crypto_binding: MD5 has no keys"):
        PEAP(pki.settings("server"), EAPGTC(), EAPMD5(), crypto_binding="required")
    assert PEAP(pki.settings("server"), EAPMD5(), crypto_binding="optional")
    with pytest.raises(ConfigurationError, match="certificate: "):
        PEAP(pki.settings("server", certificate=None, key=None))
    assert "PEAP(" in repr(PEAP(pki.settings("server")))
