"""MD4 (RFC 1320), which NT hashes are made with; neither hashlib nor cryptography still has it.

pycryptodome's, where it is installed, takes less than half the time of the one here; compiled, this takes a third of
its.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

from trioradius.protocol import IS_COMPILED

_MASK: Final = 0xFFFFFFFF
_SECOND: Final = 0x5A827999
_THIRD: Final = 0x6ED9EBA1
"""The constants of the second and the third round."""


def md4(octets: bytes) -> bytes:
    """The digest of 16 octets."""
    return _md4(octets)


def digest(octets: bytes) -> bytes:
    """The same, by the steps of RFC 1320."""
    padded = octets + b"\x80" + bytes(-(len(octets) + 9) % 64) + struct.pack("<Q", len(octets) * 8 & (2**64 - 1))
    state = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)
    for words in struct.iter_unpack("<16I", padded):
        state = _block(state, words)
    return struct.pack("<4I", *state)


def _block(state: tuple[int, int, int, int], x: tuple[int, ...]) -> tuple[int, int, int, int]:
    """RFC 1320 section 3.4: three rounds of sixteen steps, added to the state before them.

    What is rotated to the left keeps bits above the 32nd; the sum of the step that takes it up masks them.
    """
    a, b, c, d = state
    for k in (0, 4, 8, 12):
        t = (a + (b & c | ~b & d) + x[k]) & _MASK
        a = t << 3 | t >> 29
        t = (d + (a & b | ~a & c) + x[k + 1]) & _MASK
        d = t << 7 | t >> 25
        t = (c + (d & a | ~d & b) + x[k + 2]) & _MASK
        c = t << 11 | t >> 21
        t = (b + (c & d | ~c & a) + x[k + 3]) & _MASK
        b = t << 19 | t >> 13
    for k in (0, 1, 2, 3):
        t = (a + (b & c | b & d | c & d) + x[k] + _SECOND) & _MASK
        a = t << 3 | t >> 29
        t = (d + (a & b | a & c | b & c) + x[k + 4] + _SECOND) & _MASK
        d = t << 5 | t >> 27
        t = (c + (d & a | d & b | a & b) + x[k + 8] + _SECOND) & _MASK
        c = t << 9 | t >> 23
        t = (b + (c & d | c & a | d & a) + x[k + 12] + _SECOND) & _MASK
        b = t << 13 | t >> 19
    for k in (0, 2, 1, 3):
        t = (a + (b ^ c ^ d) + x[k] + _THIRD) & _MASK
        a = t << 3 | t >> 29
        t = (d + (a ^ b ^ c) + x[k + 8] + _THIRD) & _MASK
        d = t << 9 | t >> 23
        t = (c + (d ^ a ^ b) + x[k + 4] + _THIRD) & _MASK
        c = t << 11 | t >> 21
        t = (b + (c ^ d ^ a) + x[k + 12] + _THIRD) & _MASK
        b = t << 15 | t >> 17
    return (
        (state[0] + a) & _MASK,
        (state[1] + b) & _MASK,
        (state[2] + c) & _MASK,
        (state[3] + d) & _MASK,
    )


def _fastest() -> Callable[[bytes], bytes]:
    if IS_COMPILED:
        return digest
    try:
        from Crypto.Hash.MD4 import new
    except ImportError:
        return digest
    return lambda octets: bytes(new(octets).digest())


_md4: Final = _fastest()
