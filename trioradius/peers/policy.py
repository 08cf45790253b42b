"""Policy: which packets must carry which proof, before any of their content is believed.

On UDP these are the BlastRADIUS rules (draft-ietf-radext-deprecating-radius) and RFC 3579 section 3.2. TLS and DTLS
prove the packet themselves, so that the presence rules do not apply there.
"""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Final, TypeAlias

from trioradius.attributes.ietf import ErrorCause
from trioradius.attributes.nesting import sub_attributes
from trioradius.errors import AuthenticityError, DecodeError, UnknownPeer
from trioradius.protocol.codes import ACCESS_REQUEST, STATUS_SERVER
from trioradius.protocol.peer import Peer
from trioradius.protocol.source import Source
from trioradius.protocol.wire import ABSENT, PROXY_STATE, Message

EAP_MESSAGE: Final = 79
PASSWORDS: Final = frozenset({2, 3, 70})
"""User-Password, CHAP-Password, ARAP-Password: never beside EAP-Message (RFC 3579 section 3.3)."""
VENDOR_SPECIFIC: Final = 26
_MICROSOFT: Final = (311).to_bytes(4, "big")
_MS_CHAP: Final = frozenset({1, 3, 4, 25, 27})
"""MS-CHAP-Response, MS-CHAP2-Response, and the three of a password change (RFC 2548)."""

LEARNED_MAXIMUM: Final = 16_384
"""Entries past which nothing that proves nothing is learned: forged source addresses must not fill memory or disk."""

log = logging.getLogger("trioradius.peers")

Learned: TypeAlias = MutableMapping[str, bool]
"""What "auto" learned: address -> whether Message-Authenticator is required of it."""


class MemoryLearned(dict[str, bool]):
    """What "auto" learned, for as long as the process lives."""


def require_proof(message: Message, peer: Peer, source: Source, learned: Learned) -> None:
    """Raise for a packet that lacks the proof its peer owes, or contradicts itself. Cheap, and before any digest.

    Raises:
        AuthenticityError: Message-Authenticator is missing where a rule wants it.
        DecodeError: EAP-Message stands beside a password.
        UnknownPeer: it came by UDP, and its peer speaks TLS.
    """
    if peer.tls and source.transport == "udp":
        raise UnknownPeer(
            "a packet by UDP from a peer that speaks TLS (Peer(tls=True)); give it an entry of its own for UDP",
            reason="tls_required",
        )
    if message.code == ACCESS_REQUEST:
        eap = _has_eap(message, peer, source)
        if message.proof_at == ABSENT and source.transport == "udp":
            _require_message_authenticator(message, peer, source, learned, eap=eap)
    elif message.code == STATUS_SERVER and message.proof_at == ABSENT and source.profile.signed:
        raise AuthenticityError(
            "Status-Server without Message-Authenticator (RFC 5997 section 3)",
            reason="status_server_without_message_authenticator",
        )


def _has_eap(message: Message, peer: Peer, source: Source) -> bool:
    places = message.places
    if VENDOR_SPECIFIC in places and source.transport == "udp":
        _judge_ms_chap(message, peer, source)
    if EAP_MESSAGE not in places:
        return False
    if not PASSWORDS.isdisjoint(places):
        raise DecodeError(
            "EAP-Message beside a password (RFC 3579 section 3.3)",
            reason="eap_beside_password",
            error_cause=ErrorCause.INVALID_REQUEST,
        )
    return True


def _judge_ms_chap(message: Message, peer: Peer, source: Source) -> None:
    if "ms_chap" in peer.warned or not any(map(_has_ms_chap, message.values(VENDOR_SPECIFIC))):
        return
    if not peer.allow_ms_chap:
        raise AuthenticityError(
            "MS-CHAP over UDP is refused for this peer (allow_ms_chap=False)", reason="ms_chap_over_udp"
        )
    peer.warned.add("ms_chap")
    log.warning(
        "%s: peer %s uses MS-CHAP over UDP, where whoever listens can crack it; TLS protects it, and "
        "Peer(allow_ms_chap=False) refuses it (draft-ietf-radext-deprecating-radius). This is said once",
        source,
        peer.name or source.address,
    )


def _has_ms_chap(octets: bytes) -> bool:
    """Whether it is in a Vendor-Specific, where several of a vendor's attributes may stand.

    Not where they do not fill it, as when they are read (RFC 2865 section 5.26).
    """
    if octets[:4] != _MICROSOFT:
        return False
    try:
        return not _MS_CHAP.isdisjoint([number for number, _ in sub_attributes(octets[4:])])
    except ValueError:
        return False


def _require_message_authenticator(
    message: Message, peer: Peer, source: Source, learned: Learned, *, eap: bool
) -> None:
    if eap:
        raise AuthenticityError(
            "EAP-Message without Message-Authenticator (RFC 3579 section 3.2)",
            reason="eap_without_message_authenticator",
        )
    if is_required(peer, source.address, learned):
        raise AuthenticityError(
            "Access-Request without Message-Authenticator; if this NAS cannot send it, "
            "give its peer entry require_message_authenticator=False",
            reason="message_authenticator_missing",
        )
    if _limits_proxy_state(peer, source.address, learned) and PROXY_STATE in message.places:
        raise AuthenticityError(
            "Proxy-State without Message-Authenticator; if this proxy cannot send it, "
            "give its peer entry limit_proxy_state=False",
            reason="proxy_state_without_message_authenticator",
        )


def is_required(peer: Peer, address: str, learned: Learned) -> bool:
    """Whether Access-Requests from this address must carry Message-Authenticator.

    "auto" is strict but for addresses that were learned to do without, or may be, inside the migration window.
    """
    setting = peer.require_message_authenticator
    if setting == "auto":
        return bool(learned.get(address, not _in_window(peer)))
    return setting


def _limits_proxy_state(peer: Peer, address: str, learned: Learned) -> bool:
    setting = peer.limit_proxy_state
    if setting == "auto":
        return bool(learned.get(_proxy_key(address), not _in_window(peer)))
    return setting


def learn(message: Message, peer: Peer, address: str, learned: Learned) -> None:
    """Remember, from an admitted packet, what "auto" may conclude about an address.

    A verified Message-Authenticator without EAP shows that the NAS always sends it: required from now on. A packet
    without one proves nothing, and loosens the rule only inside the migration window.
    """
    if message.code != ACCESS_REQUEST or learned.get(address):
        return
    if message.proof_at != ABSENT:
        if EAP_MESSAGE not in message.places:
            learned[address] = True
    elif address not in learned and _in_window(peer) and len(learned) < LEARNED_MAXIMUM:
        learned[address] = False
        learned[_proxy_key(address)] = PROXY_STATE not in message.places


def _proxy_key(address: str) -> str:
    return f"{address} limit_proxy_state"


def _in_window(peer: Peer) -> bool:
    return peer.auto_until is not None and datetime.now(UTC) < peer.auto_until
