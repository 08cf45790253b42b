"""DES as MS-CHAP uses it: single blocks under keys of 7 octets (RFC 2433 appendix A, RFC 2759 section 8.6)."""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

_SHIFTS: Final = range(49, -7, -7)
_ODD: Final = bytes(seven << 1 | (seven.bit_count() + 1) % 2 for seven in range(128))
"""Seven bits and the one that makes their number odd."""


def encrypt(block: bytes, key: bytes) -> bytes:
    """One block of 8 octets under a key of 7 octets (DesEncrypt)."""
    return _cipher(key).encryptor().update(block)


def decrypt(block: bytes, key: bytes) -> bytes:
    """The reverse of encrypt()."""
    return _cipher(key).decryptor().update(block)


def _cipher(key: bytes) -> Cipher[modes.ECB]:
    """Triple DES with one key three times is DES; single DES itself is in no library any more."""
    return Cipher(TripleDES(with_parity(key) * 3), modes.ECB())


def with_parity(key: bytes) -> bytes:
    """Seven octets spread over eight, each with odd parity in its lowest bit."""
    bits = int.from_bytes(key, "big")
    return bytes([_ODD[bits >> shift & 0x7F] for shift in _SHIFTS])
