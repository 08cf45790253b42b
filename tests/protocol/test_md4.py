"""MD4 against RFC 1320 and an implementation of others."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from passlib.crypto.digest import lookup_hash

from trioradius.protocol.md4 import digest, md4

BOTH = pytest.mark.parametrize("of", [md4, digest])
"""The one that is used, which pycryptodome may do, and our own."""


@BOTH
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "31d6cfe0d16ae931b73c59d7e0c089c0"),
        ("a", "bde52cb31de33e46245e05fbdbd6fb24"),
        ("abc", "a448017aaf21d8525fc10ae87aa6729d"),
        ("message digest", "d9130a8164549fe818874806e1c7014b"),
        ("abcdefghijklmnopqrstuvwxyz", "d79e1c308aa5bbcdeea8ed63df412da9"),
        ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "043f8582f241db351ce627e153e7f0e4"),
        ("1234567890" * 8, "e33b4ddc9c38f2199c3e7b164fcc0536"),
    ],
)
def test_rfc_1320_appendix_a_5(text: str, expected: str, of: Callable[[bytes], bytes]) -> None:
    assert of(text.encode()).hex() == expected


@BOTH
def test_every_length_round_the_block(of: Callable[[bytes], bytes]) -> None:
    other = lookup_hash("md4").const
    for size in range(200):
        octets = bytes((7 * at + size) % 256 for at in range(size))
        assert of(octets) == other(octets).digest()
