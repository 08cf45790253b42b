"""Latency at half load on one core: trioradius beside FreeRADIUS and pyrad, in one run.

    python benchmarks/latency.py [--rounds 3] [--seconds 2]

PAP as in datagrams.py. First each server shows how much it can do, then all are offered half of what the slower of
trioradius and FreeRADIUS did, at a steady rate, and pyrad half of its own. Latency counts from the moment when a
request was due, so that a server that stalls is seen.
"""

from __future__ import annotations

import pathlib
import tempfile

import attrs
from datagrams import PYRAD, options_for, require_accepted, servers_of
from servers import OURS, Contest, Row, Rows, compile_radload, options_of, running, wait_until_answering
from table import Line, lines_of, print_lines, ratio


def measure(rounds: int, seconds: float, folder: pathlib.Path) -> Rows:
    """Every server's figures, a row a round."""
    commands, ports = servers_of("PAP", folder)
    options = options_for("PAP", folder)
    radload = compile_radload(folder)
    rows: dict[str, list[Row]] = {name: [] for name in commands}
    with running(commands) as processes:
        contest = Contest(processes, ports)
        wait_until_answering(radload, ports, *options)
        for _ in range(rounds):
            able = {}
            for name, port in ports.items():
                command = [radload, "--port", port, "--seconds", seconds, "--spin", *options]
                able[name] = contest.measure(name, command, seconds)["rps"]
            shared = min(rate for name, rate in able.items() if name != PYRAD) / 2
            for name, port in ports.items():
                rate = able[name] / 2 if name == PYRAD else shared
                command = [radload, "--port", port, "--seconds", seconds, "--spin", "--rate", rate, *options]
                row = contest.measure(name, command, seconds)
                require_accepted(row, name)
                rows[name].append(row | {"remark": "half of its own load" if name == PYRAD else ""})
    return {"PAP, latency at half load": rows}


def lines(rounds: int, seconds: float, folder: pathlib.Path) -> list[Line]:
    """The lines of the table; better is the one with the smaller 99th percentile."""
    found = lines_of(measure(rounds, seconds, folder))
    ours = next(line for line in found if line.server == OURS)
    return [attrs.evolve(line, better=ratio(line.p99, ours.p99)) for line in found]


def main() -> None:
    options = options_of(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        print_lines(lines(options.rounds, options.seconds, pathlib.Path(folder)))


if __name__ == "__main__":
    main()
