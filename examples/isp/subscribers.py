"""Subscribers as the tables have them: what an answer to a login depends on, read in one look-up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from ipaddress import IPv4Address, IPv6Network
from typing import Any, Final

import attrs

from trioradius import ConfigurationError
from trioradius.attributes.rates import Rate
from trioradius.stores.sql import Connection
from trioradius.stores.sql.usage import Period, of_user, past

from .plans import Plan, Tier


def day(text: str | None) -> date | None:
    """A day as 2027-01-31; None for no day. Raises ConfigurationError."""
    if not text:
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise ConfigurationError(f"{text!r} is not a day; write it as 2027-01-31") from None


def address(text: str) -> str:
    """An IPv4 address, or nothing. Raises ConfigurationError."""
    return _checked(IPv4Address, text, "an IPv4 address, as 100.64.0.7")


def prefix(text: str) -> str:
    """An IPv6 prefix, or nothing. Raises ConfigurationError."""
    return _checked(IPv6Network, text, "an IPv6 prefix, as 2001:db8:7::/64")


def _checked(kind: type[IPv4Address | IPv6Network], text: str, wanted: str) -> str:
    try:
        return str(kind(text.strip())) if text.strip() else ""
    except ValueError:
        raise ConfigurationError(f"{text!r} is not {wanted}") from None


@attrs.frozen
class Subscriber:
    """One row of isp_subscriber. ``expiry_date`` is the last day of service, None where there is none."""

    name: str
    password: str = attrs.field(repr=False)
    plan: str
    reseller: str = ""
    is_active: bool = True
    expiry_date: date | None = attrs.field(default=None, converter=day)
    address: str = attrs.field(default="", converter=address)
    ipv6_prefix: str = attrs.field(default="", converter=prefix)
    delegated_prefix: str = attrs.field(default="", converter=prefix)


@attrs.frozen
class Account:
    """A subscriber with all that decides about his login.

    ``licensed`` is how many active subscribers there may be, 0 for any number, and ``before`` counts those that were
    added before him, where that matters. ``used_octets`` is of this month, in both directions. ``own_kinds`` is what
    trioradius hands out itself of the plan's pool, by the names of the attributes; nothing where the pool is the NAS's.
    """

    subscriber: Subscriber
    plan: Plan
    is_reseller_active: bool = True
    before: int = 0
    licensed: int = 0
    used_octets: int = 0
    own_kinds: frozenset[str] = frozenset()


def this_month(now: float) -> Period:
    """The month that a time is in, by the calendar of this machine."""
    first = datetime.fromtimestamp(now).date().replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    return Period(int(_midnight(first)), int(_midnight(following)))


def end_of(last_day: date) -> float:
    """When a day ends: the midnight after it, in seconds since 1970."""
    return _midnight(last_day + timedelta(days=1))


def _midnight(of: date) -> float:
    return datetime.combine(of, time.min).timestamp()


def read_account(connection: Connection, name: str, now: float) -> Account | None:
    """The account of a name; None where there is none.

    Raises:
        ConfigurationError: somebody wrote a row that cannot be used; the text says which value.
    """
    rows = connection.rows(_ACCOUNT, name)
    if not rows:
        return None
    reseller_active, before, licensed, *columns = rows[0]
    subscriber = subscriber_of(columns)
    plan = read_plan(connection, subscriber.plan)
    return Account(
        subscriber,
        plan,
        bool(reseller_active),
        before,
        licensed,
        of_user(connection, name, this_month(now)).octets,
        frozenset(row[0] for row in connection.rows(_OWN_KINDS, plan.pool)),
    )


@attrs.frozen
class Online:
    """The accounts of all who are online, by name; and what is wrong with rows that cannot be used."""

    accounts: dict[str, Account] = attrs.field(factory=dict)
    faults: list[str] = attrs.field(factory=list)


def read_online(connection: Connection, now: float) -> Online:
    """The accounts of all who are online, by few queries; without ``own_kinds``, since they have their addresses."""
    found, plans = Online(), _Plans(connection)
    for reseller_active, before, licensed, *columns in connection.rows(_ONLINE):
        try:
            subscriber = subscriber_of(columns)
            plan = plans.named(subscriber.plan)
        except ConfigurationError as error:
            found.faults.append(f"subscriber {columns[0]}: {error}")
            continue
        found.accounts[subscriber.name] = Account(subscriber, plan, bool(reseller_active), int(before), licensed)
    limits = {name: limit for name, account in found.accounts.items() if (limit := account.plan.first_limit)}
    for name, usage in past(connection, limits, this_month(now)).items():
        found.accounts[name] = attrs.evolve(found.accounts[name], used_octets=usage.octets)
    return found


class _Plans:
    """Plans that were read, so that each is read once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[str, Plan] = {}

    def named(self, name: str) -> Plan:
        if name not in self._known:
            self._known[name] = read_plan(self._connection, name)
        return self._known[name]


def subscriber_of(columns: Sequence[Any]) -> Subscriber:
    """A subscriber of SUBSCRIBER_COLUMNS. Raises ConfigurationError."""
    name, password, plan, reseller, active, *rest = columns
    return Subscriber(name, password, plan, reseller or "", bool(active), *rest)


def read_plan(connection: Connection, name: str) -> Plan:
    """The plan of a name. Raises ConfigurationError, also where there is none."""
    rows = connection.rows(_PLAN, name)
    if not rows:
        raise ConfigurationError(f"there is no plan {name}")
    _, up, down, burst, policy, *limits = rows[0]
    tiers = (
        Tier(start, Rate(tier_down, tier_up, policy=tier_policy))
        for start, tier_up, tier_down, tier_policy in connection.rows(_TIERS, name)
    )
    return Plan(name, Rate(down, up, burst=burst, policy=policy), tuple(tiers), *limits)


SUBSCRIBER_COLUMNS: Final = (
    "s.name, s.password, s.plan, s.reseller, s.active, s.expiry_date, s.address, s.ipv6_prefix, s.delegated_prefix"
)
_ACCOUNT: Final = f"""
SELECT coalesce(r.active, 1), CASE WHEN coalesce((SELECT subscribers FROM isp_licence), 0) = 0 THEN 0
        ELSE (SELECT count(*) FROM isp_subscriber o WHERE o.active = 1 AND o.id < s.id) END,
    coalesce((SELECT subscribers FROM isp_licence), 0), {SUBSCRIBER_COLUMNS}
FROM isp_subscriber s LEFT JOIN isp_reseller r ON r.name = s.reseller WHERE s.name = ?
"""
_ONLINE: Final = f"""
WITH ranked AS (SELECT id, sum(active) OVER (ORDER BY id) - active AS before FROM isp_subscriber)
SELECT coalesce(r.active, 1), ranked.before, coalesce((SELECT subscribers FROM isp_licence), 0), {SUBSCRIBER_COLUMNS}
FROM isp_subscriber s JOIN ranked ON ranked.id = s.id LEFT JOIN isp_reseller r ON r.name = s.reseller
WHERE EXISTS (SELECT 1 FROM radacct a WHERE a.acctstoptime IS NULL AND a.username = s.name)
"""
_PLAN: Final = """
SELECT name, rate_up, rate_down, burst, policy, quota_octets, session_seconds, sessions, pool, ipv6_pool, delegated_pool
FROM isp_plan WHERE name = ?
"""
_TIERS: Final = "SELECT from_octets, rate_up, rate_down, policy FROM isp_tier WHERE plan = ? ORDER BY number"
_OWN_KINDS: Final = "SELECT DISTINCT kind FROM trioradius_network WHERE pool = ?"
