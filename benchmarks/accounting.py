"""Accounting records a second, acknowledged once on the disk: trioradius beside FreeRADIUS's ``sql``, in one run.

    python benchmarks/accounting.py [--rounds 3] [--seconds 4]

On SQLite and on a PostgreSQL of their own. Both servers keep their records in a database that Debian's FreeRADIUS
schema file made, and no setting of durability is changed. FreeRADIUS leaves SQLite's rollback journal as it is; it is
measured with that, and in WAL mode, which trioradius sets. Sessions of a Start, an Interim-Update and a Stop each.
Servers take turns within every round. Nothing is pinned: PostgreSQL and the load generator need their share of the two
cores as well.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import platform
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator

import freeradius_accounting as freeradius
import psycopg
from pap import free_port

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from tests.interop import postgres  # noqa: E402

WINDOW = 240
VARIANTS = {
    "sqlite": {"FreeRADIUS, 1 thread": 1, "FreeRADIUS, 1 thread, WAL": 1, "FreeRADIUS, 8 threads, WAL": 8},
    "postgresql": {"FreeRADIUS, 8 threads": 8, "FreeRADIUS, 32 threads": 32},
}
"""FreeRADIUS's threads, each with a connection."""


def load(radload: pathlib.Path, port: int, *options: str) -> dict[str, float]:
    """What the load generator measured."""
    command = [str(radload), "--mode", "acct", "--port", str(port), *options]
    return dict(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))


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


@contextlib.contextmanager
def running(command: list[str], database: str) -> Iterator[None]:
    """A server; ended with the block."""
    process = subprocess.Popen(
        command,
        cwd=HERE,
        env={**os.environ, "DATABASE": database},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


def commands(dialect: str, folder: pathlib.Path, port: int, database: str) -> dict[str, list[str]]:
    """How each server is started."""
    ours = [sys.executable, "-m", "trioradius", "run", "accounting_server:app", "--log-level", "error"]
    theirs = postgres.conninfo(database) if dialect == "postgresql" else database
    return {
        "trioradius": [*ours, "--udp", f"127.0.0.1:{port}"],
        **{
            name: freeradius.configure(folder / f"fr{free_port()}", port, dialect, theirs, threads)
            for name, threads in VARIANTS[dialect].items()
        },
    }


def measure(rounds: int, seconds: float, dialect: str, folder: pathlib.Path) -> dict[str, list[dict[str, float]]]:
    """Every server's figures, a row a round, each in a database of its own that is new."""
    radload = folder / "radload"
    subprocess.run(["gcc", "-O2", "-std=gnu11", "-o", radload, HERE / "radload.c"], check=True)
    rows: dict[str, list[dict[str, float]]] = {}
    with postgres.running() as cluster:
        for turn in range(rounds):
            for name in commands(dialect, folder, 1, ""):
                port, database = free_port(), new_database(dialect, folder, cluster, name)
                with running(commands(dialect, folder, port, database)[name], database):
                    load(
                        radload,
                        port,
                        "--count",
                        "1",
                        "--window",
                        "1",
                        "--timeout",
                        "500",
                        "--tries",
                        "40",
                        "--seed",
                        "9",
                    )
                    options = [
                        "--window",
                        str(WINDOW),
                        "--seconds",
                        str(seconds),
                        "--seed",
                        str(100 + turn),
                        "--timeout",
                        "5000",
                    ]
                    row = load(radload, port, *options, "--pool", "400000")
                rows.setdefault(name, []).append(row)
    return rows


def report(dialect: str, rows: dict[str, list[dict[str, float]]]) -> None:
    """A table, ratios first."""
    print(f"{dialect}: {platform.python_implementation()} {platform.python_version()}, {platform.machine()}")
    print(f"{'server':28} {'trioradius / it':>16} {'records/s':>10} {'p50 ms':>8} {'p99 ms':>8} lost")
    for name, theirs in rows.items():
        pairs = zip(rows["trioradius"], theirs, strict=True)
        ratio = statistics.median(one["rps"] / max(other["rps"], 1) for one, other in pairs)
        latency = [row["latency_us"] for row in theirs]
        print(
            f"{name:28} {ratio:16.2f} {statistics.median(row['rps'] for row in theirs):10,.0f} "
            f"{statistics.median(row['p50'] for row in latency) / 1000:8.1f} "  # type: ignore[call-overload,index]
            f"{statistics.median(row['p99'] for row in latency) / 1000:8.1f} "  # type: ignore[call-overload,index]
            f"{sum(row['lost'] for row in theirs):.0f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4)
    options = parser.parse_args()
    for dialect in VARIANTS:
        with tempfile.TemporaryDirectory() as folder:
            report(dialect, measure(options.rounds, options.seconds, dialect, pathlib.Path(folder)))


if __name__ == "__main__":
    main()
