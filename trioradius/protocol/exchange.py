"""Sent: a request as it went out, and what makes a datagram the reply to it."""

from __future__ import annotations

import logging
from typing import Final, Generic, TypeVar

import attrs

from trioradius.attributes.dictionary import Dictionary
from trioradius.errors import AuthenticityError, DecodeError
from trioradius.protocol.codes import PROVEN_REPLIES
from trioradius.protocol.packets import REPLIES, ProtocolError, Reply, Request
from trioradius.protocol.profile import Profile
from trioradius.protocol.secret import Secret
from trioradius.protocol.wire import ABSENT, PROXY_STATE, Message

EAP_MESSAGE: Final = 79

R = TypeVar("R", bound=Reply)


log = logging.getLogger("trioradius.exchange")


@attrs.frozen
class Sent(Generic[R]):
    """A request under one Identifier and authenticator, or one Token, its octets, and the proof its reply owes.

    ``require_message_authenticator``: discard Access-Accept, -Reject, -Challenge and Protocol-Error without one
    (BlastRADIUS, draft-ietf-radext-deprecating-radius).
    """

    request: Request[R]
    identifier: int
    authenticator: bytes
    octets: bytes
    secret: Secret
    profile: Profile
    require_message_authenticator: bool = True

    @classmethod
    def make(
        cls,
        request: Request[R],
        identifier: int,
        secret: Secret,
        profile: Profile,
        *,
        prove: bool = False,
        require_message_authenticator: bool = True,
    ) -> Sent[R]:
        """Encode and sign a request. Raises EncodeError where it does not fit RADIUS."""
        octets, authenticator = profile.encode_request(request, identifier, secret, prove=prove)
        return cls(request, identifier, authenticator, octets, secret, profile, require_message_authenticator)

    def read_reply(self, octets: bytes, dictionary: Dictionary) -> R | ProtocolError:
        """The reply within a datagram.

        Raises:
            DecodeError: it is no RADIUS packet, or cannot answer this request.
            AuthenticityError: it lacks the proof that it comes from who has the secret.
        """
        message = self.profile.decode(octets)
        self._require_proof(message)
        kind = REPLIES.get(message.code)
        if kind is None or (kind not in self.request.replies and kind is not ProtocolError):
            raise DecodeError(f"code {message.code} cannot answer {self.request.name}", reason="unexpected_code")
        self.profile.verify_reply(message, self.authenticator, self.secret)
        self._compare_proxy_states(message)
        hiding = self.profile.hiding(self.secret, self.authenticator)
        return kind.received(message, hiding, dictionary)  # type: ignore[return-value]

    def _require_proof(self, message: Message) -> None:
        """Before any other check, so that nothing else is learned from a forged reply."""
        if message.proof_at != ABSENT or not self.profile.signed:
            return
        if self.require_message_authenticator and message.code in PROVEN_REPLIES:
            raise AuthenticityError(
                "the reply has no Message-Authenticator; for a server that cannot send it, "
                "open_client(require_message_authenticator=False)",
                reason="message_authenticator_missing",
            )
        if message.values(EAP_MESSAGE):
            raise AuthenticityError(
                "the reply has EAP-Message without Message-Authenticator (RFC 3579 section 3.1)",
                reason="eap_without_message_authenticator",
            )

    def _compare_proxy_states(self, message: Message) -> None:
        """A Proxy-State that was not sent shows a forged reply; a missing one a careless server (RFC 2865 5.33)."""
        given = message.values(PROXY_STATE)
        sent = [avp.octets for avp in self.request.avps if avp.attribute.key == PROXY_STATE]
        if any(state not in sent for state in given) or len(given) > len(sent):
            raise AuthenticityError("the reply has a Proxy-State that was not sent", reason="proxy_state_foreign")
        if len(given) < len(sent):
            log.warning("the server did not return Proxy-State, as RFC 2865 section 5.33 demands")
