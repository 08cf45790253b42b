"""Sessions: who is online, ending sessions, and moving a subscriber to another plan while he is online."""

from __future__ import annotations

from datetime import datetime

import click

from trioradius import ConfigurationError
from trioradius.sessions import Acknowledged, Outcome, Session

from .. import editing, policy
from ..plans import label, written
from ..provider import Provider
from ..subscribers import read_account
from ..watch import Correction, correct
from .running import print_table, with_provider


@click.command()
@click.option("--subscriber", help="Of this one alone.")
@click.option("--nas", metavar="ADDRESS", help="At this NAS alone.")
@with_provider
async def online(provider: Provider, subscriber: str | None, nas: str | None) -> None:
    """Show who is online."""
    found = await provider.sessions.online(subscriber, nas=nas)
    heads = ("SUBSCRIBER", "NAS", "ADDRESS", "SINCE", "HEARD OF", "UP", "DOWN", "SESSION")
    print_table(heads, (_row(session) for session in found))
    click.echo(f"{len(found)} online")


def _row(session: Session) -> tuple[str, ...]:
    address = session.address or session.ipv6_address or session.ipv6_prefix
    times = (session.start, session.updated)
    data = (session.octets_in, session.octets_out)
    return (session.user, session.nas, address, *map(_moment, times), *map(written, data), session.id)


def _moment(seconds: int | None) -> str:
    return "" if seconds is None else datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M:%S")


@click.command()
@click.argument("subscriber")
@click.option("--session", "session_id", help="Only the session with this Acct-Session-Id.")
@click.pass_context
@with_provider
async def disconnect(provider: Provider, context: click.Context, subscriber: str, session_id: str | None) -> None:
    """End the sessions of a SUBSCRIBER."""
    found = [one for one in await provider.sessions.online(subscriber) if session_id in (None, one.id)]
    if not found:
        raise ConfigurationError(f"{subscriber} is not online" + (f" with session {session_id}" if session_id else ""))
    outcomes = [(one, await provider.sessions.disconnect(one, close_unknown=True)) for one in found]
    _tell(context, outcomes, "disconnected")


@click.command()
@click.argument("subscriber")
@click.argument("plan")
@click.pass_context
@with_provider
async def change_plan(provider: Provider, context: click.Context, subscriber: str, plan: str) -> None:
    """Move a SUBSCRIBER to a PLAN; his sessions get its rate at once."""
    now = provider.clock()
    await provider.database.transaction(lambda connection: editing.change_subscriber(connection, subscriber, plan=plan))
    click.echo(f"subscriber {subscriber} has plan {plan}")
    account = await provider.database.read(lambda connection: read_account(connection, subscriber, now))
    assert account is not None
    wanted, refused = policy.rate(account), policy.refusal(account, now)
    found = await provider.sessions.online(subscriber)
    outcomes = [(one, await correct(provider, Correction(one, wanted, refused))) for one in found]
    _tell(context, outcomes, refused or f"the rate is now {label(wanted)}")


def _tell(context: click.Context, outcomes: list[tuple[Session, Outcome]], done: str) -> None:
    """One line for each session; the exit status says whether all went well."""
    for session, outcome in outcomes:
        text = done if isinstance(outcome, Acknowledged) else f"not done: {outcome}"
        click.echo(f"{session.user} at NAS {session.nas}, session {session.id}: {text}")
    if not all(isinstance(outcome, Acknowledged) for _, outcome in outcomes):
        context.exit(1)
