"""Pools: addresses and prefixes to hand out, of which none is with two subscribers at once.

An address that is handed out is held for a login, until its session has ended, or has not begun in time. That is not
written down with each record of accounting, which would cost every one of them a write: radacct says it, and is asked
when no free address is left.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import attrs

from trioradius.attributes.attribute import AVP, Attribute
from trioradius.attributes.ietf import DelegatedIPv6Prefix, FramedIPAddress, FramedIPv6Address, FramedIPv6Prefix
from trioradius.errors import ConfigurationError
from trioradius.stores.sql.logins import LAST_NUMBER

if TYPE_CHECKING:
    from trioradius.stores.sql.connection import Connection, Dialect

Network: TypeAlias = IPv4Network | IPv6Network

NETWORK_MAXIMUM: Final = 1 << 20
"""Addresses or prefixes that one network may be cut into; each is a row."""


class Kind(enum.Enum):
    """What a pool hands out, by the attribute that carries it."""

    ADDRESS = "Framed-IP-Address"
    """An IPv4 address (RFC 2865 section 5.8)."""
    IPV6_ADDRESS = "Framed-IPv6-Address"
    """An IPv6 address (RFC 6911 section 3.1)."""
    IPV6_PREFIX = "Framed-IPv6-Prefix"
    """The prefix of the link, mostly of 64 bits (RFC 3162 section 2.3)."""
    DELEGATED_PREFIX = "Delegated-IPv6-Prefix"
    """A prefix for the subscriber's own network, mostly of 48 to 64 bits (RFC 4818)."""

    @property
    def attribute(self) -> Attribute[Any]:
        """It."""
        return _ATTRIBUTES[self]

    @property
    def column(self) -> str:
        """The column of radacct that has it."""
        return self.value.replace("-", "").lower()


_ATTRIBUTES: Final[dict[Kind, Attribute[Any]]] = {
    Kind.ADDRESS: FramedIPAddress,
    Kind.IPV6_ADDRESS: FramedIPv6Address,
    Kind.IPV6_PREFIX: FramedIPv6Prefix,
    Kind.DELEGATED_PREFIX: DelegatedIPv6Prefix,
}


class PoolExhaustedError(Exception):
    """Undoes a login in its transaction."""

    def __init__(self, pool: str, kind: Kind) -> None:
        super().__init__(pool)
        self.pool = pool
        self.kind = kind


@attrs.frozen
class Holder:
    """Who takes an address, and until when it is his without a session."""

    user: str
    place: str
    now: int
    until: int


@attrs.frozen
class PoolState:
    """How full a pool is: addresses of one kind."""

    pool: str
    kind: Kind
    free: int
    held: int
    excluded: int


def parts(network: str, kind: Kind, length: int | None) -> list[str]:
    """The addresses or prefixes that a network is cut into.

    Raises:
        ConfigurationError: it is no network, does not fit the kind, or is too large.
    """
    found = _network(network)
    if (found.version == 4) != (kind is Kind.ADDRESS):
        raise ConfigurationError(f"pool: {network} is IPv{found.version}, and {kind.value} is not")
    if kind in (Kind.ADDRESS, Kind.IPV6_ADDRESS):
        if length is not None:
            raise ConfigurationError(f"pool: {kind.value} is a single address, so it has no length")
        _require_size(network, found.max_prefixlen - found.prefixlen)
        return [str(address) for address in found.hosts()]
    length = 64 if length is None else length
    if not found.prefixlen <= length <= 128:
        raise ConfigurationError(f"pool: {network} cannot be cut into prefixes of length {length}")
    _require_size(network, length - found.prefixlen)
    return [str(prefix) for prefix in found.subnets(new_prefix=length)]


def add(connection: Connection, pool: str, kind: Kind, network: str, addresses: Sequence[str]) -> None:
    """Add a network's addresses to a pool; once more does nothing.

    Raises:
        ConfigurationError: it overlaps a network of another pool or kind.
    """
    for known, of_pool, of_kind in connection.rows(_NETWORKS):
        if (known, of_pool, of_kind) == (network, pool, kind.value):
            return
        if _overlap(_network(known), _network(network)):
            raise ConfigurationError(f"pool {pool}: {network} overlaps {known} of pool {of_pool}")
    connection.run("INSERT INTO trioradius_network (network, pool, kind) VALUES (?, ?, ?)", network, pool, kind.value)
    connection.run_many(
        _ADD, ((address, number, network, pool, kind.value) for number, address in enumerate(addresses))
    )


def remove(connection: Connection, network: str) -> None:
    """Take a network out of its pool; sessions that have its addresses go on."""
    connection.run("DELETE FROM trioradius_network WHERE network = ?", network)
    connection.run("DELETE FROM trioradius_address WHERE network = ? AND state <> 'excluded'", network)
    connection.run("UPDATE trioradius_address SET network = '', pool = '' WHERE network = ?", network)


def exclude(connection: Connection, addresses: Sequence[str]) -> None:
    """Never hand these out, now or when a network of theirs is added: they are somebody's for good, or a router's."""
    connection.run_many(_EXCLUDE, ((address,) for address in addresses))


def include(connection: Connection, addresses: Sequence[str]) -> None:
    """Hand them out again."""
    connection.run_many("DELETE FROM trioradius_address WHERE address = ? AND pool = ''", ((a,) for a in addresses))
    connection.run_many(
        "UPDATE trioradius_address SET state = 'free' WHERE address = ? AND state = 'excluded'",
        ((a,) for a in addresses),
    )


def take(connection: Connection, pool: str, holder: Holder) -> list[AVP]:
    """One address of each kind that the pool has.

    Raises:
        PoolExhaustedError: one kind has none left.
        ConfigurationError: there is no such pool.
    """
    kinds = _kinds(connection, pool)
    if not kinds:
        raise ConfigurationError(f"there is no pool {pool!r}; Pools.add() makes it")
    return [kind.attribute(_take(connection, pool, kind, holder)) for kind in map(Kind, kinds)]


def give_back(connection: Connection, user: str, place: str, now: int) -> None:
    """A login came to nothing: what was held for it is free, but for what a session has."""
    for kind in Kind:
        connection.run(_GIVE_BACK[connection.dialect, kind], now, user, place, kind.value)


def sweep(connection: Connection, pool: str, now: int) -> int:
    """Free what a pool holds for logins and sessions that are over; how many addresses that were."""
    kinds = map(Kind, _kinds(connection, pool))
    return sum(connection.run(_SWEEP[connection.dialect, kind], now, pool, kind.value, now) for kind in kinds)


def names(connection: Connection) -> list[str]:
    """The pools."""
    return [row[0] for row in connection.rows("SELECT DISTINCT pool FROM trioradius_network ORDER BY pool")]


def states(connection: Connection) -> list[PoolState]:
    """How full the pools are."""
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for pool, kind, state, number in connection.rows(_COUNT):
        counts.setdefault((pool, kind), {})[state] = number
    return [
        PoolState(pool, Kind(kind), *(count.get(state, 0) for state in ("free", "held", "excluded")))
        for (pool, kind), count in sorted(counts.items())
    ]


def canonical(text: str) -> str:
    """An address, or a prefix, as the tables have it. Raises ConfigurationError."""
    try:
        return str(ip_network(text)) if "/" in text else str(ip_address(text))
    except ValueError as error:
        raise ConfigurationError(f"pool: {text!r} is neither an address nor a prefix: {error}") from None


def _kinds(connection: Connection, pool: str) -> list[str]:
    return [row[0] for row in connection.rows(_KINDS, pool)]


def _take(connection: Connection, pool: str, kind: Kind, holder: Holder) -> str:
    """The one that the user has or had, else the one that has been free for the longest time."""
    held = (holder.user, holder.place, holder.until)
    key, which = (pool, kind.value), (connection.dialect, kind)
    own = (*key, holder.user, holder.place, holder.user, holder.now, holder.place)
    rows = connection.rows(_TAKE_OWN[which], *held, *own) or connection.rows(_TAKE_FREE[which], *held, *key)
    if not rows:
        raise PoolExhaustedError(pool, kind)
    return str(rows[0][0])


def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError as error:
        raise ConfigurationError(f"pool: {text!r} is no network: {error}") from None


def _overlap(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)


def _require_size(network: str, bits: int) -> None:
    if 1 << bits > NETWORK_MAXIMUM:
        raise ConfigurationError(
            f"pool: {network} is {1 << bits} addresses, and a pool's network holds {NETWORK_MAXIMUM}"
        )


_NETWORKS: Final = "SELECT network, pool, kind FROM trioradius_network"
_KINDS: Final = "SELECT DISTINCT kind FROM trioradius_network WHERE pool = ? ORDER BY kind"
_ADD: Final = (
    "INSERT INTO trioradius_address (address, number, network, pool, kind) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (address) DO UPDATE SET number = excluded.number, network = excluded.network, pool = excluded.pool,"
    " kind = excluded.kind"
)
_EXCLUDE: Final = (
    "INSERT INTO trioradius_address (address, network, pool, kind, state) VALUES (?, '', '', '', 'excluded')"
    " ON CONFLICT (address) DO UPDATE SET state = 'excluded'"
)
_COUNT: Final = "SELECT pool, kind, state, count(*) FROM trioradius_address WHERE pool <> '' GROUP BY pool, kind, state"


def _open(dialect: Dialect, kind: Kind, more: str = "") -> str:
    """Whether an open session has the address ``a``; with what the partial index says of itself, so that it is used."""
    if dialect == "sqlite":
        same = f"<> '' AND r.{kind.column} = a.address"
    else:
        # Of an equality PostgreSQL may make a hash table of all open sessions, to look up one.
        same = "BETWEEN a.address::inet AND a.address::inet"
    return f"EXISTS (SELECT 1 FROM radacct r WHERE r.acctstoptime IS NULL AND r.{kind.column} {same}{more})"


def _over(dialect: Dialect, kind: Kind) -> str:
    """Whether what is held for ``a``, with which nobody is online, is over: its time is, or its session has begun."""
    address = "a.address::inet" if dialect == "postgresql" else "a.address"
    return (
        "(a.moment < ? OR EXISTS (SELECT 1 FROM radacct r WHERE r.username = a.username AND r.radacctid > a.after"
        f" AND r.{kind.column} = {address}))"
    )


def _taken(dialect: Dialect, conditions: str, order: str) -> str:
    """Take one address; two machines that want one at the same time pass each other by.

    ``moment``: of what is held, until when it is without a session; of what is free, since when.
    """
    lock = " FOR UPDATE OF a SKIP LOCKED" if dialect == "postgresql" else ""
    return (
        f"UPDATE trioradius_address SET state = 'held', username = ?, place = ?, moment = ?, after = ({LAST_NUMBER})"
        f" WHERE address = (SELECT a.address FROM trioradius_address a WHERE {conditions}"
        f" ORDER BY {order}a.moment, a.number, a.address LIMIT 1{lock}) RETURNING address"
    )


def _take_own(dialect: Dialect, kind: Kind) -> str:
    """What is held for this very place, as when a subscriber dials again and his last session is not known to be over;
    else what he had, and nobody has now.
    """
    return _taken(
        dialect,
        # Written so, the index of the pool is of no use, and that of the user's few addresses is taken.
        "coalesce(a.pool, '') = ? AND coalesce(a.kind, '') = ? AND a.username = ? AND"
        f" ((a.state = 'held' AND a.place = ? AND NOT {_open(dialect, kind, ' AND r.username <> ?')}) OR"
        f" ((a.state = 'free' OR (a.state = 'held' AND {_over(dialect, kind)})) AND NOT {_open(dialect, kind)}))",
        "(a.state = 'held' AND a.place = ?) DESC, ",
    )


def _take_free(dialect: Dialect, kind: Kind) -> str:
    return _taken(dialect, f"a.pool = ? AND a.kind = ? AND a.state = 'free' AND NOT {_open(dialect, kind)}", "")


def _swept(dialect: Dialect, kind: Kind) -> str:
    lock = " FOR UPDATE OF a SKIP LOCKED" if dialect == "postgresql" else ""
    return (
        "UPDATE trioradius_address SET state = 'free', moment = ? WHERE address IN (SELECT a.address"
        " FROM trioradius_address a WHERE a.pool = ? AND a.kind = ? AND a.state = 'held'"
        f" AND {_over(dialect, kind)} AND NOT {_open(dialect, kind)}{lock})"
    )


def _given_back(dialect: Dialect, kind: Kind) -> str:
    return (
        "UPDATE trioradius_address AS a SET state = 'free', moment = ? WHERE a.username = ? AND a.place = ?"
        f" AND a.kind = ? AND a.state = 'held' AND NOT {_open(dialect, kind)}"
    )


_BOTH: Final[tuple[Dialect, ...]] = ("sqlite", "postgresql")
_EACH: Final[list[tuple[Dialect, Kind]]] = [(dialect, kind) for dialect in _BOTH for kind in Kind]
_TAKE_OWN: Final = {(dialect, kind): _take_own(dialect, kind) for dialect, kind in _EACH}
_TAKE_FREE: Final = {(dialect, kind): _take_free(dialect, kind) for dialect, kind in _EACH}
_SWEEP: Final = {(dialect, kind): _swept(dialect, kind) for dialect, kind in _EACH}
_GIVE_BACK: Final = {(dialect, kind): _given_back(dialect, kind) for dialect, kind in _EACH}
