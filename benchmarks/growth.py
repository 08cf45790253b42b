"""What a request costs as peers, routes and users grow: trioradius beside FreeRADIUS, in one run.

    python benchmarks/growth.py [--rounds 3] [--seconds 1]

PAP, of 10, 1,000 and 100,000 peers, users, or routes: each time the other two stay at 10. A route is a realm of its
own; the one that answers is the last. FreeRADIUS has clients and users in its files; it has nothing like routes.
"""

from __future__ import annotations

import ipaddress
import itertools
import pathlib
import sys
import tempfile

import freeradius
from datagrams import require_accepted
from servers import (
    OURS,
    Contest,
    Row,
    Rows,
    compile_radload,
    free_port,
    options_of,
    running,
    wait_until_answering,
)
from table import Line, lines_of, print_lines

SIZES = (10, 1_000, 100_000)
KINDS = ("PEERS", "USERS", "ROUTES")
FEW = 10
FIRST = int(ipaddress.IPv4Address("10.0.0.1"))


def measure(rounds: int, seconds: float, folder: pathlib.Path) -> Rows:
    """Both servers' figures of each kind and size, a row a round."""
    rows: Rows = {}
    for kind, size in itertools.product(KINDS, SIZES):
        what = f"{size:,} {kind.lower()}"
        try:
            rows[what] = _measure(kind, size, rounds, seconds, folder)
        except SystemExit as error:
            print(f"{what}: not measured: {error}", file=sys.stderr)
    return rows


def _measure(kind: str, size: int, rounds: int, seconds: float, folder: pathlib.Path) -> dict[str, list[Row]]:
    counts = dict.fromkeys(KINDS, FEW) | {kind: size}
    ports = {OURS: free_port()}
    commands = {OURS: [sys.executable, "growth_server.py", str(ports[OURS])]}
    if kind != "ROUTES":
        name = ports["FreeRADIUS"] = free_port()
        there = folder / f"growth-{kind}-{size}"
        clients = "".join(_client(number) for number in range(counts["PEERS"] - 1))
        commands["FreeRADIUS"] = freeradius.configure(there, name, free_port(), counts["USERS"], clients=clients)
    rows: dict[str, list[Row]] = {name: [] for name in commands}
    options = ("--users", str(counts["USERS"]), "--pool", "100000", "--timeout", "5000")
    radload = compile_radload(folder)
    window = ("--window", str(FEW if kind == "ROUTES" else 64))
    with running(commands, {name: str(count) for name, count in counts.items()}) as processes:
        contest = Contest(processes, ports)
        wait_until_answering(radload, ports, *options[:4])
        for turn, name in itertools.product(range(rounds), commands):
            command = [radload, "--port", ports[name], "--seconds", seconds, "--spin", "--seed", turn + 2, *options]
            command += window
            row = contest.measure(name, command, seconds)
            require_accepted(row, f"{size} {kind}, {name}")
            rows[name].append(row)
    return rows


def _client(number: int) -> str:
    address = ipaddress.IPv4Address(FIRST + number)
    return f"client n{number} {{\n    ipaddr = {address}\n    secret = testing123\n}}\n"


def lines(rounds: int, seconds: float, folder: pathlib.Path) -> list[Line]:
    """The lines of the table."""
    return lines_of(measure(rounds, seconds, folder))


def main() -> None:
    options = options_of(__doc__, seconds=1)
    with tempfile.TemporaryDirectory() as folder:
        print_lines(lines(options.rounds, options.seconds, pathlib.Path(folder)))


if __name__ == "__main__":
    main()
