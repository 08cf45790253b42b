"""Profile: one version of RADIUS as a value, chosen once and then used without asking which it is.

A profile decodes, verifies, hides and signs. Whoever holds one never writes ``if version``: what differs between
RADIUS/1.0 and RADIUS/1.1 is a function in it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import attrs

from trioradius.attributes.attribute import AVP, Key
from trioradius.protocol import authenticator as proof
from trioradius.protocol import radius_1_1, wire
from trioradius.protocol.codes import ACCESS_REQUEST, DIGEST_AUTHENTICATOR, PROVEN_REPLIES, STATUS_SERVER
from trioradius.protocol.hiding import Hiding
from trioradius.protocol.packets import Reply, Request
from trioradius.protocol.secret import Secret
from trioradius.protocol.unsupported import unsupported
from trioradius.protocol.wire import MESSAGE_AUTHENTICATOR, PROXY_STATE, Message


class Sign(Protocol):
    """How a version turns code, Identifier, authenticator and attributes into octets."""

    def __call__(
        self, code: int, identifier: int, authenticator: bytes, attributes: bytes, secret: Secret, *, prove: bool
    ) -> bytes: ...


class EncodeAttributes(Protocol):
    """How a version turns AVPs, without those of the keys left out, into the octets of a packet's attributes."""

    def __call__(self, avps: Sequence[AVP], hiding: Hiding | None, left_out: frozenset[Key]) -> bytes: ...


@attrs.frozen
class Profile:
    """One version of RADIUS.

    ``identifiers`` is how many requests one connection can tell apart. ``hiding`` makes what hides and unhides values
    under a secret and an authenticator; it returns None where the version hides nothing. ``signed`` says whether
    Message-Authenticator exists in it. ``duplicate_slot`` makes, of what names a source, the slot of a message from it,
    in which the Request Authenticator tells repeats (RFC 5080 section 2.2.2); it is empty where no repeat can come.
    ``unanswered`` gives the octets that tell a peer, by an Error-Cause, that its request gets no reply; None where the
    version stays silent. ``tells_unsupported`` says that this is what a request gets that is not supported, rather than
    a NAK.
    """

    name: str
    identifiers: int
    decode: Callable[[bytes], Message]
    encode_attributes: EncodeAttributes
    verify_request: Callable[[Message, Secret], None]
    verify_reply: Callable[[Message, bytes, Secret], None]
    sign_request: Sign
    sign_reply: Sign
    hiding: Callable[[Secret, bytes], Hiding | None]
    signed: bool
    duplicate_slot: Callable[[bytes, Message], bytes]
    unanswered: Callable[[bytes, int, Secret | None], bytes | None]
    tells_unsupported: bool

    def encode_request(
        self, request: Request[Any], identifier: int, secret: Secret, *, prove: bool = False, authenticator: bytes = b""
    ) -> tuple[bytes, bytes]:
        """A request's octets, and the sixteen of its header that its reply must fit.

        They are the Request Authenticator, or begin with the Token; ``identifier`` is below ``identifiers``.

        Message-Authenticator is always in Access-Request and Status-Server, never in Accounting-Request
        (RFC 2869 section 5.19), and elsewhere where ``prove`` asks for it.

        Raises:
            EncodeError: an attribute or the whole does not fit RADIUS.
        """
        vector = authenticator or request.authenticator or proof.new_authenticator()
        if request.code in DIGEST_AUTHENTICATOR:
            vector = bytes(16)
        attributes = self.encode_attributes(request.avps, self.hiding(secret, vector), _REQUEST_LEAVES_OUT)
        prove = request.code in (ACCESS_REQUEST, STATUS_SERVER) or (prove and request.code in _MAY_PROVE)
        octets = self.sign_request(request.code, identifier, vector, attributes, secret, prove=prove)
        return octets, octets[4:20]

    def request_hiding(self, message: Message, secret: Secret) -> Hiding | None:
        """What unhides a received request; a digest authenticator did not exist yet when its attributes were hidden."""
        return self.hiding(secret, _ZEROS if message.code in DIGEST_AUTHENTICATOR else message.authenticator)

    def encode_reply(self, reply: Reply, message: Message, hiding: Hiding | None, secret: Secret) -> bytes:
        """A reply's octets: proof first where its code asks for it, its attributes, the request's Proxy-States.

        Proxy-State goes back unchanged and in order (RFC 2865 section 5.33).

        Raises:
            EncodeError: an attribute or the whole does not fit RADIUS.
        """
        avps, attributes = reply.avps, b""
        if avps:
            if message.code in DIGEST_AUTHENTICATOR:
                hiding = self.hiding(secret, message.authenticator)
            attributes = self.encode_attributes(avps, hiding, _REPLY_LEAVES_OUT)
        if PROXY_STATE in message.places:
            for octets in message.values(PROXY_STATE):
                attributes += bytes((PROXY_STATE, len(octets) + 2)) + octets
        code = reply.code
        return self.sign_reply(
            code, message.identifier, message.authenticator, attributes, secret, prove=code in PROVEN_REPLIES
        )


_ZEROS: Final = bytes(16)
_MAY_PROVE: Final = frozenset({40, 43})
"""Disconnect-Request and CoA-Request, where the peer wants it (RFC 5176 section 3.4)."""


_REQUEST_LEAVES_OUT: Final[frozenset[Key]] = frozenset({MESSAGE_AUTHENTICATOR})
"""The signer's business."""
_REPLY_LEAVES_OUT: Final[frozenset[Key]] = frozenset({MESSAGE_AUTHENTICATOR, PROXY_STATE})
"""Proxy-State comes from the request alone: one more, and its sender takes the reply for a forgery."""


_AS_IS: Final = operator.attrgetter("as_is")


def encode_attributes(
    avps: Sequence[AVP], hiding: Hiding | None, left_out: frozenset[Key] = _REQUEST_LEAVES_OUT
) -> bytes:
    """AVPs as the octets of a packet's attributes, without those of the types left out."""
    parts = list(map(_AS_IS, avps))
    if b"" in parts:
        # Only what may be left out, or has to be hidden, nested or split, is not as_is.
        parts = [part or _written(avp, hiding, left_out) for part, avp in zip(parts, avps, strict=True)]
    return b"".join(parts)


def _written(avp: AVP, hiding: Hiding | None, left_out: frozenset[Key]) -> bytes:
    if avp.attribute.key in left_out:
        return b""
    return avp.wire(hiding.hide if hiding is not None else None)


def _duplicate_slot(prefix: bytes, message: Message) -> bytes:
    """Source, code and Identifier."""
    return prefix + message.octets[:2]


def _silent(octets: bytes, error_cause: int, secret: Secret | None) -> None:
    """RADIUS/1.0 has no word for it: the NAS tries its next server when it has waited long enough."""


RADIUS_1_0: Final = Profile(
    name="1.0",
    identifiers=256,
    decode=wire.decode,
    encode_attributes=encode_attributes,
    verify_request=proof.verify_request,
    verify_reply=proof.verify_reply,
    sign_request=proof.sign_request,
    sign_reply=proof.sign_reply,
    hiding=Hiding,
    signed=True,
    duplicate_slot=_duplicate_slot,
    unanswered=_silent,
    tells_unsupported=False,
)
"""RADIUS as RFC 2865 has it: MD5 authenticators, hidden passwords."""

RADIUS_1_0_SECURED: Final = attrs.evolve(RADIUS_1_0, unanswered=unsupported, tells_unsupported=True)
"""The same over TLS and DTLS, where Protocol-Error says what is not supported (RFC 7930 section 4)."""

RADIUS_1_1: Final = Profile(
    name="1.1",
    identifiers=radius_1_1.TOKENS,
    decode=radius_1_1.decode,
    encode_attributes=radius_1_1.encode_attributes,
    verify_request=radius_1_1.verify_request,
    verify_reply=radius_1_1.verify_reply,
    sign_request=radius_1_1.sign,
    sign_reply=radius_1_1.sign,
    hiding=radius_1_1.hiding,
    signed=False,
    duplicate_slot=radius_1_1.duplicate_slot,
    unanswered=radius_1_1.unanswered,
    tells_unsupported=True,
)
"""RADIUS as RFC 9765 has it, over TLS 1.3 or DTLS 1.3: a Token, and no MD5."""
