"""Credentials: what is known of a user's password, and what a proof is worth against it."""

from __future__ import annotations

import re
from typing import Final, TypeAlias

import attrs

from trioradius.errors import ConfigurationError
from trioradius.protocol import ms_chap
from trioradius.protocol.hashes import form_of

_LOCKED: Final = re.compile(r"[!*]+(LK\*|\$.*)?", re.DOTALL)
_SCHEME: Final = re.compile(r"\{([A-Za-z0-9-]+)\}(.*)", re.DOTALL)
_IDENTIFIED: Final = re.compile(r"\$([0-9a-z]{1,2}|(argon2|bcrypt|pbkdf2|scrypt)[0-9a-z-]*)\$|pbkdf2_sha\d+\$")
"""How a hash without a scheme in braces begins, whether its kind is read here or not."""
_CLEARTEXT: Final = frozenset({"CLEARTEXT", "CLEAR", "PLAIN"})
_NT_HASH: Final = frozenset({"NT", "NTHASH", "NTLM"})


def _octets(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def _nt_octets(value: str | bytes) -> bytes:
    """Sixteen octets, or their 32 hexadecimal digits."""
    try:
        octets = bytes.fromhex(value) if isinstance(value, str) else value
    except ValueError:
        octets = b""
    if len(octets) != 16:
        raise ConfigurationError("an NT hash has 16 octets, or 32 hexadecimal digits as text")
    return octets


@attrs.frozen
class Cleartext:
    """The password itself, text as UTF-8; every method can be weighed against it."""

    password: bytes = attrs.field(repr=False, converter=_octets)


@attrs.frozen
class NTHash:
    """MD4 over the password in UTF-16LE, 16 octets; enough for PAP, MS-CHAPv1 and MS-CHAPv2.

    Whoever reads it can log in with it: it needs the same care as the password.
    """

    octets: bytes = attrs.field(repr=False, converter=_nt_octets)

    @classmethod
    def of(cls, password: str) -> NTHash:
        """The NT hash of a password."""
        return cls(ms_chap.nt_hash(password))


@attrs.frozen
class Hashed:
    """A hashed password as text: bcrypt, argon2, crypt's SHA-512, PBKDF2, {SSHA}...; PAP alone can be weighed."""

    text: str = attrs.field(repr=False)


Credential: TypeAlias = Cleartext | NTHash | Hashed


def read_credential(text: str) -> Credential:
    """The credential in a text as databases and LDAP's userPassword keep it (RFC 2307 section 5.3).

    ``{CLEARTEXT}wonderland`` and text without any mark are Cleartext, ``{NT}`` with 32 hexadecimal digits is NTHash,
    ``{SSHA}...``, ``{CRYPT}$6$...``, ``$2b$...`` and their like are Hashed. A cleartext password that might be taken
    for a hash (``$6$``, ``{SHA}``) needs its ``{CLEARTEXT}``. What locks an account in a file of passwords (``!``,
    ``*``, ``!$6$...``) is an empty password, which nobody proves.

    Raises:
        ConfigurationError: a scheme that nothing here reads.
    """
    if _LOCKED.fullmatch(text):
        return Cleartext("")
    found = _SCHEME.fullmatch(text)
    scheme = found[1].upper() if found else ""
    if found and scheme in _CLEARTEXT:
        return Cleartext(found[2])
    if found and scheme in _NT_HASH:
        return NTHash(found[2])
    if found or _IDENTIFIED.match(text):
        form_of(text)
        return Hashed(text)
    return Cleartext(text)


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
