"""A change of rate while a session runs, where "no limit" has to be said, since the session may have one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trioradius.attributes.dictionary import Dictionary
from trioradius.errors import ConfigurationError

if TYPE_CHECKING:
    from trioradius.attributes.avp import AVP
    from trioradius.attributes.rates import Rate

_BY_NUMBER: Final = frozenset({"huawei", "h3c", "zte", "wispr"})
"""Vendors that are told a limit for each direction, and know no number for none."""


def change_of_rate(rate: Rate, vendor: str) -> tuple[AVP, ...]:
    """The attributes that change a session to a rate.

    Raises:
        ConfigurationError: no limit in a direction, and the vendor cannot lift one; or as Rate.attributes().
    """
    kind = vendor.lower()
    if kind == "mikrotik":
        return (Dictionary.bundled()["Mikrotik-Rate-Limit"](str(rate)),)
    avps = rate.attributes(kind)
    if not avps or (kind in _BY_NUMBER and not (rate.up and rate.down)):
        raise ConfigurationError(
            f"a change to {rate} cannot lift a limit at a NAS of vendor {kind or 'generic'!r}; disconnect the session,"
            " or give the rate a policy= where the vendor takes names"
        )
    return avps
