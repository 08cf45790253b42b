"""Two workers on two cores against one worker on one core.

    python benchmarks/processes.py [--rounds 3] [--seconds 3]

PAP and MS-CHAPv2 as in datagrams.py, from 64 source addresses, since a NAS always meets the same worker. One worker
has core 0 and the load generator core 1. Two workers have both cores, of which the load generator takes a share: the
remark says how much. For PAP that is so much that the rates alone say too little; a login by MS-CHAPv2 that is not
compiled costs the server many times what it costs the load generator, which so leaves the workers nearly all. What two
workers could do on cores of their own is told by the processor time of a request as well: twice as much as one, if it
costs no more.
"""

from __future__ import annotations

import pathlib
import tempfile

from datagrams import options_for, require_accepted
from servers import (
    LOAD_CORE,
    OURS,
    PLAIN,
    SERVER_CORE,
    Contest,
    Row,
    compile_radload,
    free_port,
    options_of,
    plain,
    running,
    trioradius,
    wait_until_answering,
)
from table import Line, median, print_lines, ratio

SOURCES = 64
BOTH = f"{SERVER_CORE},{LOAD_CORE}"
CASES = {1: (SERVER_CORE, LOAD_CORE), 2: (BOTH, BOTH)}
"""Workers, and on which cores they and the load generator run."""


def measure(what: str, build: str, rounds: int, seconds: float, folder: pathlib.Path) -> dict[int, list[Row]]:
    """The figures of one worker and of two, a row a round."""
    radload = compile_radload(folder)
    rows: dict[int, list[Row]] = {count: [] for count in CASES}
    spread = ("--sources", str(SOURCES), "--sockets", str(SOURCES), "--window", "128")
    options = (*options_for(what, folder), *spread)
    for _ in range(rounds):
        for count, (cores, load_cores) in CASES.items():
            port = free_port()
            peers = ("--peer", "127.0.0.0/8=testing123")
            command = trioradius("server:app", port, *peers, *(("--workers", str(count)) if count > 1 else ()))
            with running({build: plain(command) if build == PLAIN else command}, cores=cores) as processes:
                wait_until_answering(radload, {build: port}, *spread)
                load = [radload, "--port", port, "--seconds", seconds, *options]
                row = Contest(processes, {build: port}).measure(build, load, seconds, load_cores)
            require_accepted(row, f"{count} workers")
            rows[count].append(row)
    return rows


def lines(rounds: int, seconds: float, folder: pathlib.Path) -> list[Line]:
    """The lines of the table: how much more two workers do."""
    found = []
    for title, what, build in (("PAP", "PAP", OURS), ("MS-CHAPv2, not compiled", "MS-CHAPv2", PLAIN)):
        rows = measure(what, build, rounds, seconds, folder)
        found += [_line(f"workers, {title}", count, theirs, rows[1]) for count, theirs in rows.items()]
    return found


def _line(what: str, count: int, rows: list[Row], single: list[Row]) -> Line:
    pairs = [*zip(rows, single, strict=True)]
    cost = median(ratio(alone["cpu_us"], row["cpu_us"]) for row, alone in pairs)
    share = median(row["processor"] / row["seconds"] / len(CASES) for row in rows)
    on_own = f"{count * cost:.2f} × one worker on cores of their own; " if count > 1 else ""
    return Line(
        what,
        f"{count} on {count} core{'s' if count > 1 else ''}",
        better=median(ratio(row["rps"], alone["rps"]) for row, alone in pairs),
        figure=median(row["rps"] for row in rows),
        unit="requests/s",
        by_processor=cost,
        processor=median(row["cpu_us"] for row in rows),
        p50=median(row["latency_us"]["p50"] for row in rows),
        p99=median(row["latency_us"]["p99"] for row in rows),
        lost=sum(row["lost"] for row in rows),
        remark=f"{on_own}load generator took {share:.0%} of both cores",
    )


def main() -> None:
    options = options_of(__doc__, seconds=3)
    with tempfile.TemporaryDirectory() as folder:
        print_lines(lines(options.rounds, options.seconds, pathlib.Path(folder)))


if __name__ == "__main__":
    main()
