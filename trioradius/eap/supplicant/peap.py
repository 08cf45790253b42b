"""PEAPv0: EAP within TLS, and a result under its protection ([MS-PEAP], draft-kamath-pppext-peapv0).

Inner packets go without code, Identifier and Length, which are those of the packet round them; only the last one, of
EAP Extensions, is whole. Some servers send others whole as well, so that those are told by their header.
"""

from __future__ import annotations

from typing import ClassVar, Final

from trioradius.eap.packet import REQUEST, RESPONSE, EAPPacket
from trioradius.eap.supplicant.conversation import Conversation
from trioradius.eap.supplicant.method import Findings
from trioradius.eap.tls_based import extensions, keys
from trioradius.eap.tls_based.extensions import CRYPTOBINDING, EXTENSIONS, RESULT, CompoundKeys
from trioradius.eap.tls_based.keys import Opened
from trioradius.errors import AuthenticityError, DecodeError

HEADER: Final = 4
_NONCE_AT: Final = 4
"""Where a Cryptobinding TLV's value has its nonce ([MS-PEAP] section 2.2.8.1.2)."""


class PEAP:
    """What goes on in PEAP's tunnel: an EAP conversation, whose server has the last word."""

    type: ClassVar[int] = keys.PEAP

    def __init__(self, conversation: Conversation) -> None:
        self.findings = Findings()
        self._inner = conversation

    def opened(self, connection: Opened) -> bytes:
        """The server asks first."""
        return b""

    def receive(self, plaintext: bytes, identifier: int) -> bytes:
        """The answer to an inner Request. Raises AuthenticityError and DecodeError."""
        request = EAPPacket.decode(plaintext if _is_whole(plaintext) else _with_header(plaintext, identifier))
        if request.type == EXTENSIONS:
            return self._conclude(request)
        response = self._inner.respond(request)
        found = self._inner.method.findings
        self.findings.fault, self.findings.refusal = found.fault, found.refusal
        return response.encode()[HEADER:]

    def _conclude(self, request: EAPPacket) -> bytes:
        """Say what the server says of the result."""
        tlvs = extensions.decode(request.data)
        succeeded = _succeeded(tlvs)
        said = extensions.result(succeeded)
        if succeeded:
            said += self._take_success(tlvs)
        else:
            self.findings.complete = False
            self.findings.refusal = self.findings.refusal or "PEAP: the server says failure inside the tunnel"
        return EAPPacket(RESPONSE, request.identifier, EXTENSIONS, said).encode()

    def _take_success(self, tlvs: dict[int, bytes]) -> bytes:
        """Success counts only once the inner method is complete; what is returned answers the crypto-binding."""
        if self.findings.complete or not self._inner.method.findings.complete:
            text = "PEAP: the server says success where the method inside has not come to its end"
            raise AuthenticityError(text, reason="eap_premature_success")
        self.findings.complete = True
        if CRYPTOBINDING not in tlvs:
            return b""
        compound = CompoundKeys.derive(self.findings.msk, self._inner.method.findings.msk)
        value = tlvs[CRYPTOBINDING]
        if not extensions.is_bound(compound, value, response=False):
            text = "PEAP: the tunnel and the method inside do not end at the same server (crypto-binding)"
            raise AuthenticityError(text, reason="eap_crypto_binding")
        self.findings.msk = compound.msk
        nonce = value[_NONCE_AT : _NONCE_AT + extensions.NONCE]
        return extensions.binding(compound, nonce, response=True)


def _is_whole(octets: bytes) -> bool:
    """Whether an inner packet has a header: an EAP Request of exactly this length."""
    return len(octets) > HEADER and octets[0] == REQUEST and int.from_bytes(octets[2:HEADER], "big") == len(octets)


def _with_header(octets: bytes, identifier: int) -> bytes:
    return EAPPacket(REQUEST, identifier, octets[0], octets[1:]).encode()


def _succeeded(tlvs: dict[int, bytes]) -> bool:
    """What the Result TLV says. Raises DecodeError where it says neither success nor failure."""
    result = int.from_bytes(tlvs.get(RESULT, b""), "big")
    if result not in (extensions.SUCCESS, extensions.FAILURE):
        raise DecodeError("PEAP: neither success nor failure in the result", reason="eap_malformed")
    return result == extensions.SUCCESS
