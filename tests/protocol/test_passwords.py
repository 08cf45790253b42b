"""verify_password: PAP and CHAP (RFC 2865 sections 2.2, 5.2, 5.3, 5.40), and nothing else is a proof."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioradius import AccessRequest, Dictionary, chap
from trioradius.attributes.attribute import AVP
from trioradius.attributes.ietf import CHAPChallenge, CHAPPassword, UserName, UserPassword
from trioradius.attributes.microsoft import MSCHAP2Response
from trioradius.protocol import wire
from trioradius.protocol.profile import RADIUS_1_0
from trioradius.protocol.secret import Secret

SECRET = Secret(b"xyzzy5461")
VECTOR = bytes(range(16))
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30)


def received(*attributes: AVP, raw: bytes = b"", secret: Secret = SECRET) -> AccessRequest:
    """What a server with this secret makes of the packet that a NAS with SECRET sent."""
    octets, _ = RADIUS_1_0.encode_request(AccessRequest(*attributes), 7, SECRET, authenticator=VECTOR)
    message = wire.decode(octets[:2] + (len(octets) + len(raw)).to_bytes(2, "big") + octets[4:] + raw)
    return AccessRequest.received(message, RADIUS_1_0.request_hiding(message, secret), Dictionary.bundled())


@pytest.mark.parametrize("password", ["wonderland", b"wonderland"])
def test_pap(password: str | bytes) -> None:
    request = received(UserPassword("wonderland"))
    assert request.verify_password(password)
    for other in ("", "wonderlan", "wonderland ", " wonderland", "Wonderland", "wonderland\0", "x" * 300):
        assert not request.verify_password(other)


@pytest.mark.parametrize(
    "password", ["x", "x" * 16, "x" * 17, "x" * 128, "trailing spaces   ", "\u00e9\u4e2d\U0001f511", "\t"]
)
def test_passwords_of_every_kind(password: str) -> None:
    """Neither spaces are trimmed nor letters changed."""
    for request in (received(UserPassword(password)), received(*chap(password))):
        assert request.verify_password(password)
        assert request.verify_password(password.encode())
        assert not request.verify_password(password.rstrip() + "!")
        assert not request.verify_password(password + " ")


@given(TEXT, TEXT)
def test_only_the_same_password_is_the_same(given_one: str, wanted: str) -> None:
    for request in (received(UserPassword(given_one)), received(*chap(given_one))):
        assert request.verify_password(wanted) == (given_one == wanted)


def test_a_password_hidden_under_another_secret() -> None:
    request = received(UserPassword("wonderland"), secret=Secret(b"another"))
    assert not request.verify_password("wonderland")


def test_a_password_that_is_no_utf8() -> None:
    latin = "Zo\u00eb".encode("latin-1")
    hidden = RADIUS_1_0.hiding(SECRET, VECTOR).hide(1, latin)  # type: ignore[union-attr]
    request = received(raw=b"\2\x12" + hidden)
    assert request.verify_password(latin)
    assert not request.verify_password("Zo\u00eb")
    assert request.get(UserPassword) is None


@pytest.mark.parametrize("size", [0, 1, 15, 17, 129, 144, 253])
def test_a_hidden_password_of_a_wrong_length_proves_nothing(size: int) -> None:
    """RFC 2865 section 5.2. It counts as absent, neither as empty nor as its own octets."""
    request = received(raw=bytes((2, size + 2)) + b"w" * size)
    for password in ("", b"w" * size, bytes(size)):
        assert not request.verify_password(password)


def test_chap_with_challenge() -> None:
    """RFC 2865 section 5.40."""
    request = received(*chap("wonderland", identifier=5, challenge=b"c" * 20))
    assert request[CHAPPassword] == b"\5" + hashlib.md5(b"\5wonderland" + b"c" * 20).digest()
    assert request.verify_password("wonderland")
    assert not request.verify_password("looking-glass")
    assert not request.verify_password("")


def test_chap_without_challenge_uses_the_request_authenticator() -> None:
    """RFC 2865 section 5.3."""
    answer = CHAPPassword(b"\5" + hashlib.md5(b"\5wonderland" + VECTOR).digest())
    assert received(answer).verify_password("wonderland")
    assert not received(answer, CHAPChallenge(b"another")).verify_password("wonderland")
    assert not received(answer).verify_password("looking-glass")


@pytest.mark.parametrize("size", [0, 1, 16, 18, 253])
def test_a_chap_answer_of_a_wrong_length_proves_nothing(size: int) -> None:
    whole = b"\5" + hashlib.md5(b"\5wonderland" + VECTOR).digest() + bytes(240)
    request = received(raw=bytes((3, size + 2)) + whole[:size])
    assert not request.verify_password("wonderland")
    assert not request.verify_password("")


def test_the_challenge_may_be_split() -> None:
    whole = b"c" * 300
    answer, _ = chap("wonderland", identifier=5, challenge=b"")
    answer = CHAPPassword(b"\5" + hashlib.md5(b"\5wonderland" + whole).digest())
    assert received(answer, CHAPChallenge(whole)).verify_password("wonderland")


@pytest.mark.parametrize(
    "attributes", [(), (UserName("wonderland"),), (CHAPChallenge(b"c" * 16),), (MSCHAP2Response(bytes(50)),)]
)
def test_a_request_without_a_password_proves_nothing(attributes: tuple[AVP, ...]) -> None:
    for password in ("", "wonderland", b"\0" * 16):
        assert not received(*attributes).verify_password(password)


def test_a_chap_answer_beside_a_password_is_not_asked() -> None:
    """RFC 2865 section 4.1 forbids both; the second chance would be one to guess with."""
    request = received(UserPassword("guess"), *chap("wonderland"))
    assert not request.verify_password("wonderland")


def test_chap_of_a_client_is_fresh_each_time() -> None:
    assert len({chap("wonderland") for _ in range(20)}) == 20
    answer, challenge = chap("wonderland")
    assert (len(answer.octets), len(challenge.octets)) == (17, 16)


def test_no_password_is_printed() -> None:
    for request in (received(UserPassword("wonderland")), received(*chap("wonderland"))):
        assert "wonderland" not in repr(request)
