"""TLS and DTLS on the command line of a server: where to listen, and with which certificate."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from trioradius.cli.group import Mistake
from trioradius.cli.options import host_and_port
from trioradius.tls import TLSSettings, server_context
from trioradius.transports import DTLS, TLS

Command = TypeVar("Command", bound=Callable[..., Any])

RADSEC_PORT: Final = 2083
"""RFC 6614 section 2.1."""
_FILE: Final = click.Path(dir_okay=False, path_type=pathlib.Path)


def tls_server_options(command: Command) -> Command:
    """The options of TLS and DTLS listeners, in the order in which help shows them."""
    options = (
        click.option("--tls-cert", type=_FILE, metavar="FILE", help="The server's certificate, in PEM."),
        click.option("--tls-key", type=_FILE, metavar="FILE", help="Its private key, in PEM."),
        click.option(
            "--tls-ca",
            type=_FILE,
            multiple=True,
            metavar="FILE",
            help="The authorities that may sign certificates of peers, in PEM; nothing else is trusted.",
        ),
        click.option("--tls-crl", type=_FILE, multiple=True, metavar="FILE", help="Their revocation lists, in PEM."),
        click.option(
            "--tls",
            multiple=True,
            metavar="[HOST:]PORT",
            help="Listen here for RADIUS over TLS. Where there is a certificate and neither --tls nor --dtls, both "
            "listen on 2083 of all addresses; without one, peers with a psk are served alone.",
        ),
        click.option("--dtls", multiple=True, metavar="[HOST:]PORT", help="Listen here for RADIUS over DTLS."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def tls_listeners(
    tls: tuple[str, ...],
    dtls: tuple[str, ...],
    tls_cert: pathlib.Path | None,
    tls_key: pathlib.Path | None,
    tls_ca: tuple[pathlib.Path, ...],
    tls_crl: tuple[pathlib.Path, ...],
) -> list[TLS | DTLS]:
    """The listeners that these options ask for; without a certificate, for peers with a PSK alone.

    Raises:
        Mistake, ConfigurationError: they cannot work.
    """
    settings = TLSSettings(certificate=tls_cert, key=tls_key, ca=tls_ca, crl=tls_crl)
    if tls_cert is None and not tls and not dtls:
        if tls_ca or tls_crl:
            raise Mistake("TLS wants a certificate and its key: --tls-cert FILE --tls-key FILE")
        return []
    # Without a certificate there may be peers that are known by a key; where there are none, serving says so.
    server_context(settings, has_keys=True)
    if not tls and not dtls:
        return [TLS("::", RADSEC_PORT, settings), DTLS("::", RADSEC_PORT, settings)]
    return [
        *(TLS(*_place(text, "--tls"), settings) for text in tls),
        *(DTLS(*_place(text, "--dtls"), settings) for text in dtls),
    ]


def _place(text: str, option: str) -> tuple[str, int]:
    return host_and_port(text if not text.isdecimal() else f"[::]:{text}", option)
