"""Latencies: counted in buckets."""

import itertools

import pytest

from trioradius.cli.latencies import Latencies


def counted(*seconds: float) -> Latencies:
    latencies = Latencies()
    for each in seconds:
        latencies.add(each)
    return latencies


def test_nothing_yet() -> None:
    latencies = counted()
    assert (latencies.mean, latencies.within(0.5), list(latencies.doublings())) == (0.0, 0.0, [])


def test_shares_of_answers() -> None:
    latencies = counted(*(number / 1000 for number in range(1, 1001)))
    assert latencies.within(0.5) == pytest.approx(0.5, rel=0.05)
    assert latencies.within(0.99) == pytest.approx(0.99, rel=0.05)
    assert latencies.within(1) == latencies.longest == 1.0
    assert latencies.mean == pytest.approx(0.5005)


def test_no_share_is_longer_than_the_longest() -> None:
    assert counted(0.01).within(0.5) == 0.01


def test_the_histogram_doubles_and_has_no_gaps() -> None:
    rows = list(counted(1.5e-6, 1.6e-6, 9e-6).doublings())
    assert [number for _, _, number in rows] == [2, 0, 0, 1]
    assert rows[0][:2] == (1e-6, 2e-6)
    assert all(before[1] == after[0] for before, after in itertools.pairwise(rows))


@pytest.mark.parametrize("seconds", [0.0, 1e-9, 1e12])
def test_what_is_too_short_or_too_long_still_counts(seconds: float) -> None:
    [(_, _, number)] = counted(seconds).doublings()
    assert number == 1
