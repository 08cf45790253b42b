"""An app while it is served by this process: its start, its signals, its end."""

from __future__ import annotations

import errno
import gc
import logging
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, nullcontext
from typing import Any, Final

import attrs
import trio

from trioradius.app import App
from trioradius.cli.announcement import Announcement, warn_of_peers
from trioradius.cli.check import peer_count
from trioradius.cli.group import Mistake, first_of
from trioradius.cli.programs import fault
from trioradius.errors import ConfigurationError
from trioradius.metrics import serve_metrics
from trioradius.protocol.peer import Peer
from trioradius.server import BoundListener, serve, serve_bound
from trioradius.transports import DTLS, TLS
from trioradius.transports.udp import BoundAddress
from trioradius.workers import Membership, systemd

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR2)
_ADVICE: Final = {
    errno.EADDRINUSE: "another program has it; end that, or choose another port with {option}",
    errno.EACCES: "ports below 1024 want root or CAP_NET_BIND_SERVICE; choose a higher one with {option}",
    errno.EADDRNOTAVAIL: "this machine has no such address; {option} PORT takes all it has",
}
YOUNG_OBJECTS: Final = 10_000
"""New ones after which the collector looks for garbage; CPython's 700 are fewer than those of one batch of requests."""
_OPTIONS: Final = {"UDP": "--udp", "TLS": "--tls", "DTLS": "--dtls", "metrics": "--metrics"}
"""The first word of a complaint about an address, and the option that gives another."""

log = logging.getLogger("trioradius.run")


@attrs.define(eq=False)
class Serving:
    """An app while it is served, alone or as one of several workers.

    Args:
        announcement: what is said when it begins; by a worker, nothing.
        load_peers: the peers of the command line, read anew.
        membership: of a worker, its part.
        metrics: where to show the counters, if anywhere.
    """

    announcement: Announcement
    load_peers: Callable[[], dict[str, Peer]]
    membership: Membership | None
    metrics: BoundAddress | None
    _started: bool = False
    _scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)

    @property
    def app(self) -> App[Any]:
        """What is served."""
        return self.announcement.app

    def until_stopped(self) -> None:
        """Serve. Raises Mistake where that cannot begin."""
        try:
            # What was made so far lives as long as the server, and what a batch of requests is made of until they are
            # answered: the collector need not look at either again and again.
            gc.freeze()
            gc.set_threshold(YOUNG_OBJECTS)
            trio.run(self._run)
        except ExceptionGroup as group:
            if self._started:
                raise
            raise Mistake(complaint(first_of(group))) from None

    async def _run(self) -> None:
        with trio.open_signal_receiver(*SIGNALS) as signals:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._obey, signals)
                with self._scope:
                    await (self._serve() if self.membership is None else self._serve_as_worker(self.membership))
                nursery.cancel_scope.cancel()

    async def _serve(self) -> None:
        async with trio.open_nursery() as servers:
            addresses = await servers.start(serve, self.app, *self.announcement.listeners)
            if self.metrics is not None:
                await servers.start(serve_metrics, *self.metrics, lambda: self.app.counters)
            self._started = True
            self.announcement.say(addresses)
            systemd.ready("serving")

    async def _serve_as_worker(self, membership: Membership) -> None:
        """Serve on the sockets that the supervisor opened, and obey it."""
        with ExitStack() as stack:
            stack.callback(membership.leave)
            listeners: list[BoundListener] = []
            places = self.announcement.listeners
            for listener, opened in zip(places, membership.sockets(len(places)), strict=True):
                listeners.append(stack.enter_context(membership.gated(await listener.bind(opened))))
            mailbox = stack.enter_context(membership.mailbox())
            async with trio.open_nursery() as nursery:
                nursery.start_soon(membership.run, listeners, self._scope)
                try:
                    async with trio.open_nursery() as servers:
                        await servers.start(serve_bound, self.app, [*listeners, mailbox])
                        self._started = True
                        await membership.say_ready()
                finally:
                    with trio.CancelScope(shield=True):
                        await membership.last_report()
                    nursery.cancel_scope.cancel()

    async def _obey(self, signals: AsyncIterator[int]) -> None:
        async for number in signals:
            if self._scope.cancel_called:
                continue
            match number:
                case signal.SIGHUP:
                    with systemd.reloading("serving") if self._started else nullcontext():
                        self._reload()
                case signal.SIGUSR2:
                    self._refuse_restart()
                case _:
                    log.info("%s: answering what is under way, then stopping", signal.Signals(number).name)
                    systemd.stopping()
                    # The next Ctrl-C is for the kernel, which needs no event loop to end us.
                    signal.signal(signal.SIGINT, signal.SIG_DFL)
                    self._scope.cancel()

    def _refuse_restart(self) -> None:
        """A rolling restart is the supervisor's; whoever signals all processes at once has told it as well."""
        if self.membership is None:
            log.warning("SIGUSR2 restarts workers, and there are none: start with --workers N")

    def _reload(self) -> None:
        """The peers first, by whose entries live connections are looked at again."""
        try:
            self.app.peers.overlay(self.load_peers())
        except (Mistake, ConfigurationError) as error:
            log.error("the peers stay as they were: %s", error)
            return
        log.info("peers read again: %s", peer_count(self.app))
        warn_of_peers(self.app)
        listeners = self.announcement.listeners
        certificates = [listener.reload for listener in listeners if isinstance(listener, TLS | DTLS)]
        for read_again in (*certificates, *self.app.reloads):
            try:
                read_again()
            except ConfigurationError as error:
                log.error("the certificates stay as they were: %s", error)
            else:
                log.info("certificates read again")


def complaint(cause: BaseException) -> str:
    """What stopped a start, on one line, with what to do about it."""
    if not isinstance(cause, ConfigurationError):
        return fault(cause)
    reason = cause.__context__
    option = _OPTIONS.get(str(cause).partition(" ")[0])
    advice = _ADVICE.get(reason.errno or 0) if isinstance(reason, OSError) else None
    return f"{cause}; {advice.format(option=option)}" if advice and option else str(cause)
