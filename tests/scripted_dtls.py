"""A RADIUS/DTLS server of a few lines that answers as a script says, behind a network that may lose and repeat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import attrs
import trio

from tests.faults.raw import attribute, reply
from trioradius.tls import Closed, Context, Data, DatagramEngine, HandshakeDone, Sessions, State, TLSSettings
from trioradius.tls import server_context as make_context

SECRET: Final = b"radius/dtls"
LEAVES: Final = None
"""In place of octets: close_notify."""

Step: TypeAlias = tuple[float, bytes | None]
Script: TypeAlias = Callable[[bytes], Iterable[Step]]
Network: TypeAlias = Callable[[bytes], Iterator[bytes]]
"""A datagram to those that arrive in its place."""


def silence(_: bytes) -> list[Step]:
    return []


def accept(octets: bytes) -> list[Step]:
    return [(0, reply(2, octets, secret=SECRET))]


def named(octets: bytes) -> bytes:
    """An Access-Accept, for an Access-Request with the User-Name behind Message-Authenticator as Reply-Message."""
    if octets[0] != 1:
        return reply(2, octets, secret=SECRET)
    return reply(2, octets, attribute(18, octets[40 : 38 + octets[39]]), secret=SECRET)


def carries(datagram: bytes) -> Iterator[bytes]:
    """A network that loses nothing."""
    yield datagram


@attrs.frozen
class Heard:
    """One record that the server got: when, what, and in which session, counted from 1."""

    at: float
    octets: bytes
    session: int


class Scripted:
    """A server that answers as its script says, and remembers what it heard.

    ``to_server`` and ``to_client`` are the network between. ``datagrams`` counts what was sent here by what it begins
    with: 22 is a handshake, 23 a packet, 21 an alert.
    """

    def __init__(self, context: Context, bound: trio.socket.SocketType, nursery: trio.Nursery) -> None:
        self.script: Script = accept
        self.to_server: Network = carries
        self.to_client: Network = carries
        self.heard: list[Heard] = []
        self.done: list[tuple[float, HandshakeDone]] = []
        self.closed: list[Closed] = []
        self.datagrams: Counter[int] = Counter()
        self.sources: set[str] = set()
        self.port: int = bound.getsockname()[1]
        self._socket = bound
        self._nursery = nursery
        self._context = context
        self.forget()

    def forget(self) -> None:
        """Begin anew, as a server does that was started again."""
        self._sessions = Sessions(self._context, lambda _: self._context.admission())
        self._numbers: dict[DatagramEngine, int] = {}

    async def run(self) -> None:
        with self._socket:
            while True:
                datagram, address = await self._socket.recvfrom(65_536)
                self.datagrams[datagram[0]] += 1
                self.sources.add(address[0])
                for arriving in self.to_server(datagram):
                    await self._arrive(arriving, address)

    async def _arrive(self, datagram: bytes, address: Any) -> None:
        now = datetime.now(UTC)
        arrival = self._sessions.receive(datagram, address, seconds=trio.current_time(), now=now)
        await self._send(arrival.answers, address)
        for event in arrival.events:
            assert arrival.engine is not None
            if isinstance(event, HandshakeDone):
                self.done.append((trio.current_time(), event))
                self._numbers[arrival.engine] = len(self.done)
            elif isinstance(event, Data):
                self.heard.append(Heard(trio.current_time(), event.octets, self._numbers[arrival.engine]))
                for step in self.script(event.octets):
                    self._nursery.start_soon(self._answer, arrival.engine, address, step)
            elif isinstance(event, Closed):
                self.closed.append(event)

    async def _answer(self, engine: DatagramEngine, address: Any, step: Step) -> None:
        seconds, octets = step
        await trio.sleep(seconds)
        if octets is LEAVES:
            engine.close()
            self._sessions.discard(address, engine)
        elif engine.state is State.OPEN:
            engine.write(octets)
        await self._send(engine.take_datagrams(), address)

    async def _send(self, datagrams: Iterable[bytes], address: Any) -> None:
        for datagram in datagrams:
            for arriving in self.to_client(datagram):
                await self._socket.sendto(arriving, address)


async def scripted(settings: TLSSettings, nursery: trio.Nursery, port: int = 0) -> Scripted:
    """A server that listens on 127.0.0.1."""
    bound = trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM)
    await bound.bind(("127.0.0.1", port))
    server = Scripted(make_context(settings, datagrams=True), bound, nursery)
    nursery.start_soon(server.run)
    return server
