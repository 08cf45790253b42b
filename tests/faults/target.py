"""An app that notes what reaches its handlers and its duplicate store, and reads all that it gets."""

from __future__ import annotations

from typing import Any

from tests.faults.corpus import AUTOMATIC, FAILED, LOOSE, STRICT
from tests.faults.raw import PASSWORD, SECRET
from trioradius import (
    AccessAccept,
    AccessReject,
    AccessRequest,
    AccountingRequest,
    AccountingResponse,
    App,
    DisconnectACK,
    DisconnectRequest,
    MemoryDedupStore,
    NoResponse,
    Peer,
    Request,
)
from trioradius.attributes.ietf import Class, UserName
from trioradius.protocol.packets import REPLIES
from trioradius.testing import AppClient

PEERS = {
    STRICT: Peer(SECRET),
    LOOSE: Peer(SECRET, require_message_authenticator=False),
    AUTOMATIC: Peer(SECRET, allow_ms_chap=False),
}


class NotingStore:
    """A duplicate store that also notes the keys it is asked for."""

    def __init__(self) -> None:
        self._inner = MemoryDedupStore()
        self.keys: list[bytes] = []

    async def begin(self, key: bytes) -> bytes | bool:
        self.keys.append(key)
        return await self._inner.begin(key)

    async def finish(self, key: bytes, reply: bytes | None) -> None:
        await self._inner.finish(key, reply)


class Target:
    """The app, and what reached it."""

    def __init__(self) -> None:
        self.store = NotingStore()
        self.handled: list[Request[Any]] = []
        self.app: App[None] = App(PEERS, dedup=self.store, reject_delay=0)
        self.app.on(AccessRequest)(self.authenticate)
        self.app.on(AccountingRequest)(self.account)
        self.app.on(DisconnectRequest)(self.disconnect)

    async def authenticate(self, request: AccessRequest) -> AccessAccept | AccessReject:
        self._read(request)
        if request[UserName] and request.verify_password(PASSWORD):
            return request.accept(Class(bytes(100)))
        return request.reject()

    async def account(self, request: AccountingRequest) -> AccountingResponse:
        self._read(request)
        return request.respond()

    async def disconnect(self, request: DisconnectRequest) -> DisconnectACK:
        self._read(request)
        return request.ack()

    def _read(self, request: Request[Any]) -> None:
        """As a careless handler does that logs all it gets."""
        self.handled.append(request)
        assert (len(request), len(list(request))) == (len(request.avps),) * 2
        assert repr(request) and hash(request) == hash(request)

    async def verdict(self, octets: bytes, address: str = STRICT) -> str:
        """Why a datagram is discarded, the name of its reply, or FAILED."""
        try:
            reply = await AppClient(self.app, address=address).send(octets)
        except NoResponse as silence:
            return silence.reason
        return FAILED if reply is None else REPLIES[reply[0]].name
