"""Load: many errands for one server, as many at once as fit a window, or so many a second."""

from __future__ import annotations

import contextlib
import math
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

import attrs
import trio

from trioradius.cli.eap import Errand
from trioradius.cli.latencies import Latencies
from trioradius.client import Client
from trioradius.errors import AuthenticityError, DecodeError, NoResponse

OUTSTANDING_MAXIMUM: Final = 10_000
"""Errands under way at a fixed rate, whatever the server does; past it they start late, which their latency shows."""
SILENT, NOT_BELIEVED, REFUSED = "without response", "not believed", "Protocol-Error"
FAILURES: Final = (SILENT, NOT_BELIEVED, REFUSED)

Errands = Callable[[int], Errand]
"""What is to be done n-th, from 0 on."""


@attrs.define
class Load:
    """What was asked and what came of it, while it runs and afterwards.

    Args:
        errands: what to do; called once for each.
        window: keep so many under way, and begin one when another has ended; unused with a rate.
        rate: begin so many a second, whatever has come of those before; latency then counts from the moment when one
            was due. None for the window.
        seconds: how long to begin new ones; None for as many as ``count``.
        count: how many to begin at most; None for as many as fit the seconds.
    """

    errands: Errands
    window: int = 64
    rate: float | None = None
    seconds: float | None = 10.0
    count: int | None = None
    begun: int = attrs.field(default=0, init=False)
    outcomes: Counter[str] = attrs.field(factory=Counter, init=False)
    latencies: Latencies = attrs.field(factory=Latencies, init=False)
    elapsed: float = attrs.field(default=0.0, init=False)
    _scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)

    @property
    def ended(self) -> int:
        """Errands that have come to something."""
        return self.outcomes.total()

    @property
    def failed(self) -> int:
        """Those without an answer that is to be believed."""
        return sum(self.outcomes[outcome] for outcome in FAILURES)

    @property
    def due(self) -> int:
        """How many a fixed rate asked for; with a window, those that were begun."""
        if self.rate is None or self.seconds is None:
            return self.begun if self.rate is None or self.count is None else self.count
        wanted = math.ceil(round(self.rate * self.seconds, 6))
        return wanted if self.count is None else min(wanted, self.count)

    def stop(self) -> None:
        """End it now; what is under way is neither answered nor lost."""
        self._scope.cancel()

    @property
    def stopped(self) -> bool:
        """Whether stop() ended it before it was done."""
        return self._scope.cancelled_caught

    async def run(self, client: Client) -> None:
        """Do it all, and wait for the last answers. Raises what the client raises, but for a failure to answer."""
        start = trio.current_time()
        try:
            with self._scope:
                if self.rate is None:
                    await self._keep_window(client, start)
                else:
                    await self._keep_rate(client, start, self.rate)
        finally:
            self.elapsed = trio.current_time() - start

    async def _keep_window(self, client: Client, start: float) -> None:
        numbers = self._numbers(start)

        async def work() -> None:
            for number in numbers:
                await self._do(client, self.errands(number), trio.current_time())

        async with trio.open_nursery() as nursery:
            for _ in range(self.window if self.count is None else min(self.window, self.count)):
                nursery.start_soon(work)

    def _numbers(self, start: float) -> Iterator[int]:
        """Numbers of errands to begin, for as long as it is time."""
        while (self.count is None or self.begun < self.count) and (
            self.seconds is None or trio.current_time() < start + self.seconds
        ):
            self.begun += 1
            yield self.begun - 1

    async def _keep_rate(self, client: Client, start: float, rate: float) -> None:
        places = trio.Semaphore(OUTSTANDING_MAXIMUM)

        async def work(errand: Errand, due: float) -> None:
            try:
                await self._do(client, errand, due)
            finally:
                places.release()

        async with trio.open_nursery() as nursery:
            while self.begun < self.due:
                due = start + self.begun / rate
                await trio.sleep_until(due)
                await places.acquire()
                if self.seconds is not None and trio.current_time() > start + self.seconds:
                    break
                nursery.start_soon(work, self.errands(self.begun), due)
                self.begun += 1

    async def _do(self, client: Client, errand: Errand, since: float) -> None:
        outcome = await _outcome(client, errand)
        self.outcomes[outcome] += 1
        if outcome not in FAILURES:
            self.latencies.add(trio.current_time() - since)


async def _outcome(client: Client, errand: Errand) -> str:
    with contextlib.suppress(AuthenticityError, DecodeError):
        try:
            reply, _ = await errand.run(client)
        except NoResponse as error:
            return REFUSED if error.reason == "protocol_error" else SILENT
        return reply.name
    return NOT_BELIEVED
