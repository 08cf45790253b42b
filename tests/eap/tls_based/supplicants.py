"""A supplicant of TEAP on our own engine, honest unless a test has it say something else."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.eap.tls_based.peers import PASSWORD, Peer, client
from tests.tls.pki import PKI
from trioradius.eap.fragments import Fragments
from trioradius.eap.packet import NAK, RESPONSE, EAPPacket
from trioradius.eap.supplicant.passwords import MSCHAPv2
from trioradius.eap.tls_based import binding, tlvs
from trioradius.eap.tls_based.binding import NONCE, SEED, SEED_LABEL, CompoundKeys
from trioradius.eap.tls_based.tlvs import TLV
from trioradius.tls import Resumption
from trioradius.tls.context import Context

HINT = b"\0\1\0\x0atrioradius"
"""The server's outer TLVs."""
USER, MACHINE = 1, 2
TLS, MSCHAP = 13, 26
HOST = "nas.example.org"

Heard = dict[int, bytes]
Judge = Callable[["Supplicant", Heard, list[TLV]], list[TLV]]


class Forged(Exception):
    """The server's crypto-binding does not fit."""


def honest(supplicant: Supplicant, heard: Heard, said: list[TLV]) -> list[TLV]:
    return said


class Supplicant:
    """What is said in the tunnel: ``judge`` may change each answer.

    Args:
        certificate: the peer of EAP-TLS within, for the machine.
        kinds: the EAP method of the user, and of the machine.
    """

    def __init__(
        self,
        *,
        judge: Judge = honest,
        password: bytes = PASSWORD,
        certificate: Peer | None = None,
        kinds: Mapping[int, int] = {USER: MSCHAP, MACHINE: TLS},
        first: bytes = b"",
        outer: bytes = b"",
    ) -> None:
        self.heard: list[Heard] = []
        self.keys: CompoundKeys | None = None
        self.by_emsk = False
        self.outer = outer
        self.first = first
        self._judge = judge
        self._password = password
        self._certificate = certificate
        self._kinds = kinds
        self._identity = USER
        self._inner: MSCHAPv2 | None = None
        self._key = (b"", b"")

    @property
    def msk(self) -> bytes:
        """What the session's key has to be."""
        assert self.keys is not None
        return self.keys.msk(by_emsk=self.by_emsk)

    def __call__(self, peer: Peer, heard: bytes) -> bytes:
        if not heard:
            return self.first
        found = {tlv.type: tlv.value for tlv in tlvs.decode(heard)}
        self.heard.append(found)
        self._identity = found.get(tlvs.IDENTITY_TYPE, bytes((0, self._identity)))[1]
        said = []
        if tlvs.IDENTITY_TYPE in found:
            said.append(tlvs.number(tlvs.IDENTITY_TYPE, self._identity))
        if tlvs.EAP_PAYLOAD in found:
            answer = self._answer(EAPPacket.decode(found[tlvs.EAP_PAYLOAD]))
            said.append(TLV(tlvs.EAP_PAYLOAD, answer.encode()))
        if tlvs.PASSWORD_REQUEST in found:
            self._key = (b"", b"")
            said.append(TLV(tlvs.PASSWORD_RESPONSE, b"\5alice" + bytes((len(self._password),)) + self._password))
        if tlvs.CRYPTO_BINDING in found:
            said.append(self._bind(peer, found[tlvs.CRYPTO_BINDING]))
        said += [TLV(kind, found[kind]) for kind in (tlvs.INTERMEDIATE_RESULT, tlvs.RESULT) if kind in found]
        return tlvs.encode(self._judge(self, found, said))

    def _answer(self, request: EAPPacket) -> EAPPacket:
        wanted = self._kinds[self._identity]
        if request.type == 1:
            name = "alice" if wanted == MSCHAP else HOST
            self._inner = MSCHAPv2(name, self._password)
            data = name.encode()
        elif request.type != wanted:
            return EAPPacket(RESPONSE, request.identifier, NAK, bytes((wanted,)))
        elif wanted == MSCHAP:
            assert self._inner is not None
            data = self._inner.respond(request)
            made = self._inner.findings.msk
            self._key = (made[16:32] + made[:16], b"")
        else:
            assert self._certificate is not None
            data = self._certificate.respond(request.data)
            self._key = self._keys_of_certificate()
        return EAPPacket(RESPONSE, request.identifier, request.type, data)

    def _keys_of_certificate(self) -> tuple[bytes, bytes]:
        assert self._certificate is not None
        engine = self._certificate.engine
        if engine.done is None:
            return b"", b""
        material = (
            engine.export(b"EXPORTER_EAP_TLS_Key_Material", 128, b"\x0d")
            if engine.done.tls_version == "TLSv1.3"
            else engine.export(b"client EAP encryption", 128)
        )
        return material[:64], material[64:]

    def _bind(self, peer: Peer, request: bytes) -> TLV:
        if self.keys is None:
            assert peer.engine.done is not None
            digest = binding.digest_of(peer.engine.done.cipher)
            self.keys = CompoundKeys.of_tunnel(digest, peer.engine.export(SEED_LABEL, SEED))
        self.keys = self.keys.after(*self._key)
        self._key = (b"", b"")
        self.by_emsk = self.keys.has_emsk
        nonce = request[4 : 4 + NONCE]
        if nonce[-1] & 1:
            raise Forged
        outer = HINT + self.outer
        if binding.bind(self.keys, nonce, outer).value != request:
            raise Forged
        response = nonce[:-1] + bytes((nonce[-1] | 1,))
        return binding.bind(self.keys, response, outer, sub_type=binding.RESPONSE)


class TEAPPeer(Peer):
    """The same peer with the version of TEAP in its flags, and outer TLVs in its first message."""

    def __init__(
        self, context: Context, speak: Supplicant, *, size: int = 1_000, resumption: Resumption | None = None
    ) -> None:
        super().__init__(context, size=size, resumption=resumption, speak=speak)
        self.fragments = Fragments(size, version=1)
        self.starts: list[bytes] = []
        self._outer = speak.outer

    def respond(self, data: bytes) -> bytes:
        if data[0] & 0x20:
            self.starts.append(data)
        said, outer, self._outer = super().respond(data), self._outer, b""
        if not outer:
            return said
        at = 5 if said[0] & 0x80 else 1
        return bytes((said[0] | 0x10,)) + said[1:at] + len(outer).to_bytes(4, "big") + said[at:] + outer


def teap_peer(pki: PKI, speak: Supplicant, *, size: int = 1_000) -> TEAPPeer:
    settings = pki.settings("client", certificate=None, key=None)
    return TEAPPeer(client(settings), speak, size=size)


def certificate_of(pki: PKI, version: str = "1.3", stem: str = "client") -> Peer:
    """The peer of an EAP-TLS within."""
    return Peer(client(pki.settings(stem, maximum_version=version)), size=600)
