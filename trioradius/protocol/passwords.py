"""Passwords as a NAS sends them: PAP and CHAP (RFC 2865 sections 2.2, 5.2, 5.3, 5.40; RFC 1994)."""

from __future__ import annotations

import os
from hmac import compare_digest
from typing import TYPE_CHECKING

from trioradius.attributes.attribute import AVP
from trioradius.attributes.ietf import CHAPChallenge, CHAPPassword, UserPassword
from trioradius.protocol.secret import md5

if TYPE_CHECKING:
    from trioradius.protocol.packet import Packet


def verify(request: Packet, password: bytes) -> bool:
    """Whether the request carries this password (PAP), or the answer that only its owner can give (CHAP)."""
    given = request.octets(UserPassword)
    if given is not None:
        return compare_digest(given, password)
    response = request.octets(CHAPPassword)
    if response is None or len(response) != 17:
        return False
    challenge = request.octets(CHAPChallenge) or request.authenticator
    if not challenge:
        return False
    return compare_digest(md5(response[:1] + password + challenge), response[1:])


def chap(password: str | bytes, *, identifier: int | None = None, challenge: bytes | None = None) -> tuple[AVP, AVP]:
    """CHAP-Password and CHAP-Challenge as a NAS would send them for this password.

    Identifier and challenge are random unless given. The challenge always travels in its own attribute, so that the
    Request Authenticator stays the client's business.
    """
    clear = password.encode() if isinstance(password, str) else password
    first = os.urandom(1) if identifier is None else bytes((identifier,))
    vector = os.urandom(16) if challenge is None else challenge
    return CHAPPassword(first + md5(first + clear + vector)), CHAPChallenge(vector)
