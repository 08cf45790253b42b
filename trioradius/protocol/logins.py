"""Logins by MS-CHAP as a NAS would send them, and the proof that the server then owes (RFC 2548, RFC 2759).

The NAS here makes both challenges itself, as RADIUS has it: the server learns them with the response. Over UDP and TCP
MS-CHAP must not be used by new clients (draft-ietf-radext-deprecating-radius): it is for testing networks that do.
"""

from __future__ import annotations

import os

import attrs

from trioradius.attributes.attribute import AVP
from trioradius.attributes.microsoft import MSCHAP2Response, MSCHAP2Success, MSCHAPChallenge, MSCHAPResponse
from trioradius.errors import AuthenticityError
from trioradius.protocol import ms_chap as arithmetic
from trioradius.protocol.packets import AccessAccept, Reply


@attrs.frozen
class MSCHAPLogin:
    """The attributes to send beside User-Name, and the proof that an Access-Accept must bring; b"" for version 1."""

    attributes: tuple[AVP, ...]
    proof: bytes = attrs.field(default=b"", repr=False)

    def require_proof(self, reply: Reply) -> None:
        """Make sure that who accepted the user knows the password too (RFC 2759 section 8.8).

        Raises:
            AuthenticityError: an Access-Accept without MS-CHAP2-Success, or with a false one.
        """
        if not self.proof or not isinstance(reply, AccessAccept):
            return
        given = reply.octets(MSCHAP2Success) or b""
        ours = given[:1] == self.proof[:1]
        if not ours or not arithmetic.is_authenticator_response(given[1:], self.proof[1:]):
            raise AuthenticityError(
                "the server accepts without proving that it knows the password (MS-CHAP2-Success is missing or false)",
                reason="ms_chap2_success",
            )


def ms_chap(password: str, *, identifier: int | None = None, challenge: bytes | None = None) -> MSCHAPLogin:
    """MS-CHAPv1: MS-CHAP-Challenge and MS-CHAP-Response without a LAN Manager response (RFC 2548 section 2.1.3).

    Identifier and challenge, of 8 octets, are random unless given.
    """
    first = _identifier(identifier)
    vector = os.urandom(arithmetic.CHALLENGE_V1) if challenge is None else challenge
    response = arithmetic.challenge_response(vector, arithmetic.nt_hash(password))
    flags = b"\1"
    return MSCHAPLogin((MSCHAPChallenge(vector), MSCHAPResponse(first + flags + bytes(arithmetic.RESPONSE) + response)))


def ms_chap_v2(
    user_name: str,
    password: str,
    *,
    identifier: int | None = None,
    authenticator_challenge: bytes | None = None,
    peer_challenge: bytes | None = None,
) -> MSCHAPLogin:
    """MS-CHAPv2: MS-CHAP-Challenge and MS-CHAP2-Response (RFC 2548 section 2.3.2).

    Identifier and challenges, of 16 octets each, are random unless given. A ``DOMAIN\\`` before the name is not hashed.
    """
    first = _identifier(identifier)
    theirs = os.urandom(arithmetic.CHALLENGE_V2) if authenticator_challenge is None else authenticator_challenge
    own = os.urandom(arithmetic.CHALLENGE_V2) if peer_challenge is None else peer_challenge
    nt_hash, name = arithmetic.nt_hash(password), arithmetic.without_domain(user_name.encode())
    response = arithmetic.nt_response(theirs, own, name, nt_hash)
    proof = arithmetic.authenticator_response(theirs, own, name, nt_hash, response)
    return MSCHAPLogin(
        (MSCHAPChallenge(theirs), MSCHAP2Response(first + b"\0" + own + bytes(8) + response)), first + proof
    )


def _identifier(given: int | None) -> bytes:
    return os.urandom(1) if given is None else bytes((given,))
