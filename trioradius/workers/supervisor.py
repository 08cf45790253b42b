"""Supervisor: opens every socket, starts the workers that read them, and sees that each place is always filled."""

from __future__ import annotations

import contextlib
import itertools
import logging
import math
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Final

import trio

from trioradius.authentication.conversations import WORKER_OCTETS
from trioradius.errors import ConfigurationError
from trioradius.server import Listener
from trioradius.workers import control
from trioradius.workers.child import Child, first_of
from trioradius.workers.control import Control, Invitation
from trioradius.workers.mailbox import path_of
from trioradius.workers.steering import open_sockets

WORKERS_MAXIMUM: Final = 256
BACKOFF_SECONDS: Final = 0.1
"""Before a crashed worker's place is filled again; doubled with each crash in a row, which a sound worker ends."""
BACKOFF_MAXIMUM: Final = 5.0
"""About as long as a NAS waits before it asks again; a program that crashes at its start takes little of a core so."""
AGAIN_SECONDS: Final = 1.0
"""Before the next try, where the system had no room for a process."""
READY_SECONDS: Final = 60.0
"""A new worker that takes longer has a lifespan that hangs, and is killed; the first ones have all the time."""
SETTLE_SECONDS: Final = 0.5
"""How long a new worker must last before the next one is replaced."""
LATE_SECONDS: Final = 5.0
"""Beyond the grace period, before a worker that does not end, or does not hand over, is killed."""
FOLDER_OCTETS: Final = 96
"""Of a path, so that a mailbox in it has room in the 108 octets of a socket's address."""

log = logging.getLogger("trioradius.workers")


class NotStarted(Exception):
    """The workers could not begin; ``status`` is what the first that failed returned, which may have said why."""

    def __init__(self, child: Child) -> None:
        super().__init__(f"{child.ending} before it was ready")
        self.status = child.process.returncode


class Supervisor:
    """Fills ``count`` places with processes of one command; made by open_supervisor().

    Args:
        command: what a worker runs; it finds its Invitation in its environment.
        sockets: for each listener, one socket a place.
        folder: where the workers' mailboxes are.
        grace_seconds: how long a worker may take to answer what it has read.
    """

    def __init__(
        self,
        command: Sequence[str],
        sockets: list[list[socket.socket]],
        folder: pathlib.Path,
        nursery: trio.Nursery,
        grace_seconds: float,
    ) -> None:
        self._command = list(command)
        self._sockets = sockets
        self._folder = folder
        self._nursery = nursery
        self._late_seconds = grace_seconds + LATE_SECONDS
        self._ids = itertools.cycle(range(1, 1 << 8 * WORKER_OCTETS))
        self._places: list[Child] = []
        self._children: set[Child] = set()
        self._gone: Counter[str] = Counter()
        self._replacing = trio.Lock()
        self._stopping = False

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where the workers listen, one a listener."""
        return [shared[0].getsockname()[:2] for shared in self._sockets]

    @property
    def counters(self) -> Counter[str]:
        """What all workers have counted, those that are gone included."""
        return sum((child.counters for child in self._children), self._gone.copy())

    @property
    def process_ids(self) -> list[int]:
        """Of the worker at each place."""
        return [child.process.pid for child in self._places]

    async def start(self, count: int) -> None:
        """Fill the places, the first one first, so that what is wrong with all is said once.

        Raises:
            NotStarted: a worker ended before it was ready.
            ConfigurationError: the system has no room for so many processes.
        """
        async with self._replacing:
            found = {0: await self._first(0)}

            async def fill(slot: int) -> None:
                found[slot] = await self._first(slot)

            async with trio.open_nursery() as nursery:
                for slot in range(1, count):
                    nursery.start_soon(fill, slot)
            self._places = [found[slot] for slot in range(count)]
            for child in self._places:
                await child.control.send(control.GO)
                self._nursery.start_soon(self._keep_filled, child)

    async def _first(self, slot: int) -> Child:
        try:
            child = await self._spawn(slot)
        except OSError as error:
            raise ConfigurationError(f"worker {slot} cannot be started: {error.strerror}") from None
        if not await child.until_ready(math.inf):
            raise NotStarted(child)
        return child

    def reload(self) -> None:
        """Have every worker read its peers, certificates and revocation lists again."""
        for child in self._children:
            child.reload()

    async def replace_all(self) -> None:
        """Put new workers, on new code, in the place of the old ones, one after another; every request is answered.

        One that cannot begin leaves its place, and those after it, as they are. While this goes on, one further call
        waits for its turn, and those after that one are the same as it.
        """
        if self._replacing.statistics().tasks_waiting:
            return
        async with self._replacing:
            for slot in range(len(self._places)):
                if self._stopping or not await self._replace(slot):
                    return
        log.info("all workers replaced")

    async def stop(self) -> None:
        """Have every worker answer what it has read, and end; those that do not are killed."""
        self._stopping = True
        self._signal(signal.SIGTERM)
        with trio.move_on_after(self._late_seconds):
            for child in [*self._children]:
                await child.ended.wait()
        self.kill()

    def kill(self) -> None:
        """End every worker at once."""
        self._stopping = True
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        for child in self._children:
            child.signal(number)

    def _has_its_place(self, child: Child) -> bool:
        """Whether a worker is the one that its place is meant for."""
        return not self._stopping and self._places[child.slot] is child

    async def _keep_filled(self, child: Child) -> None:
        """Fill a worker's place again, whenever whoever has it ends by itself, until a new worker is put there."""
        crashes = 0
        while True:
            await child.ended.wait()
            if not self._has_its_place(child):
                return
            crashes = 0 if child.was_sound else crashes + 1
            wait = min(BACKOFF_SECONDS * 2 ** max(crashes - 1, 0), BACKOFF_MAXIMUM)
            log.error("%s; its place is filled again in %g s", child.ending, wait)
            await trio.sleep(wait)
            child = await self._refill(child) or child

    async def _refill(self, gone: Child) -> Child | None:
        """Put a worker in the place of one that is gone, unless it is taken by then."""
        child = await self._spawn_in_the_end(gone)
        if child is not None and self._has_its_place(gone):
            self._places[child.slot] = child
            if await child.until_ready(READY_SECONDS) and self._has_its_place(child):
                await child.control.send(control.GO)
        elif child is not None:
            child.signal(signal.SIGKILL)
        return child

    async def _spawn_in_the_end(self, gone: Child) -> Child | None:
        while self._has_its_place(gone):
            try:
                return await self._spawn(gone.slot)
            except OSError as error:
                log.error(
                    "worker %d cannot be started: %s; tried again in %g s", gone.slot, error.strerror, AGAIN_SECONDS
                )
                await trio.sleep(AGAIN_SECONDS)
        return None

    async def _replace(self, slot: int) -> bool:
        """Put a new worker in the place of one that hands over; whether that worked, and lasted."""
        try:
            new = await self._spawn(slot)
        except OSError as error:
            log.error("worker %d cannot be started: %s; the workers stay as they are", slot, error.strerror)
            return False
        if not await new.until_ready(READY_SECONDS):
            if not self._stopping:
                log.error("%s before it was ready: the workers stay as they are", new.ending)
            return False
        old, self._places[slot] = self._places[slot], new
        await self._hand_over(old, new)
        await new.control.send(control.GO)
        self._nursery.start_soon(self._keep_filled, new)
        with trio.move_on_after(SETTLE_SECONDS):
            await new.ended.wait()
            log.error("%s as soon as it served: the other workers stay as they are", new.ending)
        return not new.ended.is_set()

    async def _hand_over(self, old: Child, new: Child) -> None:
        """Have the old worker read no more, and tell the new one what it has answered."""
        if not old.ready.is_set():
            # It has read nothing.
            old.signal(signal.SIGKILL)
            return
        await old.control.send(control.HAND_OVER, to=new.id)
        with trio.move_on_after(self._late_seconds) as late:
            await first_of(old.handed_over, old.ended)
        if late.cancelled_caught:
            log.error("%s does not hand over, and is killed", old)
            old.signal(signal.SIGKILL)

    async def _spawn(self, slot: int) -> Child:
        """Start a worker. Raises OSError where the system refuses."""
        number = next(self._ids)
        descriptors = [shared[slot].fileno() for shared in self._sockets]
        ours, theirs = Control.pair()
        with theirs, contextlib.ExitStack() as failing:
            failing.callback(ours.close)
            invitation = Invitation(
                number, slot, len(self._sockets[0]), tuple(descriptors), theirs.fileno(), str(self._folder)
            )
            process = await trio.lowlevel.open_process(
                self._command,
                stdin=subprocess.DEVNULL,
                pass_fds=(*descriptors, theirs.fileno()),
                env=invitation.to_environment(),
                # Ctrl-C in a terminal reaches the supervisor alone, who passes on what is to happen.
                process_group=0,
            )
            failing.pop_all()
        child = Child(number, slot, process, ours)
        self._children.add(child)
        self._nursery.start_soon(self._attend, child)
        if self._stopping:
            child.signal(signal.SIGTERM)
        return child

    async def _attend(self, child: Child) -> None:
        try:
            await child.attend()
        finally:
            path_of(self._folder, child.id).unlink(missing_ok=True)
            self._children.discard(child)
            self._gone += child.counters


def _new_folder() -> pathlib.Path:
    try:
        return pathlib.Path(tempfile.mkdtemp(prefix="trioradius-"))
    except OSError as error:
        raise ConfigurationError(f"no folder for workers: {error.strerror}; set TMPDIR to one to write to") from None


@contextlib.asynccontextmanager
async def open_supervisor(
    command: Sequence[str], listeners: Sequence[Listener], count: int, *, grace_seconds: float
) -> AsyncIterator[Supervisor]:
    """A supervisor with its sockets open; ``start()`` fills the places. Its workers end with the block.

    Args:
        command: what a worker runs, this very program.
        listeners: where to listen.
        count: how many workers, 1 to WORKERS_MAXIMUM.
        grace_seconds: how long a worker may take to answer what it has read.

    Raises:
        ConfigurationError: an address cannot be bound, or there is no folder for what the workers tell each other.
    """
    with contextlib.ExitStack() as stack:
        folder = _new_folder()
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        if len(os.fsencode(folder)) > FOLDER_OCTETS:
            raise ConfigurationError(f"{folder} is too long a path for sockets: set TMPDIR to a shorter one")
        sockets = []
        for listener in listeners:
            sockets.append(await open_sockets(listener, count))
            for opened in sockets[-1]:
                stack.enter_context(opened)
        async with trio.open_nursery() as nursery:
            supervisor = Supervisor(command, sockets, folder, nursery, grace_seconds)
            try:
                yield supervisor
            finally:
                with trio.CancelScope(shield=True):
                    await supervisor.stop()
                nursery.cancel_scope.cancel()
