"""A NAS that speaks DTLS on the loopback, datagram by datagram."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import trio

from tests import desk
from tests.nas import octets_of
from tests.tls.pki import NOW, PKI
from trioradius import DTLS, AccessRequest, App, Request, TLSSettings
from trioradius.attributes.ietf import UserName, UserPassword
from trioradius.tls import Closed, Context, Data, Event, State, client_context, datagram_client

SECRET = b"radius/dtls"


def signed(request: Request[Any]) -> bytes:
    return octets_of(request, SECRET)


def login(user: str = "alice", password: str = "wonderland") -> bytes:
    return signed(AccessRequest(UserName(user), UserPassword(password)))


class Nas:
    """One port of a NAS with one DTLS engine; ``packets`` are those it has received and not given out yet."""

    def __init__(
        self, server: tuple[str, int], settings: TLSSettings | Context, port: socket.socket | None = None
    ) -> None:
        if port is None:
            port = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            port.bind(("127.0.0.1", 0))
            port.connect(server)
        self.port = port
        context = settings if isinstance(settings, Context) else client_context(settings, datagrams=True)
        self.engine = datagram_client(context, "localhost", now=NOW)
        self.events: list[Event] = []
        self.packets: list[bytes] = []
        self._socket = trio.socket.from_stdlib_socket(port)

    async def connect(self) -> None:
        self._take_in(self.engine.advance())
        await self.flush()
        while self.engine.state is State.HANDSHAKE:
            await self.hear()

    async def flush(self) -> None:
        for datagram in self.engine.take_datagrams():
            await self.send(datagram)

    async def send(self, datagram: bytes) -> None:
        await self._socket.send(datagram)

    async def hear(self) -> None:
        """Take in one datagram."""
        self._take_in(self.engine.feed(await self._socket.recv(65_536)))
        await self.flush()

    def _take_in(self, events: list[Event]) -> None:
        self.events += events
        self.packets += [event.octets for event in events if isinstance(event, Data)]

    def records(self, *requests: bytes) -> list[bytes]:
        """Requests as records, one each."""
        for octets in requests:
            self.engine.write(octets)
        return self.engine.take_datagrams()

    async def tell(self, *requests: bytes) -> None:
        for record in self.records(*requests):
            await self.send(record)

    async def receive(self) -> bytes:
        while not self.packets:
            await self.hear()
        return self.packets.pop(0)

    async def ask(self, octets: bytes) -> bytes:
        await self.tell(octets)
        return await self.receive()

    async def is_told_goodbye(self, seconds: float = 5) -> bool:
        """Whether close_notify comes."""
        with trio.move_on_after(seconds):
            while not any(isinstance(event, Closed) for event in self.events):
                await self.hear()
        return Closed(clean=True) in self.events

    async def hears_nothing_for(self, seconds: float) -> bool:
        with trio.move_on_after(seconds) as silence:
            await self.hear()
        return silence.cancelled_caught

    def close(self) -> None:
        self._socket.close()


def served(app: App[Any], settings: TLSSettings) -> contextlib.AbstractAsyncContextManager[tuple[str, int]]:
    """Serve an app by DTLS on 127.0.0.1; the block gets the address."""
    return desk.served(app, DTLS("127.0.0.1", 0, settings))


@contextlib.asynccontextmanager
async def connected(address: tuple[str, int], pki: PKI, stem: str = "client", **changes: Any) -> AsyncIterator[Nas]:
    """A NAS that shows this certificate, its handshake done."""
    with contextlib.closing(Nas(address, pki.settings(stem, **changes))) as nas:
        await nas.connect()
        yield nas
