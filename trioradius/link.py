"""Link: the exchanges of one connection to a server; who waits for the reply under which Identifier or Token of it.

TLS loses nothing, so nothing is retransmitted on it (RFC 6613 section 2.6.1). DTLS loses what UDP loses: a request goes
through it again, as a new record, until it is answered (RFC 7360 section 4, RFC 5080 section 2.2.1).
"""

from __future__ import annotations

import contextlib
import math
import random
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol, TypeAlias

import trio

from trioradius.errors import AuthenticityError, DecodeError
from trioradius.identifiers import Identifiers, Octets, Tokens
from trioradius.protocol.exchange import Sent
from trioradius.protocol.packets import ProtocolError, Request, StatusServer
from trioradius.protocol.profile import Profile
from trioradius.retransmission import delayed
from trioradius.tls import Resumption
from trioradius.transports.lost import ConnectionLost
from trioradius.way import UNMATCHED, R, Terms, UnderWay

WATCHDOG_SECONDS: Final = 30.0
WATCHDOG_JITTER: Final = 2.0
"""RFC 3539 section 3.4.1."""
UNEXPECTED: Final = "unexpected_code"
"""Why a reply is thrown away that cannot answer this request; it harms nobody."""
OF_ANOTHER: Final = frozenset({UNEXPECTED, "response_authenticator", "message_authenticator_wrong"})
"""What the reply to another request looks like."""

_UnderWay: TypeAlias = UnderWay[R, int]


class Connection(Protocol):
    """One connection to a server: packets out and in; ``is_reliable`` says that it loses none."""

    profile: Profile
    is_reliable: bool

    def send(self, octets: bytes) -> None:
        """Let a packet leave soon."""

    async def transmit(self) -> None:
        """Send what is to leave, until cancelled."""

    async def receive(self) -> list[bytes]:
        """The packets that have come, at least one. Raises ConnectionLost where no further one can."""
        ...

    async def close(self) -> None:
        """Say goodbye and close."""

    def resumption(self) -> Resumption | None:
        """What the next connection may resume, once this one is closed."""
        ...


class Link:
    """One connection, and the exchanges under way on it.

    Args:
        connection: open; whoever made it closes it.
        terms: what both ends have agreed on.
        counters: of replies that are thrown away.
        replied: called at each good reply.
    """

    def __init__(
        self, connection: Connection, terms: Terms, counters: Counter[str], replied: Callable[[], None]
    ) -> None:
        self._connection = connection
        self._terms = terms
        self._counters = counters
        self._replied = replied
        self._identifiers: Identifiers = Octets() if connection.profile.identifiers == 256 else Tokens()
        self._places = trio.Semaphore(self._identifiers.maximum)
        self._waiting: dict[int, tuple[Sent[Any], _UnderWay[Any]]] = {}
        self._doubtful: dict[int, float] = {}
        self._error: Exception | None = None
        self._heard = trio.current_time()

    async def exchange(self, request: Request[R], begun: float) -> R | ProtocolError:
        """Send a request for which the client has been trying since ``begun``, and wait for its reply.

        Raises:
            ConnectionLost: no reply can come on this connection any more.
            trio.TooSlowError: the schedule has run out.
        """
        async with self._places:
            if self._error is not None:
                raise self._error
            under_way: _UnderWay[R] = UnderWay()
            try:
                return await self._ask(request, under_way, self._identifiers.take, begun)
            finally:
                self._settle(under_way)

    async def _ask(
        self, request: Request[R], under_way: _UnderWay[R], take: Callable[[], int], begun: float
    ) -> R | ProtocolError:
        """Send it as often as this kind of connection wants."""
        for wait in self._waits():
            self._transmit(delayed(request, trio.current_time() - begun), under_way, take)
            with trio.move_on_after(wait):
                return await under_way.reply()
        raise trio.TooSlowError

    def _waits(self) -> Iterable[float]:
        return (math.inf,) if self._connection.is_reliable else self._terms.retransmission.waits()

    def _transmit(self, request: Request[R], under_way: _UnderWay[R], take: Callable[[], int]) -> None:
        """Send the same octets as before, or those of a request that has changed under a further Identifier."""
        sent = under_way.unchanged(request)
        if under_way.places:
            self._doubt(under_way.places[-1])
        if sent is None:
            if under_way.places:
                # It is listened for under the old one until somebody else needs that.
                self._identifiers.give_back(under_way.places[-1], answered=False)
            under_way.places.append(take())
            identifier = under_way.places[-1]
            sent = under_way.sent = self._terms.make(request, identifier, self._connection.profile)
            self._waiting[identifier] = sent, under_way
        self._connection.send(sent.octets)

    def _settle(self, under_way: _UnderWay[Any]) -> None:
        """The exchange is over, one way or another."""
        *_, held = under_way.places
        owing = held in self._waiting
        for identifier in under_way.places:
            self._forget(identifier, under_way)
        if owing:
            self._doubt(held)
        self._identifiers.give_back(held, answered=not owing)

    def _forget(self, identifier: int, under_way: _UnderWay[Any]) -> None:
        """Listen for it no longer, unless another exchange does so by now."""
        if self._waiting.get(identifier, (None, None))[1] is under_way:
            del self._waiting[identifier]

    def _doubt(self, identifier: int) -> None:
        """For a while its next user may meet replies to this one: it got none so far, or may get several."""
        if self._identifiers.are_reused:
            self._doubtful[identifier] = trio.current_time() + self._terms.retransmission.duration

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
        for _, under_way in self._waiting.values():
            under_way.end(error)

    async def _receive(self) -> None:
        while True:
            for octets in await self._connection.receive():
                self._received(octets)

    def _received(self, octets: bytes) -> None:
        """A reply nobody waits for is ignored; one without proof shows that the ends do not understand each other."""
        self._heard = trio.current_time()
        identifier = self._identifiers.of(octets)
        sent, under_way = self._waiting.get(identifier, (None, None))
        if sent is None or under_way is None:
            self._counters[UNMATCHED] += 1
            self._identifiers.late(identifier)
            return
        try:
            reply = sent.read_reply(octets, self._terms.dictionary)
        except (AuthenticityError, DecodeError) as error:
            self._discard(identifier, error)
        else:
            del self._waiting[identifier]
            self._replied()
            under_way.end(reply)

    def _discard(self, identifier: int, error: AuthenticityError | DecodeError) -> None:
        """Raises ConnectionLost where a reply is worse than late."""
        if error.reason in OF_ANOTHER and trio.current_time() < self._doubtful.get(identifier, 0):
            self._counters[UNMATCHED] += 1
        elif error.reason == UNEXPECTED:
            self._counters[error.reason] += 1
        else:
            raise ConnectionLost(str(error), reason=error.reason) from None

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
        under_way: _UnderWay[Any] = UnderWay()
        with trio.move_on_after(_interval()), contextlib.suppress(trio.TooSlowError):
            await self._ask(StatusServer(), under_way, self._identifiers.watchdog, asked)
        self._forget(under_way.places[0], under_way)
        return self._heard >= asked


def _interval() -> float:
    return WATCHDOG_SECONDS + random.uniform(-WATCHDOG_JITTER, WATCHDOG_JITTER)
