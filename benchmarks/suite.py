"""All benchmarks, in one table, ratios first, medians of three rounds; ends by itself within about 20 minutes.

    python benchmarks/suite.py [--rounds 3] [--seconds 2] [--only eap,datagrams] [--write]

``--write`` puts the table into docs/benchmarks.md, with the machine and the date, and the plot beside it. What cannot
be measured, because a program is not there or does not answer, is told, and the others go on.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import accounting
import attrs
import datagrams
import eap
import growth
import latency
import logins
import memory
import plot
import processes
import radsec
import start
from servers import HERE
from table import HEADS, Line, interpreter, print_lines

DOCUMENT = HERE.parent / "docs" / "benchmarks.md"
PICTURE = HERE.parent / "docs" / "benchmarks.svg"
BEGIN, END = "<!-- written by benchmarks/suite.py: begin -->\n", "<!-- end -->\n"
REQUESTS = 1_000_000
LATEST = 20 * 60
"""Seconds after which no further benchmark is begun."""

Measure = Callable[[int, float, pathlib.Path], list[Line]]
BENCHMARKS: dict[str, Measure] = {
    "datagrams": datagrams.lines,
    "latency": latency.lines,
    "eap": eap.lines,
    "radsec": radsec.lines,
    "logins": logins.lines,
    "accounting": accounting.lines,
    "processes": processes.lines,
    "growth": lambda rounds, seconds, folder: growth.lines(rounds, seconds / 2, folder),
    "start": lambda rounds, seconds, folder: start.lines(rounds, folder),
    "memory": lambda rounds, seconds, folder: memory.lines(REQUESTS, folder),
}


def measured(names: Sequence[str], rounds: int, seconds: float) -> list[Line]:
    """The lines of these benchmarks, one after another."""
    begun = time.monotonic()
    found: list[Line] = []
    for name in names:
        if time.monotonic() > begun + LATEST:
            print(f"{name}: not measured, it is too late", file=sys.stderr)
            continue
        print(f"{name} ({time.monotonic() - begun:.0f} s)", file=sys.stderr)
        with tempfile.TemporaryDirectory() as folder:
            try:
                found += BENCHMARKS[name](rounds, seconds, pathlib.Path(folder))
            except (SystemExit, OSError, subprocess.SubprocessError) as error:
                print(f"{name}: not measured: {error}", file=sys.stderr)
    return found


def machine() -> str:
    """Processor, system and interpreter."""
    text = pathlib.Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    count = len(re.findall(r"^processor\s*:", text, re.MULTILINE))
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    return f"{count} cores of {model[1] if model else platform.machine()}, {system}, {interpreter()}"


def markdown(lines: Sequence[Line], rounds: int) -> str:
    """The table as the document has it."""
    heads = ("benchmark", "server", *HEADS, "")
    day = datetime.now(UTC).date().isoformat()
    text = [
        f"Measured on {day}: {machine()}; medians of {rounds} rounds.",
        "",
        "![How many times as good trioradius is as FreeRADIUS](benchmarks.svg)",
        "",
        f"| {' | '.join(heads)} |",
        "|" + "---|" * len(heads),
    ]
    before = ""
    for line in lines:
        cells = ("" if line.what == before else line.what, line.server, *line.cells(), line.remark)
        before = line.what
        text.append(f"| {' | '.join(cells)} |")
    return "\n".join([*text, ""])


def write(lines: Sequence[Line], rounds: int) -> None:
    """Put the table into the document, and the plot beside it."""
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(before + BEGIN + markdown(lines, rounds) + END + after)
    PICTURE.write_text(plot.svg(lines))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--only", default=",".join(BENCHMARKS), help="these alone, with commas between (%(default)s)")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the figures there as well")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md and the plot")
    options = parser.parse_args()
    names = options.only.split(",")
    if unknown := set(names) - set(BENCHMARKS):
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    lines = measured(names, options.rounds, options.seconds)
    print_lines(lines)
    if options.json:
        options.json.write_text(json.dumps([attrs.asdict(line) for line in lines], indent=2))
    if options.write:
        write(lines, options.rounds)


if __name__ == "__main__":
    main()
