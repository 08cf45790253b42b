"""The rows of radacct: how what is known of a session and what a new record says become one.

The rules are such that the order in which records come does not matter, nor how often one comes:

- counters and times of update take the greater value;
- the start is that of a Start; while none was seen, the earliest that other records let one reckon;
- the stop is that of the first Stop. Where the session was closed without one, because its NAS restarted, a Stop takes
  the place of that, and a record of a later time opens the session again;
- what describes the session is filled in once it is known; addresses follow the latest record;
- a Start whose Event-Timestamp is past the Stop, or the restart, that ended the session is of another one with the same
  Acct-Session-Id: the row that ended is set aside under an acctuniqueid of its own, and a new one made.

``connectinfo_start`` is NULL until a Start was seen, and ``connectinfo_stop`` until a Stop was.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Final, Literal, TypeAlias

import attrs

from trioradius.stores.sql.connection import Connection, Dialect

Value: TypeAlias = str | int | None
Kind: TypeAlias = Literal["text", "bigint", "time", "inet"]

COLUMNS: Final[dict[str, Kind]] = {
    "acctuniqueid": "text",
    "acctsessionid": "text",
    "username": "text",
    "realm": "text",
    "nasipaddress": "inet",
    "nasportid": "text",
    "nasporttype": "text",
    "acctstarttime": "time",
    "acctupdatetime": "time",
    "acctstoptime": "time",
    "acctsessiontime": "bigint",
    "acctauthentic": "text",
    "connectinfo_start": "text",
    "connectinfo_stop": "text",
    "acctinputoctets": "bigint",
    "acctoutputoctets": "bigint",
    "calledstationid": "text",
    "callingstationid": "text",
    "acctterminatecause": "text",
    "servicetype": "text",
    "framedprotocol": "text",
    "framedipaddress": "inet",
    "framedipv6address": "inet",
    "framedipv6prefix": "inet",
    "framedinterfaceid": "text",
    "delegatedipv6prefix": "inet",
    "class": "text",
}
"""The columns a record fills, in the order of its values."""
_NAS: Final = list(COLUMNS).index("nasipaddress")
_TIME: Final = list(COLUMNS).index("acctupdatetime")
NAS_REBOOT: Final = "NAS-Reboot"
"""The cause of a session that its NAS did not outlive (RFC 2866 section 5.10)."""
NOT_NULL_IN_SQLITE: Final = frozenset(
    {
        *("username", "realm", "nasipaddress", "calledstationid", "callingstationid", "acctterminatecause"),
        *("framedipaddress", "framedipv6address", "framedipv6prefix", "framedinterfaceid", "delegatedipv6prefix"),
    }
)
"""Where FreeRADIUS's tables for SQLite have '' for what is not known."""
GREATEST: Final = ("acctupdatetime", "acctinputoctets", "acctoutputoctets")
FIRST: Final = (
    *("realm", "nasportid", "nasporttype", "acctauthentic", "calledstationid"),
    *("callingstationid", "servicetype", "framedprotocol", "class"),
)
LATEST: Final = ("framedipaddress", "framedipv6address", "framedipv6prefix", "framedinterfaceid", "delegatedipv6prefix")
CLOSED_AT_ONCE: Final = 10_000
"""Sessions that one statement closes at the most; one for all of a large NAS would take longer than it is given."""
ROWS: Final = (64, 16, 4, 1)
"""Rows a statement may carry in SQLite; few sizes, so that the prepared statements are found again."""


@attrs.frozen
class Record:
    """What one record says of its session: the values of COLUMNS.

    ``began`` is the time of a Start that its NAS stamped; None of other records, whose time may be that of a repeat.
    """

    values: tuple[Value, ...]
    began: int | None = None

    @property
    def session(self) -> Value:
        """Its acctuniqueid."""
        return self.values[0]

    @property
    def nas(self) -> str:
        """The address of its NAS."""
        return str(self.values[_NAS])

    @property
    def time(self) -> int:
        """When it was made, in seconds since 1970."""
        return int(self.values[_TIME] or 0)


@attrs.frozen
class Restart:
    """Accounting-On or Accounting-Off of a NAS: none of its sessions outlived it (RFC 2866 section 5.1)."""

    nas: str
    time: int
    cause: str


def store(connection: Connection, rows: Sequence[Record | Restart]) -> None:
    """Write records in the order they came, with few statements."""
    for kind, group in itertools.groupby(rows, type):
        if kind is Restart:
            for restart in group:
                _restart(connection, restart)  # type: ignore[arg-type]
        else:
            _store_records(connection, list(group))  # type: ignore[arg-type]


def _store_records(connection: Connection, records: Sequence[Record]) -> None:
    for layer in _layers(records):
        _set_aside(connection, layer)
        if connection.dialect == "sqlite":
            _store_sqlite(connection, [record.values for record in layer])
        else:
            connection.run(_POSTGRES, *(list(column) for column in zip(*(one.values for one in layer), strict=True)))
    restarted = _restarts(connection, sorted({record.nas for record in records}))
    for record in records:
        if record.nas in restarted and record.time < restarted[record.nas]:
            connection.run(_CLOSE_ONE[connection.dialect], *_closing(restarted[record.nas]), record.session)


def _layers(records: Sequence[Record]) -> Iterator[list[Record]]:
    """The records in lists that have each session once, as one statement of PostgreSQL wants it.

    Each is in the order of its keys, so that two machines that write the same sessions do not wait for each other.
    """
    while records:
        layer: dict[Value, Record] = {}
        later = []
        for record in records:
            if record.session in layer:
                later.append(record)
            else:
                layer[record.session] = record
        yield sorted(layer.values(), key=lambda record: str(record.session))
        records = later


def _set_aside(connection: Connection, records: Sequence[Record]) -> None:
    """Make room for sessions that begin under the identifiers of others, which ended before."""
    began = [(record.began, record.session) for record in records if record.began is not None]
    if began and connection.dialect == "sqlite":
        connection.run_many(_SET_ASIDE["sqlite"], began)
    elif began:
        connection.run(_SET_ASIDE["postgresql"], *(list(column) for column in zip(*began, strict=True)))


def _restart(connection: Connection, restart: Restart) -> None:
    """Close what the NAS had open, and remember when, for records that come late."""
    dialect = connection.dialect
    connection.run(_REMEMBER[dialect], restart.nas, restart.time)
    values = *_closing(restart.time, restart.cause), restart.nas, restart.time, CLOSED_AT_ONCE
    while connection.run(_CLOSE_SOME[dialect], *values):
        pass


def _closing(time: int, cause: str = NAS_REBOOT) -> tuple[Value, ...]:
    return time, time, cause, time


def _restarts(connection: Connection, addresses: Sequence[str]) -> dict[str, int]:
    """When these NASes last restarted, where they did."""
    if connection.dialect == "postgresql":
        return dict(connection.rows(_RESTARTS["postgresql"], addresses))
    found = (connection.rows(_RESTARTS["sqlite"], address) for address in addresses)
    return {address: int(rows[0][0]) for address, rows in zip(addresses, found, strict=True) if rows}


def _store_sqlite(connection: Connection, rows: list[tuple[Value, ...]]) -> None:
    place = 0
    while place < len(rows):
        size = next(size for size in ROWS if size <= len(rows) - place)
        chunk = rows[place : place + size]
        connection.run(_SQLITE[size], *itertools.chain.from_iterable(chunk))
        place += size


def _merged(dialect: Dialect) -> str:
    """``ON CONFLICT`` for one dialect: what becomes of a row that is there, ``r``, and a new one, ``excluded``."""
    changes = {
        "acctinterval": f"CASE WHEN {_LATER} THEN {_interval(dialect)} ELSE r.acctinterval END",
        "acctstarttime": _start(dialect),
        "acctstoptime": _at_stop("acctstoptime", "NULL"),
        "acctterminatecause": _at_stop("acctterminatecause", "excluded.acctterminatecause"),
        "connectinfo_start": "coalesce(r.connectinfo_start, excluded.connectinfo_start)",
        "connectinfo_stop": "coalesce(r.connectinfo_stop, excluded.connectinfo_stop)",
        "acctsessiontime": _seconds(dialect),
        **{column: _greatest(column, dialect) for column in GREATEST},
        **{column: _first(column) for column in FIRST},
        **{column: _latest(column, dialect) for column in LATEST},
    }
    assignments = ", ".join(f"{column} = {value}" for column, value in changes.items())
    return f"ON CONFLICT (acctuniqueid) DO UPDATE SET {assignments}"


_LATER: Final = "excluded.acctupdatetime > r.acctupdatetime"
_REOPENED: Final = "excluded.acctupdatetime >= r.acctstoptime"


def _greatest(column: str, dialect: Dialect) -> str:
    greatest = "max" if dialect == "sqlite" else "greatest"
    return f"{greatest}(coalesce(r.{column}, excluded.{column}), coalesce(excluded.{column}, r.{column}))"


def _first(column: str) -> str:
    return f"CASE WHEN coalesce(r.{column}, '') = '' THEN excluded.{column} ELSE r.{column} END"


def _latest(column: str, dialect: Dialect) -> str:
    text = "" if dialect == "sqlite" else "::text"
    return (
        f"CASE WHEN coalesce(excluded.{column}{text}, '') <> '' AND ({_LATER} OR coalesce(r.{column}{text}, '') = '')"
        f" THEN excluded.{column} ELSE r.{column} END"
    )


def _at_stop(column: str, reopened_as: str) -> str:
    """The value of the first Stop; until one comes, what closed the session otherwise."""
    return (
        f"CASE WHEN r.acctstoptime IS NOT NULL AND r.connectinfo_stop IS NOT NULL THEN r.{column}"
        f" WHEN excluded.acctstoptime IS NOT NULL THEN excluded.{column}"
        f" WHEN {_REOPENED} THEN {reopened_as} ELSE r.{column} END"
    )


def _start(dialect: Dialect) -> str:
    smallest = "min" if dialect == "sqlite" else "least"
    earliest = f"{smallest}(coalesce(r.acctstarttime, excluded.acctstarttime), excluded.acctstarttime)"
    return (
        f"CASE WHEN (r.connectinfo_start IS NULL) = (excluded.connectinfo_start IS NULL) THEN {earliest}"
        " WHEN r.connectinfo_start IS NULL THEN excluded.acctstarttime ELSE r.acctstarttime END"
    )


def _seconds(dialect: Dialect) -> str:
    """The time of a session that was closed without a Stop was reckoned, so it may go down again."""
    return (
        "CASE WHEN r.acctstoptime IS NOT NULL AND r.connectinfo_stop IS NULL"
        f" AND (excluded.acctstoptime IS NOT NULL OR {_REOPENED})"
        f" THEN coalesce(excluded.acctsessiontime, r.acctsessiontime) ELSE {_greatest('acctsessiontime', dialect)} END"
    )


def _interval(dialect: Dialect) -> str:
    between = "excluded.acctupdatetime - r.acctupdatetime"
    return between if dialect == "sqlite" else f"extract(epoch FROM {between})::bigint"


def _insert(rows: str, dialect: Dialect) -> str:
    return f"INSERT INTO radacct AS r ({', '.join(COLUMNS)}) {rows} {_merged(dialect)}"


def _of_sqlite(rows: int) -> str:
    places = ", ".join("coalesce(?, '')" if column in NOT_NULL_IN_SQLITE else "?" for column in COLUMNS)
    return _insert("VALUES " + ", ".join([f"({places})"] * rows), "sqlite")


def _of_postgres() -> str:
    read = {"text": "{}", "bigint": "{}", "time": "to_timestamp({})", "inet": "{}::inet"}
    arrays = {"text": "text", "bigint": "bigint", "time": "bigint", "inet": "text"}
    columns = ", ".join(read[kind].format(f"new.{name}") for name, kind in COLUMNS.items())
    values = ", ".join(f"?::{arrays[kind]}[]" for kind in COLUMNS.values())
    return _insert(f"SELECT {columns} FROM unnest({values}) AS new ({', '.join(COLUMNS)})", "postgresql")


def _close(where: str, dialect: Dialect) -> str:
    """Close what a restart ended: open, and last heard of before it.

    FreeRADIUS's statements for SQLite have '' in ``connectinfo_stop`` from the Start on.
    """
    if dialect == "sqlite":
        return (
            "UPDATE radacct SET acctstoptime = ?, connectinfo_stop = NULL,"
            " acctsessiontime = max(coalesce(acctsessiontime, 0), ? - acctstarttime),"
            f" acctterminatecause = ? WHERE acctstoptime IS NULL AND acctupdatetime < ? AND {where}"
        )
    return (
        "UPDATE radacct SET acctstoptime = to_timestamp(?), connectinfo_stop = NULL, acctsessiontime ="
        " greatest(coalesce(acctsessiontime, 0), ?::bigint - extract(epoch FROM acctstarttime)::bigint),"
        f" acctterminatecause = ? WHERE acctstoptime IS NULL AND acctupdatetime < to_timestamp(?) AND {where}"
    )


_CLOSE_ONE: Final[dict[Dialect, str]] = {
    "sqlite": _close("acctuniqueid = ?", "sqlite"),
    "postgresql": _close("acctuniqueid = ?", "postgresql"),
}
_CLOSE_SOME: Final[dict[Dialect, str]] = {
    "sqlite": _close(
        "radacctid IN (SELECT radacctid FROM radacct"
        " WHERE acctstoptime IS NULL AND nasipaddress = ? AND acctupdatetime < ? LIMIT ?)",
        "sqlite",
    ),
    "postgresql": _close(
        "radacctid IN (SELECT radacctid FROM radacct"
        " WHERE acctstoptime IS NULL AND nasipaddress = ?::inet AND acctupdatetime < to_timestamp(?) LIMIT ?)",
        "postgresql",
    ),
}
_REMEMBER: Final[dict[Dialect, str]] = {
    "sqlite": "INSERT INTO nasreload AS r (nasipaddress, reloadtime) VALUES (?, ?)"
    " ON CONFLICT (nasipaddress) DO UPDATE SET reloadtime = max(r.reloadtime, excluded.reloadtime)",
    "postgresql": "INSERT INTO nasreload AS r (nasipaddress, reloadtime) VALUES (?::inet, to_timestamp(?))"
    " ON CONFLICT (nasipaddress) DO UPDATE SET reloadtime = greatest(r.reloadtime, excluded.reloadtime)",
}
_RESTARTS: Final[dict[Dialect, str]] = {
    "sqlite": "SELECT reloadtime FROM nasreload WHERE nasipaddress = ?",
    # The address is given back as it was asked for: host() may write the same one in another way.
    "postgresql": "SELECT asked.address, extract(epoch FROM r.reloadtime)::bigint"
    " FROM unnest(?::text[]) AS asked (address) JOIN nasreload AS r ON r.nasipaddress = asked.address::inet",
}
_ENDED: Final = f"(r.connectinfo_stop IS NOT NULL OR r.acctterminatecause = '{NAS_REBOOT}')"
_SET_ASIDE: Final[dict[Dialect, str]] = {
    "sqlite": "UPDATE radacct AS r SET acctuniqueid = 'ended-' || radacctid"
    f" WHERE r.acctstoptime < ? AND r.acctuniqueid = ? AND {_ENDED}",
    "postgresql": "UPDATE radacct AS r SET acctuniqueid = 'ended-' || radacctid"
    " FROM unnest(?::bigint[], ?::text[]) AS new (began, session)"
    f" WHERE r.acctstoptime < to_timestamp(new.began) AND r.acctuniqueid = new.session AND {_ENDED}",
}
_SQLITE: Final = {rows: _of_sqlite(rows) for rows in ROWS}
_POSTGRES: Final = _of_postgres()
