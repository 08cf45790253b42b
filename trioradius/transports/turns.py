"""Turns: tasks that take turns at reading datagrams, so that a handler that never waits costs no task.

Leader and followers. One task leads: it reads datagrams in batches and answers them abreast. Where a handler really
waits, the leader hands socket and batch to a follower and stays with its request; then it parks.
"""

from __future__ import annotations

import contextlib
import errno
import socket
from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Generic, TypeAlias

import trio

from trioradius.errors import RadiusError
from trioradius.protocol.source import Source
from trioradius.transports.abreast import Answering, Batch, Place
from trioradius.transports.listener import Delayed, DelayedReplies, Places, Service, Turn

if TYPE_CHECKING:
    from typing import Self

BoundAddress: TypeAlias = tuple[str, int]

BATCH: Final = 64
"""Datagrams read before other tasks get a turn."""


class DatagramListener(Generic[Place]):
    """One bound datagram socket, and the tasks that take turns at it.

    A transport sets ``_receive``, the next packet and where its reply goes, and ``_put``, which sends one there. The
    former raises BlockingIOError where there is none yet, and ConnectionError where what came was no packet. It may
    have ``_put_alike``, which sends several of one length there, or raises OSError when it has sent none.
    """

    name = "datagrams"
    _receive: Callable[[], tuple[bytes, Place]]
    _put: Callable[[bytes, Place], object]
    _put_alike: Callable[[list[bytes], Place], object] | None = None

    def __init__(self, bound: socket.socket) -> None:
        self.address: BoundAddress = bound.getsockname()[:2]
        self._socket = bound
        self._sources: dict[Place, Source] = {}
        self._parked = trio.lowlevel.ParkingLot()
        self._delayed = DelayedReplies(self._send)
        self._writing = trio.Lock()
        self._batch: Batch[Place] = Batch()
        self._places = Places()
        self._is_empty = False
        self._stopping = False
        self._all_begun = trio.Event()

    def __repr__(self) -> str:
        host, port = self.address
        return f"{self.name} [{host}]:{port}" if ":" in host else f"{self.name} {host}:{port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        trio.lowlevel.notify_closing(self._socket)
        self._socket.close()

    def stop(self) -> None:
        """Read no more. serve() returns when what was read is answered and waiting replies have left."""
        self._stopping = True
        self._places.bound()
        trio.lowlevel.notify_closing(self._socket)
        self._parked.unpark_all()

    async def all_begun(self) -> None:
        """Wait, once stopped, until everything that was read is being answered, or done."""
        await self._all_begun.wait()

    async def serve(self, service: Service) -> None:
        """Answer requests until stopped or cancelled."""
        self._service = service
        self._places.bound(service.limits.in_flight)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._delayed.run)
                async with trio.open_nursery() as self._nursery:
                    self._pass_on()
                # Only now, since the last handler may have rejected.
                self._delayed.stop()
        finally:
            self._batch.close()

    def _pass_on(self) -> None:
        """Give socket and batch to a parked worker or a new one."""
        if self._parked:
            self._parked.unpark()
        else:
            self._nursery.start_soon(self._work)

    async def _work(self) -> None:
        """Lead until a handler waits, stay with its request, then wait for the next turn.

        A turn has a scope of its own: a time limit that fires late, when a thread has kept the handler past it, must
        not reach into the next, and neither must a scope that a handler left open.
        """
        while self._batch or not self._stopping:
            turn = Turn(self._service.limits.handler_seconds)
            # Raises where Trio itself has come to a sudden end: nothing that follows would ever wait again.
            trio.lowlevel.current_task()
            try:
                with turn.limit:
                    await self._lead(turn)
            except RuntimeError as error:
                # Trio's complaint about a scope that a handler left open, as in an async generator given up halfway.
                self._service.failed(error, turn.request.source if turn.request else self)
            if turn.request is None:
                continue
            self._places.give()
            if turn.limit.cancelled_caught and not turn.abandoned:
                self._service.timed_out(turn.request.source)
            if not self._stopping:
                await self._parked.park()
        self._all_begun.set()

    async def _lead(self, turn: Turn) -> None:
        """Answer what the socket holds, until a handler that waited made this task hand it over."""
        batch = self._batch
        await self._deliver(batch.take())
        while True:
            if batch.is_fresh:
                await self._places.room()
            if not batch and not await self._fill():
                return
            waiting = batch.advance()
            if waiting is not None:
                await self._stay(waiting, turn)
                return
            await self._deliver(batch.take())
            if not batch:
                await self._pause()

    async def _fill(self) -> bool:
        """Read a batch, waiting for the first datagram; False where nothing is to be read any more."""
        while not self._stopping:
            self._drain()
            if self._batch:
                return True
            await self._pause()
        return False

    def _drain(self) -> None:
        """Begin with what the socket holds, at most a batch."""
        receive, sources, service, add = self._receive, self._sources, self._service, self._batch.add
        self._is_empty = False
        for _ in range(BATCH):
            try:
                octets, place = receive()
            except BlockingIOError:
                self._is_empty = True
                return
            except ConnectionError:
                continue
            source = sources.get(place) or self._source(place)
            add(Answering(service, octets, source, place))

    async def _pause(self) -> None:
        """Let other tasks have a turn, and where the socket was found empty wait until it is not."""
        if not self._is_empty:
            await trio.lowlevel.checkpoint()
        elif not self._stopping:
            with contextlib.suppress(trio.ClosedResourceError):
                await trio.lowlevel.wait_readable(self._socket)

    async def _stay(self, waiting: Answering[Place], turn: Turn) -> None:
        """The handler really waits: somebody else reads, and this task stays with the request."""
        self._places.take()
        turn.suspended(waiting)
        self._pass_on()
        await waiting.rest()
        await self._deliver([waiting])

    async def _deliver(self, done: list[Answering[Place]]) -> None:
        """Send the replies. What must be discarded is (RFC 2865 section 3), and counted."""
        replies: defaultdict[tuple[Place, int], list[bytes]] = defaultdict(list)
        others = []
        for answering in done:
            answer = answering.answer
            if isinstance(answer, bytes):
                replies[answering.place, len(answer)].append(answer)
            else:
                others.append(answering)
        for (place, _), alike in replies.items():
            await self._send_all(alike, place)
        for answering in others:
            if answering.error is not None:
                self._discarded(answering.error, answering)
            elif answering.answer is not None:
                await self._delay(answering.answer, answering)

    async def _send_all(self, alike: list[bytes], place: Place) -> None:
        """Send replies of one length to one place; one by one where they cannot leave together."""
        if len(alike) > 1 and self._put_alike is not None:
            try:
                self._put_alike(alike, place)
            except OSError as error:
                # As where they are longer than the way to the NAS takes in one piece, or too many octets at once. A
                # device that cannot cut at all says EIO.
                if error.errno == errno.EIO:
                    self._put_alike = None
            else:
                return
        for octets in alike:
            try:
                self._put(octets, place)
            except OSError:
                await self._send(octets, place)

    async def _delay(self, reply: Delayed, answering: Answering[Place]) -> None:
        try:
            await self._delayed.add(self._service.fenced(reply, answering.source), answering.place)
        except RadiusError as error:
            self._discarded(error, answering)

    def _discarded(self, error: RadiusError, answering: Answering[Place]) -> None:
        """A request that must not be answered."""
        self._service.discarded(error, answering.source)

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
        async with self._writing:
            with contextlib.suppress(trio.ClosedResourceError):
                await trio.lowlevel.wait_writable(self._socket)

    def _source(self, place: Place, /) -> Source:
        """The Source for where a reply goes."""
        raise NotImplementedError
