"""The DTLS listener: it reads and answers as UDP does, with sessions between socket and packets (RFC 7360).

A datagram goes to the session of its address, which makes packets of it, one a record; they wait in a queue for the
task that leads. A reply goes back as one record through its session, or nowhere where that has ended.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
from collections import Counter, deque
from collections.abc import Hashable
from datetime import UTC, datetime
from typing import Final, cast

import attrs
import trio

from trioradius.errors import Overload, RadiusError
from trioradius.peers.callers import Caller
from trioradius.protocol.codes import ACCOUNTING_REQUEST
from trioradius.protocol.profile import RADIUS_1_0_SECURED
from trioradius.protocol.source import Source
from trioradius.tls import (
    Admission,
    Closed,
    Context,
    Data,
    DatagramEngine,
    Event,
    Failed,
    HandshakeDone,
    Sessions,
    State,
)
from trioradius.tls.datagrams import DATAGRAM_MAXIMUM
from trioradius.transports.abreast import Answering, Batch, at_once
from trioradius.transports.listener import Service, Turn
from trioradius.transports.secured import CLOSING, log_handshake, refusal
from trioradius.transports.sockets import Destination, address_of, datagrams
from trioradius.transports.turns import DatagramListener

TICK: Final = 0.25
"""Seconds between two looks at the timers of handshakes."""
TOLD_MAXIMUM: Final = 256
"""Addresses that a source of peers is asked for at once."""
SWEEP: Final = 1.0
"""Seconds between two looks for sessions that were idle for too long, or whose certificate has run out."""

_numbers = itertools.count(1)


@attrs.define(eq=False)
class Session:
    """A session of one peer, who has sent ``packets`` of which ``pending`` are not done with.

    ``turns`` are those whose handlers end with the session.
    """

    engine: DatagramEngine
    destination: Destination
    source: Source
    used: float
    packets: int = 0
    pending: int = 0
    turns: set[Turn] = attrs.field(factory=set)

    @property
    def is_open(self) -> bool:
        """Whether packets can still leave."""
        return self.engine.state is State.OPEN


class NoPacket(ConnectionError):
    """A datagram that held no RADIUS packet: part of a handshake, or of no session."""


class DTLSListener(DatagramListener[Session]):
    """One bound UDP socket with its DTLS sessions, and the tasks that take turns at it."""

    name = "DTLS"

    def __init__(self, bound: socket.socket, context: Context, codes: frozenset[int]) -> None:
        super().__init__(bound)
        self._batch = Batch(lambda error: error.reason in CLOSING)
        ways = datagrams(bound, DATAGRAM_MAXIMUM)
        self._read, self._write = ways.receive, ways.send
        self._receive, self._put = self._next, self._reply
        self._context = context
        self._codes = codes
        self._engines = Sessions(context, self._admission_for)
        self._open: dict[DatagramEngine, Session] = {}
        self._addresses: Counter[str] = Counter()
        self._packets: deque[tuple[bytes, Session]] = deque()
        self._role = "dtls " + ",".join(map(str, sorted(codes)))
        self._callers: dict[Destination, Caller] = {}
        self._told: dict[str, Caller | None] = {}
        self._busy = trio.Event()

    async def serve(self, service: Service) -> None:
        """Answer requests until stopped or cancelled; then say close_notify to every session."""
        self._service = service
        try:
            async with trio.open_nursery() as nursery:
                self._tasks = nursery
                nursery.start_soon(self._watch)
                await super().serve(service)
                nursery.cancel_scope.cancel()
        finally:
            for session in [*self._open.values()]:
                self._end(session)

    def _next(self) -> tuple[bytes, Session]:
        """The next packet of any session. Raises BlockingIOError or NoPacket where there is none."""
        if not self._packets:
            datagram, destination = self._read()
            self._arrive(datagram, destination)
        while self._packets:
            octets, session = self._packets.popleft()
            if session.is_open:
                return octets, session
        raise NoPacket

    def _source(self, session: Session) -> Source:
        return session.source

    def _reply(self, octets: bytes, session: Session) -> None:
        """One record; a reply of a session that has ended is dropped. Raises OSError."""
        if session.is_open:
            session.engine.write(octets)
            for datagram in session.engine.take_datagrams():
                self._write(datagram, session.destination)

    async def _stay(self, waiting: Answering[Session], turn: Turn) -> None:
        """When the session ends, its handlers do too, but for accounting, which is to be recorded."""
        session = waiting.place
        if waiting.octets[0] != ACCOUNTING_REQUEST:
            session.turns.add(turn)
            if not session.is_open:
                turn.abandon()
        try:
            await super()._stay(waiting, turn)
        finally:
            session.turns.discard(turn)
            if not waiting.is_done:
                self._settle(session)

    async def _deliver(self, done: list[Answering[Session]]) -> None:
        try:
            await super()._deliver(done)
        finally:
            for answering in done:
                self._settle(answering.place)

    def _settle(self, session: Session) -> None:
        """One packet is done with; the last one that a session may carry ends it."""
        session.pending -= 1
        if session.is_open and not session.pending and session.packets == self._context.settings.packets_maximum:
            self._end(session)

    def _discarded(self, error: RadiusError, answering: Answering[Session]) -> None:
        """What a peer that has the key must never send ends its session (RFC 6614 section 2.3 item 6)."""
        super()._discarded(error, answering)
        if error.reason in CLOSING:
            self._end(answering.place)

    def _arrive(self, datagram: bytes, destination: Destination) -> None:
        """Hand a datagram to its session, and do what it comes to."""
        arrival = self._engines.receive(datagram, destination, seconds=trio.current_time(), now=datetime.now(UTC))
        self._busy.set()
        self._send_flight(arrival.answers, destination)
        if arrival.refused:
            self._refuse(Overload("too many sessions", reason=arrival.refused), destination)
        if arrival.given_up is not None:
            self._give_up(cast(Destination, arrival.given_up))
        for event in arrival.events:
            if arrival.engine is not None:
                self._happened(event, arrival.engine, destination)
        replaced = self._open.get(arrival.replaced) if arrival.replaced is not None else None
        if replaced is not None:
            self._end(replaced)

    def _give_up(self, destination: Destination) -> None:
        """The oldest handshake made room for a new one."""
        self._callers.pop(destination, None)
        self._refuse(RadiusError("the oldest of too many handshakes at once", reason="half_open_full"), destination)

    def _happened(self, event: Event, engine: DatagramEngine, destination: Destination) -> None:
        match event:
            case HandshakeDone():
                self._begin(engine, event, destination)
            case Data():
                self._received(event.octets, self._open.get(engine))
            case Failed():
                self._failed(event, engine, destination)
            case Closed() if engine in self._open:
                self._forget(engine)
            case Closed():
                self._failed(Failed("cut_off", "the peer closed during the handshake"), engine, destination)

    def _failed(self, failure: Failed, engine: DatagramEngine, destination: Destination) -> None:
        """A handshake that came to nothing, or a session that broke."""
        if engine in self._open:
            self._forget(engine)
            return
        caller = self._callers.pop(destination, None)
        reason = "unknown_peer" if caller is not None and caller.is_stranger else failure.reason
        self._refuse(RadiusError(failure.text, reason=reason), destination)

    def _begin(self, engine: DatagramEngine, done: HandshakeDone, destination: Destination) -> None:
        """A session of the peer that has proved who it is, or none."""
        caller = self._callers.pop(destination, None)
        peer = caller.peer(done.certificate, done.psk_identity) if caller is not None else None
        source = attrs.evolve(self._stranger(destination), connection=next(_numbers), peer=peer)
        session = self._open[engine] = Session(engine, destination, source, trio.current_time())
        self._addresses[source.address] += 1
        if peer is None:
            self._service.refused(RadiusError("no entry of peers knows this identity", reason="unknown_peer"), source)
            self._end(session)
        else:
            log_handshake(source, peer, done)

    def _received(self, octets: bytes, session: Session | None) -> None:
        """Queue a packet; past the most that a session may carry none is taken, until those before are answered."""
        if session is None:
            return
        most = self._context.settings.packets_maximum
        if most is not None and session.packets >= most:
            return
        session.used = trio.current_time()
        session.packets += 1
        session.pending += 1
        self._packets.append((octets, session))

    def _end(self, session: Session) -> None:
        """Say close_notify and forget the session; its Access-Requests are given up."""
        session.engine.close()
        self._send_flight(session.engine.take_datagrams(), session.destination)
        self._engines.discard(session.destination, session.engine)
        self._forget(session.engine)

    def _forget(self, engine: DatagramEngine) -> None:
        """The session, if there was one, has ended."""
        session = self._open.pop(engine, None)
        if session is None:
            return
        self._addresses[session.source.address] -= 1
        if not self._addresses[session.source.address]:
            del self._addresses[session.source.address]
        for turn in session.turns:
            turn.abandon()

    def _send_flight(self, flight: list[bytes], destination: Destination) -> None:
        """What does not leave now is lost, as on any network, and a timer repeats it."""
        with contextlib.suppress(OSError):
            for datagram in flight:
                self._write(datagram, destination)

    def _refuse(self, error: RadiusError, destination: Destination) -> None:
        self._service.refused(error, self._stranger(destination))

    def _stranger(self, destination: Destination) -> Source:
        """The Source of an address before it has proved who it is."""
        address, port = address_of(destination)
        return Source(address, port, "dtls", RADIUS_1_0_SECURED, self._codes, self._role)

    def _admission_for(self, address: Hashable) -> Admission | None:
        """Who may come in from an address that has proved real; None too while a source is being asked for it."""
        destination = cast(Destination, address)
        source = self._stranger(destination)
        if self._connections(source.address, destination) >= self._context.settings.connections_per_address:
            text = "too many sessions from this address; TLSSettings(connections_per_address=...) bounds them"
            self._service.refused(Overload(text, reason="address_connections_full"), source)
            return None
        caller = self._caller(source)
        if caller is None:
            return None
        self._callers[destination] = caller
        return caller.admission(self._context.admission())

    def _connections(self, host: str, destination: Destination) -> int:
        """Sessions and handshakes of an address, without the one that a new handshake would take the place of."""
        others = [cast(Destination, other) for other, _ in self._engines.handshakes() if other != destination]
        under_way = sum(address_of(other)[0] == host for other in others)
        return self._addresses[host] + under_way - (self._engines.get(destination) is not None)

    def _caller(self, source: Source) -> Caller | None:
        """What is known of an address; a ClientHello that comes before a source has told is lost, and repeated."""
        if not self._service.peers.has_source:
            return at_once(self._service.caller(source))
        if source.address not in self._told and len(self._told) < TOLD_MAXIMUM:
            self._told[source.address] = None
            self._tasks.start_soon(self._ask, source)
        return self._told.get(source.address)

    async def _ask(self, source: Source) -> None:
        """Ask for an address, and believe the answer for as long as a handshake may take."""
        try:
            self._told[source.address] = await self._service.caller(source)
            await trio.sleep(self._context.settings.handshake_seconds)
        finally:
            del self._told[source.address]

    def reload(self) -> None:
        """Read certificates, authorities and revocation lists again; sessions that no longer pass are closed.

        Raises:
            ConfigurationError: a file cannot work; all stays as it was.
        """
        self._context = self._context.reload()
        self._engines.reload(self._context)
        for session in self._open.values():
            self._tasks.start_soon(self._recheck, session)

    async def _recheck(self, session: Session) -> None:
        """End a session whose peer no longer passes, under what a reload has read."""
        caller, done = await self._service.caller(session.source), session.engine.done
        if caller is None or done is None or not session.is_open:
            return
        fault = refusal(done, caller, self._context, session.source)
        if fault:
            self._service.refused(RadiusError(f"after a reload: {fault}", reason="no_longer_admitted"), session.source)
            self._end(session)

    async def _watch(self) -> None:
        """Repeat lost flights of handshakes, and end what has taken too long, while there is something to watch."""
        swept = trio.current_time()
        while True:
            if not self._open and not self._engines.half_open:
                self._busy = trio.Event()
                await self._busy.wait()
            await trio.sleep(TICK)
            self._repeat_flights()
            if trio.current_time() - swept >= SWEEP:
                swept = trio.current_time()
                self._sweep()

    def _repeat_flights(self) -> None:
        for address, flight in self._engines.tick():
            self._send_flight(flight, cast(Destination, address))
        text = f"the handshake took longer than {self._context.settings.handshake_seconds:g} s"
        late = RadiusError(text, reason="handshake_timeout")
        under_way = {engine: cast(Destination, address) for address, engine in self._engines.handshakes()}
        for engine in self._engines.expire(trio.current_time()):
            self._callers.pop(under_way[engine], None)
            self._refuse(late, under_way[engine])

    def _sweep(self) -> None:
        """End sessions without packets, and those whose peer's certificate has run out."""
        now, idle = datetime.now(UTC), trio.current_time() - self._context.settings.idle_seconds
        for session in [*self._open.values()]:
            done = session.engine.done
            expired = done is not None and done.certificate is not None and done.certificate.not_after < now
            if expired or (session.used <= idle and not session.pending):
                self._end(session)
