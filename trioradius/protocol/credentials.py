"""Credentials: what is known of a user's password, and what a proof is worth against it."""

from __future__ import annotations

from typing import TypeAlias

import attrs


@attrs.frozen
class Cleartext:
    """The password itself; every method can be weighed against it."""

    password: bytes = attrs.field(repr=False)


@attrs.frozen
class NTHash:
    """MD4 over the password in UTF-16LE, 16 octets; enough for PAP, MS-CHAPv1 and MS-CHAPv2."""

    octets: bytes = attrs.field(repr=False)


@attrs.frozen
class Hashed:
    """A hashed password as text: bcrypt, argon2, crypt's SHA-512, PBKDF2, {SSHA}...; PAP alone can be weighed."""

    text: str = attrs.field(repr=False)


Credential: TypeAlias = Cleartext | NTHash | Hashed


@attrs.frozen
class Verdict:
    """What a proof was worth.

    ``reason`` says for the log why it was not enough. After MS-CHAPv2 ``authenticator_response`` is the server's own
    proof, the 42 octets ``S=...`` (RFC 2759 section 8.7); after MS-CHAPv1 and v2 ``nt_hash`` is what keys are
    derived from (RFC 3079).
    """

    fits: bool
    reason: str = ""
    authenticator_response: bytes = attrs.field(default=b"", repr=False)
    nt_hash: bytes = attrs.field(default=b"", repr=False)
