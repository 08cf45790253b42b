"""``trioradius check``: everything that ``run`` would load, without serving."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any

import click

from trioradius.app import App
from trioradius.cli.peers import peer_options, read_peers, weaknesses
from trioradius.cli.programs import load_app


@click.command("check")
@click.argument("target", metavar="MODULE:APP")
@peer_options
def command(target: str, peer: tuple[str, ...], peers: pathlib.Path | None) -> None:
    """Load an app, its dictionary, its peers and their secrets, and say what is weak about them.

    Nothing runs and nothing is bound. Exit status 0, with or without warnings; 2 where something cannot be loaded.
    """
    app = load_app(target)
    app.peers.overlay(read_peers(peer, peers))
    list(app.dictionary)
    for warning in _warnings(app):
        click.echo(f"warning: {warning}")
    click.echo(f"{target} can run: {counted(len(app.routes), 'route')}, {peer_count(app)}")


def counted(number: int, noun: str) -> str:
    """A number and its noun, as in 1 peer or 2 peers."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def peer_count(app: App[Any]) -> str:
    """How many peers an app knows."""
    asked = ", others are asked of a source" if app.peers.has_source else ""
    return f"{counted(len(app.peers), 'peer')}{asked}"


def _warnings(app: App[Any]) -> Iterator[str]:
    if not app.routes:
        yield "no routes: every request is refused or left unanswered"
    if not len(app.peers) and not app.peers.has_source:
        yield "no peers: every packet is discarded"
    yield from weaknesses(app.peers)
    for peer in app.peers:
        if peer.require_message_authenticator is False:
            yield (
                f"peer {peer.name}: require_message_authenticator=False takes Access-Requests that can be forged "
                "(BlastRADIUS)"
            )
