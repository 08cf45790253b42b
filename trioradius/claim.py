"""Claim: the block in which one request is ours to answer (RFC 5080 section 2.2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio

from trioradius.errors import SILENCE, Overload
from trioradius.stores import DedupStore, MemoryDedupStore

if TYPE_CHECKING:
    from typing import Self

FINISH_SECONDS: Final = 1.0
"""How long a shared store may take to keep a reply, cancelled or not."""


class Claim:
    """``async with Claim(...) as claim``: a repeat finds ``claim.reply``; otherwise set it, or leave it None.

    A repeat of a request that is being answered does not get in. A block left without a reply, by an exception
    or by cancellation, frees the key, so that a repeat tries again.

    Args:
        store: where replies live; None where duplicates are not looked for.
        key: what makes two requests the same one, empty where no repeat can come.
    """

    __slots__ = ("_kept_open", "_key", "_store", "is_repeat", "reply")

    def __init__(self, store: DedupStore | None, key: bytes) -> None:
        self.reply: bytes | None = None
        self.is_repeat = False
        """Whether the reply was given before."""
        self._store = store if key else None
        self._key = key
        self._kept_open = False

    async def __aenter__(self) -> Self:
        """Raises Overload where the request is being answered."""
        store = self._store
        if type(store) is MemoryDedupStore:
            begun = store.begin_at_once(self._key)
        else:
            begun = store is None or await store.begin(self._key)
        if begun is True:
            return self
        if begun is False:
            raise Overload(
                "a repeat of a request that is being answered", reason="repeat_in_flight", error_cause=SILENCE
            )
        self.is_repeat, self.reply = True, begun
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self.is_repeat or self._kept_open:
            return
        reply = self.reply if kind is None else None
        if type(self._store) is MemoryDedupStore:
            # It never waits, so there is nothing to shield.
            self._store.finish_at_once(self._key, reply)
        else:
            await self.finish(reply)

    def keep_open(self) -> None:
        """Leave it to a later ``finish``: the reply is ready, but must not reach a repeat before its time."""
        self._kept_open = True

    async def finish(self, reply: bytes | None) -> None:
        """Keep the reply for repeats, even while being cancelled; None frees the key."""
        if self._store is not None:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + FINISH_SECONDS):
                await self._store.finish(self._key, reply)
