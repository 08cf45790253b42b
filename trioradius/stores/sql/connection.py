"""What a connection to either database offers to the functions that work with it, in a thread."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from typing import Any, Literal, Protocol, TypeAlias

Dialect: TypeAlias = Literal["sqlite", "postgresql"]
Row: TypeAlias = tuple[Any, ...]


class Connection(Protocol):
    """One connection, for one function at a time. ``?`` stands for a value in both dialects.

    A function that works with it may run more than once, where a database that was away comes back or two machines
    met at the same rows: it must do nothing but read and write the database.
    """

    @property
    def dialect(self) -> Dialect:
        """Which SQL it speaks, for the few statements that differ."""
        ...

    def rows(self, statement: str, *values: object) -> list[Row]:
        """The rows that a statement returns."""
        ...

    def run(self, statement: str, *values: object) -> int:
        """How many rows a statement changed."""
        ...

    def run_many(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        """Run a statement once for every row of values."""
        ...

    def run_script(self, script: str) -> None:
        """Run several statements without values, separated by semicolons."""
        ...


class OwnedConnection(Connection, Protocol):
    """A connection as its owner, a reader or the writer, sees it."""

    def begin(self) -> None:
        """Begin a transaction that may write."""
        ...

    def lock(self, names: Iterable[str]) -> None:
        """Hold these names till the end of the transaction, against every machine that works on the database."""
        ...

    def commit(self) -> None:
        """The transaction is on the disk when this returns."""
        ...

    def close(self) -> None:
        """Let go of it, whatever state it is in."""
        ...


class Fault(enum.Enum):
    """What an exception from a database means."""

    NONE = enum.auto()
    """It came from elsewhere, as from the function that worked with the connection."""
    REFUSED = enum.auto()
    """A value or a statement is wrong, and will be again."""
    TROUBLE = enum.auto()
    """The database is away, locked or full, or two transactions met: the same may go well later."""


class Engine(Protocol):
    """A kind of database and where it is."""

    @property
    def dialect(self) -> Dialect:
        """Which SQL it speaks."""
        ...

    @property
    def name(self) -> str:
        """Where it is, for the log, without its password."""
        ...

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What the database's module raises."""
        ...

    def connect(self, *, reading: bool) -> OwnedConnection:
        """A new connection, in the calling thread. Raises what fault() understands."""
        ...

    def fault(self, error: BaseException) -> Fault:
        """What an exception means."""
        ...

    def explain(self, error: BaseException) -> str:
        """One line about an exception for the log, without the values of a row."""
        ...
