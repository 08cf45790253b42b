"""Supervisor: opens every socket, starts the workers that read them, and sees that each place is always filled."""

from __future__ import annotations

import contextlib
import itertools
import logging
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Final

import attrs
import trio

from trioradius.authentication.conversations import WORKER_OCTETS
from trioradius.errors import ConfigurationError
from trioradius.server import Listener
from trioradius.workers import control
from trioradius.workers.control import Control, Invitation
from trioradius.workers.mailbox import path_of
from trioradius.workers.steering import open_sockets

WORKERS_MAXIMUM: Final = 256
BACKOFF_SECONDS: Final = 0.1
"""Before a crashed worker's place is filled again; doubled with each crash in a row."""
BACKOFF_MAXIMUM: Final = 10.0
STEADY_SECONDS: Final = 30.0
"""A worker that lived so long begins a new row."""
LATE_SECONDS: Final = 5.0
"""Beyond the grace period, before a worker that does not end is killed."""

log = logging.getLogger("trioradius.workers")


class NotStarted(Exception):
    """The workers could not begin; ``status`` is what the first that failed returned, having said why."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@attrs.define(eq=False)
class Child:
    """One worker process, from its start to its end.

    ``control`` is the line to it, ``crashes`` how many before it in its place ended by themselves in a row.
    """

    id: int
    slot: int
    process: trio.Process
    control: Control
    begun: float
    crashes: int = 0
    ready: trio.Event = attrs.field(factory=trio.Event)
    handed_over: trio.Event = attrs.field(factory=trio.Event)
    ended: trio.Event = attrs.field(factory=trio.Event)
    counters: Counter[str] = attrs.field(factory=Counter)

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        return not self.ended.is_set()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, where it still runs."""
        if self.is_alive:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(number)


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
        self._grace_seconds = grace_seconds
        self._ids = itertools.cycle(range(1, 1 << 8 * WORKER_OCTETS))
        self._places: list[Child] = []
        self._children: set[Child] = set()
        self._gone: Counter[str] = Counter()
        self._changing = trio.Lock()
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
        """
        self._places.append(await self._first(0))
        found: dict[int, Child] = {}

        async def fill(slot: int) -> None:
            found[slot] = await self._first(slot)

        async with trio.open_nursery() as nursery:
            for slot in range(1, count):
                nursery.start_soon(fill, slot)
        self._places += [found[slot] for slot in range(1, count)]
        for child in self._places:
            await child.control.send(control.GO)
            self._nursery.start_soon(self._watch, child)

    async def _first(self, slot: int) -> Child:
        child = await self._spawn(slot)
        if not await _is_ready(child):
            raise NotStarted(child.process.returncode or 1)
        return child

    def reload(self) -> None:
        """Have every worker read its peers, certificates and revocation lists again."""
        self._signal(signal.SIGHUP)

    async def replace_all(self) -> None:
        """Put new workers, on new code, in the place of the old ones, one after another; every request is answered.

        One that cannot begin leaves its place, and those after it, as they are.
        """
        async with self._changing:
            for slot in range(len(self._places)):
                if self._stopping or not await self._replace(slot):
                    return
        log.info("all workers replaced")

    async def stop(self) -> None:
        """Have every worker answer what it has read, and end; those that do not are killed."""
        self._stopping = True
        self._signal(signal.SIGTERM)
        with trio.move_on_after(self._grace_seconds + LATE_SECONDS):
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

    async def _watch(self, child: Child) -> None:
        """Fill a worker's place again where it has ended by itself."""
        await child.ended.wait()
        async with self._changing:
            if self._stopping or self._places[child.slot] is not child:
                return
            if trio.current_time() - child.begun > STEADY_SECONDS:
                child.crashes = 0
            wait = min(BACKOFF_SECONDS * 2**child.crashes, BACKOFF_MAXIMUM)
            log.error("%s; its place is filled again in %g s", _ending(child), wait)
            await trio.sleep(wait)
            if not self._stopping:
                await self._refill(child)

    async def _refill(self, gone: Child) -> None:
        child = await self._spawn(gone.slot)
        child.crashes = gone.crashes + 1
        self._places[gone.slot] = child
        self._nursery.start_soon(self._watch, child)
        if await _is_ready(child):
            await child.control.send(control.GO)

    async def _replace(self, slot: int) -> bool:
        """Put a new worker in the place of one that hands over; whether that worked."""
        old, new = self._places[slot], await self._spawn(slot)
        if not await _is_ready(new):
            log.error("%s before it was ready: the workers stay as they are", _ending(new))
            return False
        await old.control.send(control.HAND_OVER, to=new.id)
        await _first_of(old.handed_over, old.ended)
        self._places[slot] = new
        self._nursery.start_soon(self._watch, new)
        await new.control.send(control.GO)
        return True

    async def _spawn(self, slot: int) -> Child:
        ours, theirs = Control.pair()
        number = next(self._ids)
        descriptors = [shared[slot].fileno() for shared in self._sockets]
        with theirs:
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
        child = Child(number, slot, process, ours, trio.current_time())
        self._children.add(child)
        self._nursery.start_soon(self._attend, child)
        return child

    async def _attend(self, child: Child) -> None:
        """Take what a worker tells until it has ended."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._listen, child)
                await child.process.wait()
        finally:
            child.control.close()
            child.ended.set()
            path_of(self._folder, child.id).unlink(missing_ok=True)
            self._children.discard(child)
            self._gone += child.counters

    async def _listen(self, child: Child) -> None:
        while (message := await child.control.receive()) is not None:
            match message["is"]:
                case control.READY:
                    child.ready.set()
                case control.HANDED_OVER:
                    child.handed_over.set()
                case control.COUNTERS:
                    child.counters = Counter(message["values"])


async def _is_ready(child: Child) -> bool:
    """Wait until a worker can read; whether it came so far."""
    await _first_of(child.ready, child.ended)
    return child.ready.is_set()


async def _first_of(*events: trio.Event) -> None:
    async with trio.open_nursery() as nursery:

        async def wait(event: trio.Event) -> None:
            await event.wait()
            nursery.cancel_scope.cancel()

        for event in events:
            nursery.start_soon(wait, event)


def _ending(child: Child) -> str:
    status = child.process.returncode
    how = f"status {status}" if status is None or status >= 0 else signal.Signals(-status).name
    return f"worker {child.slot} (process {child.process.pid}) ended by {how}"


@contextlib.asynccontextmanager
async def open_supervisor(
    command: Sequence[str], listeners: Sequence[Listener], count: int, *, grace_seconds: float
) -> AsyncIterator[Supervisor]:
    """A supervisor with its sockets open; ``start()`` fills the places. Its workers end with the block.

    Args:
        command: what a worker runs, this very program.
        listeners: where to listen.
        count: how many workers, 1 to 256.
        grace_seconds: how long a worker may take to answer what it has read.

    Raises:
        ConfigurationError: the count is none, or an address cannot be bound.
    """
    if not 1 <= count <= WORKERS_MAXIMUM:
        raise ConfigurationError(f"workers are 1 to {WORKERS_MAXIMUM}, not {count}")
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="trioradius-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
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
