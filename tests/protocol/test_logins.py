"""Logins by MS-CHAP: what a client sends, and the proof it asks of the server."""

from __future__ import annotations

import pytest

from trioradius import AccessAccept, AccessReject, AccessRequest, AuthenticityError
from trioradius.attributes.ietf import UserName
from trioradius.attributes.microsoft import MSCHAP2Success
from trioradius.protocol.logins import MSCHAPLogin, ms_chap, ms_chap_v2


def test_version_2_and_the_server_s_proof() -> None:
    login = ms_chap_v2("BIGCO\\alice", "wonderland")
    request = AccessRequest(UserName("BIGCO\\alice"), *login.attributes)
    assert request.verify_password("wonderland")
    login.require_proof(request.accept())
    login.require_proof(request.reject())


def test_version_1_has_no_proof() -> None:
    login = ms_chap("wonderland")
    request = AccessRequest(UserName("alice"), *login.attributes)
    assert request.verify_password("wonderland")
    assert not request.verify_password("looking-glass")
    login.require_proof(AccessAccept())


def test_a_false_proof() -> None:
    login = ms_chap_v2("alice", "wonderland", identifier=7)
    assert login.proof[:1] == b"\7"
    login.require_proof(AccessAccept(MSCHAP2Success(login.proof + b" M=hello")))
    last = bytes((login.proof[-1] ^ 1,))
    for octets in (b"", login.proof[1:], b"\x08" + login.proof[1:], login.proof[:-1] + last, login.proof[:-1]):
        with pytest.raises(AuthenticityError, match="MS-CHAP2-Success") as caught:
            login.require_proof(AccessAccept(MSCHAP2Success(octets)))
        assert caught.value.reason == "ms_chap2_success"
    with pytest.raises(AuthenticityError):
        login.require_proof(AccessAccept())
    login.require_proof(AccessReject())


def test_every_login_is_fresh_and_can_be_given() -> None:
    made: list[MSCHAPLogin] = [ms_chap_v2("alice", "wonderland") for _ in range(20)]
    assert len({login.attributes for login in made}) == 20
    assert len({ms_chap("wonderland").attributes for _ in range(20)}) == 20
    again = [
        ms_chap_v2("a", "w", identifier=1, authenticator_challenge=b"a" * 16, peer_challenge=b"p" * 16) for _ in "ab"
    ]
    assert again[0] == again[1]
    assert ms_chap("w", identifier=1, challenge=b"c" * 8) == ms_chap("w", identifier=1, challenge=b"c" * 8)


def test_nothing_secret_is_printed() -> None:
    login = ms_chap_v2("alice", "wonderland")
    assert "wonderland" not in repr(login)
    assert "S=" not in repr(login)
