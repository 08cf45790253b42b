"""Source: where a packet came from, and so what makes two packets the same one (RFC 5080 section 2.2.2)."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable

    from trioradius.protocol.peer import Peer
    from trioradius.protocol.profile import Profile
    from trioradius.protocol.wire import Message


def _prefix(source: Source) -> bytes:
    return f"{source.address} {source.port} {source.role} {source.connection} ".encode()


def _sender(source: Source) -> str:
    return f"{source.address} {source.connection}" if source.connection else source.address


def _duplicate_slot(source: Source) -> Callable[[Message], bytes]:
    return functools.partial(source.profile.duplicate_slot, source.prefix)


@attrs.frozen(eq=False)
class Source:
    """Where a packet came from.

    ``address`` is the peer's IP address as text (IPv4 where it was v4-mapped), ``transport`` is "udp", "tls" or "dtls",
    ``accepts`` the packet codes its listener takes, ``connection`` a number for connected transports. ``role`` is
    what listeners share that answer for each other, so that several machines agree on a duplicate. ``peer`` is who it
    is where a connection has proved that. ``duplicate_slot`` gives the slot of a message from here, as the profile
    makes it. ``sender`` is whose requests in flight are counted together: those of an address, or of one connection.
    """

    address: str
    port: int
    transport: str
    profile: Profile
    accepts: frozenset[int]
    role: str = ""
    connection: int = 0
    peer: Peer | None = None
    prefix: bytes = attrs.field(init=False, repr=False, default=attrs.Factory(_prefix, takes_self=True))
    sender: str = attrs.field(init=False, repr=False, default=attrs.Factory(_sender, takes_self=True))
    duplicate_slot: Callable[[Message], bytes] = attrs.field(
        init=False, repr=False, default=attrs.Factory(_duplicate_slot, takes_self=True)
    )

    def __str__(self) -> str:
        return f"{self.address}:{self.port}"
