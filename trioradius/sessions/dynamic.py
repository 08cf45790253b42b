"""Dynamic authorization (RFC 5176): CoA-Request and Disconnect-Request to a session's NAS, and what came of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, TypeAlias

import attrs
import trio

from trioradius.attributes.ietf import ErrorCause, EventTimestamp
from trioradius.client import open_client
from trioradius.errors import ConfigurationError, NoResponse, UnknownPeer
from trioradius.protocol.packets import CoAACK, CoANAK, CoARequest, DisconnectACK, DisconnectNAK, DisconnectRequest
from trioradius.retransmission import Retransmission
from trioradius.transports import UDP

if TYPE_CHECKING:
    from trioradius.attributes.avp import AVP
    from trioradius.peers import Peers
    from trioradius.protocol.peer import Peer

RETRANSMISSION: Final = Retransmission(attempts=4, initial=1, duration=12)
"""Shorter than the client's own: an operator waits for the outcome."""
AT_ONCE: Final = 64
"""Requests under way at once; a change of prices may concern every session."""

EXPLANATIONS: Final[dict[int, str]] = {
    201: "the session was gone, and what was left of it is removed now",
    202: "the EAP packet was ignored",
    401: "the NAS cannot change one of these attributes",
    402: "the NAS wants a further attribute, mostly one that identifies the session",
    403: "the NAS says that it is another one: its NAS-IP-Address or NAS-Identifier differs",
    404: "the NAS finds the request malformed",
    405: "the NAS does not know this Service-Type",
    406: "the NAS does not take such requests here",
    407: "the NAS cannot use the value of an attribute",
    501: "the NAS is configured not to do this",
    502: "a proxy does not know the way to the NAS",
    503: "the NAS has no such session",
    504: "the NAS has the session, and cannot end it",
    505: "a proxy failed",
    506: "the NAS has no resources left",
    507: "the NAS asks for a new authorization of the session first",
    508: "several sessions fit, and the NAS changes one at a time",
    509: "the NAS wants to know where the subscriber is",
    601: "the NAS's answer would be too long",
}
"""Error-Cause (RFC 5176 section 3.5) as a sentence for the operator."""


@attrs.frozen
class Acknowledged:
    """The NAS did it."""

    reply: CoAACK | DisconnectACK


@attrs.frozen
class Refused:
    """The NAS did not. ``cause`` is its Error-Cause, or None where it gave none."""

    reply: CoANAK | DisconnectNAK
    cause: int | None

    @property
    def is_unknown_session(self) -> bool:
        """Whether the NAS says that it has no such session."""
        return self.cause == ErrorCause.SESSION_CONTEXT_NOT_FOUND

    def __str__(self) -> str:
        if self.cause is None:
            return "the NAS refused, and did not say why"
        why = EXPLANATIONS.get(self.cause, "no RFC says what this means")
        name = ErrorCause.show(self.cause)
        return f"{'Error-Cause' if name.isdecimal() else name} ({self.cause:d}): {why}"


@attrs.frozen
class Unanswered:
    """Nobody knows whether it was done: no reply came, or there is no way to the NAS."""

    why: str

    def __str__(self) -> str:
        return self.why


Outcome: TypeAlias = Acknowledged | Refused | Unanswered
"""What came of a request to a NAS."""


@attrs.frozen
class Sender:
    """The way to the NASes.

    Args:
        peers: their secrets, vendors and ports.
        clock: seconds since 1970, for Event-Timestamp.
        retransmission: when to send again, and when to give up.
        source_address: the local address to send from, where a NAS believes only one.
        prove: put Message-Authenticator in as well.
    """

    peers: Peers
    clock: Callable[[], float]
    retransmission: Retransmission = RETRANSMISSION
    source_address: str | None = None
    prove: bool = False
    places: trio.CapacityLimiter = attrs.field(init=False, factory=lambda: trio.CapacityLimiter(AT_ONCE))

    async def send(self, kind: type[CoARequest | DisconnectRequest], peer: Peer, nas: str, *avps: AVP) -> Outcome:
        """Send a request with these attributes and Event-Timestamp (RFC 5176 section 6.3)."""
        request = kind(*avps, EventTimestamp(math.floor(self.clock())))
        try:
            async with (
                self.places,
                open_client(
                    UDP(nas, peer.coa_port, source_address=self.source_address),
                    secret=peer.secret.octets,
                    retransmission=self.retransmission,
                    prove_dynamic=self.prove,
                ) as client,
            ):
                reply = await client.exchange(request)
        except (NoResponse, ConfigurationError) as error:
            return Unanswered(str(error))
        if isinstance(reply, CoAACK | DisconnectACK):
            return Acknowledged(reply)
        return Refused(reply, reply.get(ErrorCause))

    async def peer(self, address: str) -> Peer | Unanswered:
        """The NAS at an address, or why there is no way to it."""
        try:
            peer = await self.peers.find(str(ip_address(address)))
        except UnknownPeer as error:
            return Unanswered(str(error))
        except ValueError:
            return Unanswered(f"radacct has no address of the session's NAS, but {address!r}")
        if peer.tls:
            return Unanswered(f"the NAS {address} speaks RadSec, over which no request goes to it yet")
        return peer
