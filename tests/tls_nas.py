"""A NAS that speaks TLS: an engine of a client on a plain Trio stream."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any

import trio

from tests import desk
from tests.tls.pki import NOW
from trioradius import TLS, AccessRequest, App, Request, TLSSettings
from trioradius.attributes.ietf import UserName, UserPassword
from trioradius.protocol.exchange import Sent
from trioradius.protocol.profile import RADIUS_1_0, RADIUS_1_1
from trioradius.protocol.secret import Secret
from trioradius.tls import Closed, Data, Event, Failed, State, client_context, client_engine

OPENED: list[trio.SocketStream] = []
"""Streams of lines, for a test to close at its end."""
PROFILES = {"1.0": RADIUS_1_0, "1.1": RADIUS_1_1}


class Line:
    """One TLS connection to a server; what came is in ``packets``, how it ended in ``end``."""

    def __init__(self, stream: trio.SocketStream, settings: TLSSettings) -> None:
        self.stream = stream
        self.engine = client_engine(client_context(settings), "localhost", now=NOW)
        self.packets: list[bytes] = []
        self.end: Event | None = None
        self._octets = b""
        self._identifiers = itertools.count()

    async def shake_hands(self) -> Line:
        self.engine.advance()
        await self.flush()
        while self.engine.state is State.HANDSHAKE:
            await self.hear()
        return self

    async def flush(self, piece: int = 1 << 20) -> None:
        """Send the ciphertext there is, in pieces of so many octets."""
        ciphertext = self.engine.take()
        for at in range(0, len(ciphertext), piece):
            await self.stream.send_all(ciphertext[at : at + piece])

    async def hear(self) -> None:
        """Take in what comes next."""
        try:
            received = await self.stream.receive_some()
        except trio.BrokenResourceError:
            received = b""
        for event in self.engine.feed(received):
            if isinstance(event, Data):
                self._octets += event.octets
            elif isinstance(event, Closed | Failed):
                self.end = event
        while len(self._octets) >= 4 and (length := int.from_bytes(self._octets[2:4], "big")) <= len(self._octets):
            self.packets.append(self._octets[:length])
            self._octets = self._octets[length:]
        with contextlib.suppress(trio.BrokenResourceError):
            await self.flush()
        if self.end is not None:
            self.stream.socket.close()

    def octets_of(self, request: Request[Any], secret: bytes = b"radsec") -> bytes:
        """A request under the next Identifier or Token."""
        assert self.engine.done is not None
        profile = PROFILES[self.engine.done.radius_version or "1.0"]
        return Sent.make(request, next(self._identifiers) % profile.identifiers, Secret(secret), profile).octets

    def login(self, user: str = "alice", password: str = "wonderland") -> bytes:
        return self.octets_of(AccessRequest(UserName(user), UserPassword(password)))

    async def send(self, *packets: bytes) -> None:
        """All in one record, as far as it holds them."""
        self.engine.write(b"".join(packets))
        await self.flush()

    async def receive(self) -> bytes:
        while not self.packets:
            assert self.end is None, self.end
            await self.hear()
        return self.packets.pop(0)

    async def ask(self, octets: bytes) -> bytes:
        await self.send(octets)
        return await self.receive()

    async def until_closed(self) -> Event:
        while self.end is None:
            await self.hear()
        return self.end


async def open_stream(address: tuple[str, int]) -> trio.SocketStream:
    """A TCP connection that has not begun to shake hands."""
    stream = await trio.open_tcp_stream(*address)
    OPENED.append(stream)
    return stream


def close_streams() -> None:
    while OPENED:
        OPENED.pop().socket.close()


async def connect(address: tuple[str, int], settings: TLSSettings) -> Line:
    """A line after its handshake, whatever that came to."""
    stream = await open_stream(address)
    return await Line(stream, settings).shake_hands()


def served(app: App[Any], settings: TLSSettings, **options: Any) -> AbstractAsyncContextManager[tuple[str, int]]:
    """Serve an app by TLS on 127.0.0.1; the block gets the address."""
    return desk.served(app, TLS("127.0.0.1", 0, settings, **options))


def pieces(octets: bytes, size: int) -> Iterable[bytes]:
    return (octets[at : at + size] for at in range(0, len(octets), size))
