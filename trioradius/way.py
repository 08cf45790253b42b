"""Way: what a Client asks of a way to its server, the terms on which packets go along it, and one that is under way."""

from __future__ import annotations

from collections import Counter, deque
from typing import Final, Generic, Protocol, TypeVar

import attrs
import trio

from trioradius.attributes.dictionary import Dictionary
from trioradius.protocol.exchange import Sent
from trioradius.protocol.packets import ProtocolError, Reply, Request
from trioradius.protocol.profile import Profile
from trioradius.protocol.secret import Secret
from trioradius.retransmission import Retransmission

R = TypeVar("R", bound=Reply)
Place = TypeVar("Place")
"""Where a reply is listened for: an Identifier or Token, of one socket where there are several."""

UNMATCHED: Final = "unmatched"
"""Why a reply is thrown away that nobody waits for."""
CLOSED: Final = "the client is closed: the block of its open_client() has ended"


class Way(Protocol):
    """A way to one server: UDP sockets, TLS connections, or a DTLS session."""

    profile: Profile

    async def connect(self) -> None:
        """Be sure of a socket or a connection. Raises what Client.connect() says."""

    async def exchange(self, request: Request[R]) -> R | ProtocolError:
        """The reply that proves it is from the server. Raises NoResponse, and what Client.exchange() says."""
        ...

    def close(self) -> None:
        """End what is under way with trio.ClosedResourceError."""


@attrs.frozen
class Terms:
    """What both ends have agreed on; the arguments of open_client() say what each is."""

    secret: Secret
    retransmission: Retransmission
    require_message_authenticator: bool
    prove_dynamic: bool
    dictionary: Dictionary

    def make(self, request: Request[R], identifier: int, profile: Profile) -> Sent[R]:
        """Encode and sign a request. Raises EncodeError where it does not fit RADIUS."""
        return Sent.make(
            request,
            identifier,
            self.secret,
            profile,
            prove=self.prove_dynamic,
            require_message_authenticator=self.require_message_authenticator,
        )


class UnderWay(Generic[R, Place]):
    """A request under way: where it is listened for, the one good reply, and what was wrong with others.

    ``places`` has the newest last, under which ``sent`` went out.
    """

    def __init__(self) -> None:
        self.places: deque[Place] = deque()
        self.sent: Sent[R] | None = None
        self._outcome: R | ProtocolError | Exception | None = None
        self._ended = trio.Event()
        self._faults: Counter[str] = Counter()
        self._texts: dict[str, str] = {}

    def unchanged(self, request: Request[R]) -> Sent[R] | None:
        """What went out last, None where the request has changed since: then it wants an Identifier of its own."""
        return self.sent if self.sent is not None and self.sent.request == request else None

    def end(self, outcome: R | ProtocolError | Exception) -> None:
        """The good reply, or why there will be none; what comes after it is too late."""
        if not self._ended.is_set():
            self._outcome = outcome
            self._ended.set()

    async def reply(self) -> R | ProtocolError:
        """Wait for it. Raises what it ended with."""
        await self._ended.wait()
        if isinstance(self._outcome, Exception):
            raise self._outcome
        assert self._outcome is not None
        return self._outcome

    def blame(self, reason: str, text: str) -> None:
        """Remember why a reply to it was thrown away, or why none can come."""
        self._faults[reason] += 1
        self._texts[reason] = text

    def hint(self) -> tuple[str, str]:
        """The commonest fault as text and reason; what may have been the reply to another request only if alone."""
        if not self._faults:
            return "", ""
        reason = max(self._faults, key=lambda found: (found != UNMATCHED, self._faults[found]))
        return f": {self._texts[reason]}", reason
