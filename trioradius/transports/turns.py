"""Turns: tasks that take turns at reading datagrams, so that a handler that never waits costs no task.

Leader and followers. One task leads: it reads datagrams in batches and carries each the whole way. Where a handler
really waits, the leader hands the socket to a follower and stays with its request; then it parks or leads again.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Generic, TypeAlias, TypeVar

import trio

from trioradius.errors import RadiusError
from trioradius.protocol.source import Source
from trioradius.transports.listener import DelayedReplies, Service, first_step, further_steps

if TYPE_CHECKING:
    from typing import Self

Place = TypeVar("Place")
"""Where a reply goes."""
BoundAddress: TypeAlias = tuple[str, int]

BATCH: Final = 64
"""Datagrams read before other tasks get a turn."""


class DatagramListener(Generic[Place]):
    """One bound datagram socket, and the tasks that take turns at it.

    A transport sets ``_receive``, the next packet and where its reply goes, and ``_put``, which sends one there. The
    former raises BlockingIOError where there is none yet, and ConnectionError where what came was no packet.
    """

    name = "datagrams"
    _receive: Callable[[], tuple[bytes, Place]]
    _put: Callable[[bytes, Place], object]

    def __init__(self, bound: socket.socket) -> None:
        self.address: BoundAddress = bound.getsockname()[:2]
        self._socket = bound
        self._sources: dict[Place, Source] = {}
        self._parked = trio.lowlevel.ParkingLot()
        self._delayed = DelayedReplies(self._send)
        self._room = trio.Lock()
        self._workers = 0
        self._led = False
        self._stopping = False

    def __repr__(self) -> str:
        host, port = self.address
        return f"{self.name} [{host}]:{port}" if ":" in host else f"{self.name} {host}:{port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        trio.lowlevel.notify_closing(self._socket)
        self._socket.close()

    def stop(self) -> None:
        """Read no more. serve() returns when running handlers are done and waiting replies have left."""
        self._stopping = True
        trio.lowlevel.notify_closing(self._socket)
        self._parked.unpark_all()

    async def serve(self, service: Service) -> None:
        """Answer requests until stopped or cancelled."""
        self._service = service
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._delayed.run)
            async with trio.open_nursery() as self._nursery:
                self._pass_on()
            # Only now, since the last handler may have rejected.
            self._delayed.stop()

    def _pass_on(self) -> None:
        """Give the socket to a parked worker or a new one; past the bound to whoever is done first."""
        self._led = False
        if self._parked:
            self._led = True
            self._parked.unpark()
        elif self._workers < self._service.limits.in_flight and not self._stopping:
            self._led = True
            self._workers += 1
            self._nursery.start_soon(self._work)

    async def _work(self) -> None:
        """Lead until a handler waits, stay with its request, then wait for the next turn.

        A turn has a scope of its own: a time limit that fires late, when a thread has kept the handler past it, must
        not reach into the next, and neither must a scope that a handler left open.
        """
        while not self._stopping:
            turn = Turn(self._service.limits.handler_seconds, self._pass_on)
            try:
                with turn.limit:
                    await self._lead(turn)
            except RuntimeError as error:
                # Trio's complaint about a scope that a handler left open, as in an async generator given up halfway.
                self._service.failed(error, turn.source)
            if turn.limit.cancelled_caught and not turn.abandoned:
                self._service.timed_out(turn.source)
            if turn.handed_over and self._led and not self._stopping:
                await self._parked.park()
            self._led = True

    async def _lead(self, turn: Turn) -> None:
        """Answer what the socket holds, until a handler that waited made this task hand it over."""
        receive, sources = self._receive, self._sources
        while not self._stopping:
            for _ in range(BATCH):
                try:
                    octets, place = receive()
                except BlockingIOError:
                    await self._wait_readable()
                    break
                except ConnectionError:
                    continue
                turn.source = sources.get(place) or self._source(place)
                await self._answer(octets, place, turn)
                if turn.handed_over:
                    return
            else:
                await trio.lowlevel.checkpoint()

    async def _wait_readable(self) -> None:
        try:
            await trio.lowlevel.wait_readable(self._socket)
        except trio.ClosedResourceError:
            if not self._stopping:
                raise

    async def _answer(self, octets: bytes, place: Place, turn: Turn, /) -> None:
        """One datagram's whole way. What must be discarded is (RFC 2865 section 3), and counted."""
        answering = self._service.answer(octets, turn.source)
        try:
            done, answer, context = first_step(answering)
            if not done:
                turn.suspended()
                answer = await further_steps(answering, answer, context)
            if isinstance(answer, bytes):
                try:
                    self._put(answer, place)
                except OSError:
                    await self._send(answer, place)
            elif answer is not None:
                await self._delayed.add(answer, place)
        except RadiusError as error:
            self._discarded(error, place, turn.source)

    def _discarded(self, error: RadiusError, place: Place, source: Source, /) -> None:
        """A request that must not be answered."""
        self._service.discarded(error, source)

    async def _send(self, octets: bytes, place: Place) -> None:
        """Send, waiting for room in the socket's buffer; what the network refuses is counted."""
        while True:
            try:
                self._put(octets, place)
            except BlockingIOError:
                await self._wait_writable()
            except OSError as error:
                text = f"the reply could not be sent: {error.strerror}"
                self._service.discarded(RadiusError(text, reason="reply_not_sent"), self._source(place))
                return
            else:
                return

    async def _wait_writable(self) -> None:
        """One task at a time, as Trio wants it; stop() wakes it, and then it tries again."""
        async with self._room:
            with contextlib.suppress(trio.ClosedResourceError):
                await trio.lowlevel.wait_writable(self._socket)

    def _source(self, place: Place, /) -> Source:
        """The Source for where a reply goes."""
        raise NotImplementedError


class Turn:
    """One worker's turn at the socket: whether it was handed over, and the time limit from then on."""

    __slots__ = ("_pass_on", "_seconds", "abandoned", "handed_over", "limit", "source")
    source: Source

    def __init__(self, seconds: float, pass_on: Callable[[], None]) -> None:
        self._seconds = seconds
        self._pass_on = pass_on
        self.limit = trio.CancelScope()
        self.handed_over = False
        self.abandoned = False

    def suspended(self) -> None:
        """The handler really waits: start its time limit, and let somebody else read."""
        self.limit.deadline = trio.current_time() + self._seconds
        self.handed_over = True
        self._pass_on()

    def abandon(self) -> None:
        """Cancel the handler, whose reply could go nowhere."""
        self.abandoned = True
        self.limit.cancel()
