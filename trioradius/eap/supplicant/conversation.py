"""Conversation: a supplicant's side of EAP, whatever the method (RFC 3748 section 4).

The same machine serves RADIUS and the inside of a tunnel.
"""

from __future__ import annotations

from typing import Final

from trioradius.eap.packet import IDENTITY, NAK, NOTIFICATION, REQUEST, RESPONSE, EAPPacket
from trioradius.eap.supplicant.method import Method
from trioradius.errors import AuthenticityError, DecodeError

_METHODS_BEGIN: Final = 4
"""Types below are not methods (RFC 3748 section 5)."""


class Conversation:
    """Answers a server's Requests with one identity and one method.

    Args:
        identity: what is said in EAP-Response/Identity.
        method: the only one that is spoken; others are declined with Nak (RFC 3748 section 5.3.1).
    """

    def __init__(self, identity: str, method: Method) -> None:
        self.method = method
        self._identity = identity.encode()
        self._begun = False
        self._request: EAPPacket | None = None
        self._response: EAPPacket | None = None

    def begin(self) -> EAPPacket:
        """EAP-Response/Identity without a Request: a NAS may ask by itself (RFC 3579 section 2.1)."""
        return EAPPacket(RESPONSE, 0, IDENTITY, self._identity)

    def respond(self, request: EAPPacket) -> EAPPacket:
        """The Response to a Request; the same again to one that is repeated (RFC 3748 section 4.1).

        Raises:
            AuthenticityError: the server does not prove what it must, or goes on to another method.
            DecodeError: the packet does not belong here.
        """
        fault = self.method.findings.fault
        if fault is not None:
            raise fault
        if request.code != REQUEST:
            raise DecodeError(f"EAP: code {request.code} where a Request belongs", reason="eap_unexpected")
        if request == self._request and self._response is not None:
            return self._response
        kind, data = self._answer(request)
        self._request = request
        self._response = EAPPacket(RESPONSE, request.identifier, kind, data)
        return self._response

    def _answer(self, request: EAPPacket) -> tuple[int, bytes]:
        """Type and Type-Data."""
        if request.type == self.method.type:
            if not self._begun:
                self._begun, self.method.findings.refusal = True, ""
            return self.method.type, self.method.respond(request)
        if request.type == NOTIFICATION:
            return NOTIFICATION, b""
        if self._begun:
            # RFC 3748 section 2.1: one method in a conversation, so that nobody can talk it down to a weaker one.
            text = f"EAP: the server went on to type {request.type} in the middle of type {self.method.type}"
            raise AuthenticityError(text, reason="eap_method_changed")
        if request.type == IDENTITY:
            return IDENTITY, self._identity
        if request.type < _METHODS_BEGIN:
            raise DecodeError(f"EAP: a Request of type {request.type}", reason="eap_unexpected")
        self.method.findings.refusal = f"EAP: the server proposes type {request.type}, not {self.method.type}"
        return NAK, bytes((self.method.type,))
