"""A RADIUS/TLS server of a few lines that answers as a script says: late, in any order, wrongly, or not at all."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from socket import SO_LINGER, SOL_SOCKET
from typing import Final, TypeAlias

import attrs
import trio

from tests.faults.raw import attribute, reply
from trioradius.tls import Data, Engine, HandshakeDone, TLSSettings, server_context, server_engine

SECRET: Final = b"radsec"
DIES: Final = None
"""In place of octets: the connection is reset."""
LEAVES: Final = b""
"""In place of octets: close_notify."""

Step: TypeAlias = tuple[float, bytes | None]
Script: TypeAlias = Callable[[bytes], Iterable[Step]]
"""A request's octets to what is sent back, each with the seconds to wait before."""


def silence(_: bytes) -> list[Step]:
    return []


def accept(octets: bytes) -> list[Step]:
    return [(0, reply(2, octets, secret=SECRET))]


def named(octets: bytes) -> bytes:
    """An Access-Accept whose Reply-Message is the User-Name that was asked for, behind Message-Authenticator."""
    return reply(2, octets, attribute(18, octets[40 : 38 + octets[39]]), secret=SECRET)


def accept_1_1(octets: bytes) -> list[Step]:
    """The Token comes back (RFC 9765 section 4.1)."""
    return [(0, bytes((2, 0, 0, 20)) + octets[4:8] + bytes(12))]


@attrs.frozen
class Heard:
    """One packet that the server got: when, what, and on which connection."""

    at: float
    octets: bytes
    connection: int


class Scripted:
    """A server that answers as its script says, and remembers what it heard."""

    def __init__(self, settings: TLSSettings, nursery: trio.Nursery) -> None:
        self.script: Script = accept
        self.heard: list[Heard] = []
        self.done: list[HandshakeDone] = []
        self.accepted: list[float] = []
        self.ended: list[float] = []
        self.sources: list[str] = []
        self.context = server_context(settings)
        self._nursery = nursery

    async def serve(self, stream: trio.SocketStream) -> None:
        self.accepted.append(trio.current_time())
        self.sources.append(stream.socket.getpeername()[0])
        engine = server_engine(self.context, now=datetime.now(UTC))
        try:
            await self._serve(stream, engine, len(self.accepted))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            self.ended.append(trio.current_time())
            await trio.aclose_forcefully(stream)

    async def _serve(self, stream: trio.SocketStream, engine: Engine, number: int) -> None:
        octets = b""
        sending = trio.Lock()
        while True:
            received = await stream.receive_some()
            for event in engine.feed(received):
                if isinstance(event, HandshakeDone):
                    self.done.append(event)
                if isinstance(event, Data):
                    octets += event.octets
            async with sending:
                await stream.send_all(engine.take())
            while len(octets) >= 4 and len(octets) >= (length := int.from_bytes(octets[2:4], "big")):
                self.heard.append(Heard(trio.current_time(), octets[:length], number))
                for step in self.script(octets[:length]):
                    self._nursery.start_soon(self._answer, stream, engine, sending, step)
                octets = octets[length:]
            if not received:
                return

    async def _answer(self, stream: trio.SocketStream, engine: Engine, sending: trio.Lock, step: Step) -> None:
        seconds, octets = step
        await trio.sleep(seconds)
        if octets is DIES:
            with contextlib.suppress(OSError):
                stream.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
            await trio.aclose_forcefully(stream)
            return
        try:
            if octets == LEAVES:
                engine.close()
            else:
                engine.write(octets or b"")
            async with sending:
                await stream.send_all(engine.take())
        except (RuntimeError, trio.BrokenResourceError, trio.ClosedResourceError):
            return


async def scripted(settings: TLSSettings, nursery: trio.Nursery, port: int = 0) -> tuple[Scripted, int]:
    """A server that listens, and its port."""
    server = Scripted(settings, nursery)
    (listener,) = await trio.open_tcp_listeners(port, host="127.0.0.1")
    nursery.start_soon(trio.serve_listeners, server.serve, [listener])
    return server, listener.socket.getsockname()[1]
