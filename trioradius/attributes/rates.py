"""Rate: what a subscriber may send and receive, as the attributes that each vendor understands.

    Rate(down="20M", up="5M").attributes("mikrotik")      Mikrotik-Rate-Limit = "5000k/20000k"
    Rate(down="20M", up="5M", policy="gold").attributes("generic")      Filter-Id = "gold"

Down is towards the subscriber and up is from the subscriber. "Input", "ingress" and "rx" are words of the NAS, which
receives what the subscriber sends: they are up. A k is 1000 bit/s everywhere.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import attrs

from trioradius.attributes.dictionary import Dictionary
from trioradius.errors import ConfigurationError

if TYPE_CHECKING:
    from trioradius.attributes.avp import AVP

_UNITS: Final = {"": 1, "k": 1, "m": 1000, "g": 1_000_000}
"""Kilobits a second in one of each; a number without a unit is in kilobits already."""
_RATE: Final = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,6}))?\s*([kmg]?)", re.IGNORECASE | re.ASCII)
_UNLIMITED: Final = ("", "unlimited")
_INTEGER_MAXIMUM: Final = 0xFFFF_FFFF
_BURST_PARTS: Final = ("burst rate", "burst threshold", "burst time", "priority", "minimum rate")
"""What may follow the rates in Mikrotik-Rate-Limit, in this order."""
_PLAIN_PARTS: Final = ("burst time", "priority")
"""Seconds, and 1 to 8: no rates, so that no unit belongs to them."""


@attrs.frozen
class _Numbers:
    """A vendor that takes rates as integers: the attributes, and how many bit/s are one of its units."""

    up: str
    down: str
    bits: int
    peak_up: str = ""
    peak_down: str = ""


@attrs.frozen
class _Names:
    """A vendor that takes the name of a policy: one attribute for both directions, or one for each."""

    down: str
    up: str = ""
    down_prefix: str = ""
    up_prefix: str = ""


_BY_NUMBER: Final = {
    "huawei": _Numbers(
        up="Huawei-Input-Average-Rate",
        down="Huawei-Output-Average-Rate",
        bits=1,
        peak_up="Huawei-Input-Peak-Rate",
        peak_down="Huawei-Output-Peak-Rate",
    ),
    "h3c": _Numbers(
        up="H3C-Input-Average-Rate",
        down="H3C-Output-Average-Rate",
        bits=1,
        peak_up="H3C-Input-Peak-Rate",
        peak_down="H3C-Output-Peak-Rate",
    ),
    "zte": _Numbers(up="ZTE-Rate-Ctrl-SCR-Up", down="ZTE-Rate-Ctrl-SCR-Down", bits=1000),
    "wispr": _Numbers(up="WISPr-Bandwidth-Max-Up", down="WISPr-Bandwidth-Max-Down", bits=1),
}
_BY_NAME: Final = {
    "generic": _Names(down="Filter-Id"),
    "cisco": _Names(
        down="Cisco-AVPair",
        up="Cisco-AVPair",
        down_prefix="subscriber:sub-qos-policy-out=",
        up_prefix="subscriber:sub-qos-policy-in=",
    ),
    "juniper": _Names(down="ERX-Egress-Policy-Name", up="ERX-Ingress-Policy-Name"),
    "nokia": _Names(down="Alc-SLA-Prof-Str"),
    "redback": _Names(down="Qos-Metering-Profile-Name", up="Qos-Policing-Profile-Name"),
    "huawei": _Names(down="Huawei-Qos-Profile-Name"),
    "zte": _Names(down="ZTE-QoS-Profile-Down", up="ZTE-QOS-Profile-Up"),
}
_ALSO: Final = {
    "": "generic",
    "other": "generic",
    "erx": "juniper",
    "alcatel-lucent-service-router": "nokia",
    "ericsson-ab": "redback",
    "ericsson": "redback",
}
"""Other words for these vendors: those of dictionaries and of FreeRADIUS's table of NASes."""
_VENDORS: Final = sorted({"mikrotik", *_BY_NUMBER, *_BY_NAME})


def kilobits(value: str | int | None) -> int:
    """Kilobits a second of a rate as people write it: ``2000``, ``2000k``, ``2M`` and ``2.0M`` are all 2000.

    0, None, an empty text and "unlimited" are 0: no limit.

    Raises:
        ConfigurationError: it is none of these, or not a whole number of kilobits.
    """
    text = "" if value is None else str(value).strip().lower()
    if text in _UNLIMITED:
        return 0
    match = _RATE.fullmatch(text)
    if match is None or isinstance(value, bool):
        raise ConfigurationError(f"{value!r} is not a rate; write kilobits a second, as 2000, 2000k, 2M or 1.5M")
    whole, fraction, unit = match[1], (match[2] or "").rstrip("0"), _UNITS[match[3].lower()]
    divisor: int = 10 ** len(fraction)
    part, remainder = divmod(int(fraction or 0) * unit, divisor)
    if remainder:
        raise ConfigurationError(f"{value!r} is not a whole number of kilobits a second")
    return int(whole) * unit + part


def normalised(value: str | int | None) -> str:
    """A rate in the one form it is stored in: ``1.5M`` is ``1500k``; ``0`` is no limit. Raises ConfigurationError."""
    number = kilobits(value)
    return f"{number}k" if number else "0"


def _pair(text: str) -> tuple[int, int]:
    """Up and down of ``up/down``, or of one rate for both."""
    up, separator, down = text.partition("/")
    if separator and not (up and down):
        raise ConfigurationError(f"{text!r} is not two rates; write up/down, as 5M/20M")
    return kilobits(up), kilobits(down if separator else up)


def _plain_pair(text: str, name: str, shown: str) -> str:
    values = text.split("/")
    if len(values) > 2 or not all(value.isascii() and value.isdecimal() and len(value) < 6 for value in values):
        raise ConfigurationError(f"burst {shown!r}: {text!r} is not a {name}")
    return text


def _burst(value: str) -> str:
    """The burst in its stored form: rates with a k, the parts that are no rates as they are."""
    parts = value.split()
    if len(parts) > len(_BURST_PARTS):
        raise ConfigurationError(f"burst {value!r} has more parts than {', '.join(_BURST_PARTS)}")
    written = []
    for name, part in zip(_BURST_PARTS, parts, strict=False):
        if name in _PLAIN_PARTS:
            written.append(_plain_pair(part, name, value))
        else:
            written.append("/".join(map(normalised, _pair(part))))
    return " ".join(written)


@attrs.frozen
class Rate:
    """How fast a subscriber may be; zero in a direction is no limit there, and zero in both sends no rate.

    Args:
        down: towards the subscriber, in kilobits a second, or text as kilobits() reads it.
        up: from the subscriber.
        burst: for a while more than that, as MikroTik writes it, up before down: ``10M/40M`` alone, or followed by
            threshold, seconds, priority and minimum rate (``10M/40M 4M/16M 10/10``). Of it, Huawei and H3C are told
            the peak rates; the other vendors nothing.
        policy: the name of what is configured on the NAS for this rate (policy, profile, filter), for vendors that
            take names.
        policy_up: that name for what the subscriber sends, where it is another.

    Raises:
        ConfigurationError: a rate that is none, a burst slower than its rate or without one, policy_up alone.
    """

    down: int = attrs.field(default=0, converter=kilobits)
    up: int = attrs.field(default=0, converter=kilobits)
    burst: str = attrs.field(default="", converter=_burst, kw_only=True)
    policy: str = attrs.field(default="", kw_only=True)
    policy_up: str = attrs.field(default="", kw_only=True)

    def __attrs_post_init__(self) -> None:
        for rate, peak in zip((self.up, self.down), self.peak, strict=True):
            if peak and not rate:
                raise ConfigurationError(f"a burst of {peak}k where the rate has no limit")
            if 0 < peak < rate:
                raise ConfigurationError(f"a burst of {peak}k is slower than its rate of {rate}k")
        if self.policy_up and not self.policy:
            raise ConfigurationError("a Rate with policy_up wants a policy as well")

    @classmethod
    def parse(cls, text: str, *, policy: str = "", policy_up: str = "") -> Rate:
        """The rate within ``up/down``, a burst after it or not: what str() gives and Mikrotik-Rate-Limit holds.

        Raises:
            ConfigurationError: the text is no such thing.
        """
        rates, _, burst = text.strip().partition(" ")
        up, down = _pair(rates)
        return cls(down=down, up=up, burst=burst, policy=policy, policy_up=policy_up)

    @property
    def peak(self) -> tuple[int, int]:
        """The burst's rate up and down in kilobits a second; zeros where there is none."""
        return _pair(self.burst.partition(" ")[0]) if self.burst else (0, 0)

    def attributes(self, vendor: str = "", *, by_name: bool = False) -> tuple[AVP, ...]:
        """The attributes for a NAS of this vendor (``request.peer.vendor``); none where nothing is limited.

        Args:
            vendor: mikrotik, huawei, h3c, zte, cisco, juniper, nokia, redback, wispr or generic, in any case.
            by_name: send Huawei and ZTE the policy's name in place of the numbers.

        Raises:
            ConfigurationError: an unknown vendor; one that takes a name, but there is no policy; more than the
                vendor's integer holds.
        """
        kind = vendor.lower()
        kind = _ALSO.get(kind, kind)
        if kind in _BY_NAME and (by_name or kind not in _BY_NUMBER):
            return self._names(_BY_NAME[kind], kind)
        if kind == "mikrotik":
            return _avps(("Mikrotik-Rate-Limit", str(self) if self.up or self.down else ""))
        if kind in _BY_NUMBER:
            return self._numbers(_BY_NUMBER[kind], kind)
        raise ConfigurationError(f"no rate is known for the vendor {vendor!r}; known are {', '.join(_VENDORS)}")

    def __str__(self) -> str:
        rates = f"{normalised(self.up)}/{normalised(self.down)}"
        return f"{rates} {self.burst}" if self.burst else rates

    def _numbers(self, form: _Numbers, kind: str) -> tuple[AVP, ...]:
        peak_up, peak_down = self.peak
        asked = ((form.up, self.up), (form.down, self.down), (form.peak_up, peak_up), (form.peak_down, peak_down))
        return _avps(*((name, _units(rate, form.bits, kind)) for name, rate in asked if name))

    def _names(self, form: _Names, kind: str) -> tuple[AVP, ...]:
        if not self.policy and (self.up or self.down):
            raise ConfigurationError(f"{kind} takes a policy's name for a rate; give the Rate of {self} its policy=")
        down = form.down_prefix + self.policy if self.policy else ""
        up = form.up_prefix + (self.policy_up or self.policy) if self.policy else ""
        return _avps((form.up, up if form.up else ""), (form.down, down))


def _units(rate: int, bits: int, kind: str) -> int:
    """A rate in the units of a vendor, whose attributes hold 32 bits."""
    units = rate * 1000 // bits
    if units > _INTEGER_MAXIMUM:
        raise ConfigurationError(f"{kind}: {rate}k does not fit an attribute of 32 bits; use a policy's name")
    return units


def _avps(*named: tuple[str, str | int]) -> tuple[AVP, ...]:
    """The AVPs of those that limit anything; their vendor's module is loaded now, if it was not met before."""
    dictionary = Dictionary.bundled()
    return tuple(dictionary[name](value) for name, value in named if value)
