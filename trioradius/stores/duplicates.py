"""Duplicate detection (RFC 5080 section 2.2.2): a repeated request gets the reply it had, and is not handled twice."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, Protocol

from trioradius.errors import ConfigurationError

_AUTHENTICATOR: Final = 16
"""The last octets of a key. A new authenticator under the same rest takes the place of the old one (RFC 5080)."""
_ENTRY_OCTETS: Final = 400
"""What one kept reply costs beside its own octets, measured."""


class DedupStore(Protocol):
    """Where replies live for a while, so that a repeat finds its own.

    ``key`` is opaque but for its last sixteen octets, the Request Authenticator.
    """

    async def begin(self, key: bytes) -> bytes | bool:
        """The reply given before; True where the request is now ours to answer; False where it is being answered."""
        ...

    async def finish(self, key: bytes, reply: bytes | None) -> None:
        """Keep the reply that a request of ours got; None frees the key, so that a repeat tries again."""
        ...


class MemoryDedupStore:
    """Replies in this process's memory; neither method ever waits.

    Args:
        ttl: seconds that a reply lives; RFC 5080 allows 5 to 30.
        octets: the bound on memory; past it the older half of the replies goes early, counted in ``evicted``.
        clock: seconds, monotonic; ``trio.current_time`` where a test has a clock of its own.

    Raises:
        ConfigurationError: a ttl or bound that is not positive.
    """

    def __init__(self, *, ttl: float = 5, octets: int = 256 << 20, clock: Callable[[], float] = time.monotonic) -> None:
        if ttl <= 0 or octets <= 0:
            raise ConfigurationError("MemoryDedupStore wants a positive ttl and a positive bound in octets")
        self.evicted = 0
        self._ttl = ttl
        self._half = octets // 2
        self._clock = clock
        # A dict, which is written without a call.
        self._running: dict[bytes, None] = {}
        # Two generations: a reply is looked for in both, and dropping the older one frees all of it at once.
        self._young: dict[bytes, tuple[bytes, bytes, float]] = {}
        self._old: dict[bytes, tuple[bytes, bytes, float]] = {}
        self._young_octets = 0
        self._turn_at = -1.0
        self.heir: Callable[[bytes, bytes | None, float], None] | None = None
        """Told of every finished key, with its reply and the seconds that it lives: a process that takes over."""

    async def begin(self, key: bytes) -> bytes | bool:
        """As DedupStore."""
        return self.begin_at_once(key)

    async def finish(self, key: bytes, reply: bytes | None) -> None:
        """As DedupStore."""
        self.finish_at_once(key, reply)

    def begin_at_once(self, key: bytes) -> bytes | bool:
        """begin(), for whoever knows that there is nothing to wait for."""
        slot = key[:-_AUTHENTICATOR]
        kept = self._young.get(slot) or self._old.get(slot)
        if kept is not None and kept[0] == key and kept[2] >= self._clock():
            return kept[1]
        running = self._running
        if key in running:
            return False
        running[key] = None
        return True

    def finish_at_once(self, key: bytes, reply: bytes | None) -> None:
        """finish(), for whoever knows that there is nothing to wait for."""
        if key in self._running:
            del self._running[key]
        if self.heir is not None:
            self.heir(key, reply, self._ttl)
        if reply is not None:
            self.keep(key, reply, self._ttl)

    def keep(self, key: bytes, reply: bytes, seconds: float) -> None:
        """Let a reply live for so long, at most the ttl.

        It ends the life of a reply to a request that differed only in its authenticator (RFC 5080 section 2.2.2).
        """
        now = self._clock()
        if now >= self._turn_at or self._young_octets > self._half:
            self._turn(now)
        slot, young = key[:-_AUTHENTICATOR], self._young
        self._young_octets += len(reply) - len(young[slot][1]) if slot in young else len(reply) + _ENTRY_OCTETS
        young[slot] = key, reply, now + seconds

    def hold(self, key: bytes) -> None:
        """Take a key for one that is being answered elsewhere, until release()."""
        self._running[key] = None

    def release(self, key: bytes) -> None:
        """End what hold() began."""
        self._running.pop(key, None)

    @property
    def running(self) -> tuple[bytes, ...]:
        """The keys that are being answered."""
        return tuple(self._running)

    @property
    def kept(self) -> list[tuple[bytes, bytes, float]]:
        """Key, reply and the seconds it has left, of every reply that still lives."""
        now = self._clock()
        entries = {**self._old, **self._young}.values()
        return [(key, reply, until - now) for key, reply, until in entries if until > now]

    def _turn(self, now: float) -> None:
        """Begin a new generation and drop the one before the last."""
        if now < self._turn_at:
            self.evicted += len(self._old)
        self._old = self._young if now < self._turn_at + self._ttl else {}
        self._young = {}
        self._young_octets = 0
        self._turn_at = now + self._ttl

    def __len__(self) -> int:
        return len(self._young.keys() | self._old.keys())
