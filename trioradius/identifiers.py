"""Identifiers: what tells the requests of one connection apart, octets in RADIUS/1.0 and Tokens in RADIUS/1.1."""

from __future__ import annotations

import secrets
from collections import deque
from typing import Final, Protocol

TOKENS: Final = 1 << 32
WATCHDOG: Final = 0
"""The Identifier of Status-Server alone (draft-ietf-radext-radiusdtls-bis); RADIUS/1.1 has no such rule."""


class Identifiers(Protocol):
    """Those of one connection; ``maximum`` exchanges can be under way at once."""

    maximum: int
    are_reused: bool

    def take(self) -> int:
        """One that no request under way has."""
        ...

    def give_back(self, identifier: int, *, answered: bool) -> None:
        """After the last reply; without it, a late one gives it back once more."""

    def late(self, identifier: int) -> None:
        """A reply came after nobody waited for it any more."""

    def watchdog(self) -> int:
        """One for Status-Server."""
        ...

    def of(self, octets: bytes) -> int:
        """That of a packet."""
        ...


class Octets:
    """Identifiers of RADIUS/1.0.

    One whose reply is still to come is taken last, so that it hardly meets its next user.
    """

    maximum = 255
    are_reused = True

    def __init__(self) -> None:
        self._free = deque(range(WATCHDOG + 1, 256))
        self._owing: dict[int, None] = {}

    def take(self) -> int:
        """As Identifiers."""
        if self._free:
            return self._free.popleft()
        oldest = next(iter(self._owing))
        del self._owing[oldest]
        return oldest

    def give_back(self, identifier: int, *, answered: bool) -> None:
        """As Identifiers."""
        if not answered:
            self._owing[identifier] = None
        else:
            self._owing.pop(identifier, None)
            self._free.append(identifier)

    def late(self, identifier: int) -> None:
        """As Identifiers."""
        if identifier in self._owing:
            self.give_back(identifier, answered=True)

    def watchdog(self) -> int:
        """As Identifiers."""
        return WATCHDOG

    def of(self, octets: bytes) -> int:
        """As Identifiers."""
        return octets[1]


class Tokens:
    """Tokens of RADIUS/1.1: a counter from a random start (RFC 9765 section 4.2.1); none is used again."""

    maximum = 16_384
    are_reused = False

    def __init__(self) -> None:
        self._next = secrets.randbelow(TOKENS)

    def take(self) -> int:
        """As Identifiers."""
        self._next = (self._next + 1) % TOKENS
        return self._next

    def give_back(self, identifier: int, *, answered: bool) -> None:
        """As Identifiers."""

    def late(self, identifier: int) -> None:
        """As Identifiers."""

    def watchdog(self) -> int:
        """As Identifiers."""
        return self.take()

    def of(self, octets: bytes) -> int:
        """As Identifiers."""
        return int.from_bytes(octets[4:8], "big")
