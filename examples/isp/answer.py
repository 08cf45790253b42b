"""The answer: what an Access-Accept says to the NAS that asked, in the words of its vendor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from trioradius import AVP, Attribute
from trioradius.attributes import (
    AcctInterimInterval,
    Class,
    DelegatedIPv6Prefix,
    DelegatedIPv6PrefixPool,
    FramedIPAddress,
    FramedIPv6Pool,
    FramedIPv6Prefix,
    FramedPool,
    FramedProtocol,
    ServiceType,
    SessionTimeout,
)
from trioradius.attributes.cisco import CiscoAVPair
from trioradius.attributes.mikrotik import MikrotikDelegatedIPv6Pool
from trioradius.sessions import interim_interval

from . import policy
from .plans import label
from .settings import Settings
from .subscribers import Account

CLASS_PREFIX: Final = "rate:"
"""How our Class begins. NASes repeat it in their records (RFC 2865 section 5.25): it tells which rate a session had."""


def attributes(account: Account, vendor: str, pooled: Sequence[AVP], settings: Settings, now: float) -> list[AVP]:
    """What an Access-Accept carries.

    Args:
        account: who it is.
        vendor: of the NAS.
        pooled: addresses and prefixes that were taken from trioradius's pools for this login.
        settings: of the provider.
        now: seconds since 1970.

    Raises:
        ConfigurationError: the rate is more than the vendor's attribute holds.
    """
    rate = policy.rate(account)
    timeout = policy.longest_session(account, now)
    return [
        ServiceType(ServiceType.FRAMED_USER),
        FramedProtocol(FramedProtocol.PPP),
        *rate.attributes(vendor),
        *addresses(account, vendor, pooled),
        *([] if timeout is None else [SessionTimeout(timeout)]),
        AcctInterimInterval(interim_interval(settings.interim_seconds, jitter=settings.interim_jitter)),
        Class(f"{CLASS_PREFIX}{label(rate)}".encode()),
    ]


def addresses(account: Account, vendor: str, pooled: Sequence[AVP]) -> list[AVP]:
    """For IPv4, for the link's IPv6 prefix and for the delegated one: the subscriber's own, else one that was taken
    from a pool of trioradius, else the name of a pool on the NAS. Never two of these, which would contradict.
    """
    mine, plan, taken = account.subscriber, account.plan, {avp.name: avp for avp in pooled}
    nas_pool = "" if account.own_kinds else plan.pool
    delegated_pool = MikrotikDelegatedIPv6Pool if vendor == "mikrotik" else DelegatedIPv6PrefixPool
    families: tuple[_Family, ...] = (
        (mine.address, FramedIPAddress, nas_pool, _cisco_pool if vendor == "cisco" else FramedPool),
        (mine.ipv6_prefix, FramedIPv6Prefix, plan.ipv6_pool, FramedIPv6Pool),
        (mine.delegated_prefix, DelegatedIPv6Prefix, plan.delegated_pool, delegated_pool),
    )
    chosen = []
    for own, attribute, pool, pool_attribute in families:
        if own:
            chosen.append(attribute(own))
        elif attribute.name in taken:
            chosen.append(taken[attribute.name])
        elif pool:
            chosen.append(pool_attribute(pool))
    return chosen


_Family: TypeAlias = tuple[str, Attribute[Any], str, Callable[[str], AVP]]


def _cisco_pool(name: str) -> AVP:
    return CiscoAVPair(f"ip:addr-pool={name}")
