"""Credentials: how they are made, and read from the texts that databases keep."""

from __future__ import annotations

import pytest

from trioradius import Cleartext, ConfigurationError, Credential, Hashed, NTHash, read_credential
from trioradius.protocol.proofs import PAP
from trioradius.protocol.weigh import weigh

DIGITS = "fc156af7edcd6c0edde3337d427f4eac"


@pytest.mark.parametrize(
    ("text", "credential"),
    [
        ("wonderland", Cleartext("wonderland")),
        ("", Cleartext("")),
        (" wonderland ", Cleartext(b" wonderland ")),
        ("$ecret$", Cleartext("$ecret$")),
        ("$5", Cleartext("$5")),
        ("won{SSHA}derland", Cleartext("won{SSHA}derland")),
        ("{not a scheme}", Cleartext("{not a scheme}")),
        ("{CLEARTEXT}{SSHA}x\n", Cleartext("{SSHA}x\n")),
        ("{clear}$6$x", Cleartext("$6$x")),
        ("{PLAIN}", Cleartext("")),
        (f"{{NT}}{DIGITS}", NTHash(bytes.fromhex(DIGITS))),
        (f"{{nthash}}{DIGITS.upper()}", NTHash.of("MyPw")),
        ("{SSHA}c2FsdA==", Hashed("{SSHA}c2FsdA==")),
        ("{CRYPT}$6$salt$digest", Hashed("{CRYPT}$6$salt$digest")),
        ("$2b$12$rest", Hashed("$2b$12$rest")),
        ("$argon2id$rest", Hashed("$argon2id$rest")),
        ("$pbkdf2-sha256$rest", Hashed("$pbkdf2-sha256$rest")),
        ("pbkdf2_sha256$rest", Hashed("pbkdf2_sha256$rest")),
    ],
)
def test_what_a_text_means(text: str, credential: Credential) -> None:
    assert read_credential(text) == credential


@pytest.mark.parametrize(
    "text", ["{SECRET}x", "$y$j9T$x", "{CRYPT}ab01FAX.bQRSU", "{NT}abcd", "{NT}" + "z" * 32, "$7$x"]
)
def test_what_is_not_read_is_no_cleartext(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_credential(text)
    assert text not in str(caught.value)


@pytest.mark.parametrize("octets", [b"", b"x" * 15, b"x" * 17, "abcd", "z" * 32])
def test_an_nt_hash_has_16_octets(octets: str | bytes) -> None:
    with pytest.raises(ConfigurationError, match="16 octets"):
        NTHash(octets)


def test_text_is_utf8() -> None:
    assert Cleartext("\u00e9").password == b"\xc3\xa9"
    assert NTHash(DIGITS) == NTHash.of("MyPw")


@pytest.mark.parametrize("mark", ["!", "!!", "*", "*LK*", "!*", "!$6$salt$hash", "!!$2b$10$hash"])
def test_what_locks_an_account_is_nobodys_password(mark: str) -> None:
    """A row out of a file of passwords must not let in whoever types its mark."""
    locked = read_credential(mark)
    assert locked == Cleartext("")
    assert not weigh(PAP(mark.encode()), locked).fits
    assert not weigh(PAP(b""), locked).fits


def test_a_password_may_begin_with_such_a_mark() -> None:
    assert read_credential("!wonderland") == Cleartext("!wonderland")
