"""EAP methods that prove a password: MD5, GTC, and MSCHAPv2, by which the server proves that it knows it too.

Without a tunnel, MD5 and GTC prove nothing about the server, and GTC tells the password to whoever listens.
"""

from __future__ import annotations

import os
import re
from typing import Final

from trioradius.eap.packet import EAPPacket
from trioradius.eap.supplicant.method import Findings
from trioradius.errors import AuthenticityError, DecodeError
from trioradius.protocol import ms_chap
from trioradius.protocol.mppe import ms_chap_v2_msk
from trioradius.protocol.secret import md5

CHALLENGE: Final = 1
RESPONSE: Final = 2
SUCCESS: Final = 3
FAILURE: Final = 4
"""OpCodes of EAP-MSCHAPv2 (draft-kamath-pppext-eap-mschapv2 section 2)."""
_HEADER: Final = 4
_ERROR: Final = re.compile(rb"\AE=(\d{1,10})\b")


class MD5:
    """EAP-MD5-Challenge: CHAP (RFC 3748 section 5.4). It proves nothing about the server, and makes no key."""

    type: int = 4

    def __init__(self, identity: str, password: bytes) -> None:
        self.findings = Findings()
        self._name = identity.encode()
        self._password = password

    def respond(self, request: EAPPacket) -> bytes:
        """The digest over Identifier, password and challenge. Raises DecodeError."""
        size, challenge = request.data[:1], request.data[1 : 1 + request.data[0]] if request.data else b""
        if not challenge or len(challenge) != size[0]:
            raise DecodeError("EAP-MD5: the challenge does not have the length it says", reason="eap_malformed")
        self.findings.complete = True
        digest = md5(bytes((request.identifier,)) + self._password + challenge)
        return bytes((len(digest),)) + digest + self._name


class GTC:
    """EAP-GTC: the password as it is (RFC 3748 section 5.6), which wants a tunnel round it. It makes no key."""

    type: int = 6

    def __init__(self, identity: str, password: bytes) -> None:
        self.findings = Findings()
        self._password = password

    def respond(self, request: EAPPacket) -> bytes:
        """The password, whatever text the server shows."""
        self.findings.complete = True
        return self._password


class MSCHAPv2:
    """EAP-MSCHAPv2: MS-CHAPv2 both ways, with a key (draft-kamath-pppext-eap-mschapv2, RFC 2759, RFC 3079)."""

    type: int = 26

    def __init__(self, identity: str, password: bytes) -> None:
        self.findings = Findings()
        self._name = identity.encode()
        self._nt_hash = nt_hash_of(password)
        self._expected = b""

    def respond(self, request: EAPPacket) -> bytes:
        """The Response to a challenge, or to what the server says of the answer.

        Raises:
            AuthenticityError: the server does not know the password.
            DecodeError: the Request does not belong here.
        """
        operation = request.data[:1]
        if operation == bytes((CHALLENGE,)) and not self._expected:
            return self._answer(request.data)
        if operation == bytes((SUCCESS,)) and self._expected:
            return self._verify(request.data[_HEADER:])
        if operation == bytes((FAILURE,)) and self._expected:
            self.findings.refusal = refusal_of(request.data[_HEADER:])
            return operation
        raise DecodeError("EAP-MSCHAPv2: an operation that does not belong here", reason="eap_unexpected")

    def _answer(self, data: bytes) -> bytes:
        challenge = data[_HEADER + 1 :][: ms_chap.CHALLENGE_V2]
        if data[_HEADER : _HEADER + 1] != b"\x10" or len(challenge) != ms_chap.CHALLENGE_V2:
            raise DecodeError("EAP-MSCHAPv2: the challenge does not have 16 octets", reason="eap_malformed")
        own, name = os.urandom(ms_chap.CHALLENGE_V2), ms_chap.without_domain(self._name)
        response = ms_chap.nt_response(challenge, own, name, self._nt_hash)
        self._expected = ms_chap.authenticator_response(challenge, own, name, self._nt_hash, response)
        self._msk = ms_chap_v2_msk(self._nt_hash, response)
        value = own + bytes(8) + response + b"\0"
        length = _HEADER + 1 + len(value) + len(self._name)
        header = bytes((RESPONSE, data[1])) + length.to_bytes(2, "big") + bytes((len(value),))
        return header + value + self._name

    def _verify(self, message: bytes) -> bytes:
        require_proof(message, self._expected)
        self.findings.complete = True
        self.findings.msk = self._msk
        return bytes((SUCCESS,))


def nt_hash_of(password: bytes) -> bytes:
    """The NT hash of a password in UTF-8."""
    return ms_chap.nt_hash(password.decode())


def require_proof(message: bytes, expected: bytes) -> None:
    """Raises AuthenticityError where a server's ``S=...`` is not the one that only the password's owner can make."""
    if not ms_chap.is_authenticator_response(message, expected):
        text = "MS-CHAPv2: the server does not know the password, and so is not the one that was meant"
        raise AuthenticityError(text, reason="eap_server_proof")


def refusal_of(message: bytes) -> str:
    """What a person is told of an MS-CHAP error such as ``E=691 R=0 ...`` (RFC 2759 section 6)."""
    found = _ERROR.match(message)
    if found is None:
        return "MS-CHAP: refused without a reason"
    number = int(found[1])
    known = {int(code): code.name.lower().replace("_", " ") for code in ms_chap.MSCHAPFailure}
    return f"MS-CHAP error {number}: {known.get(number, 'unknown')}"
