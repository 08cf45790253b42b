"""Passwords: any credential awaited, slow hashes in few threads, unknown users at the same price."""

from __future__ import annotations

import base64
import hashlib
import threading

import bcrypt
import pytest
import trio
import trio.testing
from trio.testing import MockClock

from trioradius import AccessRequest, Cleartext, ConfigurationError, Discard, Hashed, NTHash, chap
from trioradius.attributes.ietf import UserPassword
from trioradius.attributes.microsoft import MSCHAP2Success, MSCHAPError
from trioradius.authentication import Known, Passwords
from trioradius.protocol import weigh as weighing
from trioradius.protocol.logins import ms_chap_v2
from trioradius.protocol.proofs import PAP


def ssha(password: bytes, salt: bytes = b"salt") -> Hashed:
    return Hashed("{SSHA}" + base64.b64encode(hashlib.sha1(password + salt).digest() + salt).decode())


BCRYPT = Hashed(bcrypt.hashpw(b"wonderland", bcrypt.gensalt(4)).decode())
KNOWN: dict[str, Known] = {
    "text": "wonderland",
    "octets": b"wonderland",
    "cleartext": Cleartext("wonderland"),
    "NT hash": NTHash.of("wonderland"),
    "SSHA": ssha(b"wonderland"),
    "bcrypt": BCRYPT,
}


@pytest.mark.parametrize("known", KNOWN.values(), ids=KNOWN)
async def test_a_password_and_others(known: Known) -> None:
    passwords = Passwords()
    assert await passwords.verify(AccessRequest(UserPassword("wonderland")), known)
    for other in ("wonderland ", "Wonderland", "nobody's password"):
        request = AccessRequest(UserPassword(other))
        assert not await passwords.verify(request, known)
        assert request.reject().reason == "wrong password"
    request = AccessRequest()
    assert not await passwords.verify(request, known)
    assert request.reject().reason == "the request carries no password"


async def test_ms_chap_owes_the_reply_the_same() -> None:
    request = AccessRequest(*ms_chap_v2("", "wonderland").attributes)
    assert await Passwords().verify(request, "wonderland")
    assert MSCHAP2Success in request.accept()


async def test_a_hash_cannot_serve_chap_and_the_log_says_so() -> None:
    passwords = Passwords()
    for attributes, method in ((chap("wonderland"), "CHAP"), (ms_chap_v2("", "wonderland").attributes, "MS-CHAPv2")):
        request = AccessRequest(*attributes)
        assert not await passwords.verify(request, BCRYPT)
        assert request.reject().reason.startswith(f"{method} needs the cleartext password")


Work = list[tuple[bytes, str, bool]]


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    """What is hashed: the password, the hash it is compared with, and whether that happens beside Trio's thread."""
    done: Work = []
    really = weighing.is_password_of
    ours = threading.current_thread()

    def noted(password: bytes, text: str) -> bool:
        done.append((password, text, threading.current_thread() is not ours))
        return really(password, text)

    monkeypatch.setattr(weighing, "is_password_of", noted)
    return done


async def test_an_unknown_user_costs_what_a_known_one_costs(work: Work) -> None:
    passwords = Passwords(like=BCRYPT)
    replies = []
    for known in (BCRYPT, None):
        request = AccessRequest(UserPassword("looking-glass"))
        assert not await passwords.verify(request, known)
        replies.append(request.reject())
    assert work == [(b"looking-glass", BCRYPT.text, True)] * 2
    assert replies[0] == replies[1]
    assert [reply.reason for reply in replies] == ["wrong password", "unknown user"]


async def test_the_hash_seen_last_is_the_model_for_unknown_users(work: Work) -> None:
    passwords, other = Passwords(), ssha(b"x")
    request = AccessRequest(UserPassword("looking-glass"))
    assert not await passwords.verify(request, None)
    assert work == []
    for known in (BCRYPT, None, other, "clear", None):
        assert not await passwords.verify(request, known)
    assert [text for _, text, _ in work] == [BCRYPT.text, BCRYPT.text, other.text, other.text]


async def test_the_password_of_the_model_opens_nothing() -> None:
    passwords = Passwords(like=BCRYPT)
    assert not await passwords.verify(AccessRequest(UserPassword("wonderland")), None)
    assert not await Passwords().verify(AccessRequest(UserPassword("nobody's password")), None)


async def test_an_unknown_user_of_ms_chap_gets_the_same_text() -> None:
    for known in ("looking-glass", None):
        request = AccessRequest(*ms_chap_v2("", "wonderland", identifier=65).attributes)
        assert not await Passwords().verify(request, known)
        assert request.reject()[MSCHAPError][:11] == "AE=691 R=0 "


async def test_a_damaged_hash_is_a_mistake_of_one_user_only() -> None:
    passwords = Passwords(like=BCRYPT)
    for text in ("{SSHA}!", "$9$what"):
        with pytest.raises(ConfigurationError):
            await passwords.verify(AccessRequest(UserPassword("x")), Hashed(text))
    assert not await passwords.verify(AccessRequest(UserPassword("x")), None)


def test_a_model_that_is_not_read() -> None:
    with pytest.raises(ConfigurationError, match="no form that is read here"):
        Passwords(like=Hashed("wonderland"))


async def test_hashes_share_few_threads() -> None:
    limiter = trio.CapacityLimiter(1)
    passwords, results = Passwords(limiter=limiter), []

    async def one() -> None:
        results.append((await passwords.weigh(PAP(b"wonderland"), BCRYPT)).fits)

    async with trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(one)
        await trio.testing.wait_all_tasks_blocked()
        assert limiter.borrowed_tokens <= 1
    assert results == [True] * 8


async def test_what_waits_too_long_is_discarded(autojump_clock: MockClock) -> None:
    """No thread runs here: all are taken."""
    limiter = trio.CapacityLimiter(1)
    limiter.acquire_on_behalf_of_nowait(passwords := Passwords(limiter=limiter, seconds=5))
    with pytest.raises(Discard, match=r"Passwords\(limiter=...\)") as caught:
        await passwords.verify(AccessRequest(UserPassword("wonderland")), BCRYPT)
    assert caught.value.reason == "password_check_overload"
    assert trio.current_time() == 5
    # What needs no hash goes on.
    assert await passwords.verify(AccessRequest(UserPassword("wonderland")), "wonderland")


async def test_a_request_that_is_given_up_leaves_its_place() -> None:
    limiter = trio.CapacityLimiter(1)
    limiter.acquire_on_behalf_of_nowait(passwords := Passwords(limiter=limiter))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(passwords.weigh, PAP(b"wonderland"), BCRYPT)
        await trio.testing.wait_all_tasks_blocked()
        assert limiter.statistics().tasks_waiting == 1
        nursery.cancel_scope.cancel()
    assert limiter.statistics().tasks_waiting == 0
