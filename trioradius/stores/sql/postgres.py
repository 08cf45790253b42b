"""PostgreSQL through psycopg 3, used synchronously in the writer's and the readers' threads."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from trioradius.errors import ConfigurationError
from trioradius.stores.sql.connection import Dialect, Fault, Row

DEFAULTS: Final = {
    "connect_timeout": 5,
    "tcp_user_timeout": 10_000,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "application_name": "trioradius",
    "options": "-c statement_timeout=10s -c lock_timeout=5s",
}
"""libpq's parameters where the URL does not set them: no call may hang for longer than a NAS retransmits.

A server's host that loses its power while a statement runs is noticed by keepalives alone."""
_LOCK: Final = "SELECT pg_advisory_xact_lock(name) FROM unnest(?::bigint[]) AS name"


@functools.lru_cache(maxsize=1024)
def with_percent(statement: str) -> str:
    """The statement with ``%s`` for every ``?`` outside of quotes, as psycopg wants it.

    >>> with_percent("SELECT '?' WHERE name = ?")
    "SELECT '?' WHERE name = %s"
    """
    parts = statement.replace("%", "%%").split("'")
    parts[::2] = [part.replace("?", "%s") for part in parts[::2]]
    return "'".join(parts)


class PostgresConnection:
    """A Connection to PostgreSQL."""

    dialect: Dialect = "postgresql"

    def __init__(self, conninfo: str, *, reading: bool) -> None:
        self._raw = psycopg.connect(conninfo, autocommit=True, client_encoding="UTF8")
        if reading:
            self._raw.execute("SET default_transaction_read_only = on")

    def rows(self, statement: str, *values: object) -> list[Row]:
        """As Connection."""
        return self._execute(statement, values).fetchall()

    def run(self, statement: str, *values: object) -> int:
        """As Connection."""
        return self._execute(statement, values).rowcount

    def run_many(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        """As Connection; psycopg sends them in one go."""
        with self._raw.cursor() as cursor:
            cursor.executemany(with_percent(statement).encode(), rows)

    def run_script(self, script: str) -> None:
        """As Connection."""
        self._raw.execute(script.encode())

    def begin(self) -> None:
        """As OwnedConnection. READ COMMITTED: what is read after lock() includes what its last holder wrote."""
        self._raw.execute("BEGIN")

    def lock(self, names: Iterable[str]) -> None:
        """As OwnedConnection; always in the same order, so that two machines do not wait for each other."""
        keys = sorted({_lock_key(name) for name in names})
        self._execute(_LOCK, (keys,))

    def commit(self) -> None:
        """As OwnedConnection."""
        self._raw.execute("COMMIT")

    def close(self) -> None:
        """As OwnedConnection; the server rolls back what was not committed."""
        self._raw.close()

    def _execute(self, statement: str, values: Sequence[object]) -> psycopg.Cursor[Row]:
        return self._raw.execute(with_percent(statement).encode(), values)


def _lock_key(name: str) -> int:
    """A name as the 64 bits that an advisory lock of PostgreSQL is known by."""
    digest = hashlib.blake2b(name.encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


class PostgresEngine:
    """A PostgreSQL database.

    Raises:
        ConfigurationError: the URL is none.
    """

    dialect: Dialect = "postgresql"
    errors: tuple[type[Exception], ...] = (psycopg.Error,)

    def __init__(self, url: str) -> None:
        try:
            given: dict[str, Any] = conninfo_to_dict(url)
        except psycopg.ProgrammingError:
            # Its text may repeat the password.
            raise ConfigurationError(
                "the database's URL cannot be read; it looks like postgresql://user:password@host:5432/name"
            ) from None
        self._conninfo = make_conninfo("", **{**DEFAULTS, **given})
        self.name = f"postgresql://{given.get('host', '')}/{given.get('dbname', '')}"

    def connect(self, *, reading: bool) -> PostgresConnection:
        """As Engine."""
        return PostgresConnection(self._conninfo, reading=reading)

    def fault(self, error: BaseException) -> Fault:
        """As Engine. OperationalError covers a lost connection, a full disk, a deadlock and a time limit."""
        if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError | psycopg.InternalError):
            return Fault.TROUBLE
        if isinstance(error, psycopg.Error | UnicodeEncodeError):
            return Fault.REFUSED
        return Fault.NONE

    def explain(self, error: BaseException) -> str:
        """As Engine; the text of trouble, and of a wrong statement, which names tables and columns; not of a value."""
        if self.fault(error) is Fault.TROUBLE or isinstance(error, psycopg.ProgrammingError):
            return f"{type(error).__name__} ({str(error).strip().partition(chr(10))[0]})"
        return type(error).__name__
