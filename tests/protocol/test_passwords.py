"""verify_password: PAP and CHAP (RFC 2865 sections 2.2, 5.2, 5.3, 5.40), MS-CHAP (RFC 2548), and nothing else."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioradius import (
    AccessRequest,
    Cleartext,
    ConfigurationError,
    Dictionary,
    Hashed,
    MSCHAPFailure,
    NTHash,
    chap,
)
from trioradius.attributes.attribute import AVP
from trioradius.attributes.ietf import CHAPChallenge, CHAPPassword, EAPMessage, SessionTimeout, UserName, UserPassword
from trioradius.attributes.microsoft import (
    MSCHAP2Response,
    MSCHAP2Success,
    MSCHAPChallenge,
    MSCHAPError,
    MSCHAPMPPEKeys,
    MSCHAPResponse,
    MSMPPEEncryptionPolicy,
    MSMPPEEncryptionTypes,
    MSMPPERecvKey,
    MSMPPESendKey,
)
from trioradius.protocol import mppe, wire
from trioradius.protocol.logins import ms_chap, ms_chap_v2
from trioradius.protocol.md4 import md4
from trioradius.protocol.ms_chap import challenge_response
from trioradius.protocol.passwords import proof_of
from trioradius.protocol.profile import RADIUS_1_0
from trioradius.protocol.proofs import CHAP, MSCHAP, PAP, MSCHAPv2, Proof
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


NAME = UserName("BIGCO\\alice")
SECOND = MSCHAP2Response.avp(bytes(50))


def ms_chap_request(version: int, password: str, *, identifier: int = 0xE5) -> AccessRequest:
    login = ms_chap(password, identifier=identifier)
    if version == 2:
        login = ms_chap_v2("BIGCO\\alice", password, identifier=identifier)
    return received(NAME, *login.attributes)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("known", ["wonderland", b"wonderland", Cleartext("wonderland"), NTHash.of("wonderland")])
def test_ms_chap(version: int, known: str | bytes | Cleartext | NTHash) -> None:
    assert ms_chap_request(version, "wonderland").verify_password(known)
    for other in ("", "wonderland ", "Wonderland"):
        assert not ms_chap_request(version, other).verify_password(known)


def test_what_an_accept_carries_after_version_2() -> None:
    """RFC 2548 sections 2.3.3, 2.4; RFC 3079 section 3."""
    request = ms_chap_request(2, "wonderland")
    assert request.verify_password("wonderland")
    accept = request.accept(SessionTimeout(60))
    assert [name for name, _ in accept] == [
        "Session-Timeout",
        "MS-CHAP2-Success",
        "MS-MPPE-Recv-Key",
        "MS-MPPE-Send-Key",
        "MS-MPPE-Encryption-Policy",
        "MS-MPPE-Encryption-Types",
    ]
    assert accept[MSCHAP2Success][:3] == b"\xe5S="
    assert len(accept[MSCHAP2Success]) == 43
    assert (len(accept[MSMPPESendKey]), len(accept[MSMPPERecvKey])) == (16, 16)
    assert (accept[MSMPPEEncryptionPolicy], accept[MSMPPEEncryptionTypes]) == (1, 6)
    response = request[MSCHAP2Response][26:]
    keys = mppe.send_and_receive_keys(NTHash.of("wonderland").octets, response)
    assert (accept[MSMPPESendKey], accept[MSMPPERecvKey]) == keys


def test_what_an_accept_carries_after_version_1() -> None:
    """RFC 2548 section 2.4.1: no LAN Manager key, and so only 128 bits."""
    request = ms_chap_request(1, "wonderland")
    assert request.verify_password("wonderland")
    accept = request.accept()
    assert accept[MSCHAPMPPEKeys] == bytes(8) + md4(NTHash.of("wonderland").octets)
    assert (accept[MSMPPEEncryptionPolicy], accept[MSMPPEEncryptionTypes]) == (1, 4)
    assert MSCHAP2Success not in accept


@pytest.mark.parametrize("version", [1, 2])
def test_nothing_is_owed_before_the_password_was_right(version: int) -> None:
    request = ms_chap_request(version, "wonderland")
    assert request.accept().avps == ()
    assert not request.verify_password("looking-glass")
    assert request.accept().avps == ()
    assert request.verify_password("wonderland")
    assert len(request.accept()) > 2


def test_what_the_handler_gives_is_not_given_twice() -> None:
    request = ms_chap_request(2, "wonderland")
    assert request.verify_password("wonderland")
    assert request.verify_password("wonderland")
    accept = request.accept(MSMPPEEncryptionPolicy(2), ("MS-MPPE-Encryption-Types", 4))
    assert accept.all(MSMPPEEncryptionPolicy) == (2,)
    assert accept.all(MSMPPEEncryptionTypes) == (4,)
    assert len(accept) == 5


@pytest.mark.parametrize(
    ("version", "pattern"),
    [(1, rb"E=691 R=0 C=[0-9A-F]{16} V=2"), (2, rb"E=691 R=0 C=[0-9A-F]{32} V=3 M=Authentication failed")],
)
def test_every_rejection_of_ms_chap_says_why(version: int, pattern: bytes) -> None:
    """RFC 2548 section 2.1.4. Whoever nobody knows gets the same text as a wrong password."""
    texts = set()
    for known in ("looking-glass", None):
        request = ms_chap_request(version, "wonderland")
        assert not request.verify_password(known)
        texts.add(request.reject().octets(MSCHAPError) or b"")
    texts.add(ms_chap_request(version, "wonderland").reject().octets(MSCHAPError) or b"")
    assert len(texts) == 3, "the challenges are fresh"
    for text in texts:
        assert text[:1] == b"\xe5"
        assert re.fullmatch(pattern, text[1:])


@pytest.mark.parametrize("identifier", [0, 65, 128, 255])
def test_a_rejection_is_printed_and_sent_whatever_its_ident(identifier: int) -> None:
    reject = ms_chap_request(2, "x", identifier=identifier).reject(ms_chap_error=MSCHAPFailure.PASSWORD_EXPIRED)
    assert b"E=648".hex() in repr(reject) or "E=648" in repr(reject)
    octets = b"".join(avp.wire(None) for avp in reject.avps)
    assert octets[:2] == bytes((26, len(octets)))
    assert octets[6:7] == b"\2"
    assert octets[8:14] == bytes((identifier,)) + b"E=648"


def test_an_error_of_the_handler_s_own_is_not_given_twice() -> None:
    reject = ms_chap_request(2, "wonderland").reject(MSCHAPError("\1E=647 R=0"))
    assert reject.all(MSCHAPError) == ("\1E=647 R=0",)


def test_other_methods_are_rejected_without_an_ms_chap_error() -> None:
    for request in (received(UserPassword("x")), received(*chap("x")), received(), received(MSMPPEEncryptionPolicy(1))):
        assert not request.verify_password("wonderland")
        assert request.reject().avps == ()
        assert request.reject(ms_chap_error=MSCHAPFailure.ACCOUNT_DISABLED).avps == ()


@pytest.mark.parametrize(
    ("request_", "known", "reason"),
    [
        (received(*chap("wonderland")), NTHash.of("wonderland"), "CHAP needs the cleartext password"),
        (received(*chap("wonderland")), "looking-glass", "wrong password"),
        (received(*chap("wonderland")), None, "unknown user"),
        (received(UserPassword("wonderland")), None, "unknown user"),
        (received(), "wonderland", "carries no password"),
        (
            received(EAPMessage(b"\x02\x01\x00\x04")),
            "wonderland",
            "carries EAP, and no password: EAP([...]).authenticate",
        ),
    ],
)
def test_a_rejection_logs_why(request_: AccessRequest, known: str | NTHash | None, reason: str) -> None:
    assert not request_.verify_password(known)
    assert reason in request_.reject().reason
    assert request_.reject(reason="no money").reason == "no money"
    assert request_.accept().reason == ""


@pytest.mark.parametrize(
    "attributes", [(UserPassword(""),), chap(""), ms_chap("").attributes, ms_chap_v2("alice", "").attributes]
)
@pytest.mark.parametrize("known", ["", b"", NTHash.of("")])
def test_an_empty_password_lets_nobody_in(attributes: tuple[AVP, ...], known: str | bytes | NTHash) -> None:
    """Not even who is known by it: ``passwords.get(name, "")`` would let in all others."""
    request = received(UserName("alice"), *attributes)
    assert not request.verify_password(known)
    assert request.accept().avps == ()


def test_the_password_of_nobody_is_no_password() -> None:
    for request in (received(UserPassword("nobody's password")), received(*chap("nobody's password"))):
        assert not request.verify_password(None)


def test_a_hashed_password_has_to_be_awaited() -> None:
    hashed: Any = Hashed("{SSHA}c2FsdA==")
    with pytest.raises(ConfigurationError, match=r"Passwords\(\)\.verify"):
        received(UserPassword("x")).verify_password(hashed)


@pytest.mark.parametrize(
    ("attributes", "proof"),
    [
        ((), None),
        ((MSCHAPChallenge(b"c" * 16),), None),
        ((SECOND,), None),
        ((MSCHAPChallenge(b"c" * 16), MSCHAP2Response.avp(bytes(49))), None),
        ((MSCHAPChallenge(b"c" * 16), MSCHAPResponse.avp(bytes(51))), None),
        ((MSCHAPChallenge(b"c" * 16), SECOND), MSCHAPv2(b"", b"c" * 16, bytes(16), bytes(24))),
        ((NAME, MSCHAPChallenge(b"c" * 16), SECOND), MSCHAPv2(b"alice", b"c" * 16, bytes(16), bytes(24))),
        ((MSCHAPChallenge(b"c" * 8), MSCHAPResponse.avp(b"\1\1" + bytes(24) + b"n" * 24)), MSCHAP(b"c" * 8, b"n" * 24)),
        ((MSCHAPChallenge(b"c" * 8), MSCHAPResponse.avp(b"\1\0" + b"l" * 24 + b"n" * 24)), MSCHAP(b"c" * 8, b"")),
        (
            (MSCHAPChallenge(b"c" * 16), MSCHAPResponse.avp(bytes(50)), SECOND),
            MSCHAPv2(b"", b"c" * 16, bytes(16), bytes(24)),
        ),
        ((UserPassword("x"), MSCHAPChallenge(b"c" * 16), SECOND), PAP(b"x")),
        ((CHAPPassword.avp(bytes(16)), MSCHAPChallenge(b"c" * 16), SECOND), None),
        ((CHAPPassword(b"\5" + bytes(16)),), CHAP(5, VECTOR, bytes(16))),
    ],
)
def test_what_proves(attributes: tuple[AVP, ...], proof: Proof | None) -> None:
    """RFC 2548 sections 2.1.3 and 2.3.2, where an NT-Response without its flag is to be ignored."""
    assert proof_of(received(*attributes)) == proof


def test_a_lan_manager_response_alone_is_refused() -> None:
    nt_hash = NTHash.of("wonderland").octets
    response = bytes(2) + bytes(24) + challenge_response(b"c" * 8, nt_hash)
    request = received(MSCHAPChallenge(b"c" * 8), MSCHAPResponse(response))
    assert not request.verify_password("wonderland")
    assert "LAN Manager" in request.reject().reason
    assert MSCHAPError in request.reject()
