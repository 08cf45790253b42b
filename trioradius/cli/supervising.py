"""``trioradius run --workers N``: the supervisor's part of it, which serves nothing itself."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import nullcontext
from typing import Final

import attrs
import trio

from trioradius.cli.announcement import Announcement
from trioradius.cli.check import counted
from trioradius.cli.group import Mistake, first_of
from trioradius.cli.serving import complaint
from trioradius.errors import ConfigurationError
from trioradius.metrics import serve_metrics
from trioradius.transports.udp import BoundAddress
from trioradius.workers import WORKERS_MAXIMUM, NotStarted, Supervisor, open_supervisor, systemd

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR2)

log = logging.getLogger("trioradius.run")


def worker_count(text: str) -> int:
    """How many workers ``--workers`` asks for; ``auto`` is one a core that this process may use. Raises Mistake."""
    if text == "auto":
        return min(len(os.sched_getaffinity(0)), WORKERS_MAXIMUM)
    if not text.isdecimal() or not text.isascii() or not 1 <= int(text) <= WORKERS_MAXIMUM:
        raise Mistake(f"--workers wants a number from 1 to {WORKERS_MAXIMUM}, or auto for one a core; not {text!r}")
    return int(text)


def _what_it_said(failure: NotStarted) -> int:
    """The status of a worker that has said what its mistake was. Raises Mistake for one that was cut off."""
    if failure.status != Mistake.exit_code:
        raise Mistake(str(failure)) from None
    return Mistake.exit_code


@attrs.define(eq=False)
class Supervising:
    """An app while workers serve it."""

    announcement: Announcement
    count: int
    metrics: BoundAddress | None
    _started: bool = False
    _scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)

    def until_stopped(self) -> int:
        """Have it served; the exit status. Raises Mistake where that cannot begin."""
        try:
            trio.run(self._run)
        except (ConfigurationError, BaseExceptionGroup) as error:
            cause = first_of(error)
            if isinstance(cause, NotStarted):
                return _what_it_said(cause)
            if self._started or not isinstance(cause, ConfigurationError):
                raise
            raise Mistake(complaint(cause)) from None
        return 0

    async def _run(self) -> None:
        command = [sys.executable, "-m", "trioradius", *sys.argv[1:]]
        grace = self.announcement.app.limits.grace_seconds
        with trio.open_signal_receiver(*SIGNALS) as signals:
            async with (
                open_supervisor(command, self.announcement.listeners, self.count, grace_seconds=grace) as supervisor,
                trio.open_nursery() as nursery,
            ):
                nursery.start_soon(self._obey, signals, supervisor, nursery)
                with self._scope:
                    if self.metrics is not None:
                        await nursery.start(serve_metrics, *self.metrics, lambda: supervisor.counters)
                    await supervisor.start(self.count)
                    self._started = True
                    self.announcement.say(supervisor.addresses, self.count)
                    systemd.ready(counted(self.count, "worker"))
                    await trio.sleep_forever()
                await supervisor.stop()
                nursery.cancel_scope.cancel()

    async def _obey(self, signals: AsyncIterator[int], supervisor: Supervisor, nursery: trio.Nursery) -> None:
        async for number in signals:
            match number:
                case signal.SIGHUP:
                    with systemd.reloading(counted(self.count, "worker")) if self._started else nullcontext():
                        supervisor.reload()
                case signal.SIGUSR2:
                    nursery.start_soon(supervisor.replace_all)
                case _ if self._scope.cancel_called:
                    supervisor.kill()
                case _:
                    log.info("%s: the workers answer what is under way, then all stops", signal.Signals(number).name)
                    systemd.stopping()
                    self._scope.cancel()
