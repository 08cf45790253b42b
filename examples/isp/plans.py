"""Plans: what a subscriber pays for, and the fair-use tiers that slow him down once he has used much."""

from __future__ import annotations

import re
from typing import Final

import attrs

from trioradius import ConfigurationError
from trioradius.attributes.rates import Rate

TIER_POLICY: Final = "POLICY_FUP_TIER_{}"
"""The name of what a NAS has configured for a tier, where the plan gives it no other."""
POLICY_MAXIMUM: Final = 64
"""Characters of a policy's name; it is repeated in Class, which NASes keep for every session."""
_OCTETS: Final = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,3}))?\s*([KMGT]?)B?", re.IGNORECASE | re.ASCII)
_UNITS: Final = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_SPAN: Final = re.compile(r"([0-9]{1,9})\s*([smhd]?)", re.ASCII)
_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


@attrs.frozen
class Tier:
    """From so many octets in a month on, this rate."""

    from_octets: int
    rate: Rate


@attrs.frozen
class Plan:
    """What a subscriber gets.

    Args:
        name: of the plan.
        rate: while no tier is reached; its policy is what NASes are told that take names.
        tiers: in ascending order.
        quota_octets: a month, in both directions; then the subscriber is cut off. 0 is no quota.
        session_seconds: the longest session; 0 is no limit.
        sessions: at once; 0 is no limit.
        pool: where IPv4 addresses come from: one of trioradius's pools, or else the name of one on the NAS.
        ipv6_pool: a pool on the NAS for the link's prefix.
        delegated_pool: a pool on the NAS for delegated prefixes.
    """

    name: str
    rate: Rate
    tiers: tuple[Tier, ...] = ()
    quota_octets: int = 0
    session_seconds: int = 0
    sessions: int = 1
    pool: str = ""
    ipv6_pool: str = ""
    delegated_pool: str = ""

    def __attrs_post_init__(self) -> None:
        starts = [tier.from_octets for tier in self.tiers]
        if starts != sorted(set(starts)):
            raise ConfigurationError(f"plan {self.name}: each tier begins later than the one before it")
        if self.quota_octets and starts and starts[-1] >= self.quota_octets:
            raise ConfigurationError(f"plan {self.name}: its last tier begins when the quota is used up already")
        for rate in (self.rate, *(tier.rate for tier in self.tiers)):
            if not 0 < len(rate.policy) <= POLICY_MAXIMUM:
                raise ConfigurationError(f"plan {self.name}: a policy's name has 1 to {POLICY_MAXIMUM} characters")

    def rate_at(self, used_octets: int) -> Rate:
        """The rate of somebody who has used so much this month: that of the last tier he has reached."""
        reached = [tier.rate for tier in self.tiers if used_octets >= tier.from_octets]
        return reached[-1] if reached else self.rate

    @property
    def first_limit(self) -> int:
        """The usage from which on anything changes; 0 where nothing ever does."""
        starts = [start for start in (self.quota_octets, *(tier.from_octets for tier in self.tiers)) if start]
        return min(starts, default=0)

    def is_used_up(self, used_octets: int) -> bool:
        """Whether the quota is."""
        return bool(self.quota_octets) and used_octets >= self.quota_octets


def label(rate: Rate) -> str:
    """A rate as one text: ``5000k/20000k GOLD``. Two rates are the same where their labels are."""
    return f"{rate} {rate.policy}"


def octets(text: str) -> int:
    """Octets of ``100G``, ``1.5T`` or ``500M``; a G is 10^9. Raises ConfigurationError."""
    match = _OCTETS.fullmatch(text.strip())
    if match is None:
        raise ConfigurationError(f"{text!r} is not an amount of data; write it as 500M, 100G or 1.5T")
    fraction = match[2] or ""
    divisor: int = 10 ** len(fraction)
    return int(match[1] + fraction) * _UNITS[match[3].upper()] // divisor


def seconds(text: str) -> int:
    """Seconds of ``24h``, ``30m``, ``7d`` or ``3600``. Raises ConfigurationError."""
    match = _SPAN.fullmatch(text.strip().lower())
    if match is None:
        raise ConfigurationError(f"{text!r} is not a time; write it as 3600, 30m, 24h or 7d")
    return int(match[1]) * _SECONDS[match[2]]


def tier(text: str, number: int) -> Tier:
    """A tier as it is typed: ``100G=1M/5M`` or ``100G=1M/5M=SLOW``; rates are up/down. Raises ConfigurationError."""
    amount, *rest = text.split("=")
    if len(rest) not in (1, 2):
        raise ConfigurationError(f"{text!r} is not a tier; write it as 100G=1M/5M, or 100G=1M/5M=POLICY")
    policy = rest[1] if len(rest) == 2 else TIER_POLICY.format(number)
    return Tier(octets(amount), Rate.parse(rest[0], policy=policy))


def written(number: int) -> str:
    """Octets for people: ``1.5 GB``."""
    for unit, size in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if number >= size:
            return f"{number / size:.2f} {unit}"
    return f"{number} B"
