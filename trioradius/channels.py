"""Channels: the way to a server over UDP, each request retransmitted until it is answered.

An Identifier is one octet, so a socket carries 256 requests; more open further sockets (RFC 2865 section 2.5).
"""

from __future__ import annotations

import logging
import socket
from collections import Counter, deque
from typing import Any, Final, TypeAlias

import attrs
import trio

from trioradius.attributes.dictionary import Dictionary
from trioradius.errors import AuthenticityError, DecodeError, NoResponse
from trioradius.protocol.exchange import Sent
from trioradius.protocol.packets import ProtocolError, Request
from trioradius.protocol.profile import RADIUS_1_0, Profile
from trioradius.retransmission import delayed
from trioradius.transports import UDP
from trioradius.transports.sockets import DATAGRAM_MAXIMUM
from trioradius.way import CLOSED, UNMATCHED, R, Terms, UnderWay

EXCHANGES_MAXIMUM: Final = 16_384
"""At once, on 64 sockets; further ones wait for a place."""
IDENTIFIERS_MAXIMUM: Final = 5
"""That one exchange holds: an Accounting-Request that counts its delay is listened for under its last five."""
BATCH: Final = 64
"""Datagrams read before other tasks get a turn."""

log = logging.getLogger("trioradius.client")


class Channels:
    """Sockets connected to one server, opened as Identifiers are needed."""

    def __init__(self, server: UDP, terms: Terms, counters: Counter[str], nursery: trio.Nursery) -> None:
        self.profile: Profile = RADIUS_1_0
        self._server = self._address = server
        self._terms = terms
        self._counters = counters
        self._nursery = nursery
        self._places = trio.Semaphore(EXCHANGES_MAXIMUM)
        self._channels: list[_Channel] = []
        self._opening = trio.Lock()
        # First in, first out: an Identifier rests as long as it can, so that a late reply does not meet its next user.
        self._free: deque[_Place] = deque()
        self._closed = False

    async def exchange(self, request: Request[R]) -> R | ProtocolError:
        """Retransmit a request until it is answered or the schedule ends. Raises what Client.exchange() says."""
        begun = trio.current_time()
        under_way: UnderWay[R, _Place] = UnderWay()
        async with self._places:
            try:
                for wait in self._terms.retransmission.waits():
                    await self._transmit(delayed(request, trio.current_time() - begun), under_way)
                    with trio.move_on_after(wait):
                        return await under_way.reply()
            finally:
                for place in under_way.places:
                    self._give_back(place)
        text, reason = under_way.hint()
        raise NoResponse(f"no acceptable reply from {self._server.host} port {self._server.port}{text}", reason=reason)

    async def _transmit(self, request: Request[R], under_way: UnderWay[R, _Place]) -> None:
        """Send the same octets as before, or those of a request that has changed under a further Identifier."""
        sent = under_way.unchanged(request)
        if sent is None:
            if len(under_way.places) == IDENTIFIERS_MAXIMUM:
                self._give_back(under_way.places.popleft())
            channel, identifier = await self._take()
            under_way.places.append((channel, identifier))
            sent = under_way.sent = self._terms.make(request, identifier, self.profile)
            channel.waiting[identifier] = sent, under_way
        await under_way.places[-1][0].send(sent.octets, under_way)

    async def _take(self) -> _Place:
        """A free Identifier, of a further socket where all are taken."""
        if not self._free:
            async with self._opening:
                if not self._free and not self._closed:
                    await self._open()
        if self._closed:
            raise trio.ClosedResourceError(CLOSED)
        return self._free.popleft()

    def _give_back(self, place: _Place) -> None:
        channel, identifier = place
        channel.waiting.pop(identifier, None)
        self._free.append(place)

    async def connect(self) -> None:
        """Open the first socket. Raises ConfigurationError where the address is wrong."""
        async with self._opening:
            if not self._channels:
                await self._open()

    async def _open(self) -> None:
        connected = await self._address.connect()
        if self._closed:
            connected.close()
            raise trio.ClosedResourceError(CLOSED)
        # Further sockets go to the very same server, whatever its name resolves to by then.
        host, port, *scope = connected.getpeername()
        self._address = attrs.evolve(self._address, host=f"{host}%{scope[1]}" if any(scope) else host, port=port)
        # A plain socket reads what is there without a trip through the scheduler for each datagram.
        plain = socket.socket(fileno=connected.detach())
        plain.setblocking(False)
        channel = _Channel(plain, self._terms.dictionary, self._counters)
        self._channels.append(channel)
        self._nursery.start_soon(channel.receive)
        self._free.extend((channel, identifier) for identifier in range(256))

    def close(self) -> None:
        """End what is under way with trio.ClosedResourceError, and close the sockets; open_client() does it."""
        self._closed = True
        self._nursery.cancel_scope.cancel()
        for channel in self._channels:
            for under_way in channel.exchanges():
                under_way.end(trio.ClosedResourceError(CLOSED))


class _Channel:
    """One connected socket, and who waits for the reply under which of its 256 Identifiers."""

    def __init__(self, connected: socket.socket, dictionary: Dictionary, counters: Counter[str]) -> None:
        self.waiting: dict[int, tuple[Sent[Any], UnderWay[Any, _Place]]] = {}
        self._socket = connected
        self._dictionary = dictionary
        self._counters = counters

    async def send(self, octets: bytes, under_way: UnderWay[Any, _Place]) -> None:
        """Send, or behave like a network that lost it: an unreachable server is found out by waiting."""
        while True:
            try:
                self._socket.send(octets)
            except BlockingIOError:
                await trio.lowlevel.wait_writable(self._socket)
                continue
            except OSError as error:
                self._refused(error, [under_way])
            return

    async def receive(self) -> None:
        """Hand each datagram to whoever waits for its Identifier, until cancelled; the socket is closed then."""
        try:
            while True:
                await trio.lowlevel.wait_readable(self._socket)
                self._drain()
        finally:
            trio.lowlevel.notify_closing(self._socket)
            self._socket.close()

    def _drain(self) -> None:
        for _ in range(BATCH):
            try:
                octets = self._socket.recv(DATAGRAM_MAXIMUM)
            except BlockingIOError:
                return
            except OSError as error:
                self._refused(error, self.exchanges())
            else:
                self._received(octets)

    def exchanges(self) -> list[UnderWay[Any, _Place]]:
        """Whatever waits for a reply on this socket."""
        return [under_way for _, under_way in self.waiting.values()]

    def _received(self, octets: bytes) -> None:
        """What is no good reply is counted and ignored; the timers run on (RFC 5080 section 2.2.1)."""
        found = self.waiting.get(octets[1]) if len(octets) > 1 else None
        if found is None:
            self._count(UNMATCHED, f"replies came that fit no request ({UNMATCHED})", self.exchanges())
            return
        sent, under_way = found
        try:
            under_way.end(sent.read_reply(octets, self._dictionary))
        except (AuthenticityError, DecodeError) as error:
            # One line a reason, lest a flood of forged replies fill the log; the counters have the rest.
            level = logging.DEBUG if self._counters[error.reason] else logging.WARNING
            log.log(level, "a reply was discarded: %s", error)
            self._count(error.reason, f"{error} ({error.reason})", [under_way])

    def _refused(self, error: OSError, concerned: list[UnderWay[Any, _Place]]) -> None:
        """What the network says, such as an ICMP message, may not last, so the timers run on here too."""
        text = error.strerror or str(error)
        known = "nothing listens there" if isinstance(error, ConnectionRefusedError) else "it cannot be reached"
        self._count(text.lower().replace(" ", "_"), f"{known} ({text})", concerned)

    def _count(self, reason: str, text: str, concerned: list[UnderWay[Any, _Place]]) -> None:
        self._counters[reason] += 1
        for under_way in concerned:
            under_way.blame(reason, text)


_Place: TypeAlias = tuple[_Channel, int]
