"""DTLS: where to listen for RADIUS over DTLS, or for a client where to send (RFC 7360, RFC 9765)."""

from __future__ import annotations

import socket
from collections.abc import Collection
from typing import Any, Final

import attrs
import trio

from trioradius.errors import ConfigurationError
from trioradius.protocol.packets import Request
from trioradius.tls import TLSSettings, server_context
from trioradius.transports.dtls_listener import DTLSListener
from trioradius.transports.sockets import connect_datagram_socket, open_datagram_socket
from trioradius.transports.udp import EVERYTHING

RECEIVE_BUFFER: Final = 8 << 20
"""Octets asked of the kernel for datagrams that wait."""


@attrs.frozen
class DTLS:
    """RADIUS over DTLS: where to listen, or for a client where to send.

    Args:
        host: the address to bind, "::" for all of IPv6 and IPv4; for a client the server's name or address.
        port: 2083 is RadSec's, for requests of every kind; 0 takes a free one.
        settings: certificates, trust, versions and bounds. DTLS is 1.2, so that it carries RADIUS/1.0 alone
            (RFC 9765 section 3.4).
        accepts: the request classes a listener takes, all by default. Status-Server is always answered.
        source_address: for a client, the local address to send from.
    """

    host: str = "::"
    port: int = 2083
    settings: TLSSettings = attrs.field(factory=TLSSettings)
    accepts: Collection[type[Request[Any]]] | None = attrs.field(default=None, kw_only=True)
    source_address: str | None = attrs.field(default=None, kw_only=True)

    _listening: list[DTLSListener] = attrs.field(factory=list, init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise ConfigurationError(f"DTLS: {self.port} is not a port; 0 to 65535 are")

    @property
    def codes(self) -> frozenset[int]:
        """The packet codes that a listener takes."""
        return EVERYTHING if self.accepts is None else frozenset(request.code for request in self.accepts)

    async def open(self, *, shared: bool = False) -> socket.socket:
        """A bound socket; ``shared`` lets others bind the address too. Raises ConfigurationError where it cannot be."""
        return await open_datagram_socket(self.host, self.port, RECEIVE_BUFFER, shared=shared, name="DTLS")

    async def bind(self, opened: socket.socket | None = None) -> DTLSListener:
        """A bound listener, not reading yet, on a socket that open() made, or on a new one.

        Raises:
            ConfigurationError: the address cannot be bound, or a setting or a file of the settings cannot work.
        """
        context = server_context(self.settings, datagrams=True, has_keys=True)
        listener = DTLSListener(await self.open() if opened is None else opened, context, self.codes)
        self._listening[:] = [listener]
        return listener

    def reload(self) -> None:
        """Read certificates, authorities and revocation lists again, while a server listens here.

        Sessions go on, but for those that no longer pass.

        Raises:
            ConfigurationError: a file cannot work; all stays as it was.
        """
        for listener in self._listening:
            listener.reload()

    async def connect(self) -> trio.socket.SocketType:
        """A socket connected to the server. Raises ConfigurationError where it cannot be."""
        return await connect_datagram_socket(self.host, self.port, self.source_address)
