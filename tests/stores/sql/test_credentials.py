"""Passwords as FreeRADIUS's tables write them."""

from __future__ import annotations

import base64
import hashlib

import pytest

from trioradius.protocol.credentials import Cleartext, Credential, Hashed, NTHash
from trioradius.protocol.proofs import PAP
from trioradius.protocol.weigh import weigh
from trioradius.stores.sql.credentials import NAMES, credential_of
from trioradius.stores.sql.items import Item

NT = bytes(range(16))
PASSWORD = b"wonderland"


def known(*rows: tuple[str, str]) -> Credential | None:
    return credential_of([Item(name, ":=", text) for name, text in rows])


@pytest.mark.parametrize(
    ("name", "text", "credential"),
    [
        ("Cleartext-Password", "wonderland", Cleartext(b"wonderland")),
        ("cleartext-password", " pässwörd ", Cleartext(" pässwörd ".encode())),
        ("Cleartext-Password", "{SSHA}x", Cleartext(b"{SSHA}x")),
        ("NT-Password", NT.hex(), NTHash(NT)),
        ("NT-Password", "0X" + NT.hex().upper(), NTHash(NT)),
        ("NT-Password", base64.b64encode(NT).decode(), NTHash(NT)),
        ("NT-Password", "ab" * 11, NTHash(base64.b64decode("ab" * 11 + "=="))),
        ("NT-Password", "short", None),
        ("NT-Password", NT.hex() + "00", None),
        ("Crypt-Password", "$6$salt$hash", Hashed("$6$salt$hash")),
        ("Password-With-Header", "{clear}x", Cleartext(b"x")),
        ("Password-With-Header", "{Cleartext}x", Cleartext(b"x")),
        ("Password-With-Header", "x", Cleartext(b"x")),
        ("Password-With-Header", "{x", Cleartext(b"{x")),
        ("Password-With-Header", "{NT}" + NT.hex(), NTHash(NT)),
        ("Password-With-Header", "{x-nthash}" + NT.hex(), NTHash(NT)),
        ("Password-With-Header", "{crypt}$6$salt$hash", Hashed("$6$salt$hash")),
        ("Password-With-Header", "{SSHA}abc", Hashed("{SSHA}abc")),
        ("User-Password", "wonderland", None),
        ("Simultaneous-Use", "1", None),
        ("MD5-Password", "neither", None),
        ("SHA2-Password", "00" * 33, None),
    ],
)
def test_one_row(name: str, text: str, credential: Credential | None) -> None:
    assert known((name, text)) == credential


@pytest.mark.parametrize(
    ("name", "digest", "salt"),
    [
        ("MD5-Password", "md5", b""),
        ("SMD5-Password", "md5", b"salt"),
        ("SHA-Password", "sha1", b""),
        ("SHA1-Password", "sha1", b""),
        ("SSHA-Password", "sha1", b"salt"),
        ("SSHA1-Password", "sha1", b"salt"),
        ("SHA2-Password", "sha256", b""),
        ("SHA2-Password", "sha384", b""),
        ("SHA2-Password", "sha512", b""),
        ("SSHA2-256-Password", "sha256", b"salt"),
        ("SSHA2-384-Password", "sha384", b"salt"),
        ("SSHA2-512-Password", "sha512", b"salt"),
    ],
)
def test_a_digest_in_every_writing(name: str, digest: str, salt: bytes) -> None:
    octets = hashlib.new(digest, PASSWORD + salt).digest() + salt
    coded = base64.b64encode(octets).decode()
    for text in (octets.hex(), octets.hex().upper(), "0x" + octets.hex(), coded, coded.rstrip("=")):
        credential = known((name, text))
        assert credential is not None
        assert weigh(PAP(PASSWORD), credential).fits
        assert not weigh(PAP(PASSWORD + b"x"), credential).fits


def test_of_several_the_one_that_serves_most_methods() -> None:
    crypt, nt, clear = ("Crypt-Password", "$6$a$b"), ("NT-Password", NT.hex()), ("Cleartext-Password", "x")
    assert known(crypt, nt, clear) == Cleartext(b"x")
    assert known(crypt, nt) == NTHash(NT)
    assert known(crypt, ("Crypt-Password", "other")) == Hashed("$6$a$b")
    assert known() is None


def test_every_name_is_kept_secret() -> None:
    assert {"user-password", "cleartext-password", "ssha2-512-password", "password-with-header"} <= NAMES
