"""How long a session may last, and how often its NAS reports: the numbers of an Access-Accept."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from trioradius.errors import ConfigurationError

SECONDS_MAXIMUM: Final = 0xFFFF_FFFF
INTERIM_MINIMUM: Final = 60
"""Acct-Interim-Interval must not be less (RFC 2869 section 5.16), and should not be less than 600."""


def session_timeout(*seconds: float | None) -> int | None:
    """Session-Timeout (RFC 2865 section 5.27): the least that plan, expiry and quota leave; None is no limit.

        session_timeout(plan.session_seconds, subscriber.expires - now, quota_seconds)

    0 where one of them has run out: then reject, since a Session-Timeout of 0 is no limit to some NASes.
    """
    given = [value for value in seconds if value is not None]
    if not given:
        return None
    return max(0, min(SECONDS_MAXIMUM, int(min(given))))


def interim_interval(
    seconds: int = INTERIM_MINIMUM, *, jitter: float = 0.1, uniform: Callable[[float, float], float] = random.uniform
) -> int:
    """Acct-Interim-Interval (RFC 2869 section 5.16) with jitter, so that sessions do not all report at once.

    Args:
        seconds: about how often; 60 at the least.
        jitter: part of it by which it may be off, both ways; never below 60.
        uniform: where chance comes from.

    Raises:
        ConfigurationError: less than 60 seconds, or a jitter that is not 0 to 1.
    """
    if seconds < INTERIM_MINIMUM or not 0 <= jitter < 1:
        raise ConfigurationError(f"an interim interval is {INTERIM_MINIMUM} seconds or more, with a jitter of 0 to 1")
    least = max(INTERIM_MINIMUM, seconds * (1 - jitter))
    return round(uniform(least, least + 2 * jitter * seconds))
