"""The plot of docs/benchmarks.md: how many times as good trioradius is as another server, as SVG."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

from table import Line

LEFT, BAR, ROW, TOP = 300, 420, 22, 46
LARGEST = 4.0
"""Bars end there; the figure says how much more it is."""
BETTER, WORSE = "#2f7d5b", "#b5562f"


def svg(lines: Sequence[Line], server: str = "FreeRADIUS") -> str:
    """A bar for each line of a server that has a ratio; the upright line is where both are equal."""
    rows = [line for line in lines if line.server.startswith(server) and not math.isnan(line.better)]
    height = TOP + ROW * len(rows) + 20
    equal = LEFT + BAR / LARGEST
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + BAR + 60} {height}" '
        'font-family="sans-serif" font-size="13">',
        f'<rect width="{LEFT + BAR + 60}" height="{height}" fill="#ffffff"/>',
        f'<text x="10" y="22" font-size="15">How many times as good trioradius is as {html.escape(server)} '
        "(darker: by processor time)</text>",
    ]
    for number, line in enumerate(rows):
        parts += _row(line, TOP + ROW * number)
    parts.append(f'<line x1="{equal}" y1="{TOP - 8}" x2="{equal}" y2="{height - 12}" stroke="#333333"/>')
    parts.append(f'<text x="{equal + 4}" y="{height - 4}" fill="#333333">1 ×</text>')
    return "\n".join([*parts, "</svg>", ""])


def _row(line: Line, top: float) -> list[str]:
    title = html.escape(line.what + line.server.partition(",")[2].replace(" ", ", ", 1))
    colour = BETTER if line.better >= 1 else WORSE
    width = _width(line.better)
    found = [
        f'<text x="{LEFT - 8}" y="{top + 13}" text-anchor="end">{title}</text>',
        f'<rect x="{LEFT}" y="{top + 2}" width="{width:.0f}" height="14" fill="{colour}" opacity="0.55"/>',
    ]
    if not math.isnan(line.by_processor):
        thin = _width(line.by_processor)
        found.append(f'<rect x="{LEFT}" y="{top + 11}" width="{thin:.0f}" height="5" fill="{colour}"/>')
    end = LEFT + width + 6
    found.append(f'<text x="{end:.0f}" y="{top + 13}">{line.better:.2f}</text>')
    return found


def _width(value: float) -> float:
    return BAR * min(value, LARGEST) / LARGEST
