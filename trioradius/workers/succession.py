"""Succession: a worker that makes room tells its successor what was answered and what still is being answered.

Without it a retransmission, whose request the old worker took, would be handled a second time by the new one
(RFC 5080 section 2.2.2).
"""

from __future__ import annotations

import struct
from typing import Final

import trio

from trioradius.stores import MemoryDedupStore
from trioradius.workers.frames import Frames

_HEADER: Final = struct.Struct("!cfH")
"""What is told, the seconds that a reply lives, and the octets of the key, which comes next, and then the reply."""
KEPT: Final = b"k"
RUNNING: Final = b"r"
FREED: Final = b"f"
ALL_KNOWN: Final = b"a"
"""What was known at the beginning has been told; what follows is finished one by one."""
BATCH: Final = 256
"""Records sent at once, so that others get their turn."""
BACKLOG: Final = 65_536
"""Records that wait; a repeat of one past it may be handled again, as after a crash."""


def record(kind: bytes, key: bytes = b"", reply: bytes = b"", seconds: float = 0) -> bytes:
    """One message of a succession."""
    return _HEADER.pack(kind, seconds, len(key)) + key + reply


def read_record(octets: bytes) -> tuple[bytes, bytes, bytes, float]:
    """Kind, key, reply and seconds of one."""
    kind, seconds, length = _HEADER.unpack_from(octets)
    end = _HEADER.size + length
    return kind, octets[_HEADER.size : end], octets[end:], seconds


class Bequest:
    """All that a store knows, and then what it still learns. Begin one when nothing new is begun any more."""

    def __init__(self, store: MemoryDedupStore, frames: Frames) -> None:
        self._store = store
        self._frames = frames
        self._told, self._finished = trio.open_memory_channel[bytes](BACKLOG)
        self._known = [record(KEPT, *entry) for entry in store.kept]
        self._unfinished = {*store.running}
        self._known += [record(RUNNING, key) for key in self._unfinished]
        store.heir = self._learn

    def _learn(self, key: bytes, reply: bytes | None, seconds: float) -> None:
        self._unfinished.discard(key)
        try:
            self._told.send_nowait(record(FREED, key) if reply is None else record(KEPT, key, reply, seconds))
        except trio.WouldBlock:
            return

    async def tell_known(self) -> None:
        """Tell what is known; returns once the successor has it. Raises trio.BrokenResourceError."""
        for at in range(0, len(self._known), BATCH):
            await self._frames.send_all(self._known[at : at + BATCH])
        await self._frames.send(record(ALL_KNOWN))
        await self._frames.receive()

    async def tell_rest(self) -> None:
        """Tell what is finished from now on, until nothing is being answered. Raises trio.BrokenResourceError."""
        while self._unfinished or self._finished.statistics().current_buffer_used:
            await self._frames.send(await self._finished.receive())
            # What other workers passed on has been begun meanwhile.
            self._unfinished = self._unfinished or {*self._store.running}


async def inherit(store: MemoryDedupStore, frames: Frames) -> None:
    """Take what a predecessor tells, to its end; what it never finished is then free to be handled here."""
    held: set[bytes] = set()
    try:
        while (message := await frames.receive()) is not None:
            kind, key, reply, seconds = read_record(message)
            if kind == ALL_KNOWN:
                await frames.send(b"")
            elif kind == RUNNING:
                store.hold(key)
                held.add(key)
            elif key in held:
                held.remove(key)
                await store.finish(key, reply if kind == KEPT else None)
            elif kind == KEPT:
                store.keep(key, reply, seconds)
    finally:
        for key in held:
            await store.finish(key, None)
