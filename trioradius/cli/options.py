"""What several commands take: a shared secret, a server's address, dictionary files."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from trioradius.attributes import Dictionary, read_dictionary
from trioradius.cli.group import Mistake
from trioradius.peers import secret_from_file

Command = TypeVar("Command", bound=Callable[..., Any])

SECRET_VARIABLE: Final = "TRIORADIUS_SECRET"


def secret_options(command: Command) -> Command:
    """The options --secret and --secret-file, which a command gets as ``secret`` and ``secret_file``."""
    command = click.option("--secret-file", metavar="FILE", help="Read the shared secret from a file.")(command)
    return click.option(
        "--secret", metavar="TEXT", help=f"The shared secret, for all to see; better is ${SECRET_VARIABLE}."
    )(command)


def chosen_secret(secret: str | None, secret_file: str | None) -> bytes | None:
    """The secret from an option or the environment; None where there is none. Raises Mistake."""
    if secret is not None and secret_file is not None:
        raise Mistake("give --secret or --secret-file, not both")
    if secret_file is not None:
        return secret_from_file(secret_file)
    given = os.environ.get(SECRET_VARIABLE) if secret is None else secret
    if given == "":
        raise Mistake(f"the shared secret is empty; it comes from --secret or ${SECRET_VARIABLE}")
    return given.encode() if given is not None else None


def dictionary_option(command: Command) -> Command:
    """The option --dictionary, which a command gets as ``dictionary``: paths."""
    return click.option(
        "--dictionary",
        multiple=True,
        type=click.Path(path_type=pathlib.Path),
        metavar="FILE",
        help="A dictionary file in FreeRADIUS' format, on top of the bundled attributes.",
    )(command)


def chosen_dictionary(files: tuple[pathlib.Path, ...]) -> Dictionary:
    """The bundled dictionary with these files on top. Raises DictionaryError."""
    return read_dictionary(*files) if files else Dictionary.bundled()


def host_and_port(text: str, option: str, *, port: int | None = None) -> tuple[str, int]:
    """Host and port from HOST:PORT or [IPV6]:PORT, or with a default port from a bare HOST. Raises Mistake."""
    host, colon, number = text.rpartition(":")
    if port is not None and (not colon or text.endswith("]") or (":" in host and not host.endswith("]"))):
        host, number = text, str(port)
    elif ":" in host and not host.startswith("["):
        raise Mistake(f"{option} {text}: an IPv6 address wants brackets, as in [{text}]:1812")
    host = host.removeprefix("[").removesuffix("]")
    if not number.isdecimal() or int(number) > 65_535 or not (host or not colon):
        raise Mistake(f"{option} {text}: wants HOST:PORT, as in 127.0.0.1:1812 or [::1]:1812")
    return host, int(number)
