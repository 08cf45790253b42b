"""Expiration and Login-Time; the hours are those of this machine's time zone, here UTC."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from trioradius import EncodeError
from trioradius.stores.sql.times import login_seconds, moment

MONDAY_NOON = datetime(2026, 11, 23, 12, 0, 30, tzinfo=UTC).timestamp()
SATURDAY = datetime(2026, 11, 28, 23, 30, tzinfo=UTC).timestamp()


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("24 Dec 2026", datetime(2026, 12, 24, tzinfo=UTC)),
        ("Dec 24 2026", datetime(2026, 12, 24, tzinfo=UTC)),
        ("24 December 2026 18:30", datetime(2026, 12, 24, 18, 30, tzinfo=UTC)),
        ("Dec 24, 2026 18:30:15 UTC", datetime(2026, 12, 24, 18, 30, 15, tzinfo=UTC)),
        ("1 jan 2027", datetime(2027, 1, 1, tzinfo=UTC)),
        ("1798070400", datetime.fromtimestamp(1798070400, UTC)),
    ],
)
def test_a_moment(text: str, expected: datetime) -> None:
    assert moment(text) == expected.timestamp()


@pytest.mark.parametrize("text", ["", "soon", "24 Dec", "Dec 2026", "32 Dec 2026", "24 Dez 2026", "24 Dec 2026 25:00"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(EncodeError, match="Expiration is not a moment"):
        moment(text)


@pytest.mark.parametrize(
    ("text", "now", "seconds"),
    [
        ("Al", MONDAY_NOON, None),
        ("Any", SATURDAY, None),
        ("any0000-2359", SATURDAY, None),
        ("Mo-Su", SATURDAY, None),
        ("Mo1200-1259", MONDAY_NOON, 59 * 60 + 30),
        ("mo1200-1200", MONDAY_NOON, 30),
        ("Mo1201-1300", MONDAY_NOON, 0),
        ("Wk0800-1800", MONDAY_NOON, 6 * 3600 + 30),
        ("Wk0800-1800", SATURDAY, 0),
        ("Wk0800-1800,Sa", SATURDAY, 1800),
        ("Wk0800-1800|Sa|Su", SATURDAY, 1800 + 86400),
        ("Sa2300-0059", SATURDAY, 90 * 60),
        ("Fr-Su", SATURDAY, 1800 + 86400),
        ("Sa-Mo", SATURDAY, 1800 + 2 * 86400),
        ("Su-Fr", SATURDAY, 0),
        ("Wk, Sa", MONDAY_NOON, 12 * 3600 - 30 + 5 * 86400),
    ],
)
def test_the_hours_of_a_week(text: str, now: float, seconds: int | None) -> None:
    assert login_seconds(text, now) == seconds


@pytest.mark.parametrize(
    "text", ["", "Xy", "Mo-Xy", "Mo1200", "Mo1200-2500", "Mo1260-1300", "Mo 12-13", "Wk0800-1800;Sa"]
)
def test_what_is_no_login_time(text: str) -> None:
    with pytest.raises(EncodeError, match="it is written as Wk0800-1800,Sa"):
        login_seconds(text, MONDAY_NOON)
