"""Way: what a Client asks of a way to its server, and the terms on which packets go along it."""

from __future__ import annotations

from typing import Final, Protocol, TypeVar

import attrs

from trioradius.attributes.dictionary import Dictionary
from trioradius.protocol.exchange import Sent
from trioradius.protocol.packets import ProtocolError, Reply, Request
from trioradius.protocol.profile import Profile
from trioradius.protocol.secret import Secret
from trioradius.retransmission import Retransmission

R = TypeVar("R", bound=Reply)

CLOSED: Final = "the client is closed: the block of its open_client() has ended"


class Way(Protocol):
    """A way to one server: UDP sockets, or a TLS connection."""

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
