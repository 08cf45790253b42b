"""Retransmission: when to send again, what has changed by then, and when to give up (RFC 5080 section 2.2.1)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, Final, TypeVar

import attrs

from trioradius.attributes.ietf import AcctDelayTime
from trioradius.errors import ConfigurationError
from trioradius.protocol.packets import AccountingRequest, Reply, Request

R = TypeVar("R", bound=Reply)

JITTER: Final = 0.1
DELAY_MAXIMUM: Final = 0xFFFFFFFF


@attrs.frozen
class Retransmission:
    """A schedule; every interval has a tenth of jitter, so that many clients do not speak at once.

    Args:
        attempts: how often the request is sent at most (MRC).
        initial: seconds before the first retransmission (IRT).
        longest: seconds that an interval grows to (MRT); each is twice the one before.
        duration: seconds after which there is no more waiting (MRD).
    """

    attempts: int = 5
    initial: float = 2
    longest: float = 16
    duration: float = 30

    def __attrs_post_init__(self) -> None:
        if self.attempts < 1 or not all(seconds > 0 for seconds in (self.initial, self.longest, self.duration)):
            raise ConfigurationError("retransmission wants at least one attempt and positive times")

    def waits(self) -> Iterator[float]:
        """How many seconds to wait for a reply after each transmission."""
        left, wait = self.duration, 0.0
        for _ in range(self.attempts):
            jitter = random.uniform(-JITTER, JITTER)
            wait = wait * (2 + jitter) or self.initial * (1 + jitter)
            if wait > self.longest:
                wait = self.longest * (1 + jitter)
            yield min(wait, left)
            left -= wait
            if left <= 0:
                return


def _delay(request: Request[Any]) -> int | None:
    return request.get(AcctDelayTime) if isinstance(request, AccountingRequest) else None


def delayed(request: Request[R], seconds: float) -> Request[R]:
    """An Accounting-Request's Acct-Delay-Time grown by the time spent trying (RFC 2866 section 5.2)."""
    delay = _delay(request)
    if delay is None or seconds < 1:
        return request
    grown = AcctDelayTime(min(delay + int(seconds), DELAY_MAXIMUM))
    return type(request)(*(grown if avp.attribute.key == AcctDelayTime.key else avp for avp in request.avps))
