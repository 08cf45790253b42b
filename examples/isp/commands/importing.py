"""Import: subscribers from a CSV file, all of them or none."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

import click

from trioradius import ConfigurationError
from trioradius.stores.sql import Connection

from .. import editing
from ..provider import Provider
from ..subscribers import Subscriber
from .running import with_provider

REQUIRED: Final = ("name", "password", "plan")
OPTIONAL: Final = ("reseller", "active", "expiry_date", "address", "ipv6_prefix", "delegated_prefix")
Row: TypeAlias = tuple[int, dict[str, str | None]]
"""A line's number and its values by column."""
_YES: Final = {"": True, "1": True, "yes": True, "true": True, "0": False, "no": False, "false": False}
SHOWN_MAXIMUM: Final = 20
"""Bad rows that are printed; the rest is counted."""


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@with_provider
async def import_subscribers(provider: Provider, file: str) -> None:
    """Add the subscribers of a CSV FILE.

    Its first line names the columns: name, password, plan, and where wanted reseller, active, expiry_date, address,
    ipv6_prefix, delegated_prefix. A password is in the clear, or a hash such as {NT}... or $2b$...
    """
    rows = read_rows(file)
    known = await provider.database.read(editing.Known.read)
    with click.progressbar(rows, label="checking", file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        subscribers, bad = checked(bar, known)
    if bad:
        for line in bad[:SHOWN_MAXIMUM]:
            click.echo(line, err=True)
        raise click.ClickException(f"{len(bad)} bad rows in {file}; nothing was imported")

    def add(connection: Connection) -> None:
        known = editing.Known.read(connection)
        for subscriber in subscribers:
            known.take(subscriber)
        editing.add_subscribers(connection, subscribers)

    await provider.database.transaction(add, locks=["isp:subscriber"])
    click.echo(f"{len(subscribers)} subscribers imported")


def read_rows(file: str) -> list[Row]:
    """The rows of a file with the lines they stand on. Raises ConfigurationError."""
    try:
        with open(file, newline="", encoding="utf-8-sig") as opened:
            reader = csv.DictReader(opened, strict=True)
            _require_columns(file, reader.fieldnames or ())
            return [(reader.line_num, row) for row in reader]
    except (csv.Error, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} is no CSV file in UTF-8: {error}") from None


def _require_columns(file: str, found: Sequence[str]) -> None:
    missing = [name for name in REQUIRED if name not in found]
    unknown = [name for name in found if name not in (*REQUIRED, *OPTIONAL)]
    if missing or unknown:
        what = f"lacks {', '.join(missing)}" if missing else f"has unknown columns: {', '.join(unknown)}"
        raise ConfigurationError(f"{file} {what}; its first line names {', '.join((*REQUIRED, *OPTIONAL))}")


def checked(rows: Iterable[Row], known: editing.Known) -> tuple[list[Subscriber], list[str]]:
    """The subscribers of the rows, and a line of text for each row that cannot be one."""
    good, bad = [], []
    for line, row in rows:
        try:
            subscriber = _subscriber(row)
            known.take(subscriber)
        except ConfigurationError as error:
            bad.append(f"line {line}: {error}")
        else:
            good.append(subscriber)
    return good, bad


def _subscriber(row: dict[str, str | None]) -> Subscriber:
    if None in row or None in row.values():
        raise ConfigurationError("it has not as many values as there are columns")
    given = {name: value or "" for name, value in row.items()}
    active = given.pop("active", "").strip().lower()
    if active not in _YES:
        raise ConfigurationError(f"active is {active!r}; write yes or no")
    return Subscriber(is_active=_YES[active], **given)
