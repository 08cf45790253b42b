"""EAP-TTLSv0: AVPs of Diameter's form within TLS; a password by PAP, CHAP or MS-CHAP, or EAP (RFC 5281)."""

from __future__ import annotations

import os
from typing import ClassVar, Final, Protocol

from trioradius.eap.packet import EAPPacket
from trioradius.eap.supplicant.conversation import Conversation
from trioradius.eap.supplicant.method import Findings
from trioradius.eap.supplicant.passwords import nt_hash_of, refusal_of, require_proof
from trioradius.eap.tls_based import avps, keys
from trioradius.eap.tls_based.avps import MICROSOFT, DiameterAVP
from trioradius.eap.tls_based.keys import Opened
from trioradius.eap.tls_based.passwords import (
    CHAP_CHALLENGE,
    CHAP_PASSWORD,
    EAP_MESSAGE,
    MS_CHAP2_RESPONSE,
    MS_CHAP2_SUCCESS,
    MS_CHAP_CHALLENGE,
    MS_CHAP_RESPONSE,
    USER_NAME,
    USER_PASSWORD,
    Values,
)
from trioradius.errors import DecodeError
from trioradius.protocol import ms_chap
from trioradius.protocol.secret import md5

REPLY_MESSAGE: Final = (0, 18)
MS_CHAP_ERROR: Final = (MICROSOFT, 2)
PASSWORD_BLOCK: Final = 16
"""A password is padded with zeros to a multiple, so that its length does not show (RFC 5281 section 11.2.5)."""
_MS_CHAP2_SUCCESS: Final = (MICROSOFT, MS_CHAP2_SUCCESS)
_KNOWN: Final = frozenset({REPLY_MESSAGE, EAP_MESSAGE, MS_CHAP_ERROR, _MS_CHAP2_SUCCESS})


def _said(*said: tuple[tuple[int, int], bytes]) -> bytes:
    """Values under vendor and code, as AVPs."""
    return avps.encode(DiameterAVP(code, value, vendor) for (vendor, code), value in said)


class Proving(Protocol):
    """How the user is proved inside the tunnel."""

    findings: Findings

    def begin(self, connection: Opened) -> bytes:
        """The AVPs said first."""
        ...

    def receive(self, found: Values) -> bytes:
        """The answer to the server's values, in AVPs; b"" for none. Raises AuthenticityError and DecodeError."""
        ...


class TTLS:
    """What goes on in the tunnel of TTLS."""

    type: ClassVar[int] = keys.TTLS

    def __init__(self, proving: Proving) -> None:
        self.findings = proving.findings
        self._proving = proving

    def opened(self, connection: Opened) -> bytes:
        """The supplicant speaks first (RFC 5281 section 7.2)."""
        return self._proving.begin(connection)

    def receive(self, plaintext: bytes, identifier: int) -> bytes:
        """The answer to the server's AVPs. Raises AuthenticityError and DecodeError."""
        found: Values = {}
        for avp in avps.decode(plaintext):
            key = avp.vendor, avp.code
            if avp.mandatory and key not in _KNOWN:
                raise DecodeError(f"EAP-TTLS: the unknown AVP {key} must be understood", reason="eap_unexpected")
            found[key] = found.get(key, b"") + avp.value
        return self._proving.receive(found)


class PAP:
    """The password itself (RFC 5281 section 11.2.5)."""

    def __init__(self, identity: str, password: bytes) -> None:
        self.findings = Findings()
        self._name = identity.encode()
        self._password = password

    def begin(self, connection: Opened) -> bytes:
        """The password, padded."""
        self.findings.complete = True
        padded = self._password + bytes(-len(self._password) % PASSWORD_BLOCK)
        return _said((USER_NAME, self._name), (USER_PASSWORD, padded))

    def receive(self, found: Values) -> bytes:
        """Nothing is left to be said."""
        return b""


class CHAP:
    """CHAP over a challenge that both ends derive (RFC 5281 section 11.2.2)."""

    def __init__(self, identity: str, password: bytes) -> None:
        self.findings = Findings()
        self._name = identity.encode()
        self._password = password

    def begin(self, connection: Opened) -> bytes:
        """Challenge and response."""
        self.findings.complete = True
        material = keys.challenge(connection, 17)
        challenge, identifier = material[:16], material[16:]
        response = identifier + md5(identifier + self._password + challenge)
        return _said((USER_NAME, self._name), (CHAP_CHALLENGE, challenge), (CHAP_PASSWORD, response))

    def receive(self, found: Values) -> bytes:
        """Nothing is left to be said."""
        return b""


class MSCHAP:
    """MS-CHAPv1 with the NT-Response alone (RFC 5281 section 11.2.3)."""

    def __init__(self, identity: str, password: bytes) -> None:
        self.findings = Findings()
        self._name = identity.encode()
        self._nt_hash = nt_hash_of(password)

    def begin(self, connection: Opened) -> bytes:
        """Challenge and response."""
        self.findings.complete = True
        material = keys.challenge(connection, ms_chap.CHALLENGE_V1 + 1)
        challenge, identifier = material[:-1], material[-1:]
        nt_response = ms_chap.challenge_response(challenge, self._nt_hash)
        response = identifier + b"\1" + bytes(ms_chap.RESPONSE) + nt_response
        return _said((USER_NAME, self._name), (MS_CHAP_CHALLENGE, challenge), (MS_CHAP_RESPONSE, response))

    def receive(self, found: Values) -> bytes:
        """Why the server refuses, where it says so."""
        if MS_CHAP_ERROR in found:
            self.findings.refusal = refusal_of(found[MS_CHAP_ERROR][1:])
        return b""


class MSCHAPv2:
    """MS-CHAPv2, in which the server proves that it knows the password too (RFC 5281 section 11.2.4)."""

    def __init__(self, identity: str, password: bytes) -> None:
        self.findings = Findings()
        self._name = identity.encode()
        self._nt_hash = nt_hash_of(password)
        self._identifier = self._expected = b""

    def begin(self, connection: Opened) -> bytes:
        """Challenge and response."""
        material = keys.challenge(connection, ms_chap.CHALLENGE_V2 + 1)
        challenge, self._identifier = material[:-1], material[-1:]
        own, name = os.urandom(ms_chap.CHALLENGE_V2), ms_chap.without_domain(self._name)
        nt_response = ms_chap.nt_response(challenge, own, name, self._nt_hash)
        self._expected = ms_chap.authenticator_response(challenge, own, name, self._nt_hash, nt_response)
        response = self._identifier + b"\0" + own + bytes(8) + nt_response
        return _said((USER_NAME, self._name), (MS_CHAP_CHALLENGE, challenge), (MS_CHAP2_RESPONSE, response))

    def receive(self, found: Values) -> bytes:
        """The server's proof is acknowledged with an empty packet. Raises AuthenticityError."""
        if _MS_CHAP2_SUCCESS in found:
            require_proof(found[_MS_CHAP2_SUCCESS].removeprefix(self._identifier), self._expected)
            self.findings.complete = True
        elif MS_CHAP_ERROR in found:
            self.findings.refusal = refusal_of(found[MS_CHAP_ERROR][1:])
        return b""


class InnerEAP:
    """EAP packets in EAP-Message AVPs (RFC 5281 section 11.2.1)."""

    def __init__(self, conversation: Conversation) -> None:
        self.findings = Findings()
        self._inner = conversation

    def begin(self, connection: Opened) -> bytes:
        """EAP-Response/Identity."""
        return _said((EAP_MESSAGE, self._inner.begin().encode()))

    def receive(self, found: Values) -> bytes:
        """The answer to the inner Request. Raises AuthenticityError and DecodeError."""
        if EAP_MESSAGE not in found:
            return b""
        response = self._inner.respond(EAPPacket.decode(found[EAP_MESSAGE]))
        inner = self._inner.method.findings
        self.findings.complete, self.findings.fault = inner.complete, inner.fault
        self.findings.refusal = inner.refusal
        return _said((EAP_MESSAGE, response.encode()))
