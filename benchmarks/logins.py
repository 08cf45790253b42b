"""Logins a second from a database on one core: trioradius beside FreeRADIUS with its sql module, in one run.

    python benchmarks/logins.py [--rounds 3] [--seconds 2]

Both read one SQLite database of Debian's FreeRADIUS schema: 10,000 users, each with a password of his own and the
reply of a group. Everything else is as in datagrams.py.
"""

from __future__ import annotations

import itertools
import pathlib
import tempfile

import freeradius_sql
from datagrams import require_accepted
from servers import (
    OURS,
    USERS,
    Contest,
    Row,
    Rows,
    compile_radload,
    free_port,
    options_of,
    running,
    trioradius,
    wait_until_answering,
)
from table import Line, lines_of, print_lines

WINDOWS = (64, 256)
"""Those who log in while a query runs share the next one, so that it matters how many there are."""


def measure(rounds: int, seconds: float, folder: pathlib.Path) -> Rows:
    """Both servers' figures, a row a round."""
    database = folder / "radius.db"
    freeradius_sql.make_database(database, USERS)
    ports = {OURS: free_port(), "FreeRADIUS": free_port()}
    there = folder / "freeradius-logins"
    there.mkdir()
    commands = {
        OURS: trioradius("logins_server:app", ports[OURS]),
        "FreeRADIUS": freeradius_sql.configure(there, ports["FreeRADIUS"], database),
    }
    rows: dict[int, dict[str, list[Row]]] = {window: {name: [] for name in commands} for window in WINDOWS}
    options = ("--users", str(USERS), "--pool", "50000")
    radload = compile_radload(folder)
    with running(commands, {"RADIUS_DATABASE": str(database)}) as processes:
        contest = Contest(processes, ports)
        wait_until_answering(radload, ports, *options)
        for turn, window, name in itertools.product(range(rounds), WINDOWS, commands):
            limits = ("--window", window, "--seconds", seconds, "--seed", turn + 2)
            row = contest.measure(name, [radload, "--port", ports[name], "--spin", *limits, *options], seconds)
            require_accepted(row, name)
            rows[window][name].append(row)
    return {f"PAP, users in SQLite, {window} outstanding": servers for window, servers in rows.items()}


def lines(rounds: int, seconds: float, folder: pathlib.Path) -> list[Line]:
    """The lines of the table."""
    return lines_of(measure(rounds, seconds, folder))


def main() -> None:
    options = options_of(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        print_lines(lines(options.rounds, options.seconds, pathlib.Path(folder)))


if __name__ == "__main__":
    main()
