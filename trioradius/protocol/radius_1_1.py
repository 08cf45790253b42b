"""RADIUS/1.1 (RFC 9765): TLS proves and hides the packet, so nothing here signs, hides or computes MD5.

A Token of four octets stands where the authenticator began, and does what Identifier and authenticator did: it tells
requests of a connection apart, and a reply copies it. The octets that it left over are reserved: sent as zero, ignored.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from trioradius.attributes.attribute import AVP, Key
from trioradius.attributes.ietf import CHAPChallenge, CHAPPassword, ErrorCause, OriginalPacketCode, UserPassword
from trioradius.errors import AuthenticityError, DecodeError, EncodeError
from trioradius.protocol import wire
from trioradius.protocol.codes import PROTOCOL_ERROR
from trioradius.protocol.hiding import PASSWORD_MAXIMUM, Hiding
from trioradius.protocol.packets import REPLIES
from trioradius.protocol.secret import Secret
from trioradius.protocol.wire import ABSENT, HEADER, MESSAGE_AUTHENTICATOR, PACKET_MAXIMUM, PROXY_STATE, Message

TOKENS: Final = 1 << 32
"""How many requests of one connection can be told apart (RFC 9765 section 4.1)."""
_RESERVED_2: Final = bytes(12)
_CISCO_AV_PAIR: Final = b"\0\0\0\x09\x01"
"""How a Vendor-Specific with Cisco-AVPair begins."""
_KEY_WRAP: Final = (b"radius:random-nonce=", b"radius:message-authenticator-code=")
"""How the text of MAC-Randomizer and Message-Authentication-Code begins (RFC 6218 sections 3.2 and 3.3)."""
_NEVER_SENT: Final[frozenset[Key]] = frozenset({MESSAGE_AUTHENTICATOR, OriginalPacketCode.key})
"""RFC 9765 sections 5.2 and 5.5."""
_MAY_BE_INVALID: Final = frozenset({UserPassword.number, 26, MESSAGE_AUTHENTICATOR, 241})


def decode(octets: bytes) -> Message:
    """Take a packet apart; its Token is the message's ``identifier``, and ``authenticator`` is empty.

    An invalid attribute is left out, and the packet processed all the same (RFC 6929 section 2.8).

    Raises:
        DecodeError: as in RADIUS/1.0; the lengths mean the same.
    """
    message = wire.decode(octets)
    message.identifier = int.from_bytes(message.octets[4:8], "big")
    message.authenticator = b""
    message.proof_at = ABSENT
    if not _MAY_BE_INVALID.isdisjoint(message.places):
        message.leave_out(_is_invalid)
    return message


def _is_invalid(number: int, octets: bytes) -> bool:
    """Whether it must not be in RADIUS/1.1: what proved packets before, and passwords that are none."""
    if number == UserPassword.number:
        return not 1 <= len(octets) <= PASSWORD_MAXIMUM
    if number == MESSAGE_AUTHENTICATOR:
        return True
    if number == 241:
        return octets[:1] == b"\x04"
    return number == 26 and octets.startswith(_CISCO_AV_PAIR) and octets[6:].startswith(_KEY_WRAP)


def encode_attributes(avps: Sequence[AVP], hiding: Hiding | None, left_out: frozenset[Key]) -> bytes:
    """AVPs as the octets of a packet's attributes, in the clear, without what RADIUS/1.1 must not carry.

    Raises:
        EncodeError: User-Password without 1 to 128 octets, CHAP-Password without CHAP-Challenge; what does not fit.
    """
    sent = [avp for avp in avps if avp.attribute.key not in left_out and _may_be_sent(avp)]
    keys = {avp.attribute.key for avp in sent}
    if CHAPPassword.key in keys and CHAPChallenge.key not in keys:
        raise EncodeError("RADIUS/1.1 wants CHAP-Challenge beside CHAP-Password (RFC 9765 section 5.1.2)")
    return b"".join([avp.wire(None) for avp in sent])


def _may_be_sent(avp: AVP) -> bool:
    key = avp.attribute.key
    if key == UserPassword.key and not 1 <= len(avp.octets) <= PASSWORD_MAXIMUM:
        raise EncodeError("in RADIUS/1.1 a User-Password has 1 to 128 octets (RFC 9765 section 5.1.1)")
    return key not in _NEVER_SENT and not (key == (26, 9, 1) and avp.octets.startswith(_KEY_WRAP))


def sign(code: int, identifier: int, authenticator: bytes, attributes: bytes, secret: Secret, *, prove: bool) -> bytes:
    """The octets of a packet whose Token is this identifier (RFC 9765 section 4.1); nothing is signed."""
    return wire.header_of(code, 0, attributes) + identifier.to_bytes(4, "big") + _RESERVED_2 + attributes


def verify_request(message: Message, secret: Secret) -> None:
    """Nothing: the connection has proved who sent it."""


def verify_reply(message: Message, authenticator: bytes, secret: Secret) -> None:
    """Check that a reply has the Token that the request's header began its second half with.

    Raises:
        AuthenticityError: it answers another request.
    """
    if message.octets[4:8] != authenticator[:4]:
        raise AuthenticityError("the reply has the Token of another request", reason="token")


def hiding(secret: Secret, authenticator: bytes) -> None:
    """Nothing is hidden (RFC 9765 section 5.1)."""


def duplicate_slot(prefix: bytes, message: Message) -> bytes:
    """None: TLS repeats nothing, so that no reply is kept for a repeat (RFC 9765 section 4.2.2)."""
    return b""


def unanswered(octets: bytes, error_cause: int, secret: Secret | None) -> bytes | None:
    """The Protocol-Error for a request that gets no other reply (RFC 9765 section 6.1).

    None for what is malformed, or no cause at all, and for what is a reply itself: two ends could answer each other
    for ever.
    """
    try:
        message = decode(octets)
        cause = ErrorCause(error_cause).wire(None)
    except (DecodeError, EncodeError):
        return None
    if message.code in REPLIES:
        return None
    states = b"".join([bytes((PROXY_STATE, len(state) + 2)) + state for state in message.values(PROXY_STATE)])
    if HEADER + len(cause) + len(states) > PACKET_MAXIMUM:
        states = b""
    return wire.header_of(PROTOCOL_ERROR, 0, cause + states) + octets[4:8] + _RESERVED_2 + cause + states
