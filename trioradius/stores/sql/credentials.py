"""What FreeRADIUS's tables know of a password, as a Credential."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from trioradius.protocol.credentials import Cleartext, Credential, Hashed, NTHash

if TYPE_CHECKING:
    from trioradius.stores.sql.items import Item

NT_OCTETS: Final = 16
_DIGESTS: Final = {
    "md5-password": ("MD5", 16),
    "smd5-password": ("SMD5", 16),
    "sha-password": ("SHA", 20),
    "sha1-password": ("SHA", 20),
    "ssha-password": ("SSHA", 20),
    "ssha1-password": ("SSHA", 20),
    "ssha2-256-password": ("SSHA256", 32),
    "ssha2-384-password": ("SSHA384", 48),
    "ssha2-512-password": ("SSHA512", 64),
}
"""The scheme of RFC 2307's kind, and the octets of the digest; what follows them is salt."""
_SHA2: Final = {32: "SHA256", 48: "SHA384", 64: "SHA512"}
_CLEAR_HEADERS: Final = ("clear", "cleartext")
_NT_HEADERS: Final = ("nt", "x-nthash")
SERVER_PASSWORDS: Final = frozenset(
    ("cleartext-password", "nt-password", "crypt-password", "password-with-header", "sha2-password", *_DIGESTS)
)
"""The attributes, in lower case, that hold a password; they are on no wire."""
NAMES: Final = SERVER_PASSWORDS | {"user-password"}
"""Those whose values are secrets. As in FreeRADIUS, User-Password is only compared."""


def credential_of(items: Iterable[Item]) -> Credential | None:
    """The credential that serves the most methods: the password, else its NT hash, else another hash.

    None where there is none, or none that can be read.
    """
    known = [credential for item in items if (credential := _read(item.name.lower(), item.text)) is not None]
    return min(known, key=lambda credential: (Cleartext, NTHash, Hashed).index(type(credential)), default=None)


def _read(name: str, text: str) -> Credential | None:
    if name == "cleartext-password":
        return Cleartext(text.encode())
    if name == "nt-password":
        return _nt_hash(text)
    if name == "crypt-password":
        return Hashed(text)
    if name == "password-with-header":
        return _with_header(text)
    if name == "sha2-password":
        octets = _octets(text, min(_SHA2))
        return _digest(_SHA2[len(octets)], octets) if len(octets) in _SHA2 else None
    if name in _DIGESTS:
        scheme, least = _DIGESTS[name]
        octets = _octets(text, least)
        return _digest(scheme, octets) if len(octets) >= least else None
    return None


def _with_header(text: str) -> Credential:
    """``{SSHA}...``; without a header it is the password itself."""
    scheme, closed, rest = text[1:].partition("}") if text.startswith("{") else ("", "", text)
    if not closed:
        return Cleartext(text.encode())
    if scheme.lower() in _CLEAR_HEADERS:
        return Cleartext(rest.encode())
    if scheme.lower() in _NT_HEADERS and (known := _nt_hash(rest)) is not None:
        return known
    return Hashed(rest if scheme.lower() == "crypt" else text)


def _nt_hash(text: str) -> NTHash | None:
    octets = _octets(text, NT_OCTETS)
    return NTHash(octets) if len(octets) == NT_OCTETS else None


def _digest(scheme: str, octets: bytes) -> Hashed:
    return Hashed(f"{{{scheme}}}{base64.b64encode(octets).decode()}")


def _octets(text: str, least: int) -> bytes:
    """Octets written in hexadecimal, with 0x before them or not, or in base64; empty where they are neither."""
    if text[:2].lower() == "0x":
        text = text[2:]
    for decode in (bytes.fromhex, _base64):
        try:
            octets = decode(text)
        except ValueError:
            continue
        if len(octets) >= least:
            return octets
    return b""


def _base64(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
