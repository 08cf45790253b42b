"""What the benchmarks print: one table, ratios first, medians over the rounds."""

from __future__ import annotations

import math
import platform
import statistics
from collections.abc import Iterable, Sequence

import attrs
from servers import IS_COMPILED, OURS, Row, Rows

HEADS = ("trioradius is", "by CPU time", "figure", "unit", "CPU µs each", "p50 µs", "p99 µs", "lost")


@attrs.frozen
class Line:
    """What one server came to in one benchmark.

    Args:
        what: the benchmark.
        server: which server.
        better: how many times as good trioradius is as this one: faster, smaller or sooner.
        figure: the median, in ``unit``.
        by_processor: how many times less processor time an answer of trioradius costs.
        processor: microseconds of it an answer costs.
        p50: microseconds within which half of the answers came; p99: of a hundred, ninety-nine.
        lost: requests without answer, of all rounds.
        remark: what else is to be said.
    """

    what: str
    server: str
    better: float
    figure: float
    unit: str
    by_processor: float = math.nan
    processor: float = math.nan
    p50: float = math.nan
    p99: float = math.nan
    lost: int = 0
    remark: str = ""

    def cells(self) -> tuple[str, ...]:
        """The figures as text, below HEADS; empty where there is none."""
        small = "" if math.isnan(self.figure) else f"{self.figure:,.{2 if self.figure < 10 else 0}f}"
        times = (f"{number:.2f} ×" for number in (self.better, self.by_processor))
        rest = (_number(self.processor, 1), _number(self.p50), _number(self.p99), str(self.lost or ""))
        return tuple(cell if cell != "nan ×" else "" for cell in (*times, small, self.unit, *rest))


def _number(value: float, digits: int = 0) -> str:
    return "" if math.isnan(value) else f"{value:,.{digits}f}"


def median(values: Iterable[float]) -> float:
    """The median of what is known."""
    known = [value for value in values if not math.isnan(value)]
    return statistics.median(known) if known else math.nan


def ratio(one: float, other: float) -> float:
    """One through the other, if that is a number."""
    return one / other if other else math.nan


def lines_of(rows: Rows, unit: str = "requests/s") -> list[Line]:
    """Rates as lines: ratios are those within a round, and the median of them is taken."""
    return [_line(what, name, servers, unit) for what, servers in rows.items() for name in servers if servers[name]]


def _line(what: str, name: str, servers: dict[str, list[Row]], unit: str) -> Line:
    theirs = servers[name]
    pairs = [*zip(servers[OURS], theirs, strict=True)]
    latency = [row.get("latency_us", {}) for row in theirs]
    return Line(
        what,
        name,
        better=median(ratio(ours["rps"], row["rps"]) for ours, row in pairs),
        figure=median(row["rps"] for row in theirs),
        unit=unit,
        by_processor=median(ratio(row.get("cpu_us", math.nan), ours.get("cpu_us", math.nan)) for ours, row in pairs),
        processor=median(row.get("cpu_us", math.nan) for row in theirs),
        p50=median(each.get("p50", math.nan) for each in latency),
        p99=median(each.get("p99", math.nan) for each in latency),
        lost=sum(int(row.get("lost", 0)) for row in theirs),
        remark=next((str(row["remark"]) for row in theirs if row.get("remark")), ""),
    )


def values_of(what: str, unit: str, servers: dict[str, list[float]]) -> list[Line]:
    """Values of which less is better, a list a server, as lines."""
    ours = servers[OURS]
    return [
        Line(
            what,
            name,
            better=median(ratio(other, one) for one, other in zip(ours, theirs, strict=True)),
            figure=median(theirs),
            unit=unit,
        )
        for name, theirs in servers.items()
    ]


def interpreter() -> str:
    """Which Python it is, on which machine, and which build of trioradius."""
    build = "compiled" if IS_COMPILED else "not compiled"
    return f"{platform.python_implementation()} {platform.python_version()}, {platform.machine()}, trioradius {build}"


def print_lines(lines: Sequence[Line]) -> None:
    """The table."""
    print(interpreter())
    rows = [("benchmark", "server", *HEADS), *((line.what, line.server, *line.cells(), line.remark) for line in lines)]
    widths = [max((len(row[at]) for row in rows if at < len(row)), default=0) for at in range(len(HEADS) + 2)]
    before = ""
    for row in rows:
        first = "" if row[0] == before else row[0]
        before = row[0]
        left = f"{first:{widths[0]}}  {row[1]:{widths[1]}}"
        figures = "  ".join(f"{cell:>{width}}" for cell, width in zip(row[2 : len(HEADS) + 2], widths[2:], strict=True))
        print(f"{left}  {figures}  {row[-1] if len(row) > len(HEADS) + 2 else ''}".rstrip())
