"""Claim: what makes one request ours to answer, once (RFC 5080 section 2.2.2)."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final

import trio

from trioradius.errors import SILENCE, Overload
from trioradius.stores import DedupStore, MemoryDedupStore
from trioradius.stores.duplicates import Kept

FINISH_SECONDS: Final = 1.0
"""How long a shared store may take to keep a reply, cancelled or not."""


class Claim:
    """One request's claim: begun, it is a repeat that has a ``reply``, or ours, to be ended with a reply or without.

    Without one, as after an exception or cancellation, the key is free, so that a repeat tries again. begin() and end()
    return what is to be awaited: nothing, where the store is this process's memory::

        claim = Claim(store, slot, authenticator)
        if asking := claim.begin():
            await asking
        try:
            ...
            claim.reply = ...
        finally:
            if telling := claim.end():
                await telling

    Args:
        store: where replies live; None where duplicates are not looked for.
        slot: source, code and Identifier, empty where no repeat can come.
        authenticator: the Request Authenticator, which makes two requests in a slot the same one.
    """

    __slots__ = ("_authenticator", "_kept", "_kept_open", "_slot", "_store", "is_repeat", "reply")

    def __init__(self, store: DedupStore | None, slot: bytes, authenticator: bytes) -> None:
        self.reply: bytes | None = None
        self.is_repeat = False
        """Whether the reply was given before."""
        self._store = store if slot else None
        self._slot = slot
        self._authenticator = authenticator
        self._kept_open = False

    def begin(self) -> Awaitable[None] | None:
        """Claim the request. Raises Overload where it is being answered."""
        store = self._store
        if type(store) is MemoryDedupStore:
            begun = store.claim(self._slot, self._authenticator)
            if type(begun) is Kept:
                self._kept = begun
            else:
                self._settled(begun)
            return None
        return None if store is None else self._ask(store.begin(self._slot + self._authenticator))

    async def _ask(self, asking: Awaitable[bytes | bool]) -> None:
        begun = await asking
        if begun is not True:
            self._settled(begun)

    def _settled(self, begun: bytes | Kept | bool) -> None:
        """It is not ours."""
        if not isinstance(begun, bytes):
            raise Overload(
                "a repeat of a request that is being answered", reason="repeat_in_flight", error_cause=SILENCE
            )
        self.is_repeat, self.reply = True, begun

    def end(self) -> Awaitable[None] | None:
        """Keep the reply for repeats; without one free the key."""
        if self.is_repeat or self._kept_open:
            return None
        store = self._store
        if type(store) is MemoryDedupStore:
            store.settle(self._kept, self.reply)
            return None
        return None if store is None else self._tell(store.finish(self._slot + self._authenticator, self.reply))

    def keep_open(self) -> None:
        """Leave it to a later ``finish``: the reply is ready, but must not reach a repeat before its time."""
        self._kept_open = True

    async def finish(self, reply: bytes | None) -> None:
        """End what was kept open, with this reply or without one."""
        self._kept_open, self.reply = False, reply
        if telling := self.end():
            await telling

    async def _tell(self, telling: Awaitable[None]) -> None:
        """Shielded, since a key that is not freed keeps repeats out."""
        with trio.CancelScope(shield=True, deadline=trio.current_time() + FINISH_SECONDS):
            await telling
