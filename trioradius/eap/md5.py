"""EAP-MD5: CHAP within EAP (RFC 3748 section 5.4). No keys, no proof of the server: not for wireless networks."""

from __future__ import annotations

import secrets
from typing import ClassVar, Final

import attrs

from trioradius.eap.method import Ask, Circumstances, Done, Failed, Outcome, Send, Step
from trioradius.eap.packet import EAPPacket
from trioradius.protocol.credentials import Verdict
from trioradius.protocol.proofs import CHAP

_SIZE: Final = 16
"""Octets of an MD5 digest, and of our challenge."""


@attrs.frozen
class EAPMD5:
    """MD5-Challenge, type 4: what a peer makes of a password and a challenge.

    It needs the cleartext password, has no keys, and whoever listens can guess at the password; ``server_name`` is
    what the peer is told of who asks.
    """

    type: ClassVar[int] = 4
    name: ClassVar[str] = "MD5"
    server_name: str = "trioradius"

    def start(self, circumstances: Circumstances) -> MD5Run:
        """A new run of it."""
        return MD5Run(circumstances.outer_identity, self.server_name.encode())


class MD5Run:
    """One run: a challenge, its response, the verdict."""

    def __init__(self, identity: str, server_name: bytes) -> None:
        self._identity = identity
        self._server_name = server_name
        self._challenge = secrets.token_bytes(_SIZE)

    def begin(self, identifier: int) -> Step:
        """As Method."""
        return Send(bytes((_SIZE,)) + self._challenge + self._server_name)

    def receive(self, response: EAPPacket, identifier: int) -> Step:
        """As Method; what stands after the digest is the peer's name, and proves nothing."""
        digest = response.data[1 : 1 + _SIZE]
        if response.data[:1] != bytes((_SIZE,)) or len(digest) != _SIZE:
            return Failed("MD5: a response that is no digest")
        return Ask(self._identity, CHAP(response.identifier, self._challenge, digest))

    def tell(self, verdict: Verdict, identifier: int) -> Step:
        """As Method."""
        return Done(Outcome(EAPMD5.name, self._identity)) if verdict.fits else Failed(f"MD5: {verdict.reason}")

    def close(self) -> None:
        """As Method."""
