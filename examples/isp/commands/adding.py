"""Adding: the tables, NASes, resellers, plans, pools and single subscribers."""

from __future__ import annotations

import functools
import secrets
from typing import TextIO

import click

from trioradius.attributes.rates import Rate
from trioradius.sessions import Kind
from trioradius.stores.sql import Connection

from .. import editing, plans
from ..plans import Plan
from ..provider import Provider
from ..subscribers import Subscriber, day
from .running import with_provider


@click.command()
@click.option("--licence", type=click.IntRange(0), help="How many active subscribers there may be; 0 is any number.")
@functools.partial(with_provider, create=True)
async def init(provider: Provider, licence: int | None) -> None:
    """Make the tables, where they are missing, and set the licence."""
    if licence is not None:
        await provider.database.transaction(lambda connection: editing.set_licence(connection, licence))
    click.echo("the tables are ready")


@click.command()
@click.argument("network")
@click.option("--kind", type=click.Choice(editing.KINDS), default="generic", show_default=True)
@click.option("--name", default="", help="What logs call it.")
@click.option("--secret-file", type=click.File(), help="A file with the shared secret; without it one is made.")
@with_provider
async def add_nas(provider: Provider, network: str, kind: editing.Kind, name: str, secret_file: TextIO | None) -> None:
    """Add a NAS by its address, or several by their NETWORK."""
    secret = secret_file.read().rstrip("\r\n") if secret_file else secrets.token_urlsafe(24)
    await provider.database.transaction(
        lambda connection: editing.add_nas(connection, network, kind, secret, name), locks=["isp:nas"]
    )
    click.echo(f"NAS {network} added" + ("" if secret_file else f"; its shared secret: {secret}"))


@click.command()
@click.argument("name")
@click.option("--active/--inactive", default=True, help="Inactive: none of his subscribers may log in.")
@with_provider
async def add_reseller(provider: Provider, name: str, active: bool) -> None:
    """Add a reseller, or change one."""
    await provider.database.transaction(lambda connection: editing.set_reseller(connection, name, active=active))
    click.echo(f"reseller {name} is {'active' if active else 'inactive'}")


@click.command()
@click.argument("name")
@click.option(
    "--rate", default="0", help="UP/DOWN, as 5M/20M, or with a burst after it as MikroTik writes it; 0: none."
)
@click.option("--policy", help="What NASes are told that take names; the plan's name by default.")
@click.option("--tier", multiple=True, help="Fair use: FROM=UP/DOWN[=POLICY], as 100G=1M/5M. May be repeated.")
@click.option("--quota", default="0", help="Data a month, as 500G; 0: any amount.")
@click.option("--session", default="0", help="The longest session, as 24h; 0: any length.")
@click.option("--sessions", type=click.IntRange(0), default=1, show_default=True, help="At once; 0: any number.")
@click.option("--pool", default="", help="Where IPv4 addresses come from: of add-pool, or else a pool on the NAS.")
@click.option("--ipv6-pool", default="", help="A pool on the NAS for IPv6 prefixes.")
@click.option("--delegated-pool", default="", help="A pool on the NAS for delegated IPv6 prefixes.")
@click.option("--replace", is_flag=True, help="Change the plan of this name; who is online gets it at the next watch.")
@with_provider
async def add_plan(
    provider: Provider,
    name: str,
    rate: str,
    policy: str | None,
    tier: tuple[str, ...],
    quota: str,
    session: str,
    sessions: int,
    pool: str,
    ipv6_pool: str,
    delegated_pool: str,
    replace: bool,
) -> None:
    """Add a plan."""
    plan = Plan(
        name,
        Rate.parse(rate, policy=policy or name),
        tuple(plans.tier(text, number) for number, text in enumerate(tier, start=1)),
        plans.octets(quota),
        plans.seconds(session),
        sessions,
        pool,
        ipv6_pool,
        delegated_pool,
    )
    await provider.database.transaction(
        lambda connection: editing.add_plan(connection, plan, replace=replace), locks=["isp:plan"]
    )
    tiers = (f", from {plans.written(reached.from_octets)} {reached.rate}" for reached in plan.tiers)
    click.echo(f"plan {name}: {plan.rate}" + "".join(tiers))


@click.command()
@click.argument("pool")
@click.argument("network")
@click.option("--delegated", is_flag=True, help="Hand out delegated prefixes (Delegated-IPv6-Prefix).")
@click.option("--length", type=click.IntRange(1, 128), help="Of IPv6 prefixes; 64 by default, 56 for delegated ones.")
@with_provider
async def add_pool(provider: Provider, pool: str, network: str, delegated: bool, length: int | None) -> None:
    """Add a NETWORK to a POOL that trioradius hands addresses out of."""
    kind = Kind.DELEGATED_PREFIX if delegated else None
    await provider.pools.add(pool, network, kind=kind, length=length or (56 if delegated else None))
    click.echo(f"pool {pool}: {network} added")


@click.command()
@click.argument("name")
@click.option("--plan", required=True)
@click.option("--password", help="Asked for where it is not given: others can read a command line.")
@click.option("--store", type=click.Choice(editing.FORMS), default="cleartext", show_default=True)
@click.option("--reseller", default="")
@click.option("--expires", metavar="DATE", help="His last day, as 2027-01-31.")
@click.option("--address", default="", help="An IPv4 address of his own.")
@click.option("--ipv6-prefix", default="", help="A prefix of his own for the link.")
@click.option("--delegated-prefix", default="", help="A prefix of his own for his network.")
@with_provider
async def add_subscriber(
    provider: Provider,
    name: str,
    plan: str,
    password: str | None,
    store: editing.Form,
    reseller: str,
    expires: str | None,
    address: str,
    ipv6_prefix: str,
    delegated_prefix: str,
) -> None:
    """Add a subscriber."""
    stored = editing.stored_password(_password(password), store)
    new = Subscriber(name, stored, plan, reseller, True, expires, address, ipv6_prefix, delegated_prefix)

    def add(connection: Connection) -> None:
        editing.Known.read(connection).take(new)
        editing.add_subscribers(connection, [new])

    await provider.database.transaction(add, locks=["isp:subscriber"])
    click.echo(f"subscriber {name} added")


@click.command()
@click.argument("name")
@click.option("--active/--inactive", default=None)
@click.option("--expires", metavar="DATE", help="His last day, as 2027-01-31, or never.")
@click.option("--password", help="A new one; - asks for it.")
@click.option("--store", type=click.Choice(editing.FORMS), default="cleartext", show_default=True)
@with_provider
async def set_subscriber(
    provider: Provider, name: str, active: bool | None, expires: str | None, password: str | None, store: editing.Form
) -> None:
    """Change a subscriber; who may not be online any more is disconnected at the next watch."""
    columns: dict[str, object] = {}
    if active is not None:
        columns["active"] = int(active)
    if expires is not None:
        last = None if expires == "never" else day(expires)
        columns["expiry_date"] = None if last is None else last.isoformat()
    if password is not None:
        columns["password"] = editing.stored_password(_password(None if password == "-" else password), store)
    if not columns:
        raise click.UsageError("say what is to change: --active, --inactive, --expires or --password")
    await provider.database.transaction(lambda connection: editing.change_subscriber(connection, name, **columns))
    click.echo(f"subscriber {name} changed")


def _password(given: str | None) -> str:
    return click.prompt("Password", hide_input=True, confirmation_prompt=True) if given is None else given
