"""A user changes his password by MS-CHAP (RFC 2548 sections 2.1.5, 2.1.6, 2.3.4; RFC 2759 sections 7 and 8)."""

from __future__ import annotations

import os

import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4
from cryptography.hazmat.primitives.ciphers import Cipher

from trioradius import AccessRequest, Cleartext, Credential, MSCHAPFailure, NTHash
from trioradius.attributes.attribute import AVP
from trioradius.attributes.ietf import UserName
from trioradius.attributes.microsoft import (
    MSCHAP2CPW,
    MSCHAPCPW2,
    MSCHAP2Success,
    MSCHAPChallenge,
    MSCHAPError,
    MSCHAPMPPEKeys,
    MSCHAPNTEncPW,
    MSMPPERecvKey,
    MSMPPESendKey,
)
from trioradius.protocol import des, mppe, ms_chap

OLD, NEW = "wonderland", "looking-glass \u00e9\U0001f511"
THEIRS, OWN = b"t" * 16, b"o" * 16


def encrypted_password(new: str, old: str, *, size: int | None = None) -> bytes:
    """NewPasswordEncryptedWithOldNtPasswordHash, RFC 2759 section 8.9."""
    password = new.encode("utf-16-le")
    length = len(password) if size is None else size
    block = os.urandom(512 - len(password)) + password + length.to_bytes(4, "little")
    return Cipher(ARC4(ms_chap.nt_hash(old)), None).encryptor().update(block)


def encrypted_hash(old: str, new: str) -> bytes:
    """OldNtPasswordHashEncryptedWithNewNtPasswordHash, RFC 2759 section 8.12."""
    clear, key = ms_chap.nt_hash(old), ms_chap.nt_hash(new)
    return des.encrypt(clear[:8], key[:7]) + des.encrypt(clear[8:], key[7:14])


def parts(octets: bytes, identifier: int = 9) -> list[AVP]:
    pieces = [octets[at : at + 240] for at in range(0, len(octets), 240)]
    return [
        MSCHAPNTEncPW(bytes((6, identifier)) + number.to_bytes(2, "big") + piece)
        for number, piece in enumerate(pieces, 1)
    ]


def second(new: str = NEW, old: str = OLD, *, response_of: str | None = None) -> list[AVP]:
    """MS-CHAP2-CPW and what goes with it."""
    response = ms_chap.nt_response(THEIRS, OWN, b"alice", ms_chap.nt_hash(response_of or new))
    change = b"\7\x09" + encrypted_hash(old, new) + OWN + bytes(8) + response + b"\0\0"
    return [MSCHAPChallenge(THEIRS), MSCHAP2CPW(change), *parts(encrypted_password(new, old))]


def first(new: str = NEW, old: str = OLD) -> list[AVP]:
    """MS-CHAP-CPW-2 and what goes with it."""
    response = ms_chap.challenge_response(b"challeng", ms_chap.nt_hash(new))
    change = b"\2\x09" + encrypted_hash(old, new) + bytes(16) + bytes(24) + response + b"\0\1"
    return [MSCHAPChallenge(b"challeng"), MSCHAPCPW2(change), *parts(encrypted_password(new, old))]


def request_with(avps: list[AVP]) -> AccessRequest:
    return AccessRequest(UserName("BIGCO\\alice"), *avps)


@pytest.mark.parametrize("made", [first, second])
@pytest.mark.parametrize("known", [OLD, Cleartext(OLD), NTHash.of(OLD)])
def test_the_new_password(made, known: str | Cleartext | NTHash) -> None:  # type: ignore[no-untyped-def]
    for new in ("x", NEW, "n" * 256):
        assert request_with(made(new)).changed_password(known) == Cleartext(new)


@pytest.mark.parametrize("made", [first, second])
def test_an_empty_password_is_neither_the_old_nor_the_new_one(made) -> None:  # type: ignore[no-untyped-def]
    """Anybody could have made the one, and could log in with the other."""
    for known in ("", NTHash.of("")):
        request = request_with(made(old=""))
        assert request.changed_password(known) is None
        assert "was not made with the password" in request.reject().reason
    request = request_with(made(new=""))
    assert request.changed_password(OLD) is None
    assert "an empty password" in request.reject().reason


def test_the_answer_after_ms_chap_v2_is_made_with_the_new_password() -> None:
    request = request_with(second())
    assert request.changed_password(OLD)
    accept, new = request.accept(), ms_chap.nt_hash(NEW)
    response = ms_chap.nt_response(THEIRS, OWN, b"alice", new)
    proof = ms_chap.authenticator_response(THEIRS, OWN, b"alice", new, response)
    assert accept[MSCHAP2Success] == b"\x09" + proof
    assert (accept[MSMPPESendKey], accept[MSMPPERecvKey]) == mppe.send_and_receive_keys(new, response)


def test_the_answer_after_ms_chap_v1_has_the_key_of_the_new_password() -> None:
    request = request_with(first())
    assert request.changed_password(OLD)
    assert request.accept()[MSCHAPMPPEKeys] == bytes(8) + ms_chap.md4(ms_chap.nt_hash(NEW))


@pytest.mark.parametrize("made", [first, second])
@pytest.mark.parametrize("known", ["other", NTHash.of("other"), Cleartext(b"\xff\xfe"), None])
def test_another_old_password(made, known: Cleartext | NTHash | str | None) -> None:  # type: ignore[no-untyped-def]
    request = request_with(made())
    assert request.changed_password(known) is None
    assert request.accept().avps == ()
    reject = request.reject()
    assert (reject.octets(MSCHAPError) or b"")[:6] == b"\x09E=691"
    assert "was not made with the password" in reject.reason


def test_the_new_password_has_to_answer_the_challenge() -> None:
    request = request_with(second(response_of="another"))
    assert request.changed_password(OLD) is None
    assert request.accept().avps == ()
    assert request.reject().reason == "wrong password"


def test_the_old_hash_has_to_be_encrypted_under_the_new_one() -> None:
    """The block alone could be a guess: RC4 has no check of its own."""
    avps = second()
    avps[1] = MSCHAP2CPW(avps[1].octets[:2] + bytes(16) + avps[1].octets[18:])
    assert request_with(avps).changed_password(OLD) is None


@pytest.mark.parametrize("size", [513, 2**32 - 1, 1, 3])
def test_a_length_that_cannot_be(size: int) -> None:
    avps = [*second()[:2], *parts(encrypted_password(NEW, OLD, size=size))]
    assert request_with(avps).changed_password(OLD) is None


def test_no_change_was_asked_for() -> None:
    for avps in ([], [MSCHAPChallenge(THEIRS)], second()[1:], second()[:2], second()[:-1], parts(b"x" * 516)):
        request = request_with(avps)
        assert request.changed_password(OLD) is None
        assert request.reject().reason == ""


@pytest.mark.parametrize("made", [first, second])
def test_a_change_of_a_wrong_size_or_in_foreign_parts(made) -> None:  # type: ignore[no-untyped-def]
    whole = made()
    challenge, change, *pieces = whole
    cut = change.attribute.avp(change.octets[:-1])
    foreign = [MSCHAPNTEncPW(b"\x06\x0a" + piece.octets[2:]) for piece in pieces]
    other = [MSCHAPNTEncPW(b"\x05" + piece.octets[1:]) for piece in pieces]
    for avps in ([challenge, cut, *pieces], [challenge, change, *foreign], [challenge, change, *other]):
        assert request_with(avps).changed_password(OLD) is None


def test_a_length_past_the_block_is_no_empty_password() -> None:
    avps = [*second("")[:2], *parts(encrypted_password("", OLD, size=513))]
    assert request_with(avps).changed_password(OLD) is None


def test_nobody_has_no_password_to_change() -> None:
    assert request_with(second(old="nobody's password")).changed_password(None) is None


def test_the_parts_are_put_in_order() -> None:
    challenge, change, *pieces = second()
    assert request_with([challenge, *reversed(pieces), change]).changed_password(OLD) == Cleartext(NEW)


def test_a_handler_refuses_the_new_password() -> None:
    request = request_with(second())
    assert request.changed_password(OLD)
    error = request.reject(ms_chap_error=MSCHAPFailure.CHANGING_PASSWORD).octets(MSCHAPError)
    assert error is not None
    assert error.startswith(b"\x09E=709 R=0 C=")


def test_nothing_is_printed() -> None:
    credential: Credential | None = request_with(second("visible")).changed_password(OLD)
    assert "visible" not in repr((credential, request_with(second("visible"))))
