"""Usage: what users sent and received in a period, from the totals of radacct, which are in 64 bits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from trioradius.stores.sql.connection import Connection, Dialect


@attrs.frozen
class Usage:
    """Of one user in one period. ``octets_in`` came from him, ``octets_out`` went to him."""

    octets_in: int = 0
    octets_out: int = 0
    seconds: int = 0
    sessions: int = 0

    @property
    def octets(self) -> int:
        """In both directions."""
        return self.octets_in + self.octets_out


@attrs.frozen
class Period:
    """From a time up to, and without, another; in seconds since 1970."""

    since: int
    until: int


def of_user(connection: Connection, user: str, period: Period) -> Usage:
    """The usage of one user."""
    rows = connection.rows(_OF_USER[connection.dialect], period.since, period.until, user)
    return Usage(*map(int, rows[0]))


def past(connection: Connection, limits: Mapping[str, int], period: Period) -> dict[str, Usage]:
    """Of the users who are online, those whose usage in octets has reached their limit, by one query."""
    given = (list(limits), list(limits.values())) if connection.dialect == "postgresql" else (json.dumps(dict(limits)),)
    rows = connection.rows(_PAST[connection.dialect], *given, period.since, period.until)
    return {user: Usage(*map(int, totals)) for user, *totals in rows}


def _shares(dialect: Dialect, users: str) -> str:
    """Of each session of these users the part that lies within the period.

    radacct has totals alone, so of a session that began before the period, or goes on after it, what it counted is
    taken in proportion to its time. One that lies within it lasted as long as its NAS counted.
    """
    if dialect == "postgresql":
        number, whole, double, least, greatest = "?::bigint", "bigint", "double precision", "least", "greatest"
        time = "extract(epoch FROM r.{})::bigint"
    else:
        number, whole, double, least, greatest = "?", "INTEGER", "REAL", "min", "max"
        time = "r.{}"
    start, updated, stop = map(time.format, ("acctstarttime", "acctupdatetime", "acctstoptime"))
    end = f"coalesce({stop}, {updated}, {start})"

    def share(column: str) -> str:
        return (
            f"CASE WHEN t.inside >= t.lasted THEN coalesce(t.{column}, 0)"
            f" ELSE CAST(coalesce(t.{column}, 0) * (CAST(t.inside AS {double}) / t.lasted) AS {whole}) END"
        )

    return (
        f"SELECT t.username, {share('acctinputoctets')} AS octets_in, {share('acctoutputoctets')} AS octets_out,"
        " CASE WHEN t.inside >= t.lasted THEN coalesce(nullif(t.acctsessiontime, 0), t.inside) ELSE t.inside END"
        " AS seconds FROM (SELECT r.username, r.acctinputoctets, r.acctoutputoctets, r.acctsessiontime,"
        f" {end} - {start} AS lasted,"
        f" {least}({end}, p.until) - {greatest}({start}, p.since) AS inside"
        f" FROM (SELECT {number} AS since, {number} AS until) p, radacct r"
        f" WHERE {users} AND {start} < p.until AND ({end} > p.since OR {start} >= p.since)) t"
    )


_TOTALS: Final = (
    "coalesce(sum(s.octets_in), 0), coalesce(sum(s.octets_out), 0), coalesce(sum(s.seconds), 0), count(s.seconds)"
)
_LIMITS: Final[dict[Dialect, str]] = {
    "sqlite": "SELECT key AS username, value AS octets FROM json_each(?)",
    "postgresql": "SELECT * FROM unnest(?::text[], ?::bigint[]) AS l (username, octets)",
}


def _of_user(dialect: Dialect) -> str:
    return f"SELECT {_TOTALS} FROM ({_shares(dialect, 'r.username = ?')}) s"


def _past(dialect: Dialect) -> str:
    online = (
        "r.username IN (SELECT l.username FROM l WHERE EXISTS"
        " (SELECT 1 FROM radacct o WHERE o.acctstoptime IS NULL AND o.username = l.username))"
    )
    return (
        f"WITH l AS ({_LIMITS[dialect]}) SELECT s.username, {_TOTALS} FROM ({_shares(dialect, online)}) s"
        " JOIN l ON l.username = s.username GROUP BY s.username, l.octets"
        " HAVING sum(s.octets_in) + sum(s.octets_out) >= l.octets"
    )


_OF_USER: Final[dict[Dialect, str]] = {"sqlite": _of_user("sqlite"), "postgresql": _of_user("postgresql")}
_PAST: Final[dict[Dialect, str]] = {"sqlite": _past("sqlite"), "postgresql": _past("postgresql")}
