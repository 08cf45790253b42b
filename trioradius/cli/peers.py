"""Peers from the command line and from a file, and what is weak about them."""

from __future__ import annotations

import contextlib
import functools
import pathlib
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, Final, TypeVar

import attrs
import cattrs
import click

from trioradius.cli.group import Mistake
from trioradius.errors import ConfigurationError
from trioradius.peers import Peer, Peers, secret_from_environment, secret_from_file
from trioradius.peers.callers import is_identity
from trioradius.protocol.peer import RADSEC, Tristate
from trioradius.protocol.secret import Secret
from trioradius.tls import PreSharedKey

Command = TypeVar("Command", bound=Callable[..., Any])

SECRET_KEYS: Final = ("secret", "secret_file", "secret_env")
PSK_KEYS: Final = ("psk_hex", "psk_text")


def peer_options(command: Command) -> Command:
    """The options --peer and --peers, which a command gets as ``peer`` and ``peers``."""
    command = click.option(
        "--peers",
        type=click.Path(dir_okay=False, path_type=pathlib.Path),
        metavar="FILE",
        help='A TOML file of peers: [peers."192.0.2.0/24"] with secret, secret_file or secret_env, and options.',
    )(command)
    return click.option(
        "--peer",
        multiple=True,
        metavar="ADDRESS=SECRET",
        help="A peer: address, network or dns:NAME of a certificate, and its secret; @FILE reads it from a file, "
        "$VARIABLE from the environment.",
    )(command)


def read_peers(peer: Iterable[str], file: pathlib.Path | None) -> dict[str, Peer]:
    """The peers of --peers FILE, and on top of them those of --peer. Raises Mistake."""
    found = _file_peers(file) if file else {}
    for option in peer:
        address, entry = _option_peer(option)
        found[address] = entry
    return found


def _option_peer(option: str) -> tuple[str, Peer]:
    address, separator, secret = option.partition("=")
    if not separator:  # The text may be a secret, so that it is not shown.
        raise Mistake("--peer wants ADDRESS=SECRET, ADDRESS=@FILE or ADDRESS=$VARIABLE")
    with _blaming(f"--peer {address}"):
        _require_address(address)
        if secret.startswith("@"):
            return address, Peer(secret_from_file(secret[1:]))
        if secret.startswith("$"):
            return address, Peer(secret_from_environment(secret[1:]))
        return address, Peer(secret)


@contextlib.contextmanager
def _blaming(place: str) -> Iterator[None]:
    try:
        yield
    except ConfigurationError as error:
        raise Mistake(f"{place}: {error}") from None


def _require_address(text: str) -> None:
    try:
        Peers({text: "any"})
    except ConfigurationError:
        quotes = ', or it lacks quotes as in [peers."192.0.2.1"]' if text.isalnum() else ""
        raise ConfigurationError(
            f"{text!r} is not an address or network without host bits, as in 192.0.2.0/24{quotes}"
        ) from None


def _file_peers(file: pathlib.Path) -> dict[str, Peer]:
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise Mistake(f"the peers file {file} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise Mistake(f"{file} is not TOML: {error}") from None
    unknown = [key for key in document if key != "peers"]
    if unknown or not isinstance(document.get("peers", {}), dict):
        raise Mistake(f'{file}: {(unknown or ["peers"])[0]}: only tables like [peers."192.0.2.1"] belong here')
    return {address: _entry(file, address, table) for address, table in document.get("peers", {}).items()}


def _entry(file: pathlib.Path, address: str, table: Any) -> Peer:
    with _blaming(f'{file}: peers."{address}"'):
        _require_address(address)
        if not isinstance(table, dict):
            raise ConfigurationError('wants a table, as in [peers."192.0.2.1"]')
        options = {key: value for key, value in table.items() if key not in (*SECRET_KEYS, *PSK_KEYS)}
        may_lack = is_identity(address) or table.get("tls") is True
        try:
            peer = _converter().structure({**options, "secret": _secret(file, table, may_lack)}, Peer)
            return attrs.evolve(peer, psk=_psk(table))
        except cattrs.ClassValidationError as error:
            raise ConfigurationError(_complaint(error)) from None


def _psk(table: dict[str, Any]) -> bytes | None:
    """The key of a PSK identity: as hexadecimal digits, or as text (RFC 9813)."""
    given = [key for key in PSK_KEYS if key in table]
    if not given:
        return None
    value = table[given[0]]
    if len(given) > 1 or not isinstance(value, str):
        raise ConfigurationError("wants one of psk_hex and psk_text, in quotes")
    key = PreSharedKey.from_hex if given[0] == "psk_hex" else PreSharedKey.from_text
    return key("any", value).key


def _secret(file: pathlib.Path, table: dict[str, Any], may_lack: bool) -> Secret:
    given = [key for key in SECRET_KEYS if key in table]
    if not given and may_lack:
        return RADSEC
    if len(given) != 1:
        raise ConfigurationError("wants one of secret, secret_file and secret_env")
    value = table[given[0]]
    if not isinstance(value, str):
        raise ConfigurationError(f"{given[0]}: wants text in quotes")
    if given[0] == "secret":
        return Peer(value).secret
    read = secret_from_environment if given[0] == "secret_env" else secret_from_file
    return Peer(read(str(file.parent / value) if given[0] == "secret_file" else value)).secret


def _complaint(error: cattrs.ClassValidationError) -> str:
    """The first thing that is wrong, with its key; no value is shown, since it may be a secret."""
    noted, others = error.group_exceptions()
    for problem, note in noted:
        return f"{note.name}: {problem}"
    if isinstance(others[0], cattrs.ForbiddenExtraKeysError):
        fields = [field.name for field in attrs.fields(Peer) if field.init and field.name not in ("secret", "psk")]
        known = [*SECRET_KEYS, *fields, *PSK_KEYS]
        return f"{min(others[0].extra_fields)}: there is no such key; there are {', '.join(known)}"
    return str(others[0])


@functools.cache
def _converter() -> cattrs.Converter:
    """Peer from a table, where text stays text: cattrs alone would turn a number into it."""
    converter = cattrs.Converter(forbid_extra_keys=True)
    converter.register_structure_hook(Secret, lambda value, _: value)
    converter.register_structure_hook(str, _strictly(str, "text in quotes"))
    converter.register_structure_hook(bool, _strictly(bool, "true or false"))
    converter.register_structure_hook(datetime | None, _strictly(datetime, "a date, as in 2027-01-31T00:00:00Z"))
    converter.register_structure_hook(Tristate, _strictly((bool, str), 'true, false or "auto"'))
    return converter


def _strictly(kind: type | tuple[type, ...], wanted: str) -> Callable[[Any, Any], Any]:
    def structure(value: Any, _: Any) -> Any:
        if not isinstance(value, kind):
            raise TypeError(f"wants {wanted}")
        return value

    return structure


def weaknesses(peers: Iterable[Peer]) -> Iterator[str]:
    """What a careful operator would mend: each peer's own weaknesses, and secrets that several peers share."""
    sharing: dict[bytes, list[str]] = defaultdict(list)
    for peer in peers:
        yield from peer.weaknesses
        if peer.secret is not RADSEC:
            sharing[peer.secret.octets].append(peer.name)
    for names in sharing.values():
        if len(names) > 1:
            more = f" and {len(names) - 4} more" if len(names) > 4 else ""
            yield f"peers {', '.join(names[:4])}{more} share one secret; whoever knows it can speak for all of them"
