"""Report: what subscribers used in a month."""

from __future__ import annotations

import csv
import sys
from datetime import datetime, timedelta

import click

from trioradius import ConfigurationError
from trioradius.stores.sql import Connection
from trioradius.stores.sql.usage import Period, Usage, of_user

from ..plans import written
from ..provider import Provider
from ..subscribers import this_month
from .running import print_table, with_provider


@click.command()
@click.option("--month", metavar="YYYY-MM", help="By default this one.")
@click.option("--subscriber", help="Of this one alone.")
@click.option("--csv", "as_csv", is_flag=True, help="As CSV, in octets and seconds.")
@with_provider
async def report(provider: Provider, month: str | None, subscriber: str | None, as_csv: bool) -> None:
    """Show the usage of each subscriber."""
    period = this_month(provider.clock() if month is None else _within(month))
    rows = await provider.reporting.read(lambda connection: usages(connection, period, subscriber))
    if subscriber and not rows:
        raise ConfigurationError(f"there is no subscriber {subscriber!r}")
    if as_csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(("subscriber", "plan", "sessions", "seconds", "octets_up", "octets_down"))
        writer.writerows((name, plan, u.sessions, u.seconds, u.octets_in, u.octets_out) for name, plan, u in rows)
    else:
        print_table(("SUBSCRIBER", "PLAN", "SESSIONS", "TIME", "UP", "DOWN", "TOTAL"), map(_shown, rows))


def usages(connection: Connection, period: Period, name: str | None = None) -> list[tuple[str, str, Usage]]:
    """Subscribers with their plans and what they used."""
    found = connection.rows(
        "SELECT name, plan FROM isp_subscriber WHERE name = CAST(? AS text) OR CAST(? AS text) IS NULL ORDER BY name",
        *(name, name),
    )
    return [(name, plan, of_user(connection, name, period)) for name, plan in found]


def _shown(row: tuple[str, str, Usage]) -> tuple[str, ...]:
    name, plan, usage = row
    time = str(timedelta(seconds=usage.seconds))
    amounts = map(written, (usage.octets_in, usage.octets_out, usage.octets))
    return (name, plan, str(usage.sessions), time, *amounts)


def _within(month: str) -> float:
    try:
        return datetime.strptime(month, "%Y-%m").timestamp()
    except ValueError:
        raise ConfigurationError(f"{month!r} is not a month; write it as 2027-01") from None
