"""What the commands of a client share: which server is asked, for what, and how patiently."""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import click

from trioradius.cli.eap import eap_options
from trioradius.cli.group import Mistake
from trioradius.cli.options import SECRET_VARIABLE, chosen_secret, dictionary_option, host_and_port, secret_options
from trioradius.cli.request_text import Item, read_arguments, read_packets
from trioradius.cli.tls import Secured, tls_options
from trioradius.client import Server
from trioradius.protocol.packets import (
    AccessRequest,
    AccountingRequest,
    CoARequest,
    DisconnectRequest,
    Request,
    StatusServer,
)
from trioradius.retransmission import Retransmission
from trioradius.transports import UDP

Command = TypeVar("Command", bound=Callable[..., Any])

TYPES: Final[dict[str, type[Request[Any]]]] = {
    name: kind
    for names, kind in (
        (("auth", "access", "access-request"), AccessRequest),
        (("acct", "accounting", "accounting-request"), AccountingRequest),
        (("status", "status-server"), StatusServer),
        (("coa", "coa-request"), CoARequest),
        (("disconnect", "disconnect-request"), DisconnectRequest),
    )
    for name in names
}
PORTS: Final[dict[type[Request[Any]], int]] = {AccountingRequest: 1813, CoARequest: 3799, DisconnectRequest: 3799}
RADSEC_PORT: Final = 2083
SHORTEST_WAIT: Final = 0.1
"""Seconds; many attempts in a short time must not become a flood."""


def asking_options(command: Command) -> Command:
    """How a request is made, proved and sent: the options of every command that asks a server."""
    options = (
        secret_options,
        click.option("--file", metavar="FILE", help="Read packets from a file, or with - from standard input."),
        click.option("--chap", is_flag=True, help="Send User-Password as CHAP."),
        click.option(
            "--ms-chap", is_flag=True, help="Send it as MS-CHAPv1, which is weak: only to test what still needs it."
        ),
        click.option(
            "--ms-chap-v2", is_flag=True, help="Send it as MS-CHAPv2, and make sure of the server's own proof."
        ),
        click.option(
            "--attempts", type=click.IntRange(1, 20), default=3, show_default=True, help="Send at most so often."
        ),
        click.option(
            "--timeout", type=click.FloatRange(0, min_open=True), default=10, show_default=True, help="Seconds."
        ),
        click.option("--source", metavar="ADDRESS", help="Send from this address."),
        click.option(
            "--require-message-authenticator/--no-require-message-authenticator",
            default=None,
            help="Discard replies to Access-Request without Message-Authenticator (over UDP the default), or take "
            "them.",
        ),
        tls_options,
        eap_options,
        dictionary_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


def secret_for(options: Mapping[str, Any], tls: Secured | None) -> bytes | None:
    """The secret given; over TLS only by an option, since the variable's is one for UDP. Raises Mistake."""
    if tls is not None and options["secret"] is None and options["secret_file"] is None:
        return None
    secret = chosen_secret(options["secret"], options["secret_file"])
    if secret is None:
        raise Mistake(f"the shared secret is missing: give --secret, --secret-file or the variable {SECRET_VARIABLE}")
    return secret


def taken_apart(
    arguments: Sequence[str], tls: Secured | None, source: str | None, *, command: str
) -> tuple[type[Request[Any]], Server, Sequence[str]]:
    """Request class, server and attributes of [TYPE] SERVER [NAME=VALUE]... Raises Mistake."""
    kind = TYPES.get(arguments[0].lower())
    rest = arguments if kind is None else arguments[1:]
    if not rest or "=" in rest[0]:
        raise Mistake(f"the server is missing: trioradius {command} [TYPE] SERVER [NAME=VALUE]...")
    if kind is None and len(rest) > 1 and "=" not in rest[1]:
        raise Mistake(f"{rest[0]!r} is no type of request; there are auth, acct, status, coa and disconnect")
    kind = kind or AccessRequest
    host, port = host_and_port(rest[0], "server", port=PORTS.get(kind, 1812) if tls is None else RADSEC_PORT)
    if tls is None:
        return kind, UDP(host, port, source_address=source), rest[1:]
    return kind, tls.server(host, port, source), rest[1:]


def chosen_items(kind: type[Request[Any]], texts: Sequence[str], file: str | None) -> list[list[Item]]:
    """The attributes of each packet; those of the command line are added to each one of a file. Raises Mistake."""
    added = read_arguments(texts)
    if file is None and (added or kind is StatusServer):
        return [added]
    if file is None and sys.stdin.isatty():
        raise Mistake("the attributes are missing: give NAME=VALUE, --file FILE, or packets on standard input")
    packets = read_packets(_text(file or "-"), "standard input" if file in (None, "-") else str(file))
    if not packets:
        raise Mistake(f"there is no packet in {'standard input' if file in (None, '-') else file}")
    return [packet + added for packet in packets]


def _text(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else pathlib.Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise Mistake(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Mistake(f"{file} is not UTF-8 text") from None


def schedule(attempts: int, timeout: float) -> Retransmission:
    """Attempts spread over the time there is, each waiting twice as long as the one before."""
    initial = max(timeout / (2**attempts - 1), min(SHORTEST_WAIT, timeout))
    return Retransmission(attempts=attempts, initial=initial, longest=timeout, duration=timeout)
