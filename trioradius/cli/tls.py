"""TLS on the command line of a client: which certificate to show, and whom to trust."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import click

from trioradius.cli.group import Mistake
from trioradius.tls import TLSSettings, client_context

Command = TypeVar("Command", bound=Callable[..., Any])

SETTINGS: Final = {
    "tls_cert": "certificate",
    "tls_key": "key",
    "tls_ca": "ca",
    "tls_fingerprint": "fingerprints",
    "tls_name": "server_name",
    "radius_version": "versions",
}
"""Which option gives which setting."""
_FILE: Final = click.Path(dir_okay=False, path_type=pathlib.Path)


def tls_options(command: Command) -> Command:
    """The option --tls and those that go with it; see chosen_tls()."""
    options = (
        click.option("--tls", is_flag=True, help="Send over TLS (RadSec), to port 2083 unless SERVER has another."),
        click.option("--tls-cert", type=_FILE, metavar="FILE", help="The client's certificate, in PEM."),
        click.option("--tls-key", type=_FILE, metavar="FILE", help="Its private key, in PEM."),
        click.option(
            "--tls-ca", type=_FILE, multiple=True, metavar="FILE", help="The authorities that are trusted, in PEM."
        ),
        click.option(
            "--tls-fingerprint",
            multiple=True,
            metavar="SHA256",
            help="The server's certificate, which then needs no authority.",
        ),
        click.option("--tls-name", metavar="NAME", help="What the server's certificate must name, instead of SERVER."),
        click.option("--radius-version", type=click.Choice(["1.0", "1.1"]), help="Offer this version alone."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def chosen_tls(options: Mapping[str, Any]) -> TLSSettings | None:
    """The settings that these options ask for, None without --tls. Raises Mistake and ConfigurationError."""
    given = {setting: options[option] for option, setting in SETTINGS.items() if options[option]}
    if not options["tls"]:
        if given:
            option = min(option for option in SETTINGS if options[option])
            raise Mistake(f"--{option.replace('_', '-')} wants --tls beside it")
        return None
    settings = TLSSettings(**given)
    client_context(settings)
    return settings
