"""``trioradius run``: serve an app until a signal ends it."""

from __future__ import annotations

import errno
import functools
import gc
import logging
import pathlib
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final

import click
import trio

from trioradius.app import App
from trioradius.cli.check import counted, peer_count
from trioradius.cli.group import Mistake, first_of
from trioradius.cli.logs import logging_to_stderr
from trioradius.cli.options import host_and_port
from trioradius.cli.peers import peer_options, read_peers, weaknesses
from trioradius.cli.programs import fault, load_app
from trioradius.cli.routes import print_routes
from trioradius.cli.tls_listeners import tls_listeners, tls_server_options
from trioradius.errors import ConfigurationError
from trioradius.protocol.codes import COA_REQUEST, DISCONNECT_REQUEST
from trioradius.protocol.packets import REQUESTS
from trioradius.protocol.peer import Peer
from trioradius.server import Listener, serve
from trioradius.transports import DTLS, TLS, UDP
from trioradius.transports.udp import BoundAddress

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_ADVICE: Final = {
    errno.EADDRINUSE: "another program has it; end that, or choose another port with --udp",
    errno.EACCES: "ports below 1024 want root or CAP_NET_BIND_SERVICE; choose a higher one with --udp",
    errno.EADDRNOTAVAIL: "this machine has no such address; --udp PORT takes all it has",
}

log = logging.getLogger("trioradius.run")


@click.command("run")
@click.argument("target", metavar="MODULE:APP")
@click.option(
    "--udp",
    multiple=True,
    metavar="[HOST:]PORT",
    help="Listen here, as in 1812, 127.0.0.1:1812 or [::1]:1812; port 0 takes a free one. By default 1812 and 1813 "
    "on all addresses, and 3799 where the app answers CoA or Disconnect.",
)
@tls_server_options
@peer_options
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"], case_sensitive=False),
    default="info",
    show_default=True,
    help="What is worth a line in the log.",
)
@click.option("--json-logs", is_flag=True, help="Write the log, and what is said at the start, as JSON lines.")
@click.option("--reload", is_flag=True, help="Start anew whenever Python code in the current folder changes.")
def command(
    target: str,
    udp: tuple[str, ...],
    peer: tuple[str, ...],
    peers: pathlib.Path | None,
    log_level: str,
    json_logs: bool,
    reload: bool,
    **tls_options: Any,
) -> int | None:
    """Serve the app APP of the Python module MODULE, as in hello:app for the app in hello.py.

    SIGTERM and SIGINT (Ctrl-C) stop it once running requests are answered, a second SIGINT stops it at once; SIGHUP
    reads the peers, certificates and revocation lists again.
    """
    if reload:
        from trioradius.cli.reload import run_and_reload

        return run_and_reload()
    app = load_app(target)
    listeners: list[Listener] = [*([_listener(text) for text in udp] or _default_listeners(app))]
    listeners += tls_listeners(**tls_options)
    load_peers = functools.partial(read_peers, peer, peers)
    app.peers.overlay(load_peers())
    with logging_to_stderr(log_level, as_json=json_logs):
        _Running(target, app, listeners, load_peers, as_json=json_logs).until_stopped()
    return None


def _listener(text: str) -> UDP:
    host, port = host_and_port(text if not text.isdecimal() else f"[::]:{text}", "--udp")
    return UDP(host, port)


def _default_listeners(app: App[Any]) -> list[UDP]:
    dynamic = {route.request.code for route in app.routes} & {COA_REQUEST, DISCONNECT_REQUEST}
    return [UDP("::", port) for port in (1812, 1813, *([3799] if dynamic else []))]


class _Running:
    """An app while it is served: its start, its signals, its end."""

    def __init__(
        self,
        target: str,
        app: App[Any],
        listeners: Sequence[Listener],
        load_peers: Callable[[], dict[str, Peer]],
        *,
        as_json: bool,
    ) -> None:
        self._target = target
        self._app = app
        self._listeners = listeners
        self._load_peers = load_peers
        self._as_json = as_json
        self._started = False
        self._serving = trio.CancelScope()

    def until_stopped(self) -> None:
        """Serve. Raises Mistake where that cannot begin."""
        try:
            # What was made so far lives as long as the server: the collector need not look at it again and again.
            gc.freeze()
            trio.run(self._run)
        except ExceptionGroup as group:
            cause = first_of(group)
            if self._started:
                raise
            raise Mistake(_advised(cause) if isinstance(cause, ConfigurationError) else fault(cause)) from None

    async def _run(self) -> None:
        with trio.open_signal_receiver(*SIGNALS) as signals:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._obey, signals)
                with self._serving:
                    async with trio.open_nursery() as servers:
                        addresses = await servers.start(serve, self._app, *self._listeners)
                        self._started = True
                        self._announce(addresses)
                nursery.cancel_scope.cancel()

    async def _obey(self, signals: AsyncIterator[int]) -> None:
        async for number in signals:
            if self._serving.cancel_called:
                continue
            if number == signal.SIGHUP:
                self._reload_peers()
            else:
                log.info("%s: answering what is under way, then stopping", signal.Signals(number).name)
                # The next Ctrl-C is for the kernel, which needs no event loop to end us.
                signal.signal(signal.SIGINT, signal.SIG_DFL)
                self._serving.cancel()

    def _reload_peers(self) -> None:
        try:
            self._app.peers.overlay(self._load_peers())
        except (Mistake, ConfigurationError) as error:
            log.error("the peers stay as they were: %s", error)
            return
        log.info("peers read again: %s", peer_count(self._app))
        self._warn()
        self._reload_certificates()

    def _reload_certificates(self) -> None:
        """After the peers, by whose entries live connections are looked at again."""
        for listener in self._listeners:
            if isinstance(listener, TLS | DTLS):
                try:
                    listener.reload()
                except ConfigurationError as error:
                    log.error("the certificates stay as they were: %s", error)
                else:
                    log.info("certificates read again")

    def _warn(self) -> None:
        for warning in weaknesses(self._app.peers):
            log.warning("%s", warning)

    def _announce(self, addresses: list[BoundAddress]) -> None:
        """Say what is served; on standard output for people, as records of the log for programs."""
        say: Callable[[str], object] = log.info if self._as_json else click.echo
        for listener, (host, port) in zip(self._listeners, addresses, strict=True):
            taken = ", ".join(REQUESTS[code].name for code in sorted(listener.codes))
            place = f"{type(listener).__name__} {f'[{host}]' if ':' in host else host}:{port}"
            say(f"{self._target} listens on {place} for {taken}")
        if self._as_json:
            say(counted(len(self._app.routes), "route"))
        else:
            print_routes(self._app, indent=2)
        say(peer_count(self._app))
        self._warn()


def _advised(error: BaseException) -> str:
    """A listener's complaint, with what to do about it."""
    cause = error.__context__
    advice = _ADVICE.get(cause.errno or 0) if isinstance(cause, OSError) else None
    return f"{error}; {advice}" if advice else str(error)
