"""Claim: the block in which one request is ours to answer (RFC 5080 section 2.2.2)."""

from __future__ import annotations

from collections.abc import Awaitable
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
        address: the NAS, whose requests at once are bounded.
        in_flight: how many requests are being answered, by address.
        most: the bound for one address.
    """

    __slots__ = ("_address", "_in_flight", "_kept_open", "_key", "_most", "_ours", "_store", "reply")

    def __init__(
        self, store: DedupStore | None, key: bytes, address: str, in_flight: dict[str, int], most: int
    ) -> None:
        self.reply: bytes | None = None
        self._store = store if key else None
        self._key = key
        self._address = address
        self._in_flight = in_flight
        self._most = most
        self._ours = False
        self._kept_open = False

    async def __aenter__(self) -> Self:
        """Raises Overload where the request is being answered, or the NAS has too many that are."""
        running = self._in_flight.get(self._address, 0)
        if running >= self._most:
            raise Overload(
                "too many requests of this NAS are being answered; Limits(in_flight_per_address=...) bounds them",
                reason="address_overload",
            )
        # Before the store is asked: a shared one takes a while, and those that wait for it count too.
        self._in_flight[self._address] = running + 1
        try:
            begun = True if self._store is None else await self._store.begin(self._key)
        except BaseException:
            self._leave()
            raise
        if begun is False:
            self._leave()
            raise Overload(
                "a repeat of a request that is being answered", reason="repeat_in_flight", error_cause=SILENCE
            )
        if begun is True:
            self._ours = True
        else:
            self.reply = begun
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._leave()
        if self._ours and not self._kept_open and self._store is not None:
            await self.finish(self.reply if kind is None else None)

    def _leave(self) -> None:
        running = self._in_flight[self._address] - 1
        if running:
            self._in_flight[self._address] = running
        else:
            del self._in_flight[self._address]

    @property
    def is_repeat(self) -> bool:
        """Whether the reply was given before."""
        return not self._ours

    def keep_open(self) -> None:
        """Leave it to a later ``finish``: the reply is ready, but must not reach a repeat before its time."""
        self._kept_open = True

    def finish(self, reply: bytes | None) -> Awaitable[None]:
        """Keep the reply for repeats, even while being cancelled; None frees the key. To be awaited."""
        if isinstance(self._store, MemoryDedupStore):
            # It never waits, so there is nothing to shield.
            return self._store.finish(self._key, reply)
        return self._finish_shielded(reply)

    async def _finish_shielded(self, reply: bytes | None) -> None:
        if self._store is not None:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + FINISH_SECONDS):
                await self._store.finish(self._key, reply)
