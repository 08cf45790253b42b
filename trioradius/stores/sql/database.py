"""Database: where subscribers, NASes and accounting live, in a SQLite file or in PostgreSQL.

Reads are look-ups that share hops to a few threads; writes share COMMITs in one thread. Both are functions that get a
Connection, so that several statements cost one hop.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final, TypeVar

import trio

from trioradius.errors import ConfigurationError, StoreUnavailable
from trioradius.stores.sql.connection import Connection, Dialect, Engine, Row
from trioradius.stores.sql.readers import Readers
from trioradius.stores.sql.schema import prepare
from trioradius.stores.sql.writer import Job, Writer

T = TypeVar("T")
R = TypeVar("R")

POSTGRES_SCHEMES: Final = ("postgresql://", "postgres://")


class Database:
    """Made by open_database().

    Every method raises StoreUnavailable where the database is away, locked, full or overloaded, and StoreRefused where
    it does not take a value or a statement. A handler lets both pass: the request stays unanswered, and the NAS
    sends it again, here or to the next server.
    """

    def __init__(self, engine: Engine, writer: Writer, readers: Readers) -> None:
        self._engine = engine
        self._writer = writer
        self._readers = readers

    @property
    def dialect(self) -> Dialect:
        """Which SQL it speaks."""
        return self._engine.dialect

    async def read(self, work: Callable[[Connection], T]) -> T:
        """What a function finds with a connection that only reads; several look-ups in it cost one hop.

        It runs in a thread, and a second time where the connection turned out to be dead.
        """
        found: T = await self._readers.ask(work)
        return found

    async def rows(self, statement: str, *values: object) -> list[Row]:
        """The rows of one look-up; ``?`` stands for a value."""
        return await self.read(lambda connection: connection.rows(statement, *values))

    async def write(self, write_rows: Callable[[Connection, Sequence[R]], None], row: R) -> None:
        """Write one row; it is on the disk when this returns (one COMMIT for all who write at the moment).

        ``write_rows`` gets the rows of all of them, in order, to write them with few statements. Where it raises, what
        it did is undone, and it gets the halves, until the row at fault stands alone. It may run more than once.
        """
        await self._writer.submit(Job(write_rows=write_rows, row=row))

    async def transaction(self, work: Callable[[Connection], T], *, locks: Sequence[str] = ()) -> T:
        """Read, decide and write in one transaction; what the function returned, after COMMIT.

        What it raises undoes what it wrote, and reaches the caller. It may run more than once, and shares its COMMIT
        with others.

        Args:
            work: runs in the writer's thread, one at a time on this machine.
            locks: names of what it decides about, as ``user:alice``. Of all machines that work on the database one at a
                time holds a name, so two of them cannot both read before either writes. All names must be known
                beforehand: they are taken in one order, and nobody waits in a circle. (A SQLite file has one
                writer at a time anyway.)
        """
        done: T = await self._writer.submit(Job(work=work, locks=locks))
        return done


@contextlib.asynccontextmanager
async def open_database(
    where: str | os.PathLike[str], *, create: bool = True, queue: int = 4096, readers: int = 2
) -> AsyncIterator[Database]:
    """A database: ``async with open_database("radius.db") as database``, or a ``postgresql://`` URL.

    When the block ends, what was accepted is written before it is left.

    Args:
        where: a SQLite file, made where it is missing; or postgresql://user:password@host/name, which needs the extra
            ``postgres``.
        create: create FreeRADIUS's tables where they are missing, and bring our own up to date; False leaves the
            database as it is, as for a role that may not.
        queue: writes, and look-ups, that may wait; past it they raise StoreUnavailable.
        readers: look-ups at once.

    Raises:
        ConfigurationError: the URL cannot be read, the extra is missing, a newer trioradius made the tables, or with
            ``create=False`` there is no such file.
        StoreUnavailable: the database cannot be reached.
    """
    if queue < 1 or readers < 1:
        raise ConfigurationError("open_database wants a positive queue and at least one reader")
    engine = _engine(where, create)
    await trio.to_thread.run_sync(_prepare, engine, create)
    writer, asked = Writer(engine, queue), Readers(engine, queue, readers)
    raised: BaseException | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_run_shielded, writer)
        for _ in range(readers):
            nursery.start_soon(asked.run)
        try:
            yield Database(engine, writer, asked)
        except BaseException as error:
            raised = error
        writer.close()
        asked.close()
        nursery.cancel_scope.cancel()
    # Raised here, the block's own exception is not wrapped in a group by the nursery.
    if raised is not None:
        raise raised


async def _run_shielded(writer: Writer) -> None:
    """A server that is told to stop still writes what it accepted; the writer's few attempts bound how long."""
    with trio.CancelScope(shield=True):
        await writer.run()


def _prepare(engine: Engine, create: bool) -> None:
    """In a thread: meet the database once before anybody relies on it, and bring its tables up to date."""
    try:
        with contextlib.closing(engine.connect(reading=False)) as connection:
            prepare(connection, engine.name, create=create)
    except engine.errors as error:
        raise StoreUnavailable(f"{engine.name} cannot be opened: {engine.explain(error)}") from None


def _engine(where: str | os.PathLike[str], create: bool) -> Engine:
    if isinstance(where, str) and where.startswith(POSTGRES_SCHEMES):
        try:
            from trioradius.stores.sql.postgres import PostgresEngine
        except ImportError:
            raise ConfigurationError('PostgreSQL needs an extra: pip install "trioradius[postgres]"') from None
        return PostgresEngine(where)
    from trioradius.stores.sql.sqlite import SqliteEngine

    if not create and not os.path.exists(where):
        raise ConfigurationError(f"{os.fspath(where)} does not exist, and create=False makes no new database")
    return SqliteEngine(where)
