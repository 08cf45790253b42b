"""The way of one packet, and the nursery that listeners live in. Read respond() first."""

from __future__ import annotations

import contextlib
import functools
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, TypeVar

import trio

from trioradius.app import App
from trioradius.claim import Claim
from trioradius.decision import decide, request_class
from trioradius.discards import Discards
from trioradius.errors import (
    RESOURCES_UNAVAILABLE,
    AuthenticityError,
    ConfigurationError,
    DecodeError,
    Discard,
    Overload,
    RadiusError,
    StoreRefused,
    StoreUnavailable,
    UnknownPeer,
)
from trioradius.peers import Peers, require_proof
from trioradius.peers.callers import Caller
from trioradius.peers.policy import learn
from trioradius.protocol.codes import ACCESS_REJECT
from trioradius.protocol.packets import ProtocolError, Request
from trioradius.protocol.peer import Peer
from trioradius.protocol.source import Source
from trioradius.protocol.wire import Message
from trioradius.transports import DTLS, TLS, UDP
from trioradius.transports.abreast import abreast
from trioradius.transports.listener import Answer, Delayed, Limits, Service
from trioradius.transports.udp import BoundAddress

if TYPE_CHECKING:
    from typing import Self

DISCARDED: Final = (DecodeError, AuthenticityError, UnknownPeer, Overload, StoreUnavailable, StoreRefused, Discard)
"""What makes a transport discard a packet; any other exception is a fault of ours or of the handler's."""
JITTER: Final = 0.1
"""Part of the reject delay that is random."""

T = TypeVar("T")
Listener: TypeAlias = UDP | TLS | DTLS


class BoundListener(Protocol):
    """A bound socket, and what is read from it; leaving its block closes it."""

    address: BoundAddress

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...

    async def serve(self, service: Service) -> None:
        """Answer requests until stopped or cancelled."""

    def stop(self) -> None:
        """Read no more; serve() returns when what was read is answered."""


log = logging.getLogger("trioradius.server")


async def respond(app: App[Any], octets: bytes, source: Source) -> Answer:
    """Octets from a peer to the octets that answer them: the way of one packet.

    Raises:
        RadiusError: the packet must be discarded (one of DISCARDED).
    """
    known = source.peer or app.peers.at_hand(source.address)
    peer = known or await app.peers.find(source.address)
    profile = source.profile
    message = profile.decode(octets)
    await abreast
    kind = verified(app, message, peer, source)
    await abreast
    require_room(app, source, itself=known is None)
    claim = Claim(app.dedup, source.duplicate_slot(message), message.authenticator)
    if asking := claim.begin():
        await asking
    try:
        if claim.is_repeat:
            app.counters["repeats"] += 1
            return claim.reply
        hiding = profile.request_hiding(message, peer.secret)
        request = kind.received(message, hiding, app.dictionary).sent_by(peer, source)
        reply, keep = await decide(app, request, source)
        await abreast
        signed = profile.encode_reply(reply, message, hiding, peer.secret)
        app.counters[reply.name] += 1
        if reply.code == ACCESS_REJECT and app.reject_delay:
            claim.keep_open()
            return Delayed(signed, app.reject_delay * random.uniform(1, 1 + JITTER), claim.finish)
        claim.reply = signed if keep else None
        return signed
    finally:
        if telling := claim.end():
            await telling


def verified(app: App[Any], message: Message, peer: Peer, source: Source) -> type[Request[Any]]:
    """The class of a message that this listener takes, that has the proof its peer owes, and whose proof holds.

    Raises:
        RadiusError: it must be discarded, and nobody may have learned anything from it.
    """
    kind = request_class(message, source)
    require_proof(message, peer, source, app.learned)
    source.profile.verify_request(message, peer.secret)
    app.counters[kind.name] += 1
    if peer.learns and source.transport == "udp":
        learn(message, peer, source.address, app.learned)
    return kind


def require_room(app: App[Any], source: Source, *, itself: bool) -> None:
    """Raises Overload where too many requests of one NAS, or of one connection, wait for their handlers.

    ``itself`` says that this one may be among them, since it has waited for its peer.
    """
    if app.in_flight and app.in_flight[source.sender] - itself >= app.limits.in_flight_per_address:
        raise Overload(
            "too many requests of this NAS are being answered; Limits(in_flight_per_address=...) bounds them",
            reason="address_overload",
        )


class AppService:
    """An App as what listeners serve: respond(), with the one fence round it."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self.answer: Callable[[bytes, Source], Coroutine[Any, Any, Answer]] = functools.partial(respond, app)
        """respond(), not begun; what it raises is for caught()."""
        self._discards = Discards(app.counters)
        self.limits: Limits = app.limits

    @property
    def peers(self) -> Peers:
        """Who may connect."""
        return self._app.peers

    async def caller(self, source: Source) -> Caller | None:
        """What is known of whoever connects; None where the peer source failed, which one connection has to suffer."""
        try:
            found = await self._fenced(self._app.peers.caller(source.address, source.transport), b"", source)
        except RadiusError as error:
            self.refused(error, source)
            return None
        return found if isinstance(found, Caller) else None

    @contextlib.contextmanager
    def waiting(self, source: Source) -> Iterator[None]:
        """The block in which a request from here waits for its handler."""
        in_flight, sender = self._app.in_flight, source.sender
        in_flight[sender] += 1
        try:
            yield
        finally:
            in_flight[sender] -= 1
            if not in_flight[sender]:
                del in_flight[sender]

    def caught(self, error: BaseException, octets: bytes, source: Source) -> Answer:
        """What a request gets whose way ended in an exception: one packet may fail, the server may not.

        None where the fault is ours. Where the version has Protocol-Error, that is the reply to what has failed, and to
        what must be discarded; else the latter is raised again, as is everything that is no Exception.
        """
        match error:
            case RadiusError() if isinstance(error, DISCARDED):
                refusal = self.unanswered(octets, source, error.error_cause)
                if refusal is None:
                    raise error
                self.discarded(error, source)
                return refusal
            case Exception():
                self.failed(error, source)
                return self.unanswered(octets, source)
            case BaseExceptionGroup():
                # A handler that was cancelled, and whose nursery met an error on the way out: the cancellation goes on.
                faults, cancelled = error.split(Exception)
                if faults is not None:
                    self.failed(faults, source)
                raise cancelled or error from None
        raise error

    def fenced(self, reply: Delayed, source: Source) -> Delayed:
        """What is done after a delayed reply has left may fail as well, in a store; no request is left to answer."""

        async def sent(octets: bytes | None) -> None:
            try:
                await self._fenced(reply.sent(octets), b"", source)
            except RadiusError as error:
                self.discarded(error, source)

        return Delayed(reply.octets, reply.seconds, sent)

    async def _fenced(self, step: Awaitable[T], octets: bytes, source: Source) -> T | Answer:
        try:
            return await step
        except BaseException as error:
            return self.caught(error, octets, source)

    def unanswered(self, octets: bytes, source: Source, error_cause: int = RESOURCES_UNAVAILABLE) -> bytes | None:
        """What a request gets that gets no reply, also one that timed out: Protocol-Error, or None for silence."""
        secret = source.peer.secret if source.peer is not None else None
        refusal = source.profile.unanswered(octets, error_cause, secret) if error_cause else None
        if refusal is not None:
            self._app.counters[ProtocolError.name] += 1
        return refusal

    def failed(self, error: Exception, source: object) -> None:
        """Count and log a fault of a handler, or of ours; ``source`` is whose, as far as is known."""
        self._app.counters["handler_failed"] += 1
        if isinstance(error, ConfigurationError):
            # Its text says what to change, as which extra is missing; where it was raised says no more.
            log.error("%s: %s; the request stays unanswered", source, error)
        else:
            log.error("%s: the handler failed, and the request stays unanswered", source, exc_info=error)

    def discarded(self, error: RadiusError, source: Source) -> None:
        """Count and explain a packet that a listener discarded."""
        self._discards.add(error, source)

    def refused(self, error: RadiusError, source: Source) -> None:
        """Count and explain a connection that was turned away, or given up, before it could carry a packet."""
        self._discards.add(error, source, source.transport)

    def timed_out(self, source: Source) -> None:
        """Count and log a handler that was cancelled by its time limit."""
        self._app.counters["handler_timed_out"] += 1
        log.error(
            "%s: the handler took longer than %g s (Limits(handler_seconds=...)), and the request stays unanswered",
            source,
            self.limits.handler_seconds,
        )


@contextlib.asynccontextmanager
async def running(app: App[Any]) -> AsyncIterator[None]:
    """The app's lifespans: entered in order, left in reverse; ``app.state`` is what the last one yielded."""
    async with contextlib.AsyncExitStack() as stack:
        for lifespan in app.lifespans:
            state = await stack.enter_async_context(contextlib.asynccontextmanager(lifespan)(app))
            if state is not None:
                app.state = state
        yield


async def serve(
    app: App[Any],
    *listeners: Listener,
    task_status: trio.TaskStatus[list[BoundAddress]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve an app on these listeners until cancelled; ``nursery.start`` returns their bound addresses.

    Cancelled, it stops reading at once and lets running handlers finish and their replies leave, for as long as
    ``Limits(grace_seconds=...)`` says.

    Raises:
        ConfigurationError: an address cannot be bound, or TLS settings cannot work.
    """
    for listener in listeners:
        if isinstance(listener, TLS | DTLS):
            app.peers.require_fit(listener.settings)
    with contextlib.ExitStack() as stack:
        bound: list[BoundListener] = []
        for listener in listeners:
            opened: BoundListener = await listener.bind()
            bound.append(stack.enter_context(opened))
        await serve_bound(app, bound, task_status=task_status)


async def serve_bound(
    app: App[Any],
    bound: Sequence[BoundListener],
    *,
    task_status: trio.TaskStatus[list[BoundAddress]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """serve() on listeners that are bound already and that somebody else closes."""
    grace = trio.CancelScope()
    async with trio.open_nursery() as nursery:
        await nursery.start(_serve_within, app, bound, grace)
        task_status.started([opened.address for opened in bound])
        try:
            await trio.sleep_forever()
        finally:
            for opened in bound:
                opened.stop()
            grace.deadline = trio.current_time() + app.limits.grace_seconds


async def _serve_within(
    app: App[Any],
    listeners: Sequence[BoundListener],
    grace: trio.CancelScope,
    *,
    task_status: trio.TaskStatus[None],
) -> None:
    """Lifespan and listeners, in the scope whose deadline is the grace period, which shields them once all is open."""
    service = AppService(app)
    with grace:
        async with running(app), trio.open_nursery() as nursery:
            for listener in listeners:
                nursery.start_soon(listener.serve, service)
            await trio.lowlevel.checkpoint_if_cancelled()
            grace.shield = True
            task_status.started()
