"""Memory at rest and under a million requests: trioradius beside FreeRADIUS, in one run.

    python benchmarks/memory.py [--requests 1000000]

PAP as in datagrams.py. Each server holds the replies of its last five seconds, so that memory follows the rate at
first; it is looked at after the start, after a quarter of the requests, and after all of them. Growth between these
last two is what must not be.
"""

from __future__ import annotations

import argparse
import pathlib
import tempfile

from datagrams import PYRAD, options_for, servers_of
from servers import LOAD_GRACE, Contest, compile_radload, resident_megabytes, running, wait_until_answering
from table import Line, print_lines, values_of

SLOWEST = 2_000
"""Requests a second of a server that is still worth waiting for."""


def measure(requests: int, folder: pathlib.Path) -> dict[str, dict[str, list[float]]]:
    """Megabytes of every server at each look."""
    commands, ports = servers_of("PAP", folder)
    del commands[PYRAD], ports[PYRAD]
    radload = compile_radload(folder)
    looks: dict[str, dict[str, list[float]]] = {}
    with running(commands) as processes:
        contest = Contest(processes, ports)
        wait_until_answering(radload, ports)

        def look(what: str, name: str) -> None:
            looks.setdefault(what, {})[name] = [resident_megabytes(processes[name])]

        for name, port in ports.items():
            look("memory at rest", name)
            for part in (requests // 4, requests - requests // 4):
                # Every request is one of its own, so that none is answered as a repeat.
                options = options_for("PAP", folder, pool=part)
                command = [radload, "--port", port, "--count", part, "--spin", *options]
                contest.measure(name, command, part / SLOWEST + LOAD_GRACE)
                look(f"memory after {requests if part > requests // 4 else part:,} requests", name)
    return looks


def lines(requests: int, folder: pathlib.Path) -> list[Line]:
    """The lines of the table."""
    return [line for what, servers in measure(requests, folder).items() for line in values_of(what, "MB", servers)]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--requests", type=int, default=1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print_lines(lines(options.requests, pathlib.Path(folder)))


if __name__ == "__main__":
    main()
