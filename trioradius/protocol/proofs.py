"""Proofs: what a user shows to prove that he knows a password, wherever it came from.

A request carries one in its attributes, an EAP method brings one in from within its tunnel; both are weighed the same
way against a Credential (see credentials.py).
"""

from __future__ import annotations

from typing import TypeAlias

import attrs


@attrs.frozen
class PAP:
    """The password itself (RFC 2865 section 5.2); also what EAP-GTC and PAP within TTLS bring."""

    password: bytes = attrs.field(repr=False)


@attrs.frozen
class CHAP:
    """MD5 over identifier, password and challenge (RFC 1994 section 4.1); also what EAP-MD5 brings."""

    identifier: int
    challenge: bytes = attrs.field(repr=False)
    response: bytes = attrs.field(repr=False)


@attrs.frozen
class MSCHAP:
    """MS-CHAPv1 (RFC 2433): DES over an 8-octet challenge, keyed by the NT hash.

    ``response`` is the NT-Response of 24 octets; empty where the user sent only the LAN Manager one, which is refused.
    """

    challenge: bytes = attrs.field(repr=False)
    response: bytes = attrs.field(repr=False)


@attrs.frozen
class MSCHAPv2:
    """MS-CHAPv2 (RFC 2759): both sides' 16-octet challenges and the name go into it.

    ``user_name`` is the name as it was hashed, without a ``DOMAIN\\`` before it (RFC 2759 section 4).
    """

    user_name: bytes
    authenticator_challenge: bytes = attrs.field(repr=False)
    peer_challenge: bytes = attrs.field(repr=False)
    response: bytes = attrs.field(repr=False)


Proof: TypeAlias = PAP | CHAP | MSCHAP | MSCHAPv2
