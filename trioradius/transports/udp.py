"""UDP: where to listen for RADIUS over UDP, or for a client where to send, and the listener (RFC 2865)."""

from __future__ import annotations

import socket
from collections.abc import Collection
from typing import Any, Final

import attrs
import trio

from trioradius.errors import ConfigurationError
from trioradius.protocol import codes
from trioradius.protocol.packets import Request
from trioradius.protocol.profile import RADIUS_1_0
from trioradius.protocol.source import Source
from trioradius.transports.sockets import (
    Destination,
    address_of,
    connect_datagram_socket,
    datagrams,
    open_datagram_socket,
)
from trioradius.transports.turns import BoundAddress as BoundAddress
from trioradius.transports.turns import DatagramListener

SOURCES_MAXIMUM: Final = 8_192

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

    async def open(self, *, shared: bool = False) -> socket.socket:
        """A bound socket; ``shared`` lets others bind the address too. Raises ConfigurationError where it cannot be."""
        return await open_datagram_socket(self.host, self.port, self.receive_buffer, shared=shared)

    async def bind(self, opened: socket.socket | None = None) -> UDPListener:
        """A bound listener, not reading yet, on a socket that open() made, or on a new one.

        Raises:
            ConfigurationError: the address cannot be bound.
        """
        return UDPListener(await self.open() if opened is None else opened, self)

    async def connect(self) -> trio.socket.SocketType:
        """A socket connected to the server. Raises ConfigurationError where it cannot be."""
        return await connect_datagram_socket(self.host, self.port, self.source_address)


class UDPListener(DatagramListener[Destination]):
    """One bound UDP socket, and the tasks that take turns at it."""

    name = "UDP"

    def __init__(self, bound: socket.socket, settings: UDP) -> None:
        super().__init__(bound)
        ways = datagrams(bound)
        self._receive, self._put, self._put_alike = ways.receive, ways.send, ways.send_alike
        self._codes = settings.codes
        self._role = ",".join(map(str, sorted(self._codes)))

    def _source(self, destination: Destination) -> Source:
        """The Source for where a reply goes, kept, since a NAS sends many packets from one port."""
        if len(self._sources) >= SOURCES_MAXIMUM:
            self._sources.clear()
        address, port = address_of(destination)
        found = Source(address, port, "udp", RADIUS_1_0, self._codes, self._role)
        self._sources[destination] = found
        return found
