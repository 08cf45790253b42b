"""Protocol-Error in RADIUS/1.0: a request that this hop does not support is told so (RFC 7930 section 4).

Only over TLS and DTLS, where the peer is known: over UDP, whoever forges an address would get an answer.
"""

from __future__ import annotations

from typing import Final

from trioradius.attributes.ietf import ErrorCause, OriginalPacketCode
from trioradius.errors import DecodeError
from trioradius.protocol import authenticator, wire
from trioradius.protocol.codes import PROTOCOL_ERROR
from trioradius.protocol.packets import REPLIES
from trioradius.protocol.secret import Secret
from trioradius.protocol.wire import PROXY_STATE

TOLD: Final = frozenset({ErrorCause.UNSUPPORTED_EXTENSION, ErrorCause.PROXY_REQUEST_NOT_ROUTABLE})
"""For other causes the NAS hears nothing, and asks its next server."""


def unsupported(octets: bytes, error_cause: int, secret: Secret | None) -> bytes | None:
    """The Protocol-Error for a request that is not supported, or cannot be routed.

    None for other causes, for a peer that is not known, for what is malformed, and for what is a reply itself: two
    ends could answer each other for ever.
    """
    if error_cause not in TOLD or secret is None:
        return None
    try:
        message = wire.decode(octets)
    except DecodeError:
        return None
    if message.code in REPLIES:
        return None
    attributes = OriginalPacketCode(message.code).wire(None) + ErrorCause(error_cause).wire(None)
    states = b"".join([bytes((PROXY_STATE, len(state) + 2)) + state for state in message.values(PROXY_STATE)])
    room = wire.PACKET_MAXIMUM - wire.HEADER - authenticator.PROOF - len(attributes)
    attributes += states if len(states) <= room else b""
    return authenticator.sign_reply(
        PROTOCOL_ERROR, message.identifier, message.authenticator, attributes, secret, prove=True
    )
