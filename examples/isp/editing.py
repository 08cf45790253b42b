"""Editing: the writes behind the command line, each in one transaction, so that nothing is ever half done."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterable, Sequence
from ipaddress import ip_network
from typing import Final, Literal, TypeAlias, get_args

import attrs

from trioradius import Cleartext, ConfigurationError, NTHash, Peer, read_credential
from trioradius.attributes.rates import normalised
from trioradius.stores.sql import Connection
from trioradius.stores.sql.pools import exclude

from .plans import Plan
from .subscribers import Subscriber

Kind: TypeAlias = Literal[
    "generic", "mikrotik", "cisco", "h3c", "huawei", "juniper", "nokia", "redback", "wispr", "zte"
]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
"""What a NAS may be; it decides about the attributes that carry rates and pools."""
Form: TypeAlias = Literal["cleartext", "nt", "pbkdf2"]
FORMS: Final[tuple[Form, ...]] = get_args(Form)
"""How a password may be stored: CHAP wants it in the clear, MS-CHAP at least its NT hash, PAP takes any."""
PBKDF2_ROUNDS: Final = 100_000
_TEXT_MAXIMUM: Final = 64
"""Characters of a subscriber's name, as in FreeRADIUS's tables."""


def stored_password(password: str, form: Form = "cleartext") -> str:
    """A password as isp_subscriber has it. Raises ConfigurationError where it is empty."""
    if not password:
        raise ConfigurationError("the password is empty")
    if form == "nt":
        return f"{{NT}}{NTHash.of(password).octets.hex()}"
    if form == "pbkdf2":
        salt = os.urandom(16)
        digest = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, PBKDF2_ROUNDS)
        return f"$pbkdf2-sha256${PBKDF2_ROUNDS}${_adapted_base64(salt)}${_adapted_base64(digest)}"
    return password if _is_plain(password) else f"{{CLEARTEXT}}{password}"


def _is_plain(password: str) -> bool:
    """Whether the password cannot be taken for a hash."""
    try:
        return read_credential(password) == Cleartext(password)
    except ConfigurationError:
        return False


def _adapted_base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode().rstrip("=").replace("+", ".")


def add_nas(connection: Connection, network: str, kind: Kind, secret: str, name: str = "") -> None:
    """Add a NAS, an address or a whole network. Raises ConfigurationError."""
    try:
        where = ip_network(network)
    except ValueError:
        raise ConfigurationError(f"{network!r} is no address and no network; write 10.1.0.7 or 10.1.0.0/24") from None
    Peer(secret)
    address = str(where.network_address) if where.num_addresses == 1 else str(where)
    _require_new(connection, "nas", "nasname", address, "NAS")
    connection.run(
        "INSERT INTO nas (nasname, shortname, type, secret, description) VALUES (?, ?, ?, ?, '')",
        *(address, name or address, kind, secret),
    )


def set_reseller(connection: Connection, name: str, *, active: bool) -> None:
    """Add a reseller, or change whether he is active; where he is not, none of his subscribers may log in."""
    connection.run(
        "INSERT INTO isp_reseller (name, active) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET active = excluded.active",
        *(_named(name), int(active)),
    )


def set_licence(connection: Connection, subscribers: int) -> None:
    """How many active subscribers there may be; 0 is any number."""
    connection.run(
        "INSERT INTO isp_licence (only_row, subscribers) VALUES (1, ?)"
        " ON CONFLICT (only_row) DO UPDATE SET subscribers = excluded.subscribers",
        subscribers,
    )


def add_plan(connection: Connection, plan: Plan, *, replace: bool = False) -> None:
    """Add a plan, or change one; its rates are stored as kilobits, ``2000k``. Raises ConfigurationError."""
    if not replace:
        _require_new(connection, "isp_plan", "name", _named(plan.name), "plan", " (--replace changes it)")
    connection.run("DELETE FROM isp_tier WHERE plan = ?", plan.name)
    row = {
        "name": plan.name,
        "rate_up": normalised(plan.rate.up),
        "rate_down": normalised(plan.rate.down),
        "burst": plan.rate.burst,
        "policy": plan.rate.policy,
        **attrs.asdict(plan, filter=attrs.filters.exclude("name", "rate", "tiers")),
    }
    changes = ", ".join(f"{column} = excluded.{column}" for column in row)
    connection.run(
        f"INSERT INTO isp_plan ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})"
        f" ON CONFLICT (name) DO UPDATE SET {changes}",
        *row.values(),
    )
    connection.run_many(
        "INSERT INTO isp_tier (plan, number, from_octets, rate_up, rate_down, policy) VALUES (?, ?, ?, ?, ?, ?)",
        [
            (
                plan.name,
                number,
                tier.from_octets,
                normalised(tier.rate.up),
                normalised(tier.rate.down),
                tier.rate.policy,
            )
            for number, tier in enumerate(plan.tiers, start=1)
        ],
    )


@attrs.frozen
class Known:
    """The names that a new subscriber is checked against."""

    subscribers: set[str]
    plans: set[str]
    resellers: set[str]
    addresses: set[str]

    @classmethod
    def read(cls, connection: Connection) -> Known:
        """Those in the database."""

        def column(statement: str) -> set[str]:
            return {row[0] for row in connection.rows(statement)}

        return cls(
            column("SELECT name FROM isp_subscriber"),
            column("SELECT name FROM isp_plan"),
            column("SELECT name FROM isp_reseller"),
            column(
                "SELECT address FROM isp_subscriber UNION SELECT ipv6_prefix FROM isp_subscriber"
                " UNION SELECT delegated_prefix FROM isp_subscriber"
            ),
        )

    def take(self, subscriber: Subscriber) -> None:
        """Check a new subscriber, and know him from now on. Raises ConfigurationError."""
        _named(subscriber.name)
        if not subscriber.password:
            raise ConfigurationError("the password is empty")
        read_credential(subscriber.password)
        if subscriber.name in self.subscribers:
            raise ConfigurationError(f"there is a subscriber {subscriber.name} already")
        if subscriber.plan not in self.plans:
            raise ConfigurationError(f"there is no plan {subscriber.plan!r}; add-plan makes one")
        if subscriber.reseller and subscriber.reseller not in self.resellers:
            raise ConfigurationError(f"there is no reseller {subscriber.reseller!r}; add-reseller makes one")
        for address in own_addresses(subscriber):
            if address in self.addresses:
                raise ConfigurationError(f"{address} belongs to another subscriber")
        self.subscribers.add(subscriber.name)
        self.addresses.update(own_addresses(subscriber))


def own_addresses(subscriber: Subscriber) -> list[str]:
    """The addresses and prefixes that are his for good."""
    return [text for text in (subscriber.address, subscriber.ipv6_prefix, subscriber.delegated_prefix) if text]


def add_subscribers(connection: Connection, subscribers: Iterable[Subscriber]) -> None:
    """Add subscribers that Known.take() has checked; their own addresses are kept out of the pools."""
    new = list(subscribers)
    connection.run_many(
        "INSERT INTO isp_subscriber (name, password, plan, reseller, active, expiry_date, address, ipv6_prefix,"
        " delegated_prefix) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [_row(subscriber) for subscriber in new],
    )
    exclude(connection, [address for subscriber in new for address in own_addresses(subscriber)])


def _row(subscriber: Subscriber) -> Sequence[object]:
    last = subscriber.expiry_date
    return (
        *(subscriber.name, subscriber.password, subscriber.plan, subscriber.reseller or None),
        *(int(subscriber.is_active), None if last is None else last.isoformat()),
        *(subscriber.address, subscriber.ipv6_prefix, subscriber.delegated_prefix),
    )


def change_subscriber(connection: Connection, name: str, **columns: object) -> None:
    """Change columns of a subscriber: plan, active, expiry_date, password. Raises ConfigurationError."""
    plan = columns.get("plan")
    if plan is not None and not connection.rows("SELECT 1 FROM isp_plan WHERE name = ?", plan):
        raise ConfigurationError(f"there is no plan {plan!r}; add-plan makes one")
    assignments = ", ".join(f"{column} = ?" for column in columns)
    if not connection.run(f"UPDATE isp_subscriber SET {assignments} WHERE name = ?", *columns.values(), name):
        raise ConfigurationError(f"there is no subscriber {name!r}")


def _named(name: str) -> str:
    if not name or len(name) > _TEXT_MAXIMUM or not name.isprintable():
        raise ConfigurationError(f"{name!r} is no name: it has 1 to {_TEXT_MAXIMUM} characters that can be printed")
    return name


def _require_new(connection: Connection, table: str, column: str, value: str, what: str, advice: str = "") -> None:
    if connection.rows(f"SELECT 1 FROM {table} WHERE {column} = ?", value):
        raise ConfigurationError(f"there is a {what} {value} already{advice}")
