"""A NAS to try the provider with: it takes CoA-Request and Disconnect-Request, and says what it was told.

NAS_SECRET=@nas.secret trioradius run examples.isp.simulated_nas:app --udp 127.0.0.1:3799
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path

from trioradius import AVP, App, CoAACK, CoANAK, CoARequest, DisconnectACK, DisconnectNAK, DisconnectRequest
from trioradius.attributes import AcctSessionId, ErrorCause, UserName

_IDENTIFY = frozenset({"NAS-IP-Address", "User-Name", "Acct-Session-Id", "Framed-IP-Address"})
_PROVE = frozenset({"Event-Timestamp", "Message-Authenticator"})


class SimulatedNAS:
    """What a NAS does with a session when the server asks; ``app`` is to be served where it listens.

    Args:
        secret: shared with the server.
        sessions: the Acct-Session-Ids that it knows; None is all, as if each session existed.
        say: where a line about each request goes.
    """

    def __init__(
        self, secret: str | bytes, sessions: set[str] | None = None, *, say: Callable[..., object] = print
    ) -> None:
        self.sessions = sessions
        self._say = say
        self.told: list[tuple[str, str, tuple[AVP, ...]]] = []
        """Of each request that was obeyed: its name, the User-Name and what was to change."""
        self.app: App[None] = App(peers={"127.0.0.0/8": secret})
        self.app.on(CoARequest)(self.change)
        self.app.on(DisconnectRequest)(self.end)

    async def change(self, request: CoARequest) -> CoAACK | CoANAK:
        """Obey a CoA-Request."""
        return request.ack() if self._obeys(request) else request.nak(ErrorCause.SESSION_CONTEXT_NOT_FOUND)

    async def end(self, request: DisconnectRequest) -> DisconnectACK | DisconnectNAK:
        """Obey a Disconnect-Request."""
        if not self._obeys(request):
            return request.nak(ErrorCause.SESSION_CONTEXT_NOT_FOUND)
        if self.sessions is not None:
            self.sessions.remove(request[AcctSessionId])
        return request.ack()

    def _obeys(self, request: CoARequest | DisconnectRequest) -> bool:
        if self.sessions is not None and request[AcctSessionId] not in self.sessions:
            return False
        changes = tuple(avp for avp in request.avps if avp.name not in _IDENTIFY | _PROVE)
        self.told.append((request.name, request[UserName], changes))
        self._say(f"{request.name} for {request[UserName]}, session {request[AcctSessionId]}:", *changes)
        return True


def _secret() -> str:
    given = os.environ.get("NAS_SECRET", "testing123")
    return Path(given[1:]).read_text().strip() if given.startswith("@") else given


app = SimulatedNAS(_secret(), say=functools.partial(print, flush=True)).app
