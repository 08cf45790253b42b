"""Hashed passwords: forms made by the programs that make them, and what is damaged, foreign or missing."""

from __future__ import annotations

import base64
import hashlib
import importlib
import subprocess
from typing import Any

import argon2
import bcrypt
import passlib.hash as passlib
import pytest

from trioradius import ConfigurationError
from trioradius.protocol.hashes import form_of, is_password_of


def digest(scheme: str, name: str, salt: bytes = b"") -> str:
    made = hashlib.new(name, b"wonderland" + salt).digest()
    return f"{{{scheme}}}" + base64.b64encode(made + salt).decode()


def openssl(form: str) -> str:
    done = subprocess.run(["openssl", "passwd", f"-{form}", "wonderland"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


CHEAP = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
BCRYPT = bcrypt.hashpw(b"wonderland", bcrypt.gensalt(4)).decode()
MADE = {
    "bcrypt": BCRYPT,
    "bcrypt of PHP": BCRYPT.replace("$2b$", "$2y$"),
    "bcrypt with a scheme": "{BCRYPT}" + BCRYPT,
    "bcrypt as crypt": "{CRYPT}" + BCRYPT,
    "argon2id": CHEAP.hash(b"wonderland"),
    "argon2 of OpenLDAP": "{ARGON2}" + CHEAP.hash(b"wonderland"),
    "argon2i": argon2.PasswordHasher(1, 64, 1, type=argon2.Type.I).hash(b"wonderland"),
    "SHA-512 of openssl": openssl("6"),
    "SHA-256 of openssl": openssl("5"),
    "MD5 of openssl": openssl("1"),
    "crypt with a scheme": "{CRYPT}" + openssl("6"),
    "SHA-512 with rounds": passlib.sha512_crypt.using(rounds=1000).hash("wonderland"),
    "PBKDF2 with SHA-256": passlib.pbkdf2_sha256.using(rounds=10).hash("wonderland"),
    "PBKDF2 with SHA-512": passlib.pbkdf2_sha512.using(rounds=10).hash("wonderland"),
    "PBKDF2 with SHA-1": passlib.pbkdf2_sha1.using(rounds=10).hash("wonderland"),
    "PBKDF2 of OpenLDAP": passlib.ldap_pbkdf2_sha256.using(rounds=10).hash("wonderland"),
    "PBKDF2 of OpenLDAP, SHA-1": passlib.ldap_pbkdf2_sha1.using(rounds=10).hash("wonderland"),
    "PBKDF2 of Django": passlib.django_pbkdf2_sha256.using(rounds=10).hash("wonderland"),
    "SHA of LDAP": passlib.ldap_sha1.hash("wonderland"),
    "SSHA of LDAP": passlib.ldap_salted_sha1.hash("wonderland"),
    "SSHA256 of LDAP": passlib.ldap_salted_sha256.hash("wonderland"),
    "SSHA512 of LDAP": passlib.ldap_salted_sha512.hash("wonderland"),
    "MD5 of LDAP": passlib.ldap_md5.hash("wonderland"),
    "SMD5 of LDAP": passlib.ldap_salted_md5.hash("wonderland"),
    "SHA256 of LDAP": digest("SHA256", "sha256"),
    "SHA512 of LDAP": digest("SHA512", "sha512"),
    "SSHA384 of LDAP": digest("SSHA384", "sha384", b"salt"),
    "a scheme in lower case": digest("ssha", "sha1", b"s"),
}


@pytest.mark.parametrize("text", MADE.values(), ids=MADE)
def test_a_password_and_others(text: str) -> None:
    assert is_password_of(b"wonderland", text)
    for other in (b"", b"wonderlan", b"wonderland ", b"Wonderland", b"wonderland\0", b"\xff\xfe", b"won\0derland"):
        assert not is_password_of(other, text)


@pytest.mark.parametrize(
    ("made", "name"),
    [
        ("bcrypt", "bcrypt"),
        ("argon2id", "argon2"),
        ("SHA-512 of openssl", "crypt"),
        ("PBKDF2 of Django", "PBKDF2"),
        ("SSHA256 of LDAP", "{SSHA256}"),
    ],
)
def test_the_form_has_a_name(made: str, name: str) -> None:
    assert form_of(MADE[made]) == name


def test_bcrypt_never_stops_at_its_72_octets() -> None:
    text = bcrypt.hashpw(b"w" * 72, bcrypt.gensalt(4)).decode()
    assert is_password_of(b"w" * 72, text)
    assert not is_password_of(b"w" * 73, text)
    assert not is_password_of(b"w" * 71, text)


DAMAGED = {
    "base64": "{SSHA}not base64!",
    "no salt": digest("SSHA", "sha1"),
    "too short": "{SSHA}" + base64.b64encode(b"short").decode(),
    "a salt where none belongs": digest("SHA", "sha1", b"salt"),
    "empty": "{SHA512}",
    "bcrypt": BCRYPT[:20],
    "argon2": "$argon2id$v=19$m=9",
    "crypt": "$6$rounds=abc$salt$digest",
    "PBKDF2 without rounds": "$pbkdf2-sha256$ten$c2FsdA$c2FsdA",
    "PBKDF2 with parts missing": "$pbkdf2-sha256$10$c2FsdA",
    "PBKDF2 without a digest": "$pbkdf2-sha256$10$c2FsdA$",
    "PBKDF2 of no base64": "$pbkdf2-sha256$10$c2FsdA$!!!",
    "PBKDF2 with no round": "$pbkdf2-sha256$0$c2FsdA$c2FsdA",
    "PBKDF2 with more rounds than there are": "$pbkdf2-sha256$99999999999999999999$c2FsdA$c2FsdA",
    "PBKDF2 of Django, empty": "pbkdf2_sha256$10$salt$",
}


@pytest.mark.parametrize("text", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_hash_is_one_line_without_it(text: str) -> None:
    for password in (b"", b"wonderland"):
        with pytest.raises(ConfigurationError, match="is damaged") as caught:
            is_password_of(password, text)
        assert text == "{SHA512}" or text not in str(caught.value)
        assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "text",
    ["", "wonderland", "$y$j9T$salt$digest", "$2x$04$abc", "{CRYPT}ab01FAX.bQRSU", "{WHAT}ever", "{X-PBKDF2}1$2$3"],
)
def test_a_form_that_is_not_read(text: str) -> None:
    with pytest.raises(ConfigurationError, match="no form that is read here"):
        is_password_of(b"wonderland", text)
    with pytest.raises(ConfigurationError):
        form_of(text)


@pytest.mark.parametrize(
    ("made", "library"), [("bcrypt", "bcrypt"), ("argon2id", "argon2"), ("SHA-512 of openssl", "libpass")]
)
def test_a_missing_library_is_named_with_its_extra(made: str, library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ConfigurationError, match=rf"needs {library}: pip install 'trioradius\[passwords\]'"):
        is_password_of(b"wonderland", MADE[made])
    assert is_password_of(b"wonderland", MADE["SSHA of LDAP"])
