"""Accounting records a second, acknowledged once on the disk: trioradius beside FreeRADIUS's ``sql``, in one run.

    python benchmarks/accounting.py [--rounds 3] [--seconds 4]

On SQLite and on a PostgreSQL of their own. Both servers keep their records in a database that Debian's FreeRADIUS
schema file made, and no setting of durability is changed. FreeRADIUS leaves SQLite's rollback journal as it is; it is
measured with that, and in WAL mode, which trioradius sets. Sessions of a Start, an Interim-Update and a Stop each.
Servers take turns within every round. Nothing is pinned: PostgreSQL and the load generator need their share of the two
cores as well.
"""

from __future__ import annotations

import contextlib
import pathlib
import sqlite3
import sys
import tempfile

import freeradius_accounting as freeradius
import psycopg
from servers import HERE, OURS, Contest, Rows, compile_radload, free_port, options_of, running, trioradius
from servers import wait_until_answering as wait
from table import Line, lines_of, print_lines

sys.path.insert(0, str(HERE.parent))

from tests.interop import postgres

WINDOW = 240
BOTH = "0,1"
TITLES = {"sqlite": "accounting in SQLite", "postgresql": "accounting in PostgreSQL"}
VARIANTS = {
    "sqlite": {"FreeRADIUS, 1 thread": 1, "FreeRADIUS, 1 thread, WAL": 1, "FreeRADIUS, 8 threads, WAL": 8},
    "postgresql": {"FreeRADIUS, 8 threads": 8, "FreeRADIUS, 32 threads": 32},
}
"""FreeRADIUS's threads, each with a connection."""


def new_database(dialect: str, folder: pathlib.Path, cluster: postgres.Cluster, name: str) -> str:
    """A database as Debian's schema file makes it."""
    script = (freeradius.SCHEMAS / dialect / "schema.sql").read_text()
    if dialect == "postgresql":
        url = cluster.create_database()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(script)  # type: ignore[call-overload]
        return url
    path = folder / f"radius{free_port()}.db"
    with contextlib.closing(sqlite3.connect(path)) as file:
        file.executescript(script)
        if "WAL" in name:
            file.execute("PRAGMA journal_mode = WAL")
    return str(path)


def commands(dialect: str, folder: pathlib.Path, port: int, database: str) -> dict[str, list[str]]:
    """How each server is started."""
    theirs = postgres.conninfo(database) if dialect == "postgresql" else database
    return {
        OURS: trioradius("accounting_server:app", port),
        **{
            name: freeradius.configure(folder / f"fr{free_port()}", port, dialect, theirs, threads)
            for name, threads in VARIANTS[dialect].items()
        },
    }


def measure(rounds: int, seconds: float, dialect: str, folder: pathlib.Path) -> Rows:
    """Every server's figures, a row a round, each in a database of its own that is new."""
    rows: Rows = {TITLES[dialect]: {}}
    radload = compile_radload(folder)
    load = ("--mode", "acct", "--timeout", "5000", "--pool", "400000", "--window", str(WINDOW))
    with postgres.running() as cluster:
        for turn in range(rounds):
            for name in (OURS, *VARIANTS[dialect]):
                port, database = free_port(), new_database(dialect, folder, cluster, name)
                command = commands(dialect, folder, port, database)[name]
                with running({name: command}, {"DATABASE": database}, BOTH) as processes:
                    wait(radload, {name: port}, "--mode", "acct", "--seed", "9")
                    options = [*load, "--port", port, "--seconds", seconds, "--seed", 100 + turn]
                    row = Contest(processes, {name: port}).measure(name, [radload, *options], seconds, BOTH)
                rows[TITLES[dialect]].setdefault(name, []).append(row)
    return rows


def lines(rounds: int, seconds: float, folder: pathlib.Path) -> list[Line]:
    """The lines of the table."""
    found = (measure(rounds, seconds, dialect, folder) for dialect in VARIANTS)
    return [line for rows in found for line in lines_of(rows, "records/s")]


def main() -> None:
    options = options_of(__doc__, seconds=4)
    with tempfile.TemporaryDirectory() as folder:
        print_lines(lines(options.rounds, options.seconds, pathlib.Path(folder)))


if __name__ == "__main__":
    main()
