"""The arithmetic of MS-CHAP, apart from the vectors of RFC 2759 and 3079 (tests/vectors/test_ms_chap.py)."""

from __future__ import annotations

import pytest

from trioradius.protocol import ms_chap
from trioradius.protocol.ms_chap import MSCHAPFailure


def test_rfc_2433_appendix_b() -> None:
    nt_hash = ms_chap.nt_hash("MyPw")
    assert nt_hash.hex() == "fc156af7edcd6c0edde3337d427f4eac"
    response = ms_chap.challenge_response(bytes.fromhex("102db5df085d3041"), nt_hash)
    assert response.hex() == "4e9d3c8f9cfd385d5bf4d3246791956ca4c351ab409a3d61"


def test_the_hash_is_over_utf_16_whatever_the_letters() -> None:
    # iconv -t UTF-16LE | openssl dgst -md4 -provider legacy
    assert ms_chap.nt_hash("").hex() == "31d6cfe0d16ae931b73c59d7e0c089c0"
    assert ms_chap.nt_hash("\u00e9") != ms_chap.nt_hash("e\u0301")
    assert ms_chap.nt_hash("\U0001f511") == ms_chap.md4(b"\x3d\xd8\x11\xdd")


@pytest.mark.parametrize(
    ("name", "hashed"),
    [
        (b"User", b"User"),
        (b"BIGCO\\User", b"User"),
        (b"\\User", b"User"),
        (b"A\\B\\C", b"B\\C"),
        (b"User@example.org", b"User@example.org"),
        (b"A/User", b"A/User"),
        (b"", b""),
    ],
)
def test_a_domain_is_not_hashed(name: bytes, hashed: bytes) -> None:
    """RFC 2759 section 4: the name with or without a domain before it; section 8.2: hashed without."""
    assert ms_chap.without_domain(name) == hashed


PROOF = b"S=407A5589115FD0D6209F510FE9C04566932CDA56"


@pytest.mark.parametrize(
    ("given", "is_proof"),
    [
        (PROOF, True),
        (PROOF + b" M=Welcome", True),
        (PROOF + b"0", False),
        (PROOF[:-1], False),
        (PROOF[:-1] + b"7", False),
        (b"", False),
        (b"M=Welcome " + PROOF, False),
    ],
)
def test_what_counts_as_the_proof(given: bytes, is_proof: bool) -> None:
    """RFC 2759 section 5."""
    assert ms_chap.is_authenticator_response(given, PROOF) is is_proof


def test_failures_as_text() -> None:
    """RFC 2433 section 6 and RFC 2759 section 6."""
    assert ms_chap.failure_v1(648, b"\xab" * 8) == b"E=648 R=0 C=ABABABABABABABAB V=2"
    assert ms_chap.failure_v2(MSCHAPFailure.AUTHENTICATION_FAILURE, b"\xab" * 16, retry=True) == (
        b"E=691 R=1 C=ABABABABABABABABABABABABABABABAB V=3 M=Authentication failed"
    )
    assert ms_chap.failure_v2(700, b"").endswith(b"V=3 M=Failed")
    assert all(str(int(code)).encode() in ms_chap.failure_v2(code, b"") for code in MSCHAPFailure)
    assert not any(b"M=Failed" in ms_chap.failure_v2(code, b"") for code in MSCHAPFailure)
