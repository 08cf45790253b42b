"""MD4 (RFC 1320), which NT hashes are made with; neither hashlib nor cryptography still has it."""

from __future__ import annotations

import struct
from typing import Final

_MASK: Final = 0xFFFFFFFF
_ROUNDS: Final = (
    # (constant, rotations, the order in which the round takes the sixteen words)
    (0x00000000, (3, 7, 11, 19), (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)),
    (0x5A827999, (3, 5, 9, 13), (0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15)),
    (0x6ED9EBA1, (3, 9, 11, 15), (0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15)),
)


def md4(octets: bytes) -> bytes:
    """The digest of 16 octets."""
    padded = octets + b"\x80" + bytes(-(len(octets) + 9) % 64) + struct.pack("<Q", len(octets) * 8 & (2**64 - 1))
    state = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)
    for words in struct.iter_unpack("<16I", padded):
        state = _block(state, words)
    return struct.pack("<4I", *state)


def _block(state: tuple[int, int, int, int], words: tuple[int, ...]) -> tuple[int, int, int, int]:
    """RFC 1320 section 3.4: three rounds of sixteen steps, added to the state before them."""
    a, b, c, d = state
    for number, (constant, rotations, order) in enumerate(_ROUNDS):
        for step, index in enumerate(order):
            if number == 0:
                mixed = b & c | ~b & d
            elif number == 1:
                mixed = b & c | b & d | c & d
            else:
                mixed = b ^ c ^ d
            total = (a + mixed + words[index] + constant) & _MASK
            rotation = rotations[step & 3]
            a, b, c, d = d, (total << rotation | total >> 32 - rotation) & _MASK, b, c
    return (
        (state[0] + a) & _MASK,
        (state[1] + b) & _MASK,
        (state[2] + c) & _MASK,
        (state[3] + d) & _MASK,
    )
