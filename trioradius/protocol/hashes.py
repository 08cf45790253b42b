"""Hashed passwords as text: which forms are read, and whether a password is the one that was hashed.

Digests as LDAP writes them ({SSHA}, {SHA256}...) and PBKDF2 need nothing but Python; bcrypt, argon2 and crypt need the
extra ``trioradius[passwords]``. Most are slow on purpose: trioradius.authentication.Passwords weighs them in a thread.
"""

from __future__ import annotations

import base64
import hashlib
import importlib
import re
from collections.abc import Callable
from hmac import compare_digest
from typing import Any, Final, TypeAlias

from trioradius.errors import ConfigurationError

Check: TypeAlias = Callable[[bytes, str], bool]
"""Takes a password and a hash; raises ValueError where the hash is damaged."""

BCRYPT_MAXIMUM: Final = 72
"""Octets that bcrypt looks at. A longer password is refused, since any other with the same beginning would fit too."""
_SCHEME: Final = re.compile(r"\{([A-Za-z0-9-]+)\}(.*)", re.DOTALL)
"""A scheme in braces before the rest (RFC 2307 section 5.3)."""
_DIGESTS: Final = {
    "MD5": "md5",
    "SHA": "sha1",
    "SHA256": "sha256",
    "SHA384": "sha384",
    "SHA512": "sha512",
    "SMD5": "md5",
    "SSHA": "sha1",
    "SSHA256": "sha256",
    "SSHA384": "sha384",
    "SSHA512": "sha512",
}
"""hashlib's names of the digests of LDAP's schemes."""


def is_password_of(password: bytes, text: str) -> bool:
    """Whether this password was hashed to this text; digests are compared in constant time.

    Raises:
        ConfigurationError: the text is of no form that is read here, or damaged, or the library for it is missing.
    """
    name, check, rest = _form(text)
    try:
        return check(password, rest)
    except ConfigurationError:
        raise
    except (ValueError, OverflowError):
        raise ConfigurationError(f"a hashed password of the form {name} is damaged") from None


def form_of(text: str) -> str:
    """The name of a hashed password's form, ``bcrypt`` or ``{SSHA}``: for a log, since nothing of the hash is in it.

    Raises:
        ConfigurationError: it is of none.
    """
    return _form(text)[0]


def _form(text: str) -> tuple[str, Check, str]:
    """The form's name, its check, and what the check reads."""
    found = _SCHEME.fullmatch(text)
    scheme, rest = (found[1].upper(), found[2]) if found else ("", text)
    if scheme in _DIGESTS:
        salted = scheme.startswith(("SS", "SM"))
        return f"{{{scheme}}}", lambda password, octets: _is_digest(password, octets, _DIGESTS[scheme], salted), rest
    if scheme.startswith("PBKDF2"):
        rest = f"${scheme.lower()}${rest}"
    if scheme in ("", "CRYPT", "BCRYPT", "ARGON2") or scheme.startswith("PBKDF2"):
        for pattern, name, check in _IDENTIFIED:
            if pattern.match(rest):
                return name, check, rest
    raise ConfigurationError(
        f"a hashed password{f' with the scheme {{{scheme}}}' if scheme else ''} is of no form that is read here: "
        "bcrypt, argon2, crypt ($1$, $5$, $6$), PBKDF2, {SSHA} and its like"
    )


def _is_digest(password: bytes, text: str, digest: str, salted: bool) -> bool:
    """In base64: the digest over password and salt, then the salt."""
    octets = base64.b64decode(text, validate=True)
    size = hashlib.new(digest, usedforsecurity=False).digest_size
    if len(octets) <= size if salted else len(octets) != size:
        raise ValueError("a digest of another size")
    made = hashlib.new(digest, password + octets[size:], usedforsecurity=False).digest()
    return compare_digest(made, octets[:size])


def _is_pbkdf2(password: bytes, text: str) -> bool:
    """``$pbkdf2-sha256$rounds$salt$digest``, both in base64 with ``.`` for ``+`` and no padding."""
    _, scheme, rounds, salt, digest = text.split("$")
    name = scheme.partition("-")[2] or "sha1"
    return _is_derived(password, name, _adapted_base64(salt), int(rounds), _adapted_base64(digest))


def _is_django_pbkdf2(password: bytes, text: str) -> bool:
    """``pbkdf2_sha256$rounds$salt$digest`` as Django writes it: the salt is text, the digest in base64."""
    scheme, rounds, salt, digest = text.split("$")
    expected = base64.b64decode(digest, validate=True)
    return _is_derived(password, scheme.partition("_")[2], salt.encode(), int(rounds), expected)


def _is_derived(password: bytes, name: str, salt: bytes, rounds: int, expected: bytes) -> bool:
    """HMAC fills its key with NULs, so that a password with NULs behind it would fit as well; it does not here."""
    made = hashlib.pbkdf2_hmac(name, password, salt, rounds)
    if len(made) != len(expected):
        raise ValueError("a digest of another size")
    return compare_digest(made, expected) and not password.endswith(b"\0")


def _adapted_base64(text: str) -> bytes:
    return base64.b64decode(text.replace(".", "+") + "=" * (-len(text) % 4), validate=True)


def _is_bcrypt(password: bytes, text: str) -> bool:
    matches: bool = _library("bcrypt").checkpw(password[:BCRYPT_MAXIMUM], text.encode())
    return matches and len(password) <= BCRYPT_MAXIMUM


def _is_argon2(password: bytes, text: str) -> bool:
    argon2 = _library("argon2")
    try:
        matches: bool = argon2.PasswordHasher().verify(text, password)
    except argon2.exceptions.VerifyMismatchError:
        return False
    except argon2.exceptions.VerificationError as error:
        raise ValueError from error
    return matches


def _is_crypt(password: bytes, text: str) -> bool:
    """Of MD5, SHA-256 or SHA-512; such a password holds no NUL, and one that does is not it."""
    form = {"1": "md5_crypt", "5": "sha256_crypt", "6": "sha512_crypt"}[text[1]]
    matches: bool = getattr(_library("passlib.hash", "libpass"), form).verify(password.replace(b"\0", b""), text)
    return matches and b"\0" not in password


def _library(module: str, name: str = "") -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise ConfigurationError(
            f"this hashed password needs {name or module}: pip install 'trioradius[passwords]'"
        ) from None


_IDENTIFIED: Final[tuple[tuple[re.Pattern[str], str, Check], ...]] = (
    (re.compile(r"\$2[aby]\$"), "bcrypt", _is_bcrypt),
    (re.compile(r"\$argon2(id|i|d)\$"), "argon2", _is_argon2),
    (re.compile(r"\$[156]\$"), "crypt", _is_crypt),
    (re.compile(r"\$pbkdf2(-sha1|-sha256|-sha512)?\$"), "PBKDF2", _is_pbkdf2),
    (re.compile(r"pbkdf2_sha(1|256|512)\$"), "PBKDF2", _is_django_pbkdf2),
)
