"""RFC 5080 section 2.2.1, as a table and as bounds."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioradius import ConfigurationError, Retransmission

SECONDS = st.floats(0.01, 1000)


@pytest.fixture
def without_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trioradius.retransmission.JITTER", 0)


@pytest.mark.parametrize(
    ("schedule", "waits"),
    [
        (Retransmission(), [2, 4, 8, 16]),
        (Retransmission(attempts=1), [2]),
        (Retransmission(attempts=3), [2, 4, 8]),
        (Retransmission(duration=100), [2, 4, 8, 16, 16]),
        (Retransmission(longest=3), [2, 3, 3, 3, 3]),
        (Retransmission(initial=5, longest=3), [3, 3, 3, 3, 3]),
        (Retransmission(duration=10), [2, 4, 4]),
        (Retransmission(duration=1), [1]),
        (Retransmission(attempts=3, duration=math.inf), [2, 4, 8]),
    ],
)
def test_the_schedule(schedule: Retransmission, waits: list[float], without_jitter: None) -> None:
    assert list(schedule.waits()) == waits


@given(attempts=st.integers(1, 20), initial=SECONDS, longest=SECONDS, duration=SECONDS)
def test_bounds(attempts: int, initial: float, longest: float, duration: float) -> None:
    """RT = IRT + RAND * IRT, then 2 * RTprev + RAND * RTprev, past MRT it is MRT + RAND * MRT; RAND is a tenth."""
    waits = list(Retransmission(attempts, initial, longest, duration).waits())
    assert 1 <= len(waits) <= attempts
    assert sum(waits) <= duration * 1.000001
    assert len(waits) == attempts or sum(waits) == pytest.approx(duration)
    full = waits if sum(waits) < duration * 0.999999 else waits[:-1]
    for before, wait in zip([0, *full], full, strict=False):
        grown = (1.9 * before, 2.1 * before) if before else (0.9 * initial, 1.1 * initial)
        assert within(wait, grown) or within(wait, (0.9 * longest, 1.1 * longest))
        assert wait <= 1.100001 * longest


def within(wait: float, bounds: tuple[float, float]) -> bool:
    return bounds[0] * 0.999999 <= wait <= bounds[1] * 1.000001


def test_clients_that_start_together_do_not_speak_together() -> None:
    assert len({next(Retransmission().waits()) for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "wrong",
    [{"attempts": 0}, {"initial": 0}, {"initial": math.nan}, {"longest": -1}, {"duration": 0}, {"duration": math.nan}],
    ids=str,
)
def test_what_cannot_work(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match="positive times"):
        Retransmission(**wrong)  # type: ignore[arg-type]
