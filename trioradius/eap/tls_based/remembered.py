"""Remembered: which user a TLS session of a tunnelled method stands for, so that resuming it proves who comes back.

A ticket proves the session alone. Without this, whoever got as far as a TLS handshake could come back as anybody; so a
session that nobody was proved in is never here (RFC 9427 section 4).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import attrs

from trioradius.eap.method import Outcome

USERS_MAXIMUM: Final = 16_384
"""Sessions remembered at once; with more, the oldest go, and their users prove themselves again."""


@attrs.frozen
class User:
    """Who proved himself in a session, by which inner method, and until when that is good for another connection.

    ``machine`` is the machine's identity, where that was proved as well.
    """

    identity: str
    inner_method: str
    until: datetime
    machine: str = ""


class Remembered:
    """The users of the sessions of one method's settings, by the session's name; never longer than ``seconds``.

    A session that is resumed gets new tickets, which stand for the same user, and not for any longer.
    """

    def __init__(self, seconds: float, *, maximum: int = USERS_MAXIMUM) -> None:
        self._seconds = seconds
        self._maximum = maximum
        self._users: dict[bytes, User] = {}

    def __len__(self) -> int:
        return len(self._users)

    def add(self, session: bytes, outcome: Outcome, now: datetime) -> None:
        """Remember who has just proved himself in this session."""
        until = now + timedelta(seconds=self._seconds)
        self.keep(session, User(outcome.identity, outcome.inner_method, until, outcome.machine))

    def keep(self, session: bytes, user: User) -> None:
        """Let a further session stand for a user who came back."""
        self._users.pop(session, None)
        self._users[session] = user
        if len(self._users) > self._maximum:
            del self._users[next(iter(self._users))]

    def find(self, session: bytes, now: datetime) -> User | None:
        """The user that this session stands for, if any."""
        user = self._users.get(session)
        if user is not None and user.until <= now:
            del self._users[session]
            return None
        return user

    def clear(self) -> None:
        """Forget all of them."""
        self._users.clear()
