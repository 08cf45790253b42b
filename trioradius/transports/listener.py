"""What every listener shares: what it serves, its bounds, and the replies that wait."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol, TypeAlias

import attrs
import trio

from trioradius.errors import ConfigurationError, Overload, RadiusError
from trioradius.peers import Peers
from trioradius.peers.callers import Caller
from trioradius.protocol.source import Source
from trioradius.transports.abreast import Answering

BATCH: Final = 64
"""Delayed replies sent before other tasks get a turn."""
TICK: Final = 0.01
"""Seconds that the due times of delayed replies are rounded up to, so that one wake-up sends many."""
DELAYED_MAXIMUM: Final = 65_536
"""Rejects that may wait at once; a flood of bad passwords must not fill the memory."""


@attrs.frozen
class Limits:
    """Bounds of a listener.

    Args:
        in_flight: requests at once whose handlers wait for something; past it the kernel's buffer fills and drops.
        in_flight_per_address: of one NAS, so that it cannot take every place; past it its requests are discarded.
        handler_seconds: a handler that takes longer is cancelled, and the request stays unanswered.
        grace_seconds: how long running handlers may go on after the server was told to stop.
    """

    in_flight: int = 512
    in_flight_per_address: int = 256
    handler_seconds: float = 30
    grace_seconds: float = 5

    def __attrs_post_init__(self) -> None:
        if min(self.in_flight, self.in_flight_per_address) < 1 or self.handler_seconds <= 0 or self.grace_seconds < 0:
            raise ConfigurationError("limits must be positive")


@attrs.frozen
class Delayed:
    """A reply that leaves only after ``seconds``; ``sent`` is awaited then, or with the reply given up as None."""

    octets: bytes
    seconds: float
    sent: Callable[[bytes | None], Awaitable[Any]]


Answer: TypeAlias = bytes | Delayed | None


class Service(Protocol):
    """What a listener serves: octets to the octets that answer them."""

    limits: Limits

    @property
    def peers(self) -> Peers:
        """Who may connect."""
        ...

    async def caller(self, source: Source) -> Caller | None:
        """What is known of whoever connects; None where that could not be found out, and was logged."""
        ...

    @property
    def answer(self) -> Callable[[bytes, Source], Coroutine[Any, Any, Answer]]:
        """What leads to the reply, or to None for silence; what it raises is for caught()."""
        ...

    def waiting(self, source: Source) -> AbstractContextManager[None]:
        """The block in which a request from here waits for its handler."""
        ...

    def caught(self, error: BaseException, octets: bytes, source: Source) -> Answer:
        """The reply where that raised, or None. Raises RadiusError for a packet that must be discarded."""
        ...

    def fenced(self, reply: Delayed, source: Source) -> Delayed:
        """The same reply, whose ``sent`` harms nobody."""
        ...

    def discarded(self, error: RadiusError, source: Source) -> None:
        """Told of every packet that a listener discarded, and of every reply that could not leave."""
        ...

    def refused(self, error: RadiusError, source: Source) -> None:
        """Told of every connection that was turned away or given up, before it could carry a packet."""
        ...

    def unanswered(self, octets: bytes, source: Source) -> bytes | None:
        """What a request gets that ran out of time, or None for silence."""
        ...

    def failed(self, error: Exception, source: object) -> None:
        """Told of an error of a handler that showed only when its task went on."""
        ...

    def timed_out(self, source: Source) -> None:
        """Told of every request whose handler ran out of time."""
        ...


class Places:
    """How many requests may wait for their handlers at once; whoever would begin another one waits for room."""

    def __init__(self, most: float = math.inf) -> None:
        self._most = most
        self._taken = 0
        self._waiting = trio.lowlevel.ParkingLot()

    def bound(self, most: float = math.inf) -> None:
        """Have another bound from now on, or none, so that what waits for room waits no more."""
        self._most = most
        self._waiting.unpark_all()

    async def room(self) -> None:
        """Wait until a place is free; it is not taken yet."""
        while self._taken >= self._most:
            await self._waiting.park()

    def take(self) -> None:
        """One more request waits."""
        self._taken += 1

    def give(self) -> None:
        """One less."""
        self._taken -= 1
        self._waiting.unpark_all()


class Turn:
    """One task's turn at reading: the request that it stays with, if any, and the time limit from then on."""

    __slots__ = ("_seconds", "abandoned", "limit", "request")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.limit = trio.CancelScope()
        self.request: Answering[Any] | None = None
        self.abandoned = False

    def suspended(self, request: Answering[Any]) -> None:
        """The handler really waits: start its time limit."""
        self.limit.deadline = trio.current_time() + self._seconds
        self.request = request

    def abandon(self) -> None:
        """Cancel the handler, whose reply could go nowhere."""
        self.abandoned = True
        self.limit.cancel()


class DelayedReplies:
    """One timer heap for the replies of a listener that have to wait; they hold no worker.

    Args:
        send: puts octets on the wire for a destination.
    """

    def __init__(self, send: Callable[[bytes, Any], Awaitable[None]]) -> None:
        self._send = send
        self._heap: list[tuple[float, int, Delayed, Any]] = []
        self._order = itertools.count()
        self._changed = trio.Event()
        self._stopping = False

    async def add(self, reply: Delayed, destination: Any) -> None:
        """Send this reply when it is due. Raises Overload, with the reply given up, where too many wait."""
        if len(self._heap) >= DELAYED_MAXIMUM:
            await reply.sent(None)
            raise Overload("too many delayed Access-Rejects wait already", reason="delayed_replies_full")
        due = math.ceil((trio.current_time() + reply.seconds) / TICK) * TICK
        waiting = due, next(self._order), reply, destination
        heapq.heappush(self._heap, waiting)
        if self._heap[0] is waiting:
            self._changed.set()

    def stop(self) -> None:
        """Let run() return once the heap is empty; nothing may be added any more."""
        self._stopping = True
        self._changed.set()

    async def run(self) -> None:
        """Send what is due until stopped."""
        while self._heap or not self._stopping:
            self._changed = trio.Event()
            due = self._heap[0][0] if self._heap else float("inf")
            with trio.move_on_at(due):
                await self._changed.wait()
            await self._send_due()

    async def _send_due(self) -> None:
        """Send a batch of what is due; all of it is kept at once, since a shared store takes a while for each."""
        async with trio.open_nursery() as keeping:
            for _ in range(BATCH):
                if not self._heap or self._heap[0][0] > trio.current_time():
                    return
                _, _, reply, destination = heapq.heappop(self._heap)
                await self._send(reply.octets, destination)
                keeping.start_soon(reply.sent, reply.octets)
