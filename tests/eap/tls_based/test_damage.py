"""Responses that were damaged on the way, anywhere: the method fails or goes on, and nothing else ever happens."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tests.eap.tls_based.peers import PASSWORD, Peer, Talk, client
from tests.tls.pki import PKI
from trioradius.eap.gtc import EAPGTC
from trioradius.eap.method import Done, Failed, MethodSettings, Send
from trioradius.eap.packet import RESPONSE, EAPPacket
from trioradius.eap.tls_based import avps
from trioradius.eap.tls_based.avps import DiameterAVP
from trioradius.eap.tls_based.certificate import EAPTLS
from trioradius.eap.tls_based.peap import PEAP
from trioradius.eap.tls_based.ttls import EAPTTLS

RUNS = 60


def ttls(peer: Peer, heard: bytes) -> bytes:
    return avps.encode([DiameterAVP(1, b"alice"), DiameterAVP(2, PASSWORD)])


def peap(peer: Peer, heard: bytes) -> bytes:
    if heard[:1] == b"\1" and len(heard) > 1:
        return EAPPacket(RESPONSE, 1, 33, b"\x80\3\0\2\0\1").encode()
    return {b"\1": b"\1alice", b"\6": b"\6" + PASSWORD}.get(heard[:1], b"")


def damaged(data: bytes, chance: random.Random) -> bytes:
    """One octet changed, a piece cut out, or something more at the end."""
    at = chance.randrange(len(data))
    match chance.randrange(3):
        case 0:
            return data[:at] + bytes((data[at] ^ 1 << chance.randrange(8),)) + data[at + 1 :]
        case 1:
            return data[:at] + data[at + chance.randrange(1, 40) :]
    return data + chance.randbytes(chance.randrange(1, 40))


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("size", [150, 1_000])
@pytest.mark.parametrize(
    ("make", "speak"),
    [
        (lambda settings: EAPTLS(settings), lambda peer, heard: b""),
        (lambda settings: EAPTTLS(settings), ttls),
        (lambda settings: PEAP(settings, EAPGTC()), peap),
    ],
    ids=["EAP-TLS", "EAP-TTLS", "PEAP"],
)
def test_damage(
    pki: PKI,
    version: str,
    size: int,
    make: Callable[[object], MethodSettings],
    speak: Callable[[Peer, bytes], bytes],
) -> None:
    method, asking = make(pki.settings("server")), client(pki.settings("client", maximum_version=version))
    ends: set[type[object]] = set()
    for seed in range(RUNS):
        chance = random.Random(seed)
        peer, talk = Peer(asking, speak=speak, size=size), Talk(method, size=size)
        spoil_at, count = chance.randrange(30 if size < 1_000 else 6), 0
        while isinstance(talk.step, Send) and count < 100:
            try:
                data = peer.respond(talk.request)
            except (ValueError, RuntimeError):
                # The peer itself is past saving: it only takes notice now.
                data = b"\0"
            talk.answer(damaged(data, chance) if count == spoil_at else data)
            count += 1
        talk.method.close()
        assert isinstance(talk.step, Done | Failed)
        ends.add(type(talk.step))
    assert Failed in ends
