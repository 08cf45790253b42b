"""The rows of radacct: how what is known of a session and what a new record says become one.

The rules are such that the order in which records come does not matter, nor how often one comes:

- counters and times of update take the greater value;
- the start is that of a Start; while none was seen, the earliest that other records let one reckon;
- the stop is that of the first Stop. Where the session was closed without one, because its NAS restarted, a Stop takes
  the place of that, and a record of a later time opens the session again;
- what describes the session is filled in once it is known; addresses follow the latest record.

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
ROWS: Final = (64, 16, 4, 1)
"""Rows a statement may carry in SQLite; few sizes, so that the prepared statements are found again."""


@attrs.frozen
class Record:
    """What one record says of its session: the values of COLUMNS."""

    values: tuple[Value, ...]

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
    values = [record.values for record in records]
    if connection.dialect == "sqlite":
        _store_sqlite(connection, values)
    else:
        _store_postgres(connection, values)
    restarted = _restarts(connection, sorted({record.nas for record in records}))
    for record in records:
        if record.time < restarted.get(record.nas, 0):
            connection.run(_CLOSE_ONE[connection.dialect], *_closing(restarted[record.nas]), record.session)


def _restart(connection: Connection, restart: Restart) -> None:
    """Close what the NAS had open, and remember when, for records that come late."""
    dialect = connection.dialect
    connection.run(_REMEMBER[dialect], restart.nas, restart.time)
    connection.run(_CLOSE_ALL[dialect], *_closing(restart.time, restart.cause), restart.nas)


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


def _store_postgres(connection: Connection, rows: list[tuple[Value, ...]]) -> None:
    """In the order of their keys, so that two machines that write the same sessions do not wait for each other."""
    for layer in _layers(rows):
        layer.sort(key=lambda values: str(values[0]))
        connection.run(_POSTGRES, *(list(column) for column in zip(*layer, strict=True)))


def _layers(rows: list[tuple[Value, ...]]) -> Iterator[list[tuple[Value, ...]]]:
    """The rows in lists that have each session once, as one statement of PostgreSQL wants it."""
    while rows:
        layer: dict[Value, tuple[Value, ...]] = {}
        later = []
        for row in rows:
            if row[0] in layer:
                later.append(row)
            else:
                layer[row[0]] = row
        yield list(layer.values())
        rows = later


def _merged(dialect: Dialect) -> str:
    """``ON CONFLICT`` for one dialect: what becomes of a row that is there, ``r``, and a new one, ``excluded``."""
    greatest = "max" if dialect == "sqlite" else "greatest"
    seconds = "{0} - {1}" if dialect == "sqlite" else "extract(epoch FROM {0} - {1})::bigint"
    same = "" if dialect == "sqlite" else "::text"
    later = "excluded.acctupdatetime > r.acctupdatetime"
    stopped = "r.acctstoptime IS NOT NULL AND r.connectinfo_stop IS NOT NULL"
    reopened = "excluded.acctupdatetime >= r.acctstoptime"

    def either(column: str) -> str:
        return f"{greatest}(coalesce(r.{column}, excluded.{column}), coalesce(excluded.{column}, r.{column}))"

    def at_stop(column: str, reopened_as: str) -> str:
        return (
            f"CASE WHEN {stopped} THEN r.{column} WHEN excluded.acctstoptime IS NOT NULL THEN excluded.{column}"
            f" WHEN {reopened} THEN {reopened_as} ELSE r.{column} END"
        )

    smallest = "min" if dialect == "sqlite" else "least"
    earliest = f"{smallest}(coalesce(r.acctstarttime, excluded.acctstarttime), excluded.acctstarttime)"
    changes = {
        "acctinterval": f"CASE WHEN {later} THEN {seconds.format('excluded.acctupdatetime', 'r.acctupdatetime')}"
        " ELSE r.acctinterval END",
        "acctstarttime": "CASE WHEN (r.connectinfo_start IS NULL) = (excluded.connectinfo_start IS NULL)"
        f" THEN {earliest} WHEN r.connectinfo_start IS NULL THEN excluded.acctstarttime ELSE r.acctstarttime END",
        "acctstoptime": at_stop("acctstoptime", "NULL"),
        "acctterminatecause": at_stop("acctterminatecause", "excluded.acctterminatecause"),
        "connectinfo_start": "coalesce(r.connectinfo_start, excluded.connectinfo_start)",
        "connectinfo_stop": "coalesce(r.connectinfo_stop, excluded.connectinfo_stop)",
        # The time of a session that was closed without a Stop was reckoned, so it may go down again.
        "acctsessiontime": "CASE WHEN r.acctstoptime IS NOT NULL AND r.connectinfo_stop IS NULL AND"
        f" (excluded.acctstoptime IS NOT NULL OR {reopened})"
        f" THEN coalesce(excluded.acctsessiontime, r.acctsessiontime) ELSE {either('acctsessiontime')} END",
        **{column: either(column) for column in GREATEST},
        **{
            column: f"CASE WHEN coalesce(r.{column}, '') = '' THEN excluded.{column} ELSE r.{column} END"
            for column in FIRST
        },
        **{
            column: f"CASE WHEN coalesce(excluded.{column}{same}, '') <> '' AND"
            f" ({later} OR coalesce(r.{column}{same}, '') = '') THEN excluded.{column} ELSE r.{column} END"
            for column in LATEST
        },
    }
    assignments = ", ".join(f"{column} = {value}" for column, value in changes.items())
    return f"ON CONFLICT (acctuniqueid) DO UPDATE SET {assignments}"


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
    """Close what a restart ended: open, and last heard of before it."""
    if dialect == "sqlite":
        return (
            "UPDATE radacct SET acctstoptime = ?,"
            " acctsessiontime = max(coalesce(acctsessiontime, 0), ? - acctstarttime),"
            f" acctterminatecause = ? WHERE acctstoptime IS NULL AND acctupdatetime < ? AND {where}"
        )
    return (
        "UPDATE radacct SET acctstoptime = to_timestamp(?), acctsessiontime ="
        " greatest(coalesce(acctsessiontime, 0), ?::bigint - extract(epoch FROM acctstarttime)::bigint),"
        f" acctterminatecause = ? WHERE acctstoptime IS NULL AND acctupdatetime < to_timestamp(?) AND {where}"
    )


_CLOSE_ONE: Final[dict[Dialect, str]] = {
    "sqlite": _close("acctuniqueid = ?", "sqlite"),
    "postgresql": _close("acctuniqueid = ?", "postgresql"),
}
_CLOSE_ALL: Final[dict[Dialect, str]] = {
    "sqlite": _close("nasipaddress = ?", "sqlite"),
    "postgresql": _close("nasipaddress = ?::inet", "postgresql"),
}
_REMEMBER: Final[dict[Dialect, str]] = {
    "sqlite": "INSERT INTO nasreload AS r (nasipaddress, reloadtime) VALUES (?, ?)"
    " ON CONFLICT (nasipaddress) DO UPDATE SET reloadtime = max(r.reloadtime, excluded.reloadtime)",
    "postgresql": "INSERT INTO nasreload AS r (nasipaddress, reloadtime) VALUES (?::inet, to_timestamp(?))"
    " ON CONFLICT (nasipaddress) DO UPDATE SET reloadtime = greatest(r.reloadtime, excluded.reloadtime)",
}
_RESTARTS: Final[dict[Dialect, str]] = {
    "sqlite": "SELECT reloadtime FROM nasreload WHERE nasipaddress = ?",
    "postgresql": "SELECT host(nasipaddress), extract(epoch FROM reloadtime)::bigint FROM nasreload"
    " WHERE nasipaddress = ANY(?::text[]::inet[])",
}
_SQLITE: Final = {rows: _of_sqlite(rows) for rows in ROWS}
_POSTGRES: Final = _of_postgres()
