"""Conversation: the server's side of one EAP conversation, from Identity to Success or Failure (RFC 3748), without I/O.

Octets of a Response go in, and what to do now comes out: Challenge, Ask, Accepted or Refused. One Request is
outstanding at any time; what does not answer it is ignored (section 4.1), and the peer gets it once more.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Final, TypeAlias

import attrs

from trioradius.eap.method import Ask, Circumstances, Failed, Method, MethodSettings, Outcome, Send, Step
from trioradius.eap.negotiation import Negotiation, plain
from trioradius.eap.packet import FAILURE, IDENTITY, NAK, REQUEST, RESPONSE, SUCCESS, EAPPacket
from trioradius.errors import DecodeError
from trioradius.protocol.credentials import Verdict

IDENTITY_MAXIMUM: Final = 253
"""Octets; a longer one fits no User-Name (RFC 7542 section 2.3)."""
ROUNDS: Final = 50
"""Requests of one conversation: a chain of certificates in small fragments takes thirty."""


@attrs.frozen
class Challenge:
    """Send this Request. ``ignored`` says that it was sent before, and that what came was no answer to it."""

    octets: bytes = attrs.field(repr=False)
    ignored: bool = False


@attrs.frozen
class Accepted:
    """The peer has proved who it is: an EAP-Success."""

    octets: bytes
    outcome: Outcome


@attrs.frozen
class Refused:
    """It has not, for this reason (for the log): an EAP-Failure."""

    octets: bytes
    reason: str


Action: TypeAlias = Challenge | Ask | Accepted | Refused


class Conversation:
    """One conversation; made for an EAP-Start or a Response/Identity, which is the first that receive() gets.

    Args:
        methods: what is offered, best first.
        now: the time of day.
        fragment_size: the most octets of Type-Data in one Request.
        rounds: Requests past which it fails.
    """

    def __init__(
        self, methods: Sequence[MethodSettings], *, now: datetime, fragment_size: int = 1_015, rounds: int = ROUNDS
    ) -> None:
        self.identity = ""
        """What the peer calls itself (Response/Identity); nothing has proved it."""
        self.user = ""
        """Whose password was asked for last: within a tunnel somebody else than ``identity``."""
        self.method = ""
        """The name of the method proposed last."""
        self.rounds = 0
        """How many Requests were made."""
        self._negotiation = Negotiation(methods)
        self._now = now
        self._fragment_size = fragment_size
        self._rounds_maximum = rounds
        self._method: Method | None = None
        self._settled = False
        self._closed = False
        self._identifier = secrets.randbelow(256)
        self._type = 0
        self._asking = False
        self._request: Challenge | None = None
        self._answered: bytes | None = None
        self._action: Action | None = None

    @property
    def is_over(self) -> bool:
        """Whether it has come to Success or Failure."""
        return isinstance(self._action, Accepted | Refused)

    def receive(self, octets: bytes) -> Action:
        """What follows from these octets of an EAP-Message; the same again for a repeat of those that were taken last.

        b"" is an EAP-Start (RFC 3579 section 2.1).

        Raises:
            DecodeError: the very first octets are no EAP packet.
        """
        if self._action is not None and octets == self._answered:
            return self._action
        if self._action is None and not octets:
            return self._take(octets, self._ask_identity())
        try:
            response = plain(EAPPacket.decode(octets))
        except DecodeError:
            if self._action is None:
                raise
            return self._ignore(octets)
        if not self._fits(response):
            return self._ignore(octets)
        self._identifier = response.identifier
        return self._take(octets, self._advance(response))

    def tell(self, verdict: Verdict) -> Action:
        """What follows from the verdict on what Ask asked for."""
        if self._asking and self._method is not None:
            self._asking = False
            self._action = self._do(self._method.tell(verdict, self._next))
        else:
            self._action = self._refuse("the conversation was given up while the password was looked up")
        return self._action

    def give_up(self, reason: str) -> None:
        """End it in a failure, whatever it has come to: a repeat of its last Response gets no other answer."""
        self._action = self._refuse(reason)

    def close(self) -> None:
        """Forget what the method holds. A conversation that was not over is given up."""
        self._closed = True
        if self._method is not None:
            self._method.close()
            self._method = None

    @property
    def _next(self) -> int:
        """The Identifier of the Request that follows (RFC 3748 section 4.1: a new one has another)."""
        return (self._identifier + 1) % 256

    def _take(self, octets: bytes, action: Action) -> Action:
        self._answered, self._action = octets, action
        return action

    def _fits(self, response: EAPPacket) -> bool:
        """Whether it answers the outstanding Request; a Nak does until its method has begun (section 5.3.1)."""
        if response.code != RESPONSE or self._asking or self._closed:
            return False
        if self._request is None:
            return response.type == IDENTITY
        if response.identifier != self._identifier_of_request:
            return False
        return response.type == self._type or (response.type == NAK and not self._settled and self._type != IDENTITY)

    @property
    def _identifier_of_request(self) -> int:
        assert self._request is not None
        return self._request.octets[1]

    def _ignore(self, octets: bytes) -> Action:
        """Silence towards the peer: the NAS gets the Request that it has sent already (RFC 3579 section 2.2)."""
        if self._request is not None and not self._closed:
            return attrs.evolve(self._request, ignored=True)
        self._identifier = octets[1] if len(octets) > 1 else self._identifier
        return self._failure("no answer to anything that was asked")

    def _advance(self, response: EAPPacket) -> Action:
        if response.type == IDENTITY:
            return self._identified(response.data)
        if response.type == NAK:
            return self._propose(self._negotiation.among(response.data), refused=response.data)
        assert self._method is not None
        self._settled = True
        return self._do(self._method.receive(response, self._next))

    def _ask_identity(self) -> Action:
        return self._challenge(IDENTITY, b"")

    def _identified(self, data: bytes) -> Action:
        """RFC 3748 section 5.1: text in UTF-8, without a NUL."""
        try:
            self.identity = data.decode()
        except UnicodeDecodeError:
            return self._refuse("the identity is no UTF-8 text")
        if len(data) > IDENTITY_MAXIMUM or not self.identity.isprintable():
            return self._refuse(f"the identity has unprintable characters, or more than {IDENTITY_MAXIMUM} octets")
        return self._propose(self._negotiation.first())

    def _propose(self, settings: MethodSettings | None, refused: bytes = b"") -> Action:
        if self._method is not None:
            self._method.close()
            self._method = None
        if settings is None:
            wanted = ", ".join(map(str, refused.replace(b"\0", b""))) or "none"
            return self._refuse(f"no method in common; the types that the peer asks for: {wanted}")
        self.method, self._type = settings.name, settings.type
        self._method = settings.start(Circumstances(self.identity, self._fragment_size, now=self._now))
        return self._do(self._method.begin(self._next))

    def _do(self, step: Step) -> Action:
        if isinstance(step, Send):
            return self._challenge(self._type, step.data)
        if isinstance(step, Ask):
            self._asking = True
            self.user = step.identity
            return step
        if isinstance(step, Failed):
            return self._refuse(step.reason)
        self.close()
        return Accepted(EAPPacket(SUCCESS, self._identifier).encode(), step.outcome)

    def _challenge(self, kind: int, data: bytes) -> Action:
        if self.rounds >= self._rounds_maximum:
            return self._refuse(f"more than {self._rounds_maximum} rounds")
        self.rounds += 1
        self._type = kind
        self._request = Challenge(EAPPacket(REQUEST, self._next, kind, data).encode())
        return self._request

    def _refuse(self, reason: str) -> Refused:
        self.close()
        return self._failure(reason)

    def _failure(self, reason: str) -> Refused:
        """RFC 3748 section 4.2: with the Identifier of the Response."""
        return Refused(EAPPacket(FAILURE, self._identifier).encode(), reason)
