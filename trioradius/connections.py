"""Connections: the way to a server over TLS or DTLS; one connection carries many exchanges at once.

It is made when an exchange needs it, and again where it has ended; a request goes out once more where its connection
died before the reply. Accounting has a TLS connection of its own, so that it does not hold up logins, nor they it
(draft-ietf-radext-radiusdtls-bis); datagrams hold up nobody.
"""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Callable
from typing import Final

import trio

from trioradius.errors import NoResponse, RadiusError
from trioradius.link import Connection, Link
from trioradius.protocol.codes import ACCOUNTING_REQUEST
from trioradius.protocol.packets import ProtocolError, Request
from trioradius.protocol.profile import RADIUS_1_0, Profile
from trioradius.tls import Resumption
from trioradius.tls.renewal import ClientContext
from trioradius.transports import DTLS, TLS
from trioradius.transports.dtls_client import open_session
from trioradius.transports.lost import ConnectionLost
from trioradius.transports.tls_client import open_connection
from trioradius.way import CLOSED, R, Terms

SENDINGS_MAXIMUM: Final = 2
"""Connections on which one request is sent."""
BACKOFF_SHORTEST: Final = 0.5
BACKOFF_LONGEST: Final = 60.0
BACKOFF_JITTER: Final = 0.2
"""Between attempts to connect; each wait is twice the one before, until a server has replied."""

log = logging.getLogger("trioradius.client")


class Connections:
    """The connections to one server, of which each is replaced where it has ended."""

    def __init__(self, server: TLS | DTLS, terms: Terms, counters: Counter[str], nursery: trio.Nursery) -> None:
        self.profile: Profile = RADIUS_1_0
        self._server = server
        self._terms = terms
        self._nursery = nursery

        def lane() -> _Lane:
            return _Lane(server, context, terms, counters, nursery, self._spoken)

        context = ClientContext(server.settings, datagrams=isinstance(server, DTLS))
        self._lane = lane()
        self._accounting = lane() if isinstance(server, TLS) else self._lane

    def _spoken(self, profile: Profile) -> None:
        self.profile = profile

    async def exchange(self, request: Request[R]) -> R | ProtocolError:
        """Send a request, and again where its connection dies. Raises what Client.exchange() says."""
        begun, sendings = trio.current_time(), 0
        lost: ConnectionLost | None = None
        lane = self._accounting if request.code == ACCOUNTING_REQUEST else self._lane
        with trio.move_on_after(self._terms.retransmission.duration):
            while sendings < SENDINGS_MAXIMUM and not (lost is not None and lost.lasting):
                try:
                    link = await lane.link()
                    sendings += 1
                    return await link.exchange(request, begun)
                except ConnectionLost as error:
                    lost = error
                except trio.TooSlowError:
                    break
        raise self._no_response(lost)

    async def connect(self) -> None:
        """Be sure of a connection, after one attempt. Raises what Client.connect() says."""
        try:
            await self._lane.link()
        except ConnectionLost as lost:
            raise self._no_response(lost) from None

    def _no_response(self, lost: ConnectionLost | None) -> NoResponse:
        text = f"no acceptable reply from {self._server.host} port {self._server.port}"
        return NoResponse(f"{text}: {lost}", reason=lost.reason) if lost is not None else NoResponse(text)

    def close(self) -> None:
        """End what is under way with trio.ClosedResourceError, and the connections; open_client() does it."""
        self._nursery.cancel_scope.cancel()
        for lane in (self._lane, self._accounting):
            lane.close()


class _Lane:
    """One connection at a time, made when an exchange needs it, and not too soon after the last one failed."""

    def __init__(
        self,
        server: TLS | DTLS,
        context: ClientContext,
        terms: Terms,
        counters: Counter[str],
        nursery: trio.Nursery,
        spoken: Callable[[Profile], None],
    ) -> None:
        self._server = server
        self._context = context
        self._terms = terms
        self._counters = counters
        self._nursery = nursery
        self._spoken = spoken
        self._attempt: _Attempt | None = None
        self._resumption: Resumption | None = None
        self._backoff = 0.0
        self._not_before = 0.0
        self._closed = False

    async def link(self) -> Link:
        """The connection there is, or what the attempt comes to that all who need one wait for."""
        if self._closed:
            raise trio.ClosedResourceError(CLOSED)
        if self._attempt is None:
            self._attempt = _Attempt()
            self._nursery.start_soon(self._connect, self._attempt)
        return await self._attempt.outcome()

    async def _connect(self, attempt: _Attempt) -> None:
        """Connect, not before the time has come, and carry packets until the connection ends."""
        try:
            await trio.sleep_until(self._not_before)
            connection = await self._open()
        except RadiusError as error:
            self._end(attempt, error)
            return
        try:
            self._spoken(connection.profile)
            link = Link(connection, self._terms, self._counters, self._replied)
            attempt.succeed(link)
            self._end(attempt, await link.run())
        finally:
            await connection.close()
            self._resumption = connection.resumption()

    async def _open(self) -> Connection:
        """Shake hands. What may be resumed is shown once, lest it tell that connections are of one client."""
        context = self._context.current()
        resumption, self._resumption = self._resumption, None
        if isinstance(self._server, DTLS):
            return await open_session(self._server, context)
        return await open_connection(self._server, context, resumption)

    def _end(self, attempt: _Attempt, error: RadiusError) -> None:
        """No connection, or no longer one; the next is made when an exchange needs it."""
        self._attempt = None
        self._back_off()
        level = logging.DEBUG if self._counters[error.reason] else logging.WARNING
        kind = type(self._server).__name__
        log.log(level, "%s to %s port %d: %s", kind, self._server.host, self._server.port, error)
        self._counters[error.reason] += 1
        attempt.fail(error)

    def _replied(self) -> None:
        self._backoff = 0.0

    def _back_off(self) -> None:
        jitter = random.uniform(0, BACKOFF_JITTER)
        self._backoff = min(max(BACKOFF_SHORTEST, 2 * self._backoff), BACKOFF_LONGEST)
        self._not_before = trio.current_time() + self._backoff * (1 + jitter)

    def close(self) -> None:
        """End what is under way with trio.ClosedResourceError."""
        self._closed = True
        if self._attempt is not None:
            self._attempt.close()


class _Attempt:
    """An attempt to connect, for all who wait for it, and the connection that came of it."""

    def __init__(self) -> None:
        self._ended = trio.Event()
        self._link: Link | None = None
        self._error: Exception | None = None

    async def outcome(self) -> Link:
        await self._ended.wait()
        if self._link is None:
            raise self._error or trio.ClosedResourceError(CLOSED)
        return self._link

    def succeed(self, link: Link) -> None:
        self._link = link
        self._ended.set()

    def fail(self, error: Exception) -> None:
        """No connection, or no longer one."""
        self._error = error
        self._ended.set()
        if self._link is not None:
            self._link.end(error)

    def close(self) -> None:
        self.fail(trio.ClosedResourceError(CLOSED))
