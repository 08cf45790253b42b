"""TLS: where to listen for RADIUS over TLS, or for a client where to connect (RFC 6614, RFC 9765)."""

from __future__ import annotations

import socket
from collections.abc import Collection
from typing import Any

import attrs

from trioradius.errors import ConfigurationError
from trioradius.protocol.packets import Request
from trioradius.tls import TLSSettings, server_context
from trioradius.transports.tls_listener import TLSListener, open_stream_socket
from trioradius.transports.udp import EVERYTHING


@attrs.frozen
class TLS:
    """RADIUS over TLS: where to listen, or for a client where to connect.

    Args:
        host: the address to bind, "::" for all of IPv6 and IPv4; for a client the server's name or address.
        port: 2083 is RadSec's, for requests of every kind; 0 takes a free one.
        settings: certificates, trust, versions and bounds.
        accepts: the request classes a listener takes, all by default. Status-Server is always answered.
        source_address: for a client, the local address to connect from.
    """

    host: str = "::"
    port: int = 2083
    settings: TLSSettings = attrs.field(factory=TLSSettings)
    accepts: Collection[type[Request[Any]]] | None = attrs.field(default=None, kw_only=True)
    source_address: str | None = attrs.field(default=None, kw_only=True)

    _listening: list[TLSListener] = attrs.field(factory=list, init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise ConfigurationError(f"TLS: {self.port} is not a port; 0 to 65535 are")

    @property
    def codes(self) -> frozenset[int]:
        """The packet codes that a listener takes."""
        return EVERYTHING if self.accepts is None else frozenset(request.code for request in self.accepts)

    async def open(self, *, shared: bool = False) -> socket.socket:
        """A listening socket; ``shared`` lets others bind the address too.

        Raises:
            ConfigurationError: the address cannot be bound.
        """
        try:
            return await open_stream_socket(self.host, self.port, shared=shared)
        except OSError as error:
            raise ConfigurationError(
                f"TLS {self.host} port {self.port} cannot be bound: {error.strerror or error}"
            ) from None

    async def bind(self, opened: socket.socket | None = None) -> TLSListener:
        """A bound listener, not accepting yet, on a socket that open() made, or on a new one.

        Raises:
            ConfigurationError: the address cannot be bound, or a setting or a file of the settings cannot work.
        """
        context = server_context(self.settings, has_keys=True)
        listener = TLSListener(await self.open() if opened is None else opened, context, self.codes)
        self._listening[:] = [listener]
        return listener

    def reload(self) -> None:
        """Read certificates, authorities and revocation lists again, while a server listens here.

        Connections go on, but for those that no longer pass.

        Raises:
            ConfigurationError: a file cannot work; all stays as it was.
        """
        for listener in self._listening:
            listener.reload()
