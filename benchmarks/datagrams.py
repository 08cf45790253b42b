"""PAP, CHAP, MS-CHAPv2 and accounting a second on one core: trioradius beside FreeRADIUS and pyrad, in one run.

    python benchmarks/datagrams.py [--rounds 3] [--seconds 2]

10,000 users with a password each, three reply attributes, Message-Authenticator checked and sent, duplicates detected;
accounting is acknowledged and kept nowhere. Each server is pinned to core 0 and the load generator (radload.c) to core
1. Servers take turns within every round, the others stopped meanwhile, so that a machine that changes its speed changes
it for all.
"""

from __future__ import annotations

import itertools
import pathlib
import random
import sys
import tempfile

import freeradius
from servers import (
    HERE,
    IS_COMPILED,
    OURS,
    PLAIN,
    USERS,
    Contest,
    Row,
    Rows,
    compile_radload,
    free_port,
    options_of,
    plain,
    running,
    trioradius,
    wait_until_answering,
)
from table import Line, lines_of, print_lines

from trioradius.attributes import UserName
from trioradius.protocol.logins import ms_chap_v2

PYRAD = "pyrad"
MODES = {"PAP": "auth", "CHAP": "chap", "MS-CHAPv2": "auth", "accounting": "acct"}
LOGINS = 2_000
"""MS-CHAPv2 logins that are made beforehand, of users taken by chance; the server has the same work with each."""


def measure(rounds: int, seconds: float, folder: pathlib.Path) -> Rows:
    """Every server's figures, a row a round."""
    rows: Rows = {}
    for what in MODES:
        rows[what] = _measure(what, rounds, seconds, folder)
    return rows


def _measure(what: str, rounds: int, seconds: float, folder: pathlib.Path) -> dict[str, list[Row]]:
    commands, ports = servers_of(what, folder)
    rows: dict[str, list[Row]] = {name: [] for name in commands}
    options = options_for(what, folder)
    radload = compile_radload(folder)
    with running(commands) as processes:
        contest = Contest(processes, ports)
        wait_until_answering(radload, ports, *options)
        for turn, name in itertools.product(range(rounds), commands):
            seed = ("--seed", str(turn + 2))
            command = [radload, "--port", ports[name], "--seconds", seconds, "--spin", *seed, *options]
            row = contest.measure(name, command, seconds)
            require_accepted(row, f"{what}, {name}")
            rows[name].append(row)
    return rows


def servers_of(what: str, folder: pathlib.Path) -> tuple[dict[str, list[str]], dict[str, int]]:
    """The commands that serve it, and the ports to ask."""
    ports = {name: free_port() for name in (OURS, "FreeRADIUS", PYRAD, PLAIN)}
    method = what if what in freeradius.AUTHORIZE else "PAP"
    there = folder / f"freeradius-{what}"
    # The other port of a server is some port that nobody asks.
    both = {name: (free_port(), port) if what == "accounting" else (port, free_port()) for name, port in ports.items()}
    commands = {
        OURS: trioradius("server:app", ports[OURS]),
        "FreeRADIUS": freeradius.configure(there, *both["FreeRADIUS"], USERS, method=method),
        PYRAD: [sys.executable, str(HERE / "pyrad_server.py"), *map(str, both[PYRAD]), str(HERE / "pyrad.dictionary")],
    }
    if IS_COMPILED:
        commands[PLAIN] = plain(trioradius("server:app", ports[PLAIN]))
    if what == "MS-CHAPv2":
        # pyrad has no MS-CHAPv2.
        del commands[PYRAD]
    return commands, {name: ports[name] for name in commands}


def options_for(what: str, folder: pathlib.Path, *, pool: int = 200_000) -> list[str]:
    """What the load generator is told."""
    options = ["--mode", MODES[what], "--users", str(USERS), "--pool", str(pool)]
    if what == "MS-CHAPv2":
        file = folder / "logins"
        if not file.exists():
            file.write_text("".join(f"{_login(random.randrange(USERS))}\n" for _ in range(LOGINS)))
        options += ["--attributes", str(file)]
    return options


def _login(number: int) -> str:
    avps = (UserName(f"user{number}"), *ms_chap_v2(f"user{number}", f"pass{number}").attributes)
    return b"".join(avp.wire(None) for avp in avps).hex()


def require_accepted(row: Row, what: str) -> None:
    """Every answer is the one that is wanted; a server that refuses is not worth measuring."""
    if row["rejected"] or row["challenged"] or row["invalid"]:
        raise SystemExit(f"{what}: {row['rejected'] + row['challenged']} rejected, {row['invalid']} invalid")


def lines(rounds: int, seconds: float, folder: pathlib.Path) -> list[Line]:
    """The lines of the table."""
    return lines_of(measure(rounds, seconds, folder))


def main() -> None:
    options = options_of(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        print_lines(lines(options.rounds, options.seconds, pathlib.Path(folder)))


if __name__ == "__main__":
    main()
