"""Connections: the way to a server over TLS; one connection carries many exchanges at once.

TLS loses nothing, so nothing is retransmitted (RFC 6613 section 2.6.1); a request goes out once more only where its
connection died before the reply. A watchdog finds out that the server is gone (RFC 3539 section 3.4).
"""

from __future__ import annotations

import logging
import random
import secrets
from collections import Counter, deque
from collections.abc import Callable
from typing import Any, Final, Generic

import trio

from trioradius.errors import AuthenticityError, DecodeError, NoResponse, RadiusError
from trioradius.protocol.exchange import Sent
from trioradius.protocol.packets import ProtocolError, Request, StatusServer
from trioradius.protocol.profile import RADIUS_1_0, Profile
from trioradius.retransmission import delayed
from trioradius.tls import client_context
from trioradius.transports import TLS
from trioradius.transports.tls_client import Connection, ConnectionLost, open_connection
from trioradius.way import CLOSED, R, Terms

EXCHANGES_MAXIMUM: Final = 16_384
"""At once on one connection of RADIUS/1.1; on one of RADIUS/1.0 it is 255. Further ones wait for a place."""
SENDINGS_MAXIMUM: Final = 2
"""Of one request, each on a connection of its own."""
WATCHDOG_SECONDS: Final = 30.0
WATCHDOG_JITTER: Final = 2.0
"""RFC 3539 section 3.4.1."""
BACKOFF_SHORTEST: Final = 0.5
BACKOFF_LONGEST: Final = 60.0
BACKOFF_JITTER: Final = 0.2
"""Between attempts to connect; each wait is twice the one before, until a server has replied."""
TOKENS: Final = 1 << 32
UNMATCHED: Final = "unmatched"
UNEXPECTED: Final = "unexpected_code"

log = logging.getLogger("trioradius.client")


class Connections:
    """One TLS connection at a time to one server, made when an exchange needs it."""

    def __init__(self, server: TLS, terms: Terms, counters: Counter[str], nursery: trio.Nursery) -> None:
        self.profile: Profile = RADIUS_1_0
        self._server = server
        self._context = client_context(server.settings)
        self._terms = terms
        self._counters = counters
        self._nursery = nursery
        self._attempt: _Attempt | None = None
        self._backoff = 0.0
        self._not_before = 0.0
        self._closed = False

    async def exchange(self, request: Request[R]) -> R | ProtocolError:
        """Send a request, and again where its connection dies. Raises what Client.exchange() says."""
        begun, sendings = trio.current_time(), 0
        lost: ConnectionLost | None = None
        with trio.move_on_after(self._terms.retransmission.duration):
            while sendings < SENDINGS_MAXIMUM and not (lost is not None and lost.lasting):
                try:
                    link = await self._link()
                    sendings += 1
                    return await link.exchange(delayed(request, trio.current_time() - begun))
                except ConnectionLost as error:
                    lost = error
        raise self._no_response(lost)

    async def connect(self) -> None:
        """Be sure of a connection, after one attempt. Raises what Client.connect() says."""
        try:
            await self._link()
        except ConnectionLost as lost:
            raise self._no_response(lost) from None

    def _no_response(self, lost: ConnectionLost | None) -> NoResponse:
        text = f"no acceptable reply from {self._server.host} port {self._server.port}"
        return NoResponse(f"{text}: {lost}", reason=lost.reason) if lost is not None else NoResponse(text)

    async def _link(self) -> _Link:
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
            connection = await open_connection(self._server, self._context)
        except RadiusError as error:
            self._end(attempt, error)
            return
        try:
            self.profile = connection.profile
            link = _Link(connection, self._terms, self._counters, self._replied)
            attempt.succeed(link)
            self._end(attempt, await link.run())
        finally:
            await connection.close()

    def _end(self, attempt: _Attempt, error: RadiusError) -> None:
        """No connection, or no longer one; the next is made when an exchange needs it."""
        self._attempt = None
        self._back_off()
        level = logging.DEBUG if self._counters[error.reason] else logging.WARNING
        log.log(level, "TLS to %s port %d: %s", self._server.host, self._server.port, error)
        self._counters[error.reason] += 1
        attempt.fail(error)

    def _replied(self) -> None:
        self._backoff = 0.0

    def _back_off(self) -> None:
        jitter = random.uniform(0, BACKOFF_JITTER)
        self._backoff = min(max(BACKOFF_SHORTEST, 2 * self._backoff), BACKOFF_LONGEST)
        self._not_before = trio.current_time() + self._backoff * (1 + jitter)

    def close(self) -> None:
        """End what is under way with trio.ClosedResourceError, and the connection; open_client() does it."""
        self._closed = True
        self._nursery.cancel_scope.cancel()
        if self._attempt is not None:
            self._attempt.close()


class _Attempt:
    """An attempt to connect, for all who wait for it, and the connection that came of it."""

    def __init__(self) -> None:
        self._ended = trio.Event()
        self._link: _Link | None = None
        self._error: Exception | None = None

    async def outcome(self) -> _Link:
        await self._ended.wait()
        if self._link is None:
            raise self._error or trio.ClosedResourceError(CLOSED)
        return self._link

    def succeed(self, link: _Link) -> None:
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


class _Waiting(Generic[R]):
    """A request on its way, and what becomes of it."""

    def __init__(self, sent: Sent[R]) -> None:
        self.sent = sent
        self._ended = trio.Event()
        self._outcome: R | ProtocolError | Exception | None = None

    def end(self, outcome: R | ProtocolError | Exception) -> None:
        if not self._ended.is_set():
            self._outcome = outcome
            self._ended.set()

    async def outcome(self) -> R | ProtocolError:
        await self._ended.wait()
        if isinstance(self._outcome, Exception):
            raise self._outcome
        assert self._outcome is not None
        return self._outcome


class _Octets:
    """Identifiers of RADIUS/1.0. 0 is the watchdog's (draft-ietf-radext-radiusdtls-bis).

    One whose reply is still to come is taken last, since its next user would get that reply, and close the connection.
    """

    def __init__(self) -> None:
        self._free = deque(range(1, 256))
        self._owing: dict[int, None] = {}

    def take(self) -> int:
        if self._free:
            return self._free.popleft()
        oldest = next(iter(self._owing))
        del self._owing[oldest]
        return oldest

    def give_back(self, identifier: int, *, answered: bool) -> None:
        """After the reply; without it, a late one gives it back once more."""
        if not answered:
            self._owing[identifier] = None
        elif identifier:
            self._owing.pop(identifier, None)
            self._free.append(identifier)

    def late(self, identifier: int) -> None:
        """A reply came after nobody waited for it any more."""
        if identifier in self._owing:
            self.give_back(identifier, answered=True)

    def watchdog(self) -> int:
        return 0

    def of(self, octets: bytes) -> int:
        return octets[1]


class _Tokens:
    """Tokens of RADIUS/1.1: a counter from a random start (RFC 9765 section 4.2.1)."""

    def __init__(self) -> None:
        self._next = secrets.randbelow(TOKENS)

    def take(self) -> int:
        self._next = (self._next + 1) % TOKENS
        return self._next

    def give_back(self, identifier: int, *, answered: bool) -> None:
        """None is used again."""

    def late(self, identifier: int) -> None:
        """None is used again."""

    def watchdog(self) -> int:
        return self.take()

    def of(self, octets: bytes) -> int:
        return int.from_bytes(octets[4:8], "big")


class _Link:
    """One connection, and who waits for the reply under which Identifier or Token of it."""

    def __init__(
        self, connection: Connection, terms: Terms, counters: Counter[str], replied: Callable[[], None]
    ) -> None:
        self._connection = connection
        self._terms = terms
        self._counters = counters
        self._replied = replied
        many = connection.profile.identifiers > 256
        self._identifiers = _Tokens() if many else _Octets()
        self._places = trio.Semaphore(EXCHANGES_MAXIMUM if many else 255)
        self._waiting: dict[int, _Waiting[Any]] = {}
        self._error: Exception | None = None
        self._heard = trio.current_time()

    async def exchange(self, request: Request[R]) -> R | ProtocolError:
        """Send a request once, and wait for its reply. Raises ConnectionLost."""
        async with self._places:
            if self._error is not None:
                raise self._error
            identifier = self._identifiers.take()
            try:
                return await self._send(request, identifier).outcome()
            finally:
                owing = self._waiting.pop(identifier, None) is not None
                self._identifiers.give_back(identifier, answered=not owing)

    def _send(self, request: Request[R], identifier: int) -> _Waiting[R]:
        waiting = _Waiting(self._terms.make(request, identifier, self._connection.profile))
        self._waiting[identifier] = waiting
        self._connection.send(waiting.sent.octets)
        return waiting

    async def run(self) -> ConnectionLost:
        """Carry packets until the connection ends, and say why it did."""
        lost = ConnectionLost("the server does not answer Status-Server", reason="watchdog")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._connection.transmit)
            nursery.start_soon(self._watch, nursery.cancel_scope)
            try:
                await self._receive()
            except ConnectionLost as error:
                lost = error
            nursery.cancel_scope.cancel()
        return lost

    def end(self, error: Exception) -> None:
        """Tell all who wait that no reply will come."""
        self._error = error
        for waiting in self._waiting.values():
            waiting.end(error)

    async def _receive(self) -> None:
        while True:
            for octets in await self._connection.receive():
                self._received(octets)

    def _received(self, octets: bytes) -> None:
        """A reply nobody waits for is ignored; one without proof shows that the ends do not understand each other."""
        self._heard = trio.current_time()
        identifier = self._identifiers.of(octets)
        waiting = self._waiting.get(identifier)
        if waiting is None:
            self._counters[UNMATCHED] += 1
            self._identifiers.late(identifier)
            return
        try:
            reply = waiting.sent.read_reply(octets, self._terms.dictionary)
        except (AuthenticityError, DecodeError) as error:
            self._discard(error)
        else:
            del self._waiting[identifier]
            self._replied()
            waiting.end(reply)

    def _discard(self, error: AuthenticityError | DecodeError) -> None:
        if error.reason != UNEXPECTED:
            raise ConnectionLost(str(error), reason=error.reason) from None
        self._counters[error.reason] += 1

    async def _watch(self, running: trio.CancelScope) -> None:
        """Ask Status-Server after a silence, and give the connection up where that too meets silence."""
        while True:
            silence = _interval()
            await trio.sleep_until(self._heard + silence)
            if self._heard + silence <= trio.current_time() and not await self._is_alive():
                running.cancel()

    async def _is_alive(self) -> bool:
        """Whether anything comes from the server within the time after a Status-Server."""
        asked = trio.current_time()
        identifier = self._identifiers.watchdog()
        self._send(StatusServer(), identifier)
        await trio.sleep(_interval())
        self._waiting.pop(identifier, None)
        return self._heard >= asked


def _interval() -> float:
    return WATCHDOG_SECONDS + random.uniform(-WATCHDOG_JITTER, WATCHDOG_JITTER)
