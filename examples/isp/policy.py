"""The policy: who may enter, and with what. It reads no database and no clock: every rule can be tested alone."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from trioradius.attributes.rates import Rate
from trioradius.sessions import Kind, session_timeout

from .subscribers import Account, end_of

QUOTA_SECONDS: Final = 60.0
"""The shortest session that a quota makes."""

UNKNOWN_USER: Final = "unknown user"
BAD_PASSWORD: Final = "bad password"
INACTIVE: Final = "account inactive"
EXPIRED: Final = "account expired"
OVERLIMIT: Final = "account suspended (overlimit)"
QUOTA_USED_UP: Final = "quota used up"
"""What the log and radpostauth say of a refusal; the NAS, and whoever tries passwords, gets the same answer for all."""


def refusal(account: Account, now: float) -> str:
    """Why somebody may not be online now, whatever his password is; empty where he may."""
    subscriber = account.subscriber
    if not (subscriber.is_active and account.is_reseller_active):
        return INACTIVE
    if subscriber.expiry_date is not None and subscriber.expiry_date < datetime.fromtimestamp(now).date():
        return EXPIRED
    if account.licensed and account.before >= account.licensed:
        return OVERLIMIT
    if account.plan.is_used_up(account.used_octets):
        return QUOTA_USED_UP
    return ""


def rate(account: Account) -> Rate:
    """The rate that is his now: of his plan, or of the fair-use tier that he has reached."""
    return account.plan.rate_at(account.used_octets)


def quota_left(account: Account) -> int | None:
    """Octets of the quota that are left this month; None where the plan has none."""
    quota = account.plan.quota_octets
    return max(0, quota - account.used_octets) if quota else None


def pool(account: Account) -> str | None:
    """The pool of trioradius that he needs something of: none where all that it has are his own already."""
    mine = account.subscriber
    own = {
        Kind.ADDRESS.value: mine.address,
        Kind.IPV6_PREFIX.value: mine.ipv6_prefix,
        Kind.DELEGATED_PREFIX.value: mine.delegated_prefix,
    }
    return account.plan.pool if any(not own.get(kind) for kind in account.own_kinds) else None


def longest_session(account: Account, now: float) -> int | None:
    """Session-Timeout: what the plan allows, what is left to the end of his last day, and what the quota lasts for.

    How long the quota lasts is known only where the rate is limited: it takes at least so long to use it up at full
    speed in both directions. Then he logs in again, and finds it used up or not; never after less than a minute, in
    which no report of the NAS would come.
    """
    last = account.subscriber.expiry_date
    to_expiry = None if last is None else max(1.0, end_of(last) - now)
    return session_timeout(account.plan.session_seconds or None, to_expiry, _quota_seconds(account))


def _quota_seconds(account: Account) -> float | None:
    left, at = quota_left(account), rate(account)
    if left is None or not (at.up and at.down):
        return None
    kilobits = max(at.up, at.peak[0]) + max(at.down, at.peak[1])
    return max(QUOTA_SECONDS, left * 8 / (kilobits * 1000))
