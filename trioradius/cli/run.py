"""``trioradius run``: serve an app until a signal ends it."""

from __future__ import annotations

import functools
import pathlib
from typing import Any

import click

from trioradius.app import App
from trioradius.cli.announcement import Announcement
from trioradius.cli.logs import logging_to_stderr
from trioradius.cli.options import host_and_port
from trioradius.cli.peers import peer_options, read_peers
from trioradius.cli.programs import load_app
from trioradius.cli.reload import end_with_watcher, run_and_reload
from trioradius.cli.serving import Serving
from trioradius.cli.supervising import Supervising, worker_count
from trioradius.cli.tls_listeners import tls_listeners, tls_server_options
from trioradius.protocol.codes import COA_REQUEST, DISCONNECT_REQUEST
from trioradius.server import Listener
from trioradius.transports import UDP
from trioradius.workers import Invitation, Membership


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
@click.option(
    "--workers",
    metavar="N",
    help="Serve with N processes, or with auto one a core; a NAS's packets always reach the same one. SIGUSR2 puts "
    "new ones in their place, one after another, as for a new version of the app.",
)
@click.option("--metrics", metavar="[HOST:]PORT", help="Show the counters to Prometheus here, at /metrics.")
@click.option("--reload", is_flag=True, help="Start anew whenever Python code in the current folder changes.")
def command(
    target: str,
    udp: tuple[str, ...],
    peer: tuple[str, ...],
    peers: pathlib.Path | None,
    log_level: str,
    json_logs: bool,
    workers: str | None,
    metrics: str | None,
    reload: bool,
    **tls_options: Any,
) -> int | None:
    """Serve the app APP of the Python module MODULE, as in hello:app for the app in hello.py.

    SIGTERM and SIGINT (Ctrl-C) stop it once running requests are answered, a second SIGINT stops it at once; SIGHUP
    reads the peers, certificates and revocation lists again.
    """
    asked = [_listener(text) for text in udp]
    place = _place(metrics) if metrics is not None else None
    count = worker_count(workers) if workers is not None else None
    if reload:
        return run_and_reload()
    end_with_watcher()
    app = load_app(target)
    listeners: list[Listener] = [*(asked or _default_listeners(app)), *tls_listeners(**tls_options)]
    load_peers = functools.partial(read_peers, peer, peers)
    app.peers.overlay(load_peers())
    announcement = Announcement(target, app, listeners, json_logs)
    invitation = Invitation.from_environment()
    with logging_to_stderr(log_level, as_json=json_logs):
        if count is not None and invitation is None:
            return Supervising(announcement, count, place).until_stopped()
        membership = Membership(invitation, app) if invitation is not None else None
        Serving(announcement, load_peers, membership, None if invitation is not None else place).until_stopped()
    return None


def _listener(text: str) -> UDP:
    host, port = host_and_port(text if not text.isdecimal() else f"[::]:{text}", "--udp")
    return UDP(host, port)


def _place(text: str) -> tuple[str, int]:
    """Where the counters are shown: of this machine alone, unless another address is given."""
    return host_and_port(text if not text.isdecimal() else f"127.0.0.1:{text}", "--metrics")


def _default_listeners(app: App[Any]) -> list[UDP]:
    dynamic = {route.request.code for route in app.routes} & {COA_REQUEST, DISCONNECT_REQUEST}
    return [UDP("::", port) for port in (1812, 1813, *([3799] if dynamic else []))]
