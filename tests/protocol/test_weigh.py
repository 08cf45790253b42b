"""weigh(): every method against every credential."""

from __future__ import annotations

import base64
import hashlib

import attrs
import pytest

from trioradius import Cleartext, Credential, Hashed, NTHash
from trioradius.protocol import ms_chap
from trioradius.protocol.proofs import CHAP, MSCHAP, PAP, MSCHAPv2, Proof
from trioradius.protocol.weigh import PASSWORD_MAXIMUM, weigh


def hashed(password: str) -> Hashed:
    return Hashed("{SHA}" + base64.b64encode(hashlib.sha1(password.encode()).digest()).decode())


def proofs(password: str) -> dict[str, Proof]:
    """The proofs of who knows this password."""
    nt_hash = ms_chap.nt_hash(password)
    challenge, theirs, own = b"challeng", b"t" * 16, b"o" * 16
    return {
        "PAP": PAP(password.encode()),
        "CHAP": CHAP(7, challenge, hashlib.md5(b"\7" + password.encode() + challenge).digest()),
        "MS-CHAP": MSCHAP(challenge, ms_chap.challenge_response(challenge, nt_hash)),
        "MS-CHAPv2": MSCHAPv2(b"alice", theirs, own, ms_chap.nt_response(theirs, own, b"alice", nt_hash)),
    }


CREDENTIALS = {"cleartext": Cleartext, "NT hash": NTHash.of, "hashed": hashed}
TABLE = {
    "cleartext": {"PAP", "CHAP", "MS-CHAP", "MS-CHAPv2"},
    "NT hash": {"PAP", "MS-CHAP", "MS-CHAPv2"},
    "hashed": {"PAP"},
}
"""docs/how-to/passwords.md shows the same."""
PASSWORDS = ["wonderland", " wonderland ", "gr\u00fc\u00df \U0001f511", "w" * 128]
CASES = [(kind, method) for kind in CREDENTIALS for method in proofs("")]


@pytest.mark.parametrize(("kind", "method"), CASES)
@pytest.mark.parametrize("password", PASSWORDS)
def test_right_and_wrong_passwords(kind: str, method: str, password: str) -> None:
    credential: Credential = CREDENTIALS[kind](password)  # type: ignore[operator]
    assert weigh(proofs(password)[method], credential).fits is (method in TABLE[kind])
    for other in (password + " ", password.strip() + "x", password.upper(), password[:-1], ""):
        assert not weigh(proofs(other)[method], credential).fits


@pytest.mark.parametrize(("kind", "method"), [case for case in CASES if case[1] not in TABLE[case[0]]])
def test_a_credential_that_cannot_serve_says_what_to_store(kind: str, method: str) -> None:
    verdict = weigh(proofs("wonderland")[method], CREDENTIALS[kind]("wonderland"))  # type: ignore[operator]
    assert f"{method} needs the cleartext password" in verdict.reason
    assert ("NTHash" in verdict.reason) is (method != "CHAP")
    assert "wonderland" not in verdict.reason


def test_what_follows_from_ms_chap() -> None:
    given = proofs("wonderland")
    second = given["MS-CHAPv2"]
    assert isinstance(second, MSCHAPv2)
    nt_hash = ms_chap.nt_hash("wonderland")
    for credential in (Cleartext("wonderland"), NTHash(nt_hash)):
        assert weigh(given["MS-CHAP"], credential).nt_hash == nt_hash
        verdict = weigh(second, credential)
        assert verdict.nt_hash == nt_hash
        assert verdict.authenticator_response == ms_chap.authenticator_response(
            second.authenticator_challenge, second.peer_challenge, b"alice", nt_hash, second.response
        )
    wrong = weigh(second, Cleartext("looking-glass"))
    assert (wrong.nt_hash, wrong.authenticator_response) == (b"", b"")


@pytest.mark.parametrize("method", ["MS-CHAP", "MS-CHAPv2"])
def test_a_response_proves_nothing_else(method: str) -> None:
    """Each part that was hashed counts."""
    proof = proofs("wonderland")[method]
    for field in attrs.fields(type(proof)):
        value = getattr(proof, field.name)
        changed = attrs.evolve(proof, **{field.name: value[:-1] + bytes((value[-1] ^ 1,))})
        assert not weigh(changed, Cleartext("wonderland")).fits, field.name


@pytest.mark.parametrize(
    ("method", "change"),
    [
        ("CHAP", {"challenge": b""}),
        ("MS-CHAP", {"challenge": b"short"}),
        ("MS-CHAP", {"challenge": b"c" * 16}),
        ("MS-CHAP", {"response": b""}),
        ("MS-CHAPv2", {"peer_challenge": b""}),
        ("MS-CHAPv2", {"authenticator_challenge": b"c" * 8}),
        ("MS-CHAPv2", {"authenticator_challenge": b"", "peer_challenge": b""}),
    ],
)
def test_what_is_no_proof_at_all(method: str, change: dict[str, bytes]) -> None:
    verdict = weigh(attrs.evolve(proofs("wonderland")[method], **change), Cleartext("wonderland"))
    assert not verdict.fits
    assert verdict.reason not in ("", "wrong password")


def test_chap_without_a_challenge_is_refused_even_where_it_would_fit() -> None:
    proof = CHAP(7, b"", hashlib.md5(b"\7wonderland").digest())
    assert not weigh(proof, Cleartext("wonderland")).fits


def test_what_is_no_utf8_has_no_nt_hash() -> None:
    for method in ("MS-CHAP", "MS-CHAPv2"):
        assert "UTF-8" in weigh(proofs("x")[method], Cleartext(b"\xff\xfe")).reason
    assert not weigh(PAP(b"\xff\xfe"), NTHash.of("x")).fits
    assert weigh(PAP(b"\xff\xfe"), Cleartext(b"\xff\xfe")).fits


@pytest.mark.parametrize(("kind", "method"), CASES)
def test_an_empty_password_proves_nothing_though_it_is_the_one_that_is_stored(kind: str, method: str) -> None:
    """A column that nobody filled is no password; everybody could show it."""
    assert not weigh(proofs("")[method], CREDENTIALS[kind]("")).fits  # type: ignore[operator]


@pytest.mark.parametrize("method", proofs(""))
def test_an_empty_password_is_named_in_the_log(method: str) -> None:
    assert "an empty password" in weigh(proofs("")[method], Cleartext("")).reason


@pytest.mark.parametrize("kind", CREDENTIALS)
def test_a_long_password_costs_no_more_than_others(kind: str) -> None:
    """Within a tunnel one of 65,536 octets fits, and crypt's time goes with its square."""
    credential: Credential = CREDENTIALS[kind]("w" * PASSWORD_MAXIMUM)  # type: ignore[operator]
    assert weigh(PAP(b"w" * PASSWORD_MAXIMUM), credential).fits
    credential = CREDENTIALS[kind]("w" * (PASSWORD_MAXIMUM + 1))  # type: ignore[operator]
    assert weigh(PAP(b"w" * (PASSWORD_MAXIMUM + 1)), credential).fits is (kind == "cleartext")


def test_nothing_secret_is_printed() -> None:
    for kind, method in CASES:
        credential = CREDENTIALS[kind]("wonderland")  # type: ignore[operator]
        proof = proofs("wonderland")[method]
        text = repr((credential, proof, weigh(proof, credential)))
        assert "wonderland" not in text
        assert "S=" not in text
        assert ms_chap.nt_hash("wonderland").hex() not in text
