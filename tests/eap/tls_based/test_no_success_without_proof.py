"""Whatever a peer says in the tunnel, in whatever order: who does not know the password is never told that he is in."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.eap import peers as plain
from tests.eap.tls_based.peers import Peer, Talk, client
from tests.eap.tls_based.supplicants import HINT, Forged, Supplicant, TEAPPeer
from tests.tls.pki import PKI
from trioradius.eap.gtc import EAPGTC
from trioradius.eap.md5 import EAPMD5
from trioradius.eap.method import Ask, Done, MethodSettings, Send
from trioradius.eap.mschapv2 import EAPMSCHAPv2
from trioradius.eap.packet import REQUEST, RESPONSE, EAPPacket
from trioradius.eap.tls_based import avps, binding, extensions, tlvs
from trioradius.eap.tls_based.avps import MICROSOFT, DiameterAVP
from trioradius.eap.tls_based.extensions import EXTENSIONS, CompoundKeys
from trioradius.eap.tls_based.peap import PEAP
from trioradius.eap.tls_based.teap import TEAP
from trioradius.eap.tls_based.tlvs import TLV
from trioradius.eap.tls_based.ttls import EAPTTLS
from trioradius.errors import DecodeError
from trioradius.protocol import ms_chap
from trioradius.protocol.credentials import Cleartext, Verdict
from trioradius.protocol.weigh import weigh
from trioradius.tls import Resumption
from trioradius.tls.context import Context

PASSWORD = "wonderland"
KNOWN = {"alice": Cleartext(PASSWORD), "blank": Cleartext("")}
USERS = st.sampled_from(["alice", "blank", "nobody"])
WRONG = st.sampled_from(["wonderlamp", "", "Wonderland", "wonderland\0x"])

Say: TypeAlias = Callable[[Peer, bytes], bytes]
"""Makes of what was heard in the tunnel last what is said there now; b"" takes notice only."""


@attrs.frozen
class Raw:
    """Octets in place of a fragment."""

    data: bytes


@attrs.frozen
class Leave:
    """Give this conversation up, and begin another; by the session of this one where there is one."""

    resume: bool


Move: TypeAlias = Say | Raw | Leave


def inner_request(heard: bytes, outer: int) -> bytes:
    """The inner Request, whose header PEAP leaves out, and which TTLS has within an AVP."""
    if heard[:1] == b"\0":
        return avps.decode(heard)[0].value
    if heard[:1] == bytes((REQUEST,)) and int.from_bytes(heard[2:4], "big") == len(heard):
        return heard
    return EAPPacket(REQUEST, outer, heard[0], heard[1:]).encode()


def header(heard: bytes) -> EAPPacket:
    """The Request; in a tunnel of TTLS nobody has asked for the identity."""
    try:
        return EAPPacket.decode(heard)
    except DecodeError:
        return EAPPacket(REQUEST, 0, 1)


def tunnel_key(peer: Peer) -> bytes:
    assert peer.engine.done is not None
    if peer.engine.done.tls_version == "TLSv1.3":
        return peer.engine.export(b"EXPORTER_EAP_TLS_Key_Material", 128, b"\x19")[:64]
    return peer.engine.export(b"client EAP encryption", 128)[:64]


@attrs.frozen
class InnerEAP:
    """Answers as a supplicant would, with this password and whatever of methods."""

    user: str
    password: str
    wanted: tuple[int, ...]
    in_avp: bool

    def __call__(self, peer: Peer, heard: bytes) -> bytes:
        request = header(heard)
        if request.type == EXTENSIONS:
            said = extensions.result(True) + extensions.binding(
                CompoundKeys.derive(tunnel_key(peer), b""), bytes(32), response=True
            )
            return EAPPacket(RESPONSE, request.identifier, EXTENSIONS, said).encode()
        if request.type in (6, 4, 26) and not request.data:
            return b""
        if request.type == 26 and request.data[:1] == b"\4":
            # A refusal, taken for a proof.
            answer = EAPPacket(RESPONSE, request.identifier, 26, b"\3").encode()
        else:
            answer = plain.Peer(self.user, self.password, self.wanted).answer(request.encode())
        return avps.encode([DiameterAVP(79, answer)]) if self.in_avp else answer[4:]


@attrs.frozen
class Claim:
    """Says what comes after a success: results, acknowledgements of proofs, EAP-Success itself."""

    kind: int
    data: bytes
    code: int
    in_avp: bool

    def __call__(self, peer: Peer, heard: bytes) -> bytes:
        said = EAPPacket(self.code, header(heard).identifier if heard else 0, self.kind, self.data).encode()
        return avps.encode([DiameterAVP(79, said)]) if self.in_avp else said


@attrs.frozen
class Shown:
    """The AVPs of TTLS without EAP, over the challenge that the connection implies."""

    user: str
    password: str
    kind: str

    def __call__(self, peer: Peer, heard: bytes) -> bytes:
        implied, name = peer.engine.export(b"ttls challenge", 17), self.user.encode()
        nt_hash, identifier = ms_chap.nt_hash(self.password), implied[16:]
        match self.kind:
            case "PAP":
                proof = [DiameterAVP(2, self.password.encode())]
            case "CHAP":
                digest = hashlib.md5(identifier + self.password.encode() + implied[:16]).digest()
                proof = [DiameterAVP(60, implied[:16]), DiameterAVP(3, identifier + digest)]
            case _:
                response = ms_chap.nt_response(implied[:16], bytes(16), name, nt_hash)
                shown = identifier + b"\0" + bytes(24) + response
                proof = [DiameterAVP(11, implied[:16], MICROSOFT), DiameterAVP(25, shown, MICROSOFT)]
        return avps.encode([DiameterAVP(1, name), *proof])


def moves(in_avp: bool) -> st.SearchStrategy[list[Move]]:
    """Those of one supplicant, so that a method gets as far as it does with the password, and of a liar between."""
    wanted = st.sampled_from([(26,), (6,), (4,)])
    return st.builds(InnerEAP, USERS, WRONG, wanted, st.just(in_avp)).flatmap(mixed)


def mixed(supplicant: InnerEAP) -> st.SearchStrategy[list[Move]]:
    eap, in_avp = st.just(supplicant), supplicant.in_avp
    claims = st.builds(
        Claim,
        st.sampled_from([EXTENSIONS, 26, 1, 3, 6]),
        st.sampled_from([extensions.result(True), b"\3", b"\2", b"\0", b"alice", b"\6", b""]),
        st.sampled_from([RESPONSE, RESPONSE, RESPONSE, REQUEST, 3]),
        st.just(in_avp),
    )
    said: st.SearchStrategy[Say] = st.one_of(eap, eap, eap, claims, st.just(lambda peer, heard: b""))
    if in_avp:
        said = st.one_of(said, st.builds(Shown, USERS, WRONG, st.sampled_from(["PAP", "CHAP", "MS-CHAPv2"])))
    octets = st.binary(min_size=1, max_size=30).map(lambda octets: lambda peer, heard: octets)
    raw = st.builds(Raw, st.one_of(st.just(b"\0"), st.binary(max_size=20)))
    move = st.one_of(said, said, said, said, octets, raw, st.builds(Leave, st.booleans()))
    return st.lists(move, min_size=1, max_size=14)


@attrs.define
class Impostor:
    """A peer that opens tunnels and moves in them. Fails where he gets in."""

    method: MethodSettings
    asking: Context
    talk: Talk = attrs.field(init=False)
    peer: Peer = attrs.field(init=False)
    say: Say = attrs.field(init=False, default=lambda peer, heard: b"")
    heard: bytes = b""

    def begin(self, resumption: Resumption | None = None) -> None:
        self.heard = b""
        self.talk = Talk(self.method)
        self.peer = Peer(self.asking, resumption=resumption, speak=self.speak)
        self.say = lambda peer, heard: b""
        while self.talk.method._channel.engine.done is None:  # type: ignore[attr-defined]
            self.answer(self.peer.respond(self.talk.request))

    def speak(self, peer: Peer, heard: bytes) -> bytes:
        if heard:
            self.heard = inner_request(heard, self.talk.identifier)
        return self.say(peer, self.heard)

    def answer(self, data: bytes) -> None:
        talk = self.talk
        response = EAPPacket(RESPONSE, talk.identifier, talk.kind, data)
        talk.identifier = (talk.identifier + 1) % 256
        talk.step = talk.method.receive(response, talk.identifier)
        while isinstance(talk.step, Ask):
            known = KNOWN.get(talk.step.identity)
            verdict = Verdict(False, "unknown user") if known is None else weigh(talk.step.proof, known)
            talk.step = talk.method.tell(verdict, talk.identifier)

    def leave(self, resume: bool) -> None:
        self.talk.method.close()
        self.peer.engine.close()
        self.begin(self.peer.engine.resumption() if resume else None)

    def move(self, move: Move) -> None:
        if isinstance(move, Leave):
            self.leave(move.resume)
        elif isinstance(move, Raw):
            self.answer(move.data)
        else:
            self.say = move
            try:
                data = self.peer.respond(self.talk.request)
            except (DecodeError, RuntimeError, ValueError, IndexError):
                data = b"\0"
            self.answer(data)

    def try_all(self, moves: Sequence[Move]) -> bool:
        """Whether he gets in by these; where he has failed he tries again by the same session."""
        self.begin()
        for move in moves:
            if not isinstance(self.talk.step, Send):
                self.leave(True)
            if not isinstance(self.talk.step, Done):
                self.move(move)
            if isinstance(self.talk.step, Done):
                return True
        self.talk.method.close()
        return False


INNER = (EAPMSCHAPv2(), EAPMD5(), EAPGTC())
METHODS: dict[str, Callable[[PKI], MethodSettings]] = {
    "PEAP": lambda pki: PEAP(pki.settings("server"), *INNER, resumption=True),
    "EAP-TTLS": lambda pki: EAPTTLS(pki.settings("server"), *INNER, resumption=True),
}
VERSIONS = pytest.mark.parametrize("version", ["1.2", "1.3"])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> PKI:
    return PKI(tmp_path_factory.mktemp("impostor"))


def impostor(pki: PKI, name: str, version: str) -> Impostor:
    asking = client(pki.settings("client", certificate=None, key=None, maximum_version=version))
    return Impostor(METHODS[name](pki), asking)


@VERSIONS
@pytest.mark.parametrize("name", METHODS)
def test_an_impostor_is_never_let_in(made: PKI, name: str, version: str) -> None:
    @settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(moves(in_avp=name == "EAP-TTLS"))
    def run(tried: list[Move]) -> None:
        assert not impostor(made, name, version).try_all(tried)

    run()


@VERSIONS
@pytest.mark.parametrize("wanted", [26, 4, 6])
@pytest.mark.parametrize("name", METHODS)
def test_the_same_moves_get_in_with_the_password(made: PKI, name: str, wanted: int, version: str) -> None:
    """Else the test above could not fail."""
    known: Move = InnerEAP("alice", PASSWORD, (wanted,), name == "EAP-TTLS")
    # The binding of MSCHAPv2 has its keys, and nobody here makes those.
    assert impostor(made, name, version).try_all([known] * 8) is not (name == "PEAP" and wanted == 26)


@VERSIONS
@pytest.mark.parametrize("kind", ["PAP", "CHAP", "MS-CHAPv2"])
def test_so_do_those_without_eap(made: PKI, kind: str, version: str) -> None:
    notice: Move = lambda peer, heard: b""  # noqa: E731
    shown: Move = Shown("alice", PASSWORD, kind)
    assert impostor(made, "EAP-TTLS", version).try_all([shown, notice])


RESULT = tlvs.number(tlvs.RESULT, tlvs.SUCCESS)
INTERMEDIATE = tlvs.number(tlvs.INTERMEDIATE_RESULT, tlvs.SUCCESS)
ACTION = TLV(tlvs.REQUEST_ACTION, b"\1\1")
CONVINCED = TLV(tlvs.EAP_PAYLOAD, EAPPacket(RESPONSE, 8, 26, b"\3").encode())
CLAIMED = [RESULT, INTERMEDIATE, ACTION, CONVINCED, tlvs.number(tlvs.IDENTITY_TYPE, 2), TLV(tlvs.CHANNEL_BINDING, b"")]


@attrs.define
class Liar:
    """Has a supplicant of TEAP say these besides, or instead; and bind what it likes to the tunnel."""

    lies: list[tuple[bool, bool, list[TLV]]]
    peer: TEAPPeer | None = None

    def __call__(self, supplicant: Supplicant, heard: dict[int, bytes], said: list[TLV]) -> list[TLV]:
        if not self.lies:
            return said
        instead, binds, claims = self.lies.pop(0)
        return ([] if instead else said) + claims + ([self.binding()] if binds else [])

    def binding(self) -> TLV:
        """As after a method without keys."""
        assert self.peer is not None and self.peer.engine.done is not None
        engine, cipher = self.peer.engine, self.peer.engine.done.cipher
        keys = binding.CompoundKeys.of_tunnel(
            binding.digest_of(cipher), engine.export(binding.SEED_LABEL, binding.SEED)
        )
        return binding.bind(keys.after(), bytes(31) + b"\1", HINT, sub_type=binding.RESPONSE)


def get_in(pki: PKI, identities: tuple[Any, ...], by_password: bool, password: bytes, liars: list[Liar]) -> bool:
    """Whether one of these gets in by TEAP, each by the session of the one before."""
    method = TEAP(
        pki.settings("server"),
        identities=identities,
        basic_password=identities if by_password else (),
        resumption=True,
    )
    asking = client(pki.settings("client", certificate=None, key=None))
    resumption: Resumption | None = None
    for liar in liars:
        speak = Supplicant(password=password, judge=liar, kinds={1: 26, 2: 26})
        liar.peer = peer = TEAPPeer(asking, speak, resumption=resumption)
        talk = Talk(method)
        while isinstance(talk.step, Send):
            try:
                said = peer.respond(talk.request)
            except (Forged, DecodeError, AssertionError, RuntimeError, ValueError):
                said = b"\1"
            talk.answer(said)
        if isinstance(talk.step, Done):
            return True
        talk.method.close()
        peer.engine.close()
        resumption = peer.engine.resumption()
    return False


IDENTITIES = pytest.mark.parametrize("identities", [("user",), ("machine", "user")])


@IDENTITIES
@pytest.mark.parametrize("by_password", [True, False])
def test_nobody_gets_in_by_teap(made: PKI, identities: tuple[str, ...], by_password: bool) -> None:
    claims = st.lists(st.sampled_from(CLAIMED), max_size=3, unique_by=lambda tlv: tlv.type)
    lies = st.lists(st.tuples(st.booleans(), st.booleans(), claims), max_size=8)

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(lies.map(Liar), min_size=1, max_size=3))
    def run(liars: list[Liar]) -> None:
        assert not get_in(made, identities, by_password, b"wonderlamp", liars)

    run()


@IDENTITIES
@pytest.mark.parametrize("by_password", [True, False])
def test_but_with_the_password(made: PKI, identities: tuple[str, ...], by_password: bool) -> None:
    assert get_in(made, identities, by_password, PASSWORD.encode(), [Liar([])])
