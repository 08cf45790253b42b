"""Owed: what a verification owes the reply to its request, until accept(), reject() or challenge() pays it."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from trioradius.attributes.attribute import AVP


@attrs.define
class Owed:
    """Attributes for each kind of reply, and why a rejection is to come (for the log)."""

    accept: tuple[AVP, ...] = ()
    reject: tuple[AVP, ...] = ()
    challenge: tuple[AVP, ...] = ()
    reason: str = ""

    def add(self, accept: Iterable[AVP], reject: Iterable[AVP], challenge: Iterable[AVP], reason: str) -> None:
        """Owe these as well; an attribute that was owed before is owed as it is now."""
        self.accept = _renewed(self.accept, tuple(accept))
        self.reject = _renewed(self.reject, tuple(reject))
        self.challenge = _renewed(self.challenge, tuple(challenge))
        self.reason = reason or self.reason


def missing(given: tuple[AVP, ...], owed: tuple[AVP, ...]) -> tuple[AVP, ...]:
    """Those owed whose attribute is not among the given ones."""
    present = {avp.attribute.key for avp in given}
    return tuple(avp for avp in owed if avp.attribute.key not in present)


def _renewed(before: tuple[AVP, ...], now: tuple[AVP, ...]) -> tuple[AVP, ...]:
    return (*missing(now, before), *now) if before else now
