"""Sessions: which DTLS session a datagram belongs to; a bounded table without I/O.

A new ClientHello from an address that has a live session begins a second handshake beside it: the old session goes on
until the new one is authenticated (draft-ietf-radext-radiusdtls-bis), since anybody may forge a ClientHello.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from datetime import datetime

import attrs

from trioradius.tls.context import Context
from trioradius.tls.datagrams import AdmissionFor, DatagramEngine, Door
from trioradius.tls.engine import State
from trioradius.tls.events import Closed, Event, Failed, HandshakeDone
from trioradius.tls.records import client_random, epoch, is_client_hello


@attrs.frozen
class Arrival:
    """What a datagram came to.

    ``events`` are those of ``engine``, None where it belongs to no session. ``answers`` are the datagrams to send back
    to its address. ``replaced`` is the session that a new one from the same address took the place of. ``given_up`` is
    the address of the oldest handshake, where this one took its place because there were too many. ``refused`` is one
    word for a counter where a handshake was not begun: connections_full.
    """

    engine: DatagramEngine | None = None
    events: list[Event] = attrs.field(factory=list)
    answers: list[bytes] = attrs.field(factory=list)
    replaced: DatagramEngine | None = None
    given_up: Hashable | None = None
    refused: str = ""


@attrs.frozen
class _HalfOpen:
    engine: DatagramEngine
    random: bytes
    until: float


class Sessions:
    """The sessions of one DTLS listener, by address. The settings of the context bound them.

    Args:
        context: a server's, for datagrams; it may be exchanged for a reloaded one.
        admission_for: who may come in from an address, None for nobody.
    """

    def __init__(self, context: Context, admission_for: AdmissionFor) -> None:
        self._door = Door(context, admission_for)
        self._half_open: dict[Hashable, _HalfOpen] = {}
        self._live: dict[Hashable, tuple[DatagramEngine, bytes]] = {}

    def __len__(self) -> int:
        return len(self._live)

    def __iter__(self) -> Iterator[tuple[Hashable, DatagramEngine]]:
        """Live sessions with their addresses."""
        return iter([(address, engine) for address, (engine, _) in self._live.items()])

    @property
    def half_open(self) -> int:
        """Handshakes under way."""
        return len(self._half_open)

    def handshakes(self) -> Iterator[tuple[Hashable, DatagramEngine]]:
        """Handshakes under way with their addresses."""
        return iter([(address, waiting.engine) for address, waiting in self._half_open.items()])

    def reload(self, context: Context) -> None:
        """Take this context for handshakes to come."""
        self._door = self._door.with_context(context)

    def get(self, address: Hashable) -> DatagramEngine | None:
        """The live session of an address."""
        found = self._live.get(address)
        return found[0] if found is not None else None

    def discard(self, address: Hashable, engine: DatagramEngine) -> None:
        """Forget a session that has ended; nothing where the address has another one by now."""
        if self.get(address) is engine:
            del self._live[address]

    def receive(self, datagram: bytes, address: Hashable, *, seconds: float, now: datetime) -> Arrival:
        """What a datagram from this address comes to.

        Args:
            datagram: as it came.
            address: whatever tells one peer from another, with a stable repr.
            seconds: a clock that only goes forward.
            now: the time of day, for what certificates are worth.
        """
        waiting = self._half_open.get(address)
        if is_client_hello(datagram):
            return self._hello(datagram, address, waiting, seconds, now)
        if waiting is not None and epoch(datagram) == 0:
            return self._handshake(datagram, address, waiting)
        live = self.get(address)
        arrival = self._feed(live, datagram, address) if live is not None else Arrival()
        if waiting is None or arrival.events:
            return arrival
        # Either session may be meant: each drops what it cannot decrypt (RFC 6347 section 4.1.2.7).
        handshake = self._handshake(datagram, address, waiting)
        return attrs.evolve(handshake, answers=arrival.answers + handshake.answers)

    def expire(self, seconds: float) -> list[DatagramEngine]:
        """Handshakes that took too long; they are forgotten."""
        late = [address for address, waiting in self._half_open.items() if waiting.until <= seconds]
        return [self._half_open.pop(address).engine for address in late]

    def tick(self) -> list[tuple[Hashable, list[bytes]]]:
        """Flights of handshakes that are to be sent once more; to be called a few times a second while half_open."""
        return [(address, again) for address, waiting in self._half_open.items() if (again := _again(waiting.engine))]

    def _hello(
        self, datagram: bytes, address: Hashable, waiting: _HalfOpen | None, seconds: float, now: datetime
    ) -> Arrival:
        random = client_random(datagram)
        if waiting is not None and waiting.random == random:
            return self._handshake(datagram, address, waiting)
        if address in self._live and self._live[address][1] == random:
            return Arrival()
        if address not in self._live and len(self) >= self._door.context.settings.connections_maximum:
            return Arrival(refused="connections_full")
        engine, answers = self._door.knock(datagram, address, seconds=seconds, now=now)
        if engine is None:
            return Arrival(answers=answers)
        begun = _HalfOpen(engine, random, seconds + self._door.context.settings.handshake_seconds)
        self._half_open.pop(address, None)
        given_up = self._make_room()
        self._half_open[address] = begun
        return attrs.evolve(self._handshake(b"", address, begun), given_up=given_up)

    def _make_room(self) -> Hashable | None:
        """Past the bound the oldest handshake is given up: whoever means well is done in a moment."""
        if len(self._half_open) < self._door.context.settings.half_open_maximum:
            return None
        oldest = next(iter(self._half_open))
        del self._half_open[oldest]
        return oldest

    def _feed(self, engine: DatagramEngine, datagram: bytes, address: Hashable) -> Arrival:
        events = engine.feed(datagram)
        if any(isinstance(event, (Closed, Failed)) for event in events):
            self.discard(address, engine)
        return Arrival(engine, events, engine.take_datagrams())

    def _handshake(self, datagram: bytes, address: Hashable, waiting: _HalfOpen) -> Arrival:
        """Go on with a handshake; once it is done, the session takes its place in the table."""
        engine = waiting.engine
        events = engine.feed(datagram) if datagram else engine.advance()
        replaced = None
        if engine.state is not State.HANDSHAKE:
            del self._half_open[address]
        if any(isinstance(event, HandshakeDone) for event in events):
            replaced = self.get(address)
            self._live.pop(address, None)
            if engine.state is State.OPEN:
                self._live[address] = engine, waiting.random
        return Arrival(engine, events, engine.take_datagrams(), replaced)


def _again(engine: DatagramEngine) -> list[bytes]:
    engine.handle_timeout()
    return engine.take_datagrams()
