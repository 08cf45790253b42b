"""TLS: where to listen for RADIUS over TLS, or for a client where to connect (RFC 6614, RFC 9765)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import attrs

from trioradius.errors import ConfigurationError
from trioradius.protocol.packets import Request
from trioradius.tls import TLSSettings
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

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise ConfigurationError(f"TLS: {self.port} is not a port; 0 to 65535 are")

    @property
    def codes(self) -> frozenset[int]:
        """The packet codes that a listener takes."""
        return EVERYTHING if self.accepts is None else frozenset(request.code for request in self.accepts)
