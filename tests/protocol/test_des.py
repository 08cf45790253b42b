"""DES with keys of 7 octets: published values, and the keys of RFC 2759 section 9.3."""

from __future__ import annotations

import pytest

from trioradius.protocol import des


def without_parity(key: str) -> bytes:
    """The 56 bits that count of a key of 8 octets."""
    bits = "".join(f"{octet:08b}"[:7] for octet in bytes.fromhex(key))
    return int(bits, 2).to_bytes(7, "big")


@pytest.mark.parametrize(
    ("key", "clear", "hidden"),
    [
        # The worked example of many textbooks, and three of NBS Special Publication 500-20.
        ("133457799bbcdff1", "0123456789abcdef", "85e813540f0ab405"),
        ("0101010101010101", "95f8a5e5dd31d900", "8000000000000000"),
        ("8001010101010101", "0000000000000000", "95a8d72813daa94d"),
        ("7ca110454a1a6e57", "01a1d6d039776742", "690f5b0d9a26939b"),
    ],
)
def test_published_values(key: str, clear: str, hidden: str) -> None:
    assert des.encrypt(bytes.fromhex(clear), without_parity(key)).hex() == hidden
    assert des.decrypt(bytes.fromhex(hidden), without_parity(key)).hex() == clear


@pytest.mark.parametrize(
    ("raw", "key"), [("fc156af7edcd6c", "fd0b5b5e7f6e34d9"), ("0edde3337d427f", "0e6e796737ea08fe")]
)
def test_parity_as_rfc_2759_section_9_3_shows_it(raw: str, key: str) -> None:
    assert des.with_parity(bytes.fromhex(raw)).hex() == key


def test_every_octet_has_odd_parity() -> None:
    for octet in range(256):
        assert all(each.bit_count() % 2 for each in des.with_parity(bytes((octet,)) * 7))
