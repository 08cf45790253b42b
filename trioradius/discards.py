"""Discards: every packet thrown away is counted by reason, and explained in the log once a minute."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from typing import Final

import trio

from trioradius.errors import RadiusError
from trioradius.protocol.source import Source

EXPLAIN_EVERY: Final = 60.0
"""Seconds between two log lines for the same address and reason."""
REMEMBERED_MAXIMUM: Final = 4_096
LINES_MAXIMUM: Final = 256
"""Lines a minute for one reason: forged source addresses, each of them new, must not fill the disk."""

log = logging.getLogger("trioradius.discards")


class Discards:
    """Counts discarded packets, and logs which rule threw them away, once a minute for each address and reason."""

    def __init__(self, counters: Counter[str], clock: Callable[[], float] = trio.current_time) -> None:
        self._counters = counters
        self._clock = clock
        self._since: dict[tuple[str, str], list[float]] = {}
        self._lines: Counter[str] = Counter()
        self._lines_until = 0.0

    def add(self, error: RadiusError, source: Source, what: str = "discarded") -> None:
        """One more packet from this source was discarded for this reason; or a connection of ``what`` turned away."""
        self._counters[f"{what}.{error.reason}"] += 1
        key = source.address, error.reason
        now = self._clock()
        kept = self._since.get(key)
        if kept is not None and now < kept[0]:
            kept[1] += 1
            return
        if len(self._since) >= REMEMBERED_MAXIMUM:
            self._since.clear()
        self._since[key] = [now + EXPLAIN_EVERY, 0]
        if not self._may_explain(error.reason, now):
            return
        more = f" (and {kept[1]:.0f} more in the last minute)" if kept and kept[1] else ""
        log.warning("%s: %s: %s%s", source, what, error, more, extra={"reason": error.reason, "peer": source.address})

    def _may_explain(self, reason: str, now: float) -> bool:
        """Whether this minute has a line left for the reason; the last one says that it is the last."""
        if now >= self._lines_until:
            self._lines.clear()
            self._lines_until = now + EXPLAIN_EVERY
        self._lines[reason] += 1
        if self._lines[reason] == LINES_MAXIMUM:
            log.warning("discarded for %s from too many addresses; until the next minute they are only counted", reason)
        return self._lines[reason] < LINES_MAXIMUM
