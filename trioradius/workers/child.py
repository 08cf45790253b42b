"""Child: one worker process as its supervisor sees it, from its start to its end."""

from __future__ import annotations

import contextlib
import logging
import signal
from collections import Counter
from typing import Final

import attrs
import trio

from trioradius.workers import control
from trioradius.workers.control import Control

LAST_WORDS_SECONDS: Final = 1.0
"""How long what a worker said at its end may still arrive; a process that it has forked may hold its line for good."""

STEADY_SECONDS: Final = 1.0
"""One that serves most of the time is better than one that is kept away."""

log = logging.getLogger("trioradius.workers")


@attrs.define(eq=False)
class Child:
    """One worker process.

    ``control`` is the line to it, ``served`` the seconds that it could read, told once it has ended.
    """

    id: int
    slot: int
    process: trio.Process
    control: Control
    ready: trio.Event = attrs.field(factory=trio.Event)
    handed_over: trio.Event = attrs.field(factory=trio.Event)
    ended: trio.Event = attrs.field(factory=trio.Event)
    counters: Counter[str] = attrs.field(factory=Counter)
    served: float = 0
    _ready_since: float = 0
    _must_reload: bool = False

    def __str__(self) -> str:
        return f"worker {self.slot} (process {self.process.pid})"

    @property
    def ending(self) -> str:
        """How it has ended, for the log."""
        status = self.process.returncode
        how = f"status {status}" if status is None or status >= 0 else signal.Signals(-status).name
        return f"{self} ended by {how}"

    @property
    def was_sound(self) -> bool:
        """Whether it served for a while, or until somebody killed it: its place need not be kept empty for long."""
        was_killed = self.ready.is_set() and self.process.returncode == -signal.SIGKILL
        return was_killed or self.served >= STEADY_SECONDS

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, where it still runs."""
        if not self.ended.is_set():
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(number)

    def reload(self) -> None:
        """Have it read its files again; one that is still starting does so once it can, as it may have read some."""
        if self.ready.is_set():
            self.signal(signal.SIGHUP)
        else:
            self._must_reload = True

    async def attend(self) -> None:
        """Take what it tells until it has ended."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._listen)
                await self.process.wait()
                nursery.cancel_scope.deadline = trio.current_time() + LAST_WORDS_SECONDS
        finally:
            self.control.close()
            if self.ready.is_set():
                self.served = trio.current_time() - self._ready_since
            self.ended.set()

    async def _listen(self) -> None:
        while (message := await self.control.receive()) is not None:
            match message["is"]:
                case control.READY:
                    self._begin()
                case control.HANDED_OVER:
                    self.handed_over.set()
                case control.COUNTERS:
                    self.counters = Counter(message["values"])

    def _begin(self) -> None:
        self._ready_since = trio.current_time()
        self.ready.set()
        if self._must_reload:
            self.reload()

    async def until_ready(self, seconds: float) -> bool:
        """Wait until it can read; whether it came so far. One that takes longer is killed."""
        with trio.move_on_after(seconds):
            await first_of(self.ready, self.ended)
        if not self.ready.is_set() and not self.ended.is_set():
            log.error("%s is not ready after %g s, and is killed; does a lifespan hang?", self, seconds)
            self.signal(signal.SIGKILL)
            await self.ended.wait()
        return self.ready.is_set()


async def first_of(*events: trio.Event) -> None:
    """Wait for the first of some events."""
    async with trio.open_nursery() as nursery:

        async def wait(event: trio.Event) -> None:
            await event.wait()
            nursery.cancel_scope.cancel()

        for event in events:
            nursery.start_soon(wait, event)
