"""A server for tests over TLS and DTLS: an app of which the handlers wait when they are told to, on one listener."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import trio

from trioradius import AccessReply, AccessRequest, AccountingRequest, AccountingResponse, App, Peer, serve
from trioradius.attributes.ietf import ReplyMessage, UserName
from trioradius.transports import DTLS, TLS, UDP

PEERS = {"dns:nas.example.org": Peer()}
"""Whoever shows the certificate named client of tests.tls.pki."""


class Desk:
    """An app that lets in who says "wonderland", at once or, where the user's name begins with slow, past the gate.

    ``begun`` and ``ended`` are the users whose handlers have; one that was cancelled says so in ``ended``.
    """

    def __init__(self, peers: Any = PEERS, **settings: Any) -> None:
        self.app: App[Any] = App(peers, **{"reject_delay": 0, **settings})
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.gate = trio.Event()
        self._news = trio.Event()
        self.app.on(AccessRequest)(self.authenticate)
        self.app.on(AccountingRequest)(self.account)

    async def authenticate(self, request: AccessRequest) -> AccessReply:
        user = request[UserName]
        await self._wait(user)
        return request.accept(ReplyMessage(user)) if request.verify_password("wonderland") else request.reject()

    async def account(self, request: AccountingRequest) -> AccountingResponse:
        await self._wait(request[UserName])
        return request.respond()

    async def _wait(self, user: str) -> None:
        self._tell(self.begun, user)
        if user.startswith("slow"):
            try:
                await self.gate.wait()
            except trio.Cancelled:
                self._tell(self.ended, f"{user} cancelled")
                raise
        self._tell(self.ended, user)

    def _tell(self, users: list[str], user: str) -> None:
        users.append(user)
        self._news.set()
        self._news = trio.Event()

    async def until(self, condition: Callable[[Desk], bool]) -> None:
        """Wait for what handlers that begin or end bring about."""
        with trio.fail_after(30):
            while not condition(self):
                await self._news.wait()


@contextlib.asynccontextmanager
async def served(app: App[Any], listener: UDP | TLS | DTLS) -> AsyncIterator[tuple[str, int]]:
    """Serve an app on one listener; yields its address."""
    async with trio.open_nursery() as nursery:
        [address] = await nursery.start(serve, app, listener)
        yield address
        nursery.cancel_scope.cancel()
