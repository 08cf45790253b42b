"""A NAS that carries a peer's EAP to an app, one Access-Request after the other (RFC 3579)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.eap.peers import Peer
from trioradius import AVP, AccessChallenge, AccessReply, AccessRequest, App
from trioradius.attributes import EAPMessage, State, UserName
from trioradius.authentication import EAP, Identity, PasswordOf
from trioradius.testing import AppClient

PASSWORDS: Mapping[str, str] = {"alice": "wonderland", "bob": "looking glass"}


class Served:
    """An app that lets in whom this EAP proves, and remembers them."""

    def __init__(self, eap: EAP, password_of: PasswordOf = PASSWORDS.get, *, peers: Any = None) -> None:
        self.eap = eap
        self.app: App[None] = App(peers or {"127.0.0.1": b"twenty-four octets, say."}, reject_delay=0)
        self.let_in: list[Identity] = []

        @self.app.on(AccessRequest)
        async def authenticate(request: AccessRequest) -> AccessReply:
            self.let_in.append(await eap.authenticate(request, password_of))
            return request.accept()

    def client(self, address: str = "127.0.0.1") -> AppClient:
        """A NAS at this address."""
        return AppClient(self.app, address=address)


def request_of(eap: bytes, state: bytes | None = None, *more: AVP, user: str = "alice") -> AccessRequest:
    """The Access-Request that carries one EAP packet."""
    states = () if state is None else (State(state),)
    return AccessRequest(UserName(user), EAPMessage(eap), *states, *more)


async def step(client: AppClient, peer: Peer, last: AccessReply | None = None, *more: AVP) -> AccessReply:
    """The next exchange: the peer's answer to the last challenge, its identity where there was none."""
    if last is None:
        return await client.exchange(request_of(peer.start(), None, *more, user=peer.identity))
    answer = peer.answer(last[EAPMessage])
    return await client.exchange(request_of(answer, last[State], *more, user=peer.identity))


async def converse(client: AppClient, peer: Peer, *more: AVP) -> AccessReply:
    """A whole conversation; its last reply."""
    reply = await step(client, peer, None, *more)
    while isinstance(reply, AccessChallenge):
        reply = await step(client, peer, reply, *more)
    return reply
