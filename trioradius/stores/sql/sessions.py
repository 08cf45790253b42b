"""Sessions: who is online, as a view over radacct (the rows without acctstoptime), and how stale ones are closed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from trioradius.stores.sql.connection import Connection, Dialect, Row

LOST_CARRIER: Final = "Lost-Carrier"
"""Acct-Terminate-Cause 2 (RFC 2866 section 5.10): the line went away, and nobody said so."""


@attrs.frozen
class Session:
    """A session as radacct has it; what is not known is '' or None. Times are seconds since 1970.

    ``octets_in`` came from the subscriber and ``octets_out`` went to him, as in Acct-Input-Octets and
    Acct-Output-Octets, in 64 bits. ``number`` is the radacctid and ``unique`` the acctuniqueid. ``audit_session`` is
    Cisco's audit-session-id, which radacct has no column for: whoever knows it adds it by ``attrs.evolve``.
    """

    number: int
    unique: str
    id: str
    user: str
    nas: str
    port: str = ""
    calling: str = ""
    called: str = ""
    address: str = ""
    ipv6_address: str = ""
    ipv6_prefix: str = ""
    delegated_prefix: str = ""
    start: int | None = None
    updated: int | None = None
    stop: int | None = None
    seconds: int = 0
    octets_in: int = 0
    octets_out: int = 0
    cause: str = ""
    login_class: str = ""
    audit_session: str = attrs.field(default="", kw_only=True)

    @property
    def octets(self) -> int:
        """In both directions."""
        return self.octets_in + self.octets_out

    @property
    def heard(self) -> int:
        """When it was last heard of; 0 where nobody knows."""
        return self.updated or self.start or 0

    @property
    def is_open(self) -> bool:
        """Whether nothing has said that it ended."""
        return self.stop is None


@attrs.frozen
class Wanted:
    """Which sessions: those that fit everything that is given."""

    user: str | None = None
    nas: str | None = None
    address: str | None = None
    unique: str | None = None
    silent_since: int | None = None
    """Only those that nothing was heard of at this time or later."""
    after: int = 0
    """Only those with a greater number."""
    limit: int | None = None
    is_open: bool = True

    def conditions(self, dialect: Dialect) -> tuple[str, list[object]]:
        """What follows WHERE, and its values."""
        inet = "::inet" if dialect == "postgresql" else ""
        heard = _HEARD[dialect]
        given: list[tuple[str, object]] = [
            ("r.username = ?", self.user),
            (f"r.nasipaddress = ?{inet}", self.nas),
            (f"r.framedipaddress = ?{inet}", self.address),
            ("r.acctuniqueid = ?", self.unique),
            (f"{heard} < ?", self.silent_since),
            ("r.radacctid > ?", self.after or None),
        ]
        wanted = [(condition, value) for condition, value in given if value is not None]
        conditions = ["r.acctstoptime IS NULL"] if self.is_open else ["TRUE"]
        return " AND ".join([*conditions, *(condition for condition, _ in wanted)]), [value for _, value in wanted]


def find(connection: Connection, wanted: Wanted) -> list[Session]:
    """The sessions that are wanted, by number."""
    conditions, values = wanted.conditions(connection.dialect)
    statement = f"{SELECT[connection.dialect]} WHERE {conditions} ORDER BY r.radacctid"
    if wanted.limit is not None:
        statement += " LIMIT ?"
        values.append(wanted.limit)
    return [session(row) for row in connection.rows(statement, *values)]


def count(connection: Connection, wanted: Wanted) -> int:
    """How many there are."""
    conditions, values = wanted.conditions(connection.dialect)
    return int(connection.rows(f"SELECT count(*) FROM radacct r WHERE {conditions}", *values)[0][0])


def count_by_user(connection: Connection) -> dict[str, int]:
    """User to the number of his open sessions."""
    return dict(connection.rows(_BY_USER))


def session(row: Row) -> Session:
    """A row of SELECT."""
    return Session(*row)


def close(
    connection: Connection,
    numbers: Sequence[int],
    cause: str,
    *,
    silent_since: int | None = None,
    at: int | None = None,
) -> list[int]:
    """Close open sessions without a Stop; the numbers of those that were.

    Each ended when it was last heard of, or ``at`` a time. With ``silent_since`` only those that are as silent still.
    ``connectinfo_stop`` is NULL then, by which radacct.py knows that a Stop may take the place of this, and that a
    record of a later time opens the session again; FreeRADIUS's statements for SQLite put '' there at the Start.
    """
    closed = []
    statement = _CLOSE[connection.dialect]
    until = (1 << 62) if silent_since is None else silent_since
    for number in numbers:
        closed += [row[0] for row in connection.rows(statement, at, at, cause, number, until)]
    return closed


_HEARD: Final[dict[Dialect, str]] = {
    "sqlite": "coalesce(r.acctupdatetime, r.acctstarttime, 0)",
    "postgresql": "coalesce(extract(epoch FROM coalesce(r.acctupdatetime, r.acctstarttime))::bigint, 0)",
}
_ADDRESSES: Final = ("r.framedipaddress", "r.framedipv6address")
_PREFIXES: Final = ("r.framedipv6prefix", "r.delegatedipv6prefix")


def _select(dialect: Dialect) -> str:
    def host(column: str) -> str:
        return f"coalesce(host({column}), '')" if dialect == "postgresql" else f"coalesce({column}, '')"

    def network(column: str) -> str:
        return f"coalesce(text({column}), '')" if dialect == "postgresql" else f"coalesce({column}, '')"

    def time(column: str) -> str:
        return f"extract(epoch FROM {column})::bigint" if dialect == "postgresql" else column

    def text(column: str) -> str:
        return f"coalesce({column}, '')"

    columns = (
        *("r.radacctid", "r.acctuniqueid", "r.acctsessionid", text("r.username"), host("r.nasipaddress")),
        *map(text, ("r.nasportid", "r.callingstationid", "r.calledstationid")),
        *(host("r.framedipaddress"), host("r.framedipv6address")),
        *(network("r.framedipv6prefix"), network("r.delegatedipv6prefix")),
        *map(time, ("r.acctstarttime", "r.acctupdatetime", "r.acctstoptime")),
        *(f"coalesce(r.{column}, 0)" for column in ("acctsessiontime", "acctinputoctets", "acctoutputoctets")),
        *(text("r.acctterminatecause"), text("r.class")),
    )
    return f"SELECT {', '.join(columns)} FROM radacct r"


SELECT: Final[dict[Dialect, str]] = {"sqlite": _select("sqlite"), "postgresql": _select("postgresql")}
"""Sessions, to which a WHERE is added; radacct is ``r``."""
_BY_USER: Final = "SELECT username, count(*) FROM radacct WHERE acctstoptime IS NULL GROUP BY username"
_CLOSE: Final[dict[Dialect, str]] = {
    "sqlite": "UPDATE radacct AS r SET acctstoptime = coalesce(?, acctupdatetime, acctstarttime, 0), acctsessiontime ="
    " max(coalesce(acctsessiontime, 0), coalesce(?, acctupdatetime, acctstarttime) - acctstarttime),"
    " acctterminatecause = ?, connectinfo_stop = NULL WHERE radacctid = ? AND acctstoptime IS NULL"
    f" AND {_HEARD['sqlite']} < ? RETURNING radacctid",
    "postgresql": "UPDATE radacct AS r SET acctstoptime ="
    " coalesce(to_timestamp(?::bigint), acctupdatetime, acctstarttime, to_timestamp(0)), acctsessiontime ="
    " greatest(coalesce(acctsessiontime, 0), extract(epoch FROM"
    " coalesce(to_timestamp(?::bigint), acctupdatetime, acctstarttime) - acctstarttime)::bigint),"
    " acctterminatecause = ?, connectinfo_stop = NULL"
    " WHERE radacctid = (SELECT radacctid FROM radacct AS r WHERE radacctid = ?"
    f" AND acctstoptime IS NULL AND {_HEARD['postgresql']} < ? FOR UPDATE SKIP LOCKED) RETURNING radacctid",
}
"""Two machines that close the same sessions pass each other by, and one that is being written to is not stale."""
