"""The TLS listener: accepts connections, keeps their number within bounds, and checks them again after a reload."""

from __future__ import annotations

import contextlib
import errno
import itertools
import logging
import socket
from collections import Counter
from typing import TYPE_CHECKING, Final

import trio

from trioradius.errors import Overload
from trioradius.protocol.profile import RADIUS_1_0
from trioradius.protocol.source import Source
from trioradius.tls import Context
from trioradius.transports.listener import DelayedReplies, Places, Service
from trioradius.transports.sockets import plain_address
from trioradius.transports.tls_connection import Shared, TLSConnection
from trioradius.transports.tls_handshake import shake_hands

if TYPE_CHECKING:
    from typing import Self

OUT_OF_FILES: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
OUT_OF_FILES_SECONDS: Final = 0.1
"""A pause, since the connection that could not be accepted is still there."""

_numbers = itertools.count(1)

log = logging.getLogger("trioradius.tls")


class TLSListener:
    """One listening TCP socket and its connections."""

    def __init__(self, bound: socket.socket, context: Context, codes: frozenset[int]) -> None:
        self.address: tuple[str, int] = bound.getsockname()[:2]
        self._socket = bound
        self._context = context
        self._codes = codes
        self._role = ",".join(map(str, sorted(codes)))
        self._accepting = trio.CancelScope()
        self._half_open: dict[Source, trio.CancelScope] = {}
        self._connections: set[TLSConnection] = set()
        self._count = 0
        self._by_address: Counter[str] = Counter()
        self._nursery: trio.Nursery | None = None

    def __repr__(self) -> str:
        host, port = self.address
        return f"TLS [{host}]:{port}" if ":" in host else f"TLS {host}:{port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def stop(self) -> None:
        """Accept and read no more. serve() returns when running handlers are done and waiting replies have left."""
        self._accepting.cancel()
        for handshake in self._half_open.values():
            handshake.cancel()
        for connection in self._connections:
            connection.stop()

    async def all_begun(self) -> None:
        """Nothing to wait for: what is sent again comes by another connection, and is another request there."""
        await trio.lowlevel.checkpoint()

    def reload(self) -> None:
        """Read certificates, authorities and revocation lists again; connections that no longer pass are closed.

        Raises:
            ConfigurationError: a file cannot work; all stays as it was.
        """
        self._context = self._context.reload()
        if self._nursery is not None:
            for connection in self._connections:
                self._nursery.start_soon(connection.recheck, self._context)

    async def serve(self, service: Service) -> None:
        """Answer requests until stopped or cancelled."""
        delayed = DelayedReplies(_deliver)
        shared = Shared(service, delayed, Places(service.limits.in_flight))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(delayed.run)
            async with trio.open_nursery() as self._nursery:
                with self._accepting:
                    await self._accept(shared, self._nursery)
            self._nursery = None
            # Only now, since the last handler may have rejected.
            delayed.stop()

    async def _accept(self, shared: Shared, nursery: trio.Nursery) -> None:
        listener = trio.SocketListener(trio.socket.from_stdlib_socket(self._socket))
        while True:
            try:
                stream = await listener.accept()
            except OSError as error:
                if error.errno not in OUT_OF_FILES:
                    raise
                log.error("%r cannot accept: %s", self, error.strerror)
                await trio.sleep(OUT_OF_FILES_SECONDS)
            else:
                self._admit(stream, shared, nursery)

    def _admit(self, stream: trio.SocketStream, shared: Shared, nursery: trio.Nursery) -> None:
        """Begin with a connection, or close it where there are too many."""
        try:
            host, port, *_ = stream.socket.getpeername()
        except OSError:
            stream.socket.close()
            return
        source = Source(
            plain_address(host), port, "tls", RADIUS_1_0, self._codes, self._role, connection=next(_numbers)
        )
        full = self._full(source.address)
        if full is not None:
            shared.service.refused(full, source)
            stream.socket.close()
            return
        self._make_room(shared.service)
        handshake = self._half_open[source] = trio.CancelScope()
        self._by_address[source.address] += 1
        self._count += 1
        nursery.start_soon(self._serve_connection, stream, source, shared, handshake)

    async def _serve_connection(
        self, stream: trio.SocketStream, source: Source, shared: Shared, handshake: trio.CancelScope
    ) -> None:
        """One connection's whole life. Its place is free once its socket is closed."""
        with contextlib.ExitStack() as holding:
            holding.callback(self._release, stream, source)
            accepted = await shake_hands(stream, source, self._context, shared.service, handshake)
            self._half_open.pop(source, None)
            if accepted is not None:
                connection = TLSConnection(stream, accepted, shared, holding.close)
                self._connections.add(connection)
                holding.callback(self._connections.discard, connection)
                await connection.run()

    def _release(self, stream: trio.SocketStream, source: Source) -> None:
        stream.socket.close()
        self._half_open.pop(source, None)
        self._count -= 1
        self._by_address[source.address] -= 1
        if not self._by_address[source.address]:
            del self._by_address[source.address]

    def _full(self, address: str) -> Overload | None:
        settings = self._context.settings
        if self._count >= settings.connections_maximum:
            text = "too many connections; TLSSettings(connections_maximum=...) bounds them"
            return Overload(text, reason="connections_full")
        if self._by_address[address] >= settings.connections_per_address:
            text = "too many connections from this address; TLSSettings(connections_per_address=...) bounds them"
            return Overload(text, reason="address_connections_full")
        return None

    def _make_room(self, service: Service) -> None:
        """Past the bound the oldest handshake is given up: whoever means well is done in a moment."""
        if len(self._half_open) >= self._context.settings.half_open_maximum:
            oldest = next(iter(self._half_open))
            self._half_open.pop(oldest).cancel()
            service.refused(Overload("the oldest of too many handshakes at once", reason="half_open_full"), oldest)


async def _deliver(reply: bytes, connection: TLSConnection) -> None:
    connection.deliver(reply)


def bound_stream_socket(family: int, address: tuple[object, ...], *, shared: bool = False) -> socket.socket:
    """A listening socket; "::" takes IPv4 as well, and ``shared`` lets others bind the address too."""
    opened = socket.socket(family, socket.SOCK_STREAM)
    with contextlib.ExitStack() as opening:
        opening.callback(opened.close)
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shared)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, address[0] != "::")
        opened.bind(address)
        opened.listen(socket.SOMAXCONN)
        opening.pop_all()
    return opened


async def open_stream_socket(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A listening socket; "::" means 0.0.0.0 where there is no IPv6. Raises OSError."""
    found = await trio.socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    try:
        return bound_stream_socket(found[0][0], found[0][4], shared=shared)
    except OSError as error:
        if host == "::" and error.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
            return await open_stream_socket("0.0.0.0", port, shared=shared)
        raise
