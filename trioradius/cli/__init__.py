"""The command ``trioradius``: each command is a file of its own here, imported when it is asked for."""

from __future__ import annotations

from typing import Any, Final

import click

from trioradius.cli.group import Commands

__all__ = ["main"]

COMMANDS: Final = {
    "run": "Serve an app.",
    "send": "Send requests to a server and show its replies.",
    "bench": "Put load on a server and show how it bears it.",
    "routes": "Show which handler answers which request.",
    "check": "Load an app and its peers, and say what is wrong with them.",
    "decode": "Show the packets in hexadecimal digits or in a capture file.",
    "dictionary": "Look attributes up, and make Python modules from dictionary files.",
    "secret": "Make a shared secret.",
    "certs": "Make certificates to try TLS with.",
}


def _print_version(context: click.Context, _: click.Parameter, wanted: bool) -> Any:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        from trioradius.protocol import IS_COMPILED

        try:
            number = version("trioradius")
        except PackageNotFoundError:
            number = "(not installed)"
        click.echo(f"trioradius {number}" + (", compiled" if IS_COMPILED else ""))
        context.exit()


@click.group(cls=Commands, commands_here=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Show the version."
)
def main() -> None:
    """RADIUS servers and clients written in Python.

    A mistake in what is typed or in a file is one line on standard error, and exit status 2.
    """
