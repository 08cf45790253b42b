"""The nursery that listeners live in, and the one fence round the way of a packet (respond.py, read first)."""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, TypeVar

import trio

from trioradius.app import App
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
from trioradius.peers import Peers
from trioradius.peers.callers import Caller
from trioradius.protocol.packets import ProtocolError
from trioradius.protocol.source import Source
from trioradius.respond import respond
from trioradius.transports import DTLS, TLS, UDP
from trioradius.transports.listener import Answer, Delayed, Limits, Service
from trioradius.transports.udp import BoundAddress

if TYPE_CHECKING:
    from typing import Self

DISCARDED: Final = (DecodeError, AuthenticityError, UnknownPeer, Overload, StoreUnavailable, StoreRefused, Discard)
"""What makes a transport discard a packet; any other exception is a fault of ours or of the handler's."""
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

    async def all_begun(self) -> None:
        """Wait, once stopped, until everything that was read is being answered, or done."""


log = logging.getLogger("trioradius.server")


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
