"""Which session a CoA-Request or Disconnect-Request means: what each vendor looks at (RFC 5176 section 3).

A NAS refuses a request when one attribute does not fit the session, so each gets what it compares and no more.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, TypeAlias

from trioradius.attributes.dictionary import Dictionary
from trioradius.attributes.ietf import AcctSessionId, FramedIPAddress, NASIPAddress, NASIPv6Address, UserName

if TYPE_CHECKING:
    from trioradius.attributes.avp import AVP
    from trioradius.stores.sql.sessions import Session

Identify: TypeAlias = "Callable[[Session, str], tuple[AVP, ...]]"
"""From a session and its NAS's vendor to the attributes that identify it."""

_BY_ADDRESS: Final = frozenset({"mikrotik"})
"""Vendors that look for the session's address too, and do not know their own, as behind NAT."""


def identify(session: Session, vendor: str = "") -> tuple[AVP, ...]:
    """The attributes that identify a session to a NAS of this vendor (``peer.vendor``).

    MikroTik: User-Name, Acct-Session-Id and Framed-IP-Address. All others: the NAS's address, User-Name and
    Acct-Session-Id; Cisco the audit-session-id as well, where it is known.
    """
    user = (UserName(session.user),) if session.user else ()
    if vendor.lower() in _BY_ADDRESS:
        address = (FramedIPAddress(session.address),) if session.address else ()
        return (*user, AcctSessionId(session.id), *address)
    audit: tuple[AVP, ...] = ()
    if vendor.lower() == "cisco" and session.audit_session:
        audit = (Dictionary.bundled()["Cisco-AVPair"](f"audit-session-id={session.audit_session}"),)
    return (_nas(session.nas), *user, AcctSessionId(session.id), *audit)


def _nas(address: str) -> AVP:
    return NASIPAddress(address) if ip_address(address).version == 4 else NASIPv6Address(address)
