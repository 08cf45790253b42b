"""Latencies: how long answers took, counted in buckets, so that an hour takes no more memory than a second."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Final

import attrs

SHARES: Final = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999}
PER_DOUBLING: Final = 16
"""Buckets from one latency to twice as much; each is 4 % wide."""
_SHORTEST: Final = 1e-6
_DOUBLINGS_MAXIMUM: Final = 40


@attrs.define
class Latencies:
    """Seconds that answers took."""

    count: int = 0
    longest: float = 0.0
    total: float = 0.0
    _buckets: Counter[int] = attrs.field(factory=Counter, init=False)

    def add(self, seconds: float) -> None:
        """Count one answer."""
        self.count += 1
        self.total += seconds
        self.longest = max(self.longest, seconds)
        doublings = math.log2(max(seconds, _SHORTEST) / _SHORTEST)
        self._buckets[math.floor(min(doublings, _DOUBLINGS_MAXIMUM) * PER_DOUBLING)] += 1

    @property
    def mean(self) -> float:
        """Their mean; 0 where there are none."""
        return self.total / self.count if self.count else 0.0

    def within(self, share: float) -> float:
        """Seconds within which this share of the answers came, to 4 %; 0 where there are none."""
        wanted, seen = share * self.count, 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= wanted:
                return min(_above(bucket), self.longest)
        return 0.0

    def doublings(self) -> Iterator[tuple[float, float, int]]:
        """The histogram: from so many seconds to twice as many, how many answers; without gaps."""
        rows = Counter[int]()
        for bucket, number in self._buckets.items():
            rows[bucket // PER_DOUBLING] += number
        for row in range(min(rows, default=0), max(rows, default=-1) + 1):
            yield _SHORTEST * 2**row, _SHORTEST * 2 ** (row + 1), rows[row]


def _above(bucket: int) -> float:
    """The end of a bucket."""
    return float(_SHORTEST * 2 ** ((bucket + 1) / PER_DOUBLING))
