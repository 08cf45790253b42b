"""Which user a session stands for, and for how long."""

from __future__ import annotations

from datetime import timedelta

from tests.tls.pki import NOW
from trioradius.eap.method import Outcome
from trioradius.eap.tls_based.remembered import Remembered, User

ALICE = Outcome("PEAP", "alice", "MSCHAPv2")


def test_it_stands_for_its_user_until_its_time_is_up() -> None:
    users = Remembered(60)
    users.add(b"session", ALICE, NOW)
    assert users.find(b"session", NOW + timedelta(seconds=59)) == User("alice", "MSCHAPv2", NOW + timedelta(seconds=60))
    assert users.find(b"other", NOW) is None
    assert users.find(b"session", NOW + timedelta(seconds=60)) is None
    assert len(users) == 0


def test_a_further_session_lasts_no_longer() -> None:
    users = Remembered(60)
    users.add(b"session", ALICE, NOW)
    user = users.find(b"session", NOW)
    assert user is not None
    users.keep(b"next", user)
    assert users.find(b"next", NOW + timedelta(seconds=59)) == user
    assert users.find(b"next", NOW + timedelta(seconds=60)) is None


def test_there_is_a_bound_and_the_oldest_go() -> None:
    users = Remembered(60, maximum=2)
    for session in (b"a", b"b", b"a", b"c"):
        users.add(session, ALICE, NOW)
    assert [users.find(session, NOW) is not None for session in (b"a", b"b", b"c")] == [True, False, True]


def test_clear() -> None:
    users = Remembered(60)
    users.add(b"session", ALICE, NOW)
    users.clear()
    assert users.find(b"session", NOW) is None
