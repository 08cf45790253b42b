"""What TLS and DTLS have in common: the versions, who came in and who must go, and which faults end a connection."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Final

from trioradius.attributes.ietf import ErrorCause, ReplyMessage
from trioradius.peers.callers import Caller
from trioradius.protocol import radius_1_1
from trioradius.protocol.codes import PROTOCOL_ERROR
from trioradius.protocol.peer import Peer
from trioradius.protocol.profile import RADIUS_1_0_SECURED, RADIUS_1_1
from trioradius.protocol.source import Source
from trioradius.tls import Context, HandshakeDone

PROFILES: Final = {"1.0": RADIUS_1_0_SECURED, "1.1": RADIUS_1_1}
"""What each RADIUS version that was negotiated means."""
CLOSING: Final = frozenset(
    {
        "packet_too_short",
        "length_out_of_range",
        "attribute_length",
        "request_authenticator",
        "message_authenticator_wrong",
        "message_authenticator_malformed",
        "token_reused",
    }
)
"""Reasons for which the connection is closed, and not only the packet discarded (RFC 6613 section 2.6.4)."""

log = logging.getLogger("trioradius.tls")


def log_handshake(source: Source, peer: Peer, done: HandshakeDone) -> None:
    """One line for a connection that came in."""
    certificate = done.certificate
    log.info(
        "%s: peer %s connected: %s, %s%s, ALPN %s, RADIUS/%s",
        source,
        peer.name,
        f"PSK {done.psk_identity!r}" if certificate is None else f"certificate {certificate.subject}",
        done.tls_version,
        " resumed" if done.resumed else "",
        done.protocol or "none",
        done.radius_version,
    )


def refusal(done: HandshakeDone, caller: Caller, context: Context, source: Source) -> str:
    """Why a peer that was let in would not be now, or ""."""
    fault = ""
    if done.certificate is not None:
        admission = caller.admission(context.admission())
        fault = context.fault(done.certificate, done.chain, admission, datetime.now(UTC))
    if not fault and caller.peer(done.certificate, done.psk_identity) != source.peer:
        fault = "its entry in peers is another one now"
    return fault


def version_refused() -> bytes:
    """A Protocol-Error for a peer without ALPN where only RADIUS/1.1 will do (RFC 9765 section 3.3.1)."""
    attributes = ErrorCause(ErrorCause.UNSUPPORTED_EXTENSION).wire(None)
    attributes += ReplyMessage("RADIUS/1.1 is required").wire(None)
    return radius_1_1.sign(PROTOCOL_ERROR, 0, b"", attributes, Peer().secret, prove=False)
