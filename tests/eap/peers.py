"""Peers for tests: what a supplicant answers to a Request, written down from the RFCs and not from our methods."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TypeAlias

import attrs

from trioradius.eap.packet import IDENTITY, NAK, RESPONSE, EAPPacket
from trioradius.protocol import ms_chap

PEER_CHALLENGE = bytes(range(16))
Answer: TypeAlias = Callable[["Peer", EAPPacket], bytes]


def md5(peer: Peer, request: EAPPacket) -> bytes:
    """RFC 3748 section 5.4."""
    size = request.data[0]
    challenge = request.data[1 : 1 + size]
    digest = hashlib.md5(bytes((request.identifier,)) + peer.password.encode() + challenge).digest()
    return b"\x10" + digest + peer.identity.encode()


def gtc(peer: Peer, request: EAPPacket) -> bytes:
    """RFC 3748 section 5.6."""
    return peer.password.encode()


def mschapv2(peer: Peer, request: EAPPacket) -> bytes:
    """draft-kamath-pppext-eap-mschapv2 section 2: a response to a challenge, else the OpCode again."""
    opcode, identifier = request.data[:2]
    if opcode != 1:
        return bytes((opcode,))
    challenge = request.data[5:21]
    name = peer.identity.encode()
    nt_hash = ms_chap.nt_hash(peer.password)
    response = ms_chap.nt_response(challenge, PEER_CHALLENGE, ms_chap.without_domain(name), nt_hash)
    value = PEER_CHALLENGE + bytes(8) + response + b"\0"
    return bytes((2, identifier)) + (5 + len(value) + len(name)).to_bytes(2, "big") + b"\x31" + value + name


ANSWERS: dict[int, Answer] = {4: md5, 6: gtc, 26: mschapv2}


@attrs.frozen
class Peer:
    """A supplicant that knows these methods, the best first."""

    identity: str = "alice"
    password: str = "wonderland"
    methods: tuple[int, ...] = (26, 4, 6)

    def start(self, identifier: int = 0) -> bytes:
        """The Response to an Identity Request that the NAS sent itself."""
        return EAPPacket(RESPONSE, identifier, IDENTITY, self.identity.encode()).encode()

    def answer(self, octets: bytes) -> bytes:
        """The Response to a Request."""
        request = EAPPacket.decode(octets)
        if request.type == IDENTITY:
            return self.start(request.identifier)
        if request.type not in self.methods:
            return EAPPacket(RESPONSE, request.identifier, NAK, bytes(self.methods)).encode()
        data = ANSWERS[request.type](self, request)
        return EAPPacket(RESPONSE, request.identifier, request.type, data).encode()
