"""MS-CHAP: the arithmetic of version 1 (RFC 2433) and version 2 (RFC 2759), for both ends.

Whoever holds the NT hash of a password can do everything here; the password itself is not needed.
"""

from __future__ import annotations

import enum
import functools
import hashlib
from hmac import compare_digest
from typing import Final

from trioradius.protocol import des
from trioradius.protocol.md4 import md4

CHALLENGE_V1: Final = 8
"""Octets of a challenge of MS-CHAPv1 (RFC 2433 section 3)."""
CHALLENGE_V2: Final = 16
"""Octets of either side's challenge in MS-CHAPv2 (RFC 2759 sections 3 and 4)."""
RESPONSE: Final = 24
"""Octets of an NT-Response."""
AUTHENTICATOR_RESPONSE: Final = 42
"""Octets of ``S=`` and forty hexadecimal digits."""

_SIGNING: Final = b"Magic server to client signing constant"
_PADDING: Final = b"Pad to make it do more than one iteration"
_TEXTS: Final = {
    646: "Restricted logon hours",
    647: "Account disabled",
    648: "Password expired",
    649: "No dial-in permission",
    691: "Authentication failed",
    709: "Password not changed",
}


class MSCHAPFailure(enum.IntEnum):
    """Why MS-CHAP failed, as the peer is told (RFC 2433 section 6, RFC 2759 section 6)."""

    RESTRICTED_LOGON_HOURS = 646
    ACCOUNT_DISABLED = 647
    PASSWORD_EXPIRED = 648
    NO_DIALIN_PERMISSION = 649
    AUTHENTICATION_FAILURE = 691
    CHANGING_PASSWORD = 709


def nt_hash(password: str) -> bytes:
    """MD4 over the password in UTF-16LE, 16 octets (NtPasswordHash, RFC 2759 section 8.3)."""
    return md4(password.encode("utf-16-le"))


@functools.lru_cache(maxsize=1)
def hash_of_nt_hash(nt_hash: bytes) -> bytes:
    """MD4 over an NT hash (HashNtPasswordHash, RFC 2759 section 8.4).

    One login asks for it twice, for the server's proof and for the keys.
    """
    return md4(nt_hash)


def without_domain(name: bytes) -> bytes:
    """The name without a ``DOMAIN\\`` before it, as it goes into the challenge hash (RFC 2759 sections 4 and 8.2)."""
    return name.partition(b"\\")[2] if b"\\" in name else name


def challenge_response(challenge: bytes, nt_hash: bytes) -> bytes:
    """The 24 octets that answer an 8-octet challenge (ChallengeResponse, RFC 2433 appendix A, RFC 2759 section 8.5)."""
    keys = nt_hash.ljust(21, b"\0")
    return b"".join(des.encrypt(challenge, keys[at : at + 7]) for at in (0, 7, 14))


def challenge_hash(peer_challenge: bytes, authenticator_challenge: bytes, user_name: bytes) -> bytes:
    """The 8 octets that stand for both challenges and the name without domain (RFC 2759 section 8.2)."""
    return _sha1(peer_challenge + authenticator_challenge + user_name)[:8]


def nt_response(authenticator_challenge: bytes, peer_challenge: bytes, user_name: bytes, nt_hash: bytes) -> bytes:
    """What a peer answers in version 2, 24 octets (GenerateNTResponse, RFC 2759 section 8.1)."""
    return challenge_response(challenge_hash(peer_challenge, authenticator_challenge, user_name), nt_hash)


def authenticator_response(
    authenticator_challenge: bytes, peer_challenge: bytes, user_name: bytes, nt_hash: bytes, response: bytes
) -> bytes:
    """The server's own proof, ``S=`` and forty digits (GenerateAuthenticatorResponse, RFC 2759 section 8.7)."""
    signed = _sha1(hash_of_nt_hash(nt_hash) + response + _SIGNING)
    digest = _sha1(signed + challenge_hash(peer_challenge, authenticator_challenge, user_name) + _PADDING)
    return b"S=" + digest.hex().upper().encode()


def is_authenticator_response(given: bytes, expected: bytes) -> bool:
    """Whether what a server sent begins with the proof it owes; a message may follow (RFC 2759 sections 5 and 8.8).

    ``expected`` is what authenticator_response() made.
    """
    return compare_digest(given[:AUTHENTICATOR_RESPONSE], expected) and given[AUTHENTICATOR_RESPONSE:][:1] in b" "


def failure_v1(code: int, challenge: bytes, *, retry: bool = False) -> bytes:
    """``E=... R=... C=... V=2`` (RFC 2433 section 6); ``challenge`` are the 8 octets of a retry or password change."""
    return f"E={int(code)} R={int(retry)} C={challenge.hex().upper()} V=2".encode()


def failure_v2(code: int, challenge: bytes, *, retry: bool = False) -> bytes:
    """``E=... R=... C=... V=3 M=...`` (RFC 2759 section 6); ``challenge`` are 16 octets."""
    text = _TEXTS.get(code, "Failed")
    return f"E={int(code)} R={int(retry)} C={challenge.hex().upper()} V=3 M={text}".encode()


def _sha1(octets: bytes) -> bytes:
    return hashlib.sha1(octets, usedforsecurity=False).digest()
