"""Duplicate detection (RFC 5080 section 2.2.2): a repeated request gets the reply it had, and is not handled twice."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, Literal, Protocol

from trioradius.errors import ConfigurationError

AUTHENTICATOR: Final = 16
"""The last octets of a key; those before them are its slot. A new authenticator in a slot takes the old one's place."""
_ENTRY_OCTETS: Final = 500
"""What one kept reply costs beside its own octets, measured."""


class DedupStore(Protocol):
    """Where replies live for a while, so that a repeat finds its own.

    ``key`` is opaque but for its last sixteen octets, the Request Authenticator, before which its slot stands: source,
    code and Identifier.
    """

    async def begin(self, key: bytes) -> bytes | bool:
        """The reply given before; True where the request is now ours to answer; False where it is being answered."""
        ...

    async def finish(self, key: bytes, reply: bytes | None) -> None:
        """Keep the reply that a request of ours got; None frees the key, so that a repeat tries again."""
        ...


class Kept:
    """What is known of one request: its reply, or that it is being answered, where ``reply`` is None."""

    __slots__ = ("authenticator", "reply", "slot", "until")

    def __init__(self, slot: bytes, authenticator: bytes) -> None:
        self.slot = slot
        self.authenticator = authenticator
        self.reply: bytes | None = None
        self.until = 0.0

    @property
    def key(self) -> bytes:
        """What a DedupStore calls it."""
        return self.slot + self.authenticator


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
        # Two generations: a request is looked for in both, and dropping the older one frees all of it at once.
        self._young: dict[bytes, Kept] = {}
        self._old: dict[bytes, Kept] = {}
        self._displaced: dict[bytes, Kept] = {}
        """By key: those still being answered while another authenticator has taken their slot."""
        self._young_octets = 0
        self._turn_at = -1.0
        self.heir: Callable[[bytes, bytes | None, float], None] | None = None
        """Told of every finished key, with its reply and the seconds that it lives: a process that takes over."""

    async def begin(self, key: bytes) -> bytes | bool:
        """As DedupStore."""
        begun = self.claim(key[:-AUTHENTICATOR], key[-AUTHENTICATOR:])
        return True if isinstance(begun, Kept) else begun

    async def finish(self, key: bytes, reply: bytes | None) -> None:
        """As DedupStore."""
        kept = self._running(key)
        if kept is not None:
            self.settle(kept, reply)

    def claim(self, slot: bytes, authenticator: bytes) -> Kept | bytes | Literal[False]:
        """begin() for whoever knows that there is nothing to wait for: a Kept, to be settled, where it is ours."""
        young = self._young
        if self._displaced and slot + authenticator in self._displaced:
            return False
        kept = young.get(slot) or self._old.get(slot)
        if kept is not None:
            if kept.authenticator == authenticator:
                if kept.reply is None:
                    return False
                if kept.until >= self._clock():
                    return kept.reply
            self._displace(kept)
        ours = young[slot] = Kept(slot, authenticator)
        return ours

    def _displace(self, kept: Kept) -> None:
        """A new authenticator ends the life of an earlier reply (RFC 5080 section 2.2.2), not that of a handler."""
        if kept.reply is None:
            self._displaced[kept.key] = kept
        elif self._young.get(kept.slot) is kept:
            self._young_octets -= len(kept.reply) + _ENTRY_OCTETS
        self._young.pop(kept.slot, None)
        self._old.pop(kept.slot, None)

    def settle(self, kept: Kept, reply: bytes | None) -> None:
        """finish() of what claim() gave."""
        if self.heir is not None:
            self.heir(kept.key, reply, self._ttl)
        if self._displaced:
            self._displaced.pop(kept.key, None)
        if reply is None:
            self._forget(kept)
        else:
            self._keep(kept, reply, self._ttl)

    def _keep(self, kept: Kept, reply: bytes, seconds: float) -> None:
        now = self._clock()
        if now >= self._turn_at or self._young_octets > self._half:
            self._turn(now)
        other = self._young.get(kept.slot) or self._old.get(kept.slot)
        if other is not None and other is not kept:
            # Whoever took the slot, and is being answered still, makes room for it once more.
            self._displace(other)
        kept.reply = reply
        kept.until = now + seconds
        self._young_octets += len(reply) + _ENTRY_OCTETS
        self._young[kept.slot] = kept

    def _forget(self, kept: Kept) -> None:
        for generation in self._young, self._old:
            if generation.get(kept.slot) is kept:
                del generation[kept.slot]

    def _running(self, key: bytes) -> Kept | None:
        """The entry of a request that is being answered."""
        slot = key[:-AUTHENTICATOR]
        for kept in self._young.get(slot), self._old.get(slot), self._displaced.get(key):
            if kept is not None and kept.reply is None and kept.key == key:
                return kept
        return None

    def keep(self, key: bytes, reply: bytes, seconds: float) -> None:
        """Let a reply live for so long, at most the ttl."""
        self._keep(Kept(key[:-AUTHENTICATOR], key[-AUTHENTICATOR:]), reply, seconds)

    def hold(self, key: bytes) -> None:
        """Take a key for one that is being answered elsewhere, until finish(); what has its slot stays there."""
        self._displaced[key] = Kept(key[:-AUTHENTICATOR], key[-AUTHENTICATOR:])

    @property
    def running(self) -> tuple[bytes, ...]:
        """The keys that are being answered."""
        return tuple(kept.key for kept in self._all() if kept.reply is None)

    @property
    def kept(self) -> list[tuple[bytes, bytes, float]]:
        """Key, reply and the seconds it has left, of every reply that still lives."""
        now = self._clock()
        replies = ((kept.key, kept.reply, kept.until - now) for kept in self._all())
        return [(key, reply, left) for key, reply, left in replies if reply is not None and left > 0]

    def _all(self) -> list[Kept]:
        return [*self._all_by_slot().values(), *self._displaced.values()]

    def _all_by_slot(self) -> dict[bytes, Kept]:
        return {**self._old, **self._young}

    def _turn(self, now: float) -> None:
        """Begin a new generation and drop the one before the last, but for what is still being answered."""
        stays, goes = (self._young, self._old) if now < self._turn_at + self._ttl else ({}, self._all_by_slot())
        running = [kept for kept in goes.values() if kept.reply is None and kept.slot not in stays]
        if now < self._turn_at:
            self.evicted += len(goes.keys() - stays.keys()) - len(running)
        for kept in running:
            stays[kept.slot] = kept
        self._old = stays
        self._young = {}
        self._young_octets = 0
        self._turn_at = now + self._ttl

    def __len__(self) -> int:
        """How many replies there are."""
        return sum(kept.reply is not None for kept in self._all())
