"""The tables: created where they are missing, brought up to date, and taken as they are in a FreeRADIUS database.

A database made by FreeRADIUS's own schema file has no table ``trioradius_schema``; it gets what it lacks, and keeps
the rest.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from trioradius.errors import ConfigurationError
from trioradius.stores.sql.connection import Connection, OwnedConnection

STEPS: Final = ("{dialect}.sql", "reason.sql", "sessions_{dialect}.sql")
"""Scripts that lead from each version to the next; a released one never changes."""
_LOCK: Final = "trioradius:schema"
_TABLES: Final = {
    "sqlite": "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'trioradius_schema'",
    # Not to_regclass(): its cache may be older than the lock that was waited for.
    "postgresql": "SELECT 1 FROM pg_class WHERE relname = 'trioradius_schema' AND pg_table_is_visible(oid)",
}


def version(connection: Connection) -> int:
    """Which version the tables have; 0 where we never made any."""
    if not connection.rows(_TABLES[connection.dialect]):
        return 0
    return max((int(row[0]) for row in connection.rows("SELECT version FROM trioradius_schema")), default=0)


def prepare(connection: OwnedConnection, name: str, *, create: bool) -> None:
    """Bring the tables up to date, or find that they are.

    Raises:
        ConfigurationError: a newer trioradius made them.
    """
    found = version(connection)
    if found > len(STEPS):
        raise ConfigurationError(
            f"{name} has tables of version {found}, and this trioradius knows up to {len(STEPS)}; update trioradius"
        )
    if not create or found == len(STEPS):
        return
    connection.begin()
    connection.lock([_LOCK])
    # Another process may have done it while this one waited for the lock.
    for step in STEPS[version(connection) :]:
        connection.run_script(script(step, connection))
    connection.run("DELETE FROM trioradius_schema")
    connection.run("INSERT INTO trioradius_schema (version) VALUES (?)", len(STEPS))
    connection.commit()


def script(step: str, connection: Connection) -> str:
    """The text of one step in the connection's dialect."""
    return (files("trioradius.stores.sql") / "schema" / step.format(dialect=connection.dialect)).read_text()
