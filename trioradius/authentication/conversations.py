"""Conversations: the table of EAP conversations under way, found by State, bounded in number and in time.

A conversation belongs to the process that began it and to the peer that it came by. Past a bound the one that has
waited longest gives way: somebody who only begins conversations costs others theirs no sooner than he fills the table
anew, and a peer at its own bound costs only itself.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from contextvars import ContextVar
from typing import Final

import attrs
import trio

from trioradius.eap.conversation import Conversation

STATE_OCTETS: Final = 16
"""The random part of a State."""
WORKER_OCTETS: Final = 4
this_worker: Final = ContextVar("this_worker", default=0)
"""The number of this process among those that share a port, set round its listeners; States made below carry it."""
REMEMBERED_SECONDS: Final = 30.0
"""How long the end of a conversation is remembered for a repeat of its last Response; RFC 5080's longest."""


def worker_of(state: bytes) -> int | None:
    """The number of the process whose conversation a State belongs to; None where it is none of ours."""
    return int.from_bytes(state[:WORKER_OCTETS], "big") if len(state) == WORKER_OCTETS + STATE_OCTETS else None


@attrs.define(eq=False)
class Held:
    """One conversation in the table. Whoever advances it holds ``turn``: its packets go in one by one."""

    state: bytes = attrs.field(repr=False)
    peer: str
    conversation: Conversation
    until: float = 0
    turn: trio.Semaphore = attrs.field(factory=lambda: trio.Semaphore(1, max_value=1), repr=False)


class Conversations:
    """The table of one process.

    Args:
        maximum: conversations under way, and as many ends remembered.
        per_peer: of one peer.
        idle_seconds: after which one that has not advanced is given up.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        *,
        maximum: int,
        per_peer: int,
        idle_seconds: float,
        clock: Callable[[], float] = trio.current_time,
    ) -> None:
        self.given_up = 0
        """Conversations that waited too long, or had to give way."""
        self._maximum = maximum
        self._per_peer = per_peer
        self._idle_seconds = idle_seconds
        self._clock = clock
        # Each in the order of the last step, the longest ago first.
        self._open: OrderedDict[bytes, Held] = OrderedDict()
        self._of_peer: dict[str, OrderedDict[bytes, Held]] = {}
        self._over: OrderedDict[bytes, Held] = OrderedDict()

    def __len__(self) -> int:
        """Conversations under way."""
        return len(self._open)

    def begin(self, conversation: Conversation, peer: str) -> Held:
        """Give a conversation a State; keep() then puts it in the table."""
        prefix = this_worker.get().to_bytes(WORKER_OCTETS, "big")
        return Held(prefix + secrets.token_bytes(STATE_OCTETS), peer, conversation)

    def find(self, state: bytes, peer: str) -> Held | None:
        """The conversation of a State, if it came by this peer and is not over for good."""
        self._expire()
        held = self._open.get(state) or self._over.get(state)
        return held if held is not None and held.peer == peer else None

    def keep(self, held: Held) -> None:
        """Keep a conversation that has advanced: until it idles too long, or its end until no repeat can come."""
        now = self._expire()
        if held.conversation.is_over:
            if held.state in self._open:
                self._drop(held)
                self._remember(held, now)
            return
        if held.state not in self._open:
            self._make_room(held.peer)
            self._open[held.state] = held
            self._of_peer.setdefault(held.peer, OrderedDict())[held.state] = held
        held.until = now + self._idle_seconds
        self._open.move_to_end(held.state)
        self._of_peer[held.peer].move_to_end(held.state)

    def close(self) -> None:
        """Give up all conversations."""
        for held in list(self._open.values()):
            self._give_up(held)
        self._over.clear()

    def _remember(self, held: Held, now: float) -> None:
        held.until = now + REMEMBERED_SECONDS
        self._over[held.state] = held
        if len(self._over) > self._maximum:
            self._over.popitem(last=False)

    def _make_room(self, peer: str) -> None:
        of_peer = self._of_peer.get(peer, self._open)
        if of_peer is not self._open and len(of_peer) >= self._per_peer:
            self._give_up(_longest_idle(of_peer))
        elif len(self._open) >= self._maximum:
            self._give_up(_longest_idle(self._open))

    def _expire(self) -> float:
        """Give up what has waited too long; the time."""
        now = self._clock()
        while self._open and (held := _longest_idle(self._open)).until <= now:
            self._give_up(held)
        while self._over and (held := _longest_idle(self._over)).until <= now:
            del self._over[held.state]
        return now

    def _give_up(self, held: Held) -> None:
        self.given_up += 1
        self._drop(held)
        held.conversation.close()

    def _drop(self, held: Held) -> None:
        del self._open[held.state]
        of_peer = self._of_peer[held.peer]
        del of_peer[held.state]
        if not of_peer:
            del self._of_peer[held.peer]


def _longest_idle(conversations: OrderedDict[bytes, Held]) -> Held:
    return next(iter(conversations.values()))
