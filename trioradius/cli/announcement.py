"""What a server says when it begins: where it listens, which routes it has, how many peers; and what is weak."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import click

from trioradius.app import App
from trioradius.cli.check import counted, peer_count
from trioradius.cli.peers import weaknesses
from trioradius.cli.routes import print_routes
from trioradius.protocol.packets import REQUESTS
from trioradius.server import Listener
from trioradius.transports.udp import BoundAddress

log = logging.getLogger("trioradius.run")


@attrs.frozen
class Announcement:
    """What is said of an app: on standard output for people, as records of the log for programs (``as_json``)."""

    target: str
    app: App[Any]
    listeners: Sequence[Listener]
    as_json: bool

    def say(self, addresses: Sequence[BoundAddress], workers: int = 0) -> None:
        """Say what is served at these addresses, and by how many workers."""
        say: Callable[[str], object] = log.info if self.as_json else click.echo
        for listener, (host, port) in zip(self.listeners, addresses, strict=True):
            taken = ", ".join(REQUESTS[code].name for code in sorted(listener.codes))
            place = f"{type(listener).__name__} {f'[{host}]' if ':' in host else host}:{port}"
            say(f"{self.target} listens on {place} for {taken}")
        if self.as_json:
            say(counted(len(self.app.routes), "route"))
        else:
            print_routes(self.app, indent=2)
        say(peer_count(self.app))
        if workers:
            say(counted(workers, "worker"))
        warn_of_peers(self.app)


def warn_of_peers(app: App[Any]) -> None:
    """What a careful operator would mend about the peers, in the log."""
    for warning in weaknesses(app.peers):
        log.warning("%s", warning)
