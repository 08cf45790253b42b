"""TLS and DTLS on the command line of a client: what to show, and whom to trust."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import attrs
import click

from trioradius.cli.group import Mistake
from trioradius.tls import PreSharedKey, TLSSettings, client_context
from trioradius.transports import DTLS, TLS

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
PSK_OPTIONS: Final = ("psk_identity", "psk_file", "psk_format")
_FILE: Final = click.Path(dir_okay=False, path_type=pathlib.Path)


@attrs.frozen
class Secured:
    """TLS or DTLS, as the options ask for it."""

    transport: type[TLS] | type[DTLS]
    settings: TLSSettings

    def server(self, host: str, port: int, source: str | None) -> TLS | DTLS:
        """The server at this address."""
        return self.transport(host, port, self.settings, source_address=source)


def tls_options(command: Command) -> Command:
    """The options --tls and --dtls, and those that go with them; see chosen_tls()."""
    options = (
        click.option("--tls", is_flag=True, help="Send over TLS (RadSec), to port 2083 unless SERVER has another."),
        click.option("--dtls", is_flag=True, help="Send over DTLS, to port 2083 unless SERVER has another."),
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
        click.option("--psk-identity", metavar="NAME", help="Show no certificate, but a pre-shared key: its identity."),
        click.option("--psk-file", type=_FILE, metavar="FILE", help="The pre-shared key, of 16 octets or more."),
        click.option(
            "--psk-format",
            type=click.Choice(["hex", "text"]),
            help="How the file has it: as hexadecimal digits, which is the default, or as text.",
        ),
        click.option("--radius-version", type=click.Choice(["1.0", "1.1"]), help="Offer this version alone."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def chosen_tls(options: Mapping[str, Any]) -> Secured | None:
    """What these options ask for, None without --tls and --dtls. Raises Mistake and ConfigurationError."""
    if options["tls"] and options["dtls"]:
        raise Mistake("give --tls or --dtls, not both")
    given = {setting: options[option] for option, setting in SETTINGS.items() if options[option]}
    if not options["tls"] and not options["dtls"]:
        stray = sorted(option for option in (*SETTINGS, *PSK_OPTIONS) if options[option])
        if stray:
            raise Mistake(f"--{stray[0].replace('_', '-')} wants --tls or --dtls beside it")
        return None
    settings = TLSSettings(**given, psk=_chosen_psk(options))
    client_context(settings, datagrams=options["dtls"])
    return Secured(DTLS if options["dtls"] else TLS, settings)


def _chosen_psk(options: Mapping[str, Any]) -> PreSharedKey | None:
    identity, file = options["psk_identity"], options["psk_file"]
    if identity is None and file is None and options["psk_format"] is None:
        return None
    if identity is None or file is None:
        raise Mistake("a pre-shared key wants --psk-identity NAME and --psk-file FILE")
    if options["tls_cert"] is not None or options["tls_key"] is not None:
        raise Mistake("give a certificate or a pre-shared key, not both")
    read = PreSharedKey.from_text if options["psk_format"] == "text" else PreSharedKey.from_hex
    return read(identity, _line_of(file))


def _line_of(file: pathlib.Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip("\r\n")
    except OSError as error:
        raise Mistake(f"--psk-file: {file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Mistake(f"--psk-file: {file} is not UTF-8 text; --psk-format says how it has the key") from None
