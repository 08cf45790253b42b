"""Sign and verify: the authenticators of RFC 2865, 2866 and 5176, and Message-Authenticator (RFC 3579 section 3.2).

All comparisons take the same time whatever they compare.
"""

from __future__ import annotations

import os
from hmac import compare_digest
from typing import Final

from trioradius.errors import AuthenticityError
from trioradius.protocol.codes import DIGEST_AUTHENTICATOR
from trioradius.protocol.secret import Secret, md5
from trioradius.protocol.wire import ABSENT, HEADER, MALFORMED, Message, header_of

PROOF: Final = 18
"""Octets of Message-Authenticator."""
_ZEROS: Final = bytes(16)
_PROOF_HEADER: Final = b"\x50\x12"
_BLANK_PROOF: Final = _PROOF_HEADER + _ZEROS


def new_authenticator() -> bytes:
    """Sixteen unpredictable octets (RFC 2865 section 3)."""
    return os.urandom(16)


def _proven(header: bytes, authenticator: bytes, attributes: bytes, secret: Secret) -> bytes:
    """Attributes that begin with a blank Message-Authenticator, with it filled in."""
    return _PROOF_HEADER + secret.hmac(header + authenticator + attributes) + attributes[18:]


def sign_request(
    code: int, identifier: int, authenticator: bytes, attributes: bytes, secret: Secret, *, prove: bool
) -> bytes:
    """The octets of a request; ``prove`` puts Message-Authenticator first.

    ``authenticator`` is what hidden attributes were hidden under, for codes that carry random octets; the others'
    is computed here, over zeros in its place (RFC 2866 section 3, RFC 5176 section 2.3).
    """
    digested = code in DIGEST_AUTHENTICATOR
    vector = _ZEROS if digested else authenticator
    if prove:
        attributes = _BLANK_PROOF + attributes
    header = header_of(code, identifier, attributes)
    if prove:
        attributes = _proven(header, vector, attributes, secret)
    if digested:
        vector = md5(header + _ZEROS + attributes + secret.octets)
    return header + vector + attributes


def sign_reply(
    code: int, identifier: int, authenticator: bytes, attributes: bytes, secret: Secret, *, prove: bool
) -> bytes:
    """The octets of a reply to the request with this Identifier and Request Authenticator."""
    if prove:
        attributes = _BLANK_PROOF + attributes
    header = header_of(code, identifier, attributes)
    start = header + authenticator
    if prove:
        attributes = _PROOF_HEADER + secret.hmac(start + attributes) + attributes[18:]
    return header + md5(start + attributes + secret.octets) + attributes


def verify_request(message: Message, secret: Secret) -> None:
    """Check a request's authenticator, and Message-Authenticator where there is one.

    Raises:
        AuthenticityError: either is wrong, or Message-Authenticator stands there twice or with a wrong length.
    """
    octets, digested = message.octets, message.code in DIGEST_AUTHENTICATOR
    if digested:
        expected = md5(octets[:4] + _ZEROS + octets[HEADER:] + secret.octets)
        if not compare_digest(expected, message.authenticator):
            raise AuthenticityError(
                "the Request Authenticator is wrong: the shared secrets differ", reason="request_authenticator"
            )
    if message.proof_at != ABSENT:
        _verify_proof(message, _ZEROS if digested else message.authenticator, secret)


def verify_reply(message: Message, authenticator: bytes, secret: Secret) -> None:
    """Check a reply's Response Authenticator, and Message-Authenticator where there is one.

    Args:
        authenticator: of the request that was sent.

    Raises:
        AuthenticityError: as for a request.
    """
    octets = message.octets
    expected = md5(octets[:4] + authenticator + octets[HEADER:] + secret.octets)
    if not compare_digest(expected, message.authenticator):
        raise AuthenticityError(
            "the Response Authenticator is wrong: the shared secrets differ", reason="response_authenticator"
        )
    if message.proof_at != ABSENT:
        _verify_proof(message, authenticator, secret)


def _verify_proof(message: Message, authenticator: bytes, secret: Secret) -> None:
    octets, at = message.octets, message.proof_at
    if at == MALFORMED:
        raise AuthenticityError(
            "Message-Authenticator must stand there once, with length 18", reason="message_authenticator_malformed"
        )
    blank = octets[:at] + _ZEROS + octets[at + 16 :]
    if authenticator is not message.authenticator:
        blank = octets[:4] + authenticator + blank[HEADER:]
    if not compare_digest(secret.hmac(blank), octets[at : at + 16]):
        raise AuthenticityError(
            "Message-Authenticator is wrong: the shared secrets differ", reason="message_authenticator_wrong"
        )
