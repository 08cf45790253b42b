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

log = logging.getLogger("trioradius.discards")


class Discards:
    """Counts discarded packets, and logs which rule threw them away, once a minute for each address and reason."""

    def __init__(self, counters: Counter[str], clock: Callable[[], float] = trio.current_time) -> None:
        self._counters = counters
        self._clock = clock
        self._since: dict[tuple[str, str], list[float]] = {}

    def add(self, error: RadiusError, source: Source) -> None:
        """One more packet from this source was discarded for this reason."""
        self._counters[f"discarded.{error.reason}"] += 1
        key = source.address, error.reason
        now = self._clock()
        kept = self._since.get(key)
        if kept is not None and now < kept[0]:
            kept[1] += 1
            return
        if len(self._since) >= REMEMBERED_MAXIMUM:
            self._since.clear()
        self._since[key] = [now + EXPLAIN_EVERY, 0]
        more = f" (and {kept[1]:.0f} more in the last minute)" if kept and kept[1] else ""
        log.warning("%s: discarded: %s%s", source, error, more, extra={"reason": error.reason, "peer": source.address})
