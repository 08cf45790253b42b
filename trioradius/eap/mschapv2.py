"""EAP-MSCHAPv2: both ends prove that they know the password, and agree on keys (draft-kamath-pppext-eap-mschapv2)."""

from __future__ import annotations

import secrets
from typing import ClassVar, Final

import attrs

from trioradius.eap.method import Ask, Circumstances, Done, Failed, Outcome, Send, Step
from trioradius.eap.packet import EAPPacket
from trioradius.protocol import mppe, ms_chap
from trioradius.protocol.credentials import Verdict
from trioradius.protocol.proofs import MSCHAPv2

_CHALLENGE: Final = 1
_RESPONSE: Final = 2
_SUCCESS: Final = 3
_FAILURE: Final = 4
"""The OpCodes (section 2); a password is not changed within EAP."""

_VALUE: Final = 49
"""Octets of a response: peer challenge 16, reserved 8, NT-Response 24, flags 1 (section 2.2)."""
_NAME_AT: Final = 5 + _VALUE


@attrs.frozen
class EAPMSCHAPv2:
    """EAP-MSCHAPv2, type 26: the server proves itself too, and there are keys.

    It needs the cleartext password or its NT hash. Whoever listens can find the NT hash (DES), so it belongs in a
    tunnel; ``server_name`` is what the peer is told of who asks.
    """

    type: ClassVar[int] = 26
    name: ClassVar[str] = "MSCHAPv2"
    server_name: str = "trioradius"

    def start(self, circumstances: Circumstances) -> MSCHAPv2Run:
        """A new run of it."""
        return MSCHAPv2Run(circumstances.outer_identity, self.server_name.encode())


class MSCHAPv2Run:
    """One run: challenge and response, then our proof or our refusal, and the peer's word on that."""

    def __init__(self, identity: str, server_name: bytes) -> None:
        self._identity = identity
        self._server_name = server_name
        self._challenge = secrets.token_bytes(ms_chap.CHALLENGE_V2)
        self._identifier = 0
        self._proof: MSCHAPv2 | None = None
        self._verdict: Verdict | None = None

    def begin(self, identifier: int) -> Step:
        """As Method."""
        self._identifier = identifier
        challenge = bytes((ms_chap.CHALLENGE_V2,)) + self._challenge + self._server_name
        return self._send(_CHALLENGE, challenge)

    def receive(self, response: EAPPacket, identifier: int) -> Step:
        """As Method."""
        if self._verdict is not None:
            return self._confirmed(self._verdict, response.data)
        data = response.data
        if len(data) < _NAME_AT or data[0] != _RESPONSE or data[1] != self._identifier or data[4] != _VALUE:
            return Failed("MSCHAPv2: a malformed response")
        if int.from_bytes(data[2:4], "big") != len(data):
            return Failed("MSCHAPv2: a response whose length does not fit")
        name = ms_chap.without_domain(data[_NAME_AT:])
        if name != ms_chap.without_domain(self._identity.encode()):
            return Failed("MSCHAPv2: the name in the response is not the identity")
        self._proof = MSCHAPv2(name, self._challenge, data[5:21], data[29:53])
        return Ask(self._identity, self._proof)

    def tell(self, verdict: Verdict, identifier: int) -> Step:
        """As Method: ``S=...`` proves us to the peer (section 2.3), ``E=691 R=0`` refuses it for good (section 2.5)."""
        self._verdict = verdict
        if verdict.fits:
            return self._send(_SUCCESS, verdict.authenticator_response + b" M=OK")
        return self._send(
            _FAILURE, ms_chap.failure_v2(ms_chap.MSCHAPFailure.AUTHENTICATION_FAILURE, secrets.token_bytes(16))
        )

    def close(self) -> None:
        """As Method."""

    def _confirmed(self, verdict: Verdict, data: bytes) -> Step:
        if not verdict.fits:
            return Failed(f"MSCHAPv2: {verdict.reason}")
        if data[:1] != bytes((_SUCCESS,)) or self._proof is None:
            return Failed("MSCHAPv2: the peer does not accept our proof")
        send, receive = mppe.send_and_receive_keys(verdict.nt_hash, self._proof.response)
        return Done(Outcome(EAPMSCHAPv2.name, self._identity, msk=receive + send))

    def _send(self, opcode: int, value: bytes) -> Send:
        return Send(bytes((opcode, self._identifier)) + (4 + len(value)).to_bytes(2, "big") + value)
