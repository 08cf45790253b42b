"""Times as FreeRADIUS's users have them: Expiration, a moment; and Login-Time, the hours of a week."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

from trioradius.errors import EncodeError

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS: Final = ("mo", "tu", "we", "th", "fr", "sa", "su")
_DAY_MINUTES: Final = 24 * 60
_WEEK_MINUTES: Final = 7 * _DAY_MINUTES
_PART: Final = re.compile(r"([a-z]{2,3}(?:-[a-z]{2})?)(?:(\d{4})-(\d{4}))?", re.ASCII)
_CLOCK: Final = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", re.ASCII)


def moment(text: str) -> float:
    """Seconds since 1970 of an Expiration: such a number itself, or ``24 Dec 2026`` with a time after it or not.

    Day and month may change places. It is in the time zone of this machine, as FreeRADIUS has it.

    Raises:
        EncodeError: it is neither.
    """
    if text.isascii() and text.isdecimal():
        return float(text)
    try:
        return _read(text.lower().replace(",", " ").split()).timestamp()
    except (ValueError, IndexError, OverflowError):
        raise EncodeError("Expiration is not a moment, as 24 Dec 2026 12:00:00") from None


def _read(words: list[str]) -> datetime:
    months = [word for word in words if word[:3] in _MONTHS]
    numbers = [int(word) for word in words if word.isdecimal()]
    day, year = sorted(numbers[:2])
    clock = next((match for word in words if (match := _CLOCK.fullmatch(word))), None)
    hour, minute, second = (int(part or 0) for part in clock.groups()) if clock else (0, 0, 0)
    return datetime(year, _MONTHS.index(months[0][:3]) + 1, day, hour, minute, second)


def login_seconds(text: str, now: float) -> int | None:
    """How many seconds a user may stay whose Login-Time this is: 0 where he may not log in, None without an end.

    ``Wk0800-1800,Sa`` and the like: Mo to Su, Mo-Fr, Wk for weekdays, Al or Any for all, each with hours or not.

    Raises:
        EncodeError: it cannot be read.
    """
    minutes = _minutes(text)
    local = datetime.fromtimestamp(now)
    start = local.weekday() * _DAY_MINUTES + local.hour * 60 + local.minute
    if all(minutes):
        return None
    left = next(past for past in range(_WEEK_MINUTES) if not minutes[(start + past) % _WEEK_MINUTES])
    end = local.replace(second=0, microsecond=0) + timedelta(minutes=left)
    return int((end - local).total_seconds()) if left else 0


def _minutes(text: str) -> list[bool]:
    """Whether he may, for each minute of a week."""
    minutes = [False] * _WEEK_MINUTES
    for part in re.split(r"[,|]", text.replace(" ", "").lower()):
        match = _PART.fullmatch(part)
        if match is None:
            raise EncodeError("Login-Time cannot be read; it is written as Wk0800-1800,Sa")
        first, last = (_clock(match[2]), _clock(match[3])) if match[2] else (0, _DAY_MINUTES - 1)
        for day in _days(match[1]):
            # 2200-0600 goes on into the next day.
            for minute in range(first, last + 1 if last >= first else last + 1 + _DAY_MINUTES):
                minutes[(day * _DAY_MINUTES + minute) % _WEEK_MINUTES] = True
    return minutes


def _clock(text: str) -> int:
    hour, minute = int(text[:2]), int(text[2:])
    if hour > 23 or minute > 59:
        raise EncodeError("Login-Time has an hour that is none; it is written as Wk0800-1800,Sa")
    return hour * 60 + minute


def _days(text: str) -> list[int]:
    if text in ("al", "any"):
        return list(range(7))
    if text == "wk":
        return list(range(5))
    first, _, last = text.partition("-")
    if first not in _DAYS or (last and last not in _DAYS):
        raise EncodeError(f"Login-Time has no day {text!r}; it is written as Wk0800-1800,Sa")
    begin, end = _DAYS.index(first), _DAYS.index(last or first)
    return [day % 7 for day in range(begin, end + 1 if end >= begin else end + 8)]
