"""SQLite: a file beside the app, in WAL mode, every COMMIT on the disk before it returns."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterable, Sequence
from typing import Final

from trioradius.stores.sql.connection import Dialect, Fault, Row

BUSY_SECONDS: Final = 2.0
"""How long one attempt waits for another process that writes to the file."""
STATEMENTS: Final = 256
"""Prepared statements kept a connection."""
_TROUBLE: Final = frozenset(
    {
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOTADB,
    }
)
"""Primary result codes that speak of the file and not of a statement or a value."""


class SqliteConnection:
    """A Connection to a SQLite file."""

    dialect: Dialect = "sqlite"

    def __init__(self, path: str, *, reading: bool) -> None:
        # Trio hands the work to one thread after the other, never to two at once.
        self._raw = sqlite3.connect(
            path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=STATEMENTS
        )
        with contextlib.ExitStack() as failing:
            failing.callback(self._raw.close)
            _write_ahead(self._raw)
            self._raw.execute("PRAGMA synchronous = FULL")
            if reading:
                self._raw.execute("PRAGMA query_only = ON")
            failing.pop_all()

    def rows(self, statement: str, *values: object) -> list[Row]:
        """As Connection."""
        return self._raw.execute(statement, values).fetchall()

    def run(self, statement: str, *values: object) -> int:
        """As Connection."""
        return self._raw.execute(statement, values).rowcount

    def run_many(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        """As Connection."""
        self._raw.executemany(statement, rows)

    def run_script(self, script: str) -> None:
        """As Connection. (``executescript`` of the standard library would commit first.)"""
        statement = ""
        for line in script.splitlines(keepends=True):
            statement += line
            if sqlite3.complete_statement(statement):
                self._raw.execute(statement)
                statement = ""

    def begin(self) -> None:
        """As OwnedConnection; the lock for writing is taken at once, so that what is read stays true."""
        self._raw.execute("BEGIN IMMEDIATE")

    def lock(self, names: Iterable[str]) -> None:
        """Nothing to do: one transaction at a time writes to a SQLite file."""

    def commit(self) -> None:
        """As OwnedConnection."""
        self._raw.execute("COMMIT")

    def close(self) -> None:
        """As OwnedConnection; what was not committed is rolled back."""
        self._raw.close()


def _write_ahead(raw: sqlite3.Connection) -> None:
    """WAL mode. In a new file that several processes open at once the switch fails at once: SQLite's own waiting for
    locks would be a deadlock there, as each holds what the others want."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            raw.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        # In a thread of its own: connections are made there.
        time.sleep(0.005)


class SqliteEngine:
    """A SQLite file."""

    dialect: Dialect = "sqlite"
    errors: tuple[type[Exception], ...] = (sqlite3.Error,)

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.name = os.fspath(path)

    def connect(self, *, reading: bool) -> SqliteConnection:
        """As Engine."""
        return SqliteConnection(self.name, reading=reading)

    def fault(self, error: BaseException) -> Fault:
        """As Engine. OverflowError is an integer past 64 bits, UnicodeEncodeError text that is no Unicode."""
        if isinstance(error, sqlite3.Error):
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
            return Fault.TROUBLE if code & 0xFF in _TROUBLE else Fault.REFUSED
        return Fault.REFUSED if isinstance(error, OverflowError | UnicodeEncodeError) else Fault.NONE

    def explain(self, error: BaseException) -> str:
        """As Engine; the texts of SQLite name columns and never values."""
        return f"{type(error).__name__} ({error})" if isinstance(error, sqlite3.Error) else type(error).__name__
