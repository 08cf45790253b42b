from __future__ import annotations

import pytest

from trioradius import ConfigurationError
from trioradius.sessions import interim_interval, session_timeout


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ((), None),
        ((None, None), None),
        ((86_400, 3600.9, None), 3600),
        ((86_400, 0.5), 0),
        ((86_400, -5), 0),
        ((0,), 0),
        ((1 << 40,), 0xFFFFFFFF),
    ],
)
def test_the_session_lasts_as_long_as_the_least_allows(seconds: tuple[float | None, ...], expected: int | None) -> None:
    assert session_timeout(*seconds) == expected


@pytest.mark.parametrize(
    ("seconds", "jitter", "least", "most"),
    [(600, 0.1, 540, 660), (60, 0.1, 60, 72), (62, 0.1, 60, 72), (60, 0, 60, 60), (3600, 0.5, 1800, 5400)],
)
def test_the_interval_is_spread(seconds: int, jitter: float, least: int, most: int) -> None:
    assert interim_interval(seconds, jitter=jitter, uniform=lambda low, high: low) == least
    assert interim_interval(seconds, jitter=jitter, uniform=lambda low, high: high) == most
    assert least <= interim_interval(seconds, jitter=jitter) <= most


def test_by_default_it_is_a_minute() -> None:
    assert 60 <= interim_interval() <= 72


@pytest.mark.parametrize(("seconds", "jitter"), [(59, 0.1), (600, 1), (600, -0.1)])
def test_intervals_that_are_none(seconds: int, jitter: float) -> None:
    with pytest.raises(ConfigurationError, match="60 seconds or more"):
        interim_interval(seconds, jitter=jitter)
