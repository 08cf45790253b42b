"""A NAS on the loopback: requests as octets, and a port to send them from."""

from __future__ import annotations

import contextlib
import itertools
import socket
from collections.abc import AsyncIterator
from typing import Any

import trio

from trioradius import UDP, AccessRequest, App, Request, serve
from trioradius.attributes.ietf import UserName
from trioradius.protocol.exchange import Sent
from trioradius.protocol.profile import RADIUS_1_0
from trioradius.protocol.secret import Secret

SECRET = b"twenty-four octets, say."
PEERS = {"127.0.0.0/8": SECRET}

_identifiers = itertools.count()


def octets_of(request: Request[Any], secret: bytes = SECRET) -> bytes:
    """A signed request, under the next Identifier."""
    return Sent.make(request, next(_identifiers) % 256, Secret(secret), RADIUS_1_0).octets


def login(user: str = "alice") -> bytes:
    return octets_of(AccessRequest(UserName(user)))


class Port:
    """One UDP port of the NAS, connected to a server."""

    def __init__(self, server: tuple[str, int], host: str = "") -> None:
        host = host or ("::1" if ":" in server[0] else "127.0.0.1")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with contextlib.ExitStack() as opened:
            plain = opened.enter_context(socket.socket(family, socket.SOCK_DGRAM))
            plain.bind((host, 0))
            plain.connect(server)
            self._socket = trio.socket.from_stdlib_socket(plain)
            opened.pop_all()

    async def send(self, *requests: bytes) -> None:
        for octets in requests:
            await self._socket.send(octets)

    async def receive(self) -> bytes:
        return await self._socket.recv(4096)

    async def ask(self, octets: bytes) -> bytes:
        await self.send(octets)
        return await self.receive()

    async def hears_nothing_for(self, seconds: float) -> bool:
        with trio.move_on_after(seconds) as silence:
            await self.receive()
        return silence.cancelled_caught

    def close(self) -> None:
        self._socket.close()


@contextlib.asynccontextmanager
async def served(app: App[Any], *listeners: UDP) -> AsyncIterator[Port]:
    """Serve an app, by default on 127.0.0.1 for everything; yields a port connected to its first listener."""
    async with trio.open_nursery() as nursery:
        [first, *_] = await nursery.start(serve, app, *(listeners or (UDP("127.0.0.1", 0),)))
        with contextlib.closing(Port(first)) as port:
            yield port
        nursery.cancel_scope.cancel()
