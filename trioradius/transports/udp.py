"""UDP: a listener whose tasks take turns at reading, so that a handler that never waits costs no task.

Leader and followers. One task leads: it reads datagrams in batches and carries each the whole way. Where a handler
really waits, the leader hands the socket to a follower and stays with its request; then it parks or leads again.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import attrs
import trio

from trioradius.errors import ConfigurationError, RadiusError
from trioradius.protocol import codes
from trioradius.protocol.packets import Request
from trioradius.protocol.profile import RADIUS_1_0
from trioradius.protocol.source import Source
from trioradius.transports.listener import DelayedReplies, Service, first_step, further_steps
from trioradius.transports.sockets import (
    Destination,
    address_of,
    connect_datagram_socket,
    datagrams,
    open_datagram_socket,
)

if TYPE_CHECKING:
    from typing import Self

BATCH: Final = 64
"""Datagrams read before other tasks get a turn."""
SOURCES_MAXIMUM: Final = 8_192

BoundAddress: TypeAlias = tuple[str, int]

_BY_PORT: Final[dict[int, frozenset[int]]] = {
    1812: frozenset({codes.ACCESS_REQUEST}),
    1813: frozenset({codes.ACCOUNTING_REQUEST}),
    3799: frozenset({codes.COA_REQUEST, codes.DISCONNECT_REQUEST}),
}
EVERYTHING: Final = frozenset().union(*_BY_PORT.values())


@attrs.frozen
class UDP:
    """RADIUS over UDP: where to listen, or for a client where to send.

    Args:
        host: the address to bind, "::" for all of IPv6 and IPv4; for a client the server's name or address.
        port: 1812 for authentication, 1813 for accounting, 3799 for CoA and Disconnect; 0 takes a free one.
        accepts: the request classes a listener takes. By default its port decides: the three above take their own,
            any other port takes all. Status-Server is always answered.
        source_address: for a client, the local address to send from.
        receive_buffer: octets asked of the kernel for datagrams that wait.
    """

    host: str = "::"
    port: int = 1812
    accepts: Collection[type[Request[Any]]] | None = attrs.field(default=None, kw_only=True)
    source_address: str | None = attrs.field(default=None, kw_only=True)
    receive_buffer: int = attrs.field(default=8 << 20, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise ConfigurationError(f"UDP: {self.port} is not a port; 0 to 65535 are")

    @property
    def codes(self) -> frozenset[int]:
        """The packet codes that a listener takes."""
        if self.accepts is None:
            return _BY_PORT.get(self.port, EVERYTHING)
        return frozenset(request.code for request in self.accepts)

    async def bind(self) -> UDPListener:
        """A bound listener, not reading yet. Raises ConfigurationError where the address cannot be bound."""
        return UDPListener(await open_datagram_socket(self.host, self.port, self.receive_buffer), self)

    async def connect(self) -> trio.socket.SocketType:
        """A socket connected to the server. Raises ConfigurationError where it cannot be."""
        return await connect_datagram_socket(self.host, self.port, self.source_address)


class UDPListener:
    """One bound UDP socket, and the tasks that take turns at it."""

    def __init__(self, bound: socket.socket, settings: UDP) -> None:
        self.address: BoundAddress = bound.getsockname()[:2]
        self._socket = bound
        self._receive, self._put = datagrams(bound)
        self._codes = settings.codes
        self._sources: dict[Destination, Source] = {}
        self._parked = trio.lowlevel.ParkingLot()
        self._delayed = DelayedReplies(self._send)
        self._room = trio.Lock()
        self._workers = 0
        self._led = False
        self._stopping = False

    def __repr__(self) -> str:
        host, port = self.address
        return f"UDP [{host}]:{port}" if ":" in host else f"UDP {host}:{port}"

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
            turn = _Turn(self._service.limits.handler_seconds, self._pass_on)
            try:
                with turn.limit:
                    await self._lead(turn)
            except RuntimeError as error:
                # Trio's complaint about a scope that a handler left open, as in an async generator given up halfway.
                self._service.failed(error, turn.source)
            if turn.limit.cancelled_caught:
                self._service.timed_out(turn.source)
            if turn.handed_over and self._led and not self._stopping:
                await self._parked.park()
            self._led = True

    async def _lead(self, turn: _Turn) -> None:
        """Answer what the socket holds, until a handler that waited made this task hand it over."""
        receive, sources = self._receive, self._sources
        while not self._stopping:
            for _ in range(BATCH):
                try:
                    octets, destination = receive()
                except BlockingIOError:
                    await self._wait_readable()
                    break
                except ConnectionError:
                    continue
                turn.source = sources.get(destination) or self._source(destination)
                await self._answer(octets, destination, turn)
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

    async def _answer(self, octets: bytes, destination: Destination, turn: _Turn) -> None:
        """One datagram's whole way. What must be discarded is (RFC 2865 section 3), and counted."""
        answering = self._service.answer(octets, turn.source)
        try:
            done, answer, context = first_step(answering)
            if not done:
                turn.suspended()
                answer = await further_steps(answering, answer, context)
            if isinstance(answer, bytes):
                try:
                    self._put(answer, destination)
                except OSError:
                    await self._send(answer, destination)
            elif answer is not None:
                await self._delayed.add(answer, destination)
        except RadiusError as error:
            self._service.discarded(error, turn.source)

    async def _send(self, octets: bytes, destination: Destination) -> None:
        """Send, waiting for room in the socket's buffer; what the network refuses is counted."""
        while True:
            try:
                self._put(octets, destination)
            except BlockingIOError:
                await self._wait_writable()
            except OSError as error:
                text = f"the reply could not be sent: {error.strerror}"
                self._service.discarded(RadiusError(text, reason="reply_not_sent"), self._source(destination))
                return
            else:
                return

    async def _wait_writable(self) -> None:
        """One task at a time, as Trio wants it; stop() wakes it, and then it tries again."""
        async with self._room:
            with contextlib.suppress(trio.ClosedResourceError):
                await trio.lowlevel.wait_writable(self._socket)

    def _source(self, destination: Destination) -> Source:
        """The Source for where a reply goes, kept, since a NAS sends many packets from one port."""
        if len(self._sources) >= SOURCES_MAXIMUM:
            self._sources.clear()
        role = ",".join(map(str, sorted(self._codes)))
        address, port = address_of(destination)
        found = Source(address, port, "udp", RADIUS_1_0, self._codes, role)
        self._sources[destination] = found
        return found


class _Turn:
    """One worker's turn at the socket: whether it was handed over, and the time limit from then on."""

    __slots__ = ("_pass_on", "_seconds", "handed_over", "limit", "source")
    source: Source

    def __init__(self, seconds: float, pass_on: Callable[[], None]) -> None:
        self._seconds = seconds
        self._pass_on = pass_on
        self.limit = trio.CancelScope()
        self.handed_over = False

    def suspended(self) -> None:
        """The handler really waits: start its time limit, and let somebody else read."""
        self.limit.deadline = trio.current_time() + self._seconds
        self.handed_over = True
        self._pass_on()
