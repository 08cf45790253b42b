"""AppClient: an App answers real octets without a socket."""

from __future__ import annotations

import contextlib
import itertools
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, TypeVar

import trio

from trioradius.app import App
from trioradius.attributes.attribute import AVP
from trioradius.eap.supplicant import EAPCredentials
from trioradius.errors import NoResponse
from trioradius.protocol.exchange import Sent
from trioradius.protocol.packet import Named
from trioradius.protocol.packets import REQUESTS, ProtocolError, Reply, Request
from trioradius.protocol.profile import RADIUS_1_0, Profile
from trioradius.protocol.source import Source
from trioradius.server import AppService, running
from trioradius.supplicant import EAPResult, authenticate
from trioradius.transports.abreast import Answering
from trioradius.transports.listener import Answer, Delayed

if TYPE_CHECKING:
    from typing import Self

R = TypeVar("R", bound=Reply)

_CONNECTIONS: Final = itertools.count(1)
"""Each client of a version that needs a connection is one: its Tokens are its own (RFC 9765 section 4.2.2)."""


class AppClient:
    """Exchanges packets with an App through the server's own path, from octets to octets.

    ``await AppClient(app).exchange(request)``; as ``async with AppClient(app) as client`` the app's lifespan runs round
    the block. Delayed Access-Rejects come at once.

    Args:
        app: what to ask.
        address: the IP address that the requests seem to come from.
        profile: the RADIUS version spoken; ``RADIUS_1_1`` as if it came by TLS.
    """

    def __init__(self, app: App[Any], *, address: str = "127.0.0.1", profile: Profile = RADIUS_1_0) -> None:
        self.app = app
        accepts = frozenset(REQUESTS)
        self.source = (
            Source(address, 1812, "udp", profile, accepts)
            if profile.signed
            else Source(address, 1812, "tls", profile, accepts, connection=next(_CONNECTIONS))
        )
        self._service = AppService(app)
        self._identifiers = itertools.count()
        self._running: contextlib.AbstractAsyncContextManager[None] | None = None

    async def __aenter__(self) -> Self:
        self._running = running(self.app)
        await self._running.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._running is not None:
            await self._running.__aexit__(kind, error, traceback)

    async def exchange(self, request: Request[R]) -> R:
        """The app's reply to a request.

        Raises:
            NoResponse: the app stayed silent; the text says why, where a rule discarded the packet. Or it answered
                Protocol-Error, which is then its ``reply``.
            UnknownPeer: the app knows no peer at this client's address.
        """
        peer = await self.app.peers.find(self.source.address)
        profile = self.source.profile
        sent = Sent.make(request, next(self._identifiers) % profile.identifiers, peer.secret, profile)
        octets = await self.send(sent.octets)
        if octets is None:
            raise NoResponse("the app stayed silent: its handler failed or took too long, and the log says why")
        reply = sent.read_reply(octets, self.app.dictionary)
        if isinstance(reply, ProtocolError):
            raise NoResponse(f"the app answered {reply}", reason="protocol_error", reply=reply)
        return reply

    async def authenticate(self, credentials: EAPCredentials, *attributes: AVP | Named) -> EAPResult:
        """Hold an EAP conversation with the app to its end, as Client.authenticate() does. Raises what that says."""
        return await authenticate(self.exchange, credentials, *attributes)

    async def send(self, octets: bytes) -> bytes | None:
        """The octets that answer these octets; None where the app's handler failed or took too long.

        Raises:
            NoResponse: a rule, or the handler, discarded the packet.
        """
        request = Answering(self._service, octets, self.source, None)
        with trio.move_on_after(self.app.limits.handler_seconds):
            await request.rest()
        if not request.is_done:
            self._service.timed_out(self.source)
            return self._service.unanswered(octets, self.source)
        if request.error is not None:
            self._service.discarded(request.error, self.source)
            raise NoResponse(f"discarded: {request.error}", reason=request.error.reason) from request.error
        answer: Answer = request.answer
        if isinstance(answer, Delayed):
            await self._service.fenced(answer, self.source).sent(answer.octets)
            return answer.octets
        return answer
