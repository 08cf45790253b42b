"""Membership: what makes a server one of several workers. It obeys the supervisor, and ends with it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import trio

from trioradius.app import App
from trioradius.attributes.ietf import EAPMessage, State
from trioradius.authentication.conversations import this_worker, worker_of
from trioradius.errors import ConfigurationError
from trioradius.protocol.packets import Reply, Request
from trioradius.routing import Handler
from trioradius.server import BoundListener
from trioradius.stores import MemoryDedupStore
from trioradius.transports import Service
from trioradius.workers import control
from trioradius.workers.control import Control, Invitation
from trioradius.workers.mailbox import BEQUEST, Mailbox, ask, open_frames
from trioradius.workers.succession import Bequest

if TYPE_CHECKING:
    from typing import Self

ELECTION_SECONDS: Final = 1.0
"""Between two tries to be the elected one."""
REPORT_SECONDS: Final = 1.0
"""Between two reports of the counters."""
BEGIN_SECONDS: Final = 1.0
"""How long a successor waits until all that was read has begun; a peer that is looked up for longer is given up."""
LINGER_SECONDS: Final = 60.0
"""How long a worker that made room answers for the EAP conversations it began; as long as one may idle."""


class Membership:
    """One worker's part: made of the invitation that its supervisor put in its environment."""

    def __init__(self, invitation: Invitation, app: App[Any]) -> None:
        self.invitation = invitation
        self._app = app
        self._folder = pathlib.Path(invitation.folder)
        self._control = Control(_adopted(invitation.control))
        self._go = trio.Event()
        self._resigned = trio.Event()
        self._orphaned = False
        this_worker.set(invitation.id)
        app.elected.value = False
        app.outermost(self._pass_on)

    def sockets(self, count: int) -> list[socket.socket]:
        """The sockets to read, one a listener. Raises ConfigurationError where there are not as many."""
        opened = len(self.invitation.sockets)
        if count != opened:
            raise ConfigurationError(
                f"the app now listens at {count} places, and the workers at {opened}: restart the service as a whole"
            )
        return [_adopted(descriptor) for descriptor in self.invitation.sockets]

    def mailbox(self) -> Mailbox:
        """Where other workers find this one; to be served beside the listeners."""
        return Mailbox(self._folder, self.invitation.id, self._app.dedup)

    def gated(self, listener: BoundListener) -> BoundListener:
        """The listener, which begins to read only when the supervisor says so."""
        return Gated(listener, self._go)

    async def say_ready(self) -> None:
        """Tell the supervisor that the lifespans are open, and that reading may begin."""
        await self._control.send(control.READY)

    async def run(self, listeners: list[BoundListener], serving: trio.CancelScope) -> None:
        """Obey the supervisor, and cancel ``serving`` when it is gone or another worker has this one's place."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._report)
            nursery.start_soon(self._stand_for_election)
            while (message := await self._control.receive()) is not None:
                if message["is"] == control.GO:
                    self._go.set()
                elif message["is"] == control.HAND_OVER:
                    nursery.start_soon(self._hand_over, message["to"], listeners, serving)
            self._orphaned = True
            serving.cancel()
            nursery.cancel_scope.cancel()

    def leave(self) -> None:
        """Tidy up, also what a supervisor that is gone has left: the last worker to do so removes the folder."""
        self._control.close()
        if self._orphaned:
            with contextlib.suppress(OSError):
                self._folder.rmdir()

    async def last_report(self) -> None:
        """Tell the supervisor what was counted, at the end."""
        await self._control.send(control.COUNTERS, values=self._app.counters)

    async def _report(self) -> None:
        """Tell what is counted, whenever that has changed."""
        told: dict[str, int] = {}
        while True:
            if told != self._app.counters:
                told = dict(self._app.counters)
                await self._control.send(control.COUNTERS, values=told)
            await trio.sleep(REPORT_SECONDS)

    async def _stand_for_election(self) -> None:
        """Be the elected worker as soon as no other is, until this one resigns: who holds a lock on the folder is."""
        with _opened(self._folder) as office:
            while not _holds(office):  # noqa: ASYNC110 - the kernel tells nobody that a lock is free
                await trio.sleep(ELECTION_SECONDS)
            self._app.elected.value = True
            await self._resigned.wait()
            self._app.elected.value = False

    async def _hand_over(self, successor: int, listeners: list[BoundListener], serving: trio.CancelScope) -> None:
        """Read no more, tell the successor what was answered, and stay for conversations that began here."""
        self._resigned.set()
        for listener in listeners:
            listener.stop()
        await self._all_begun(listeners)
        async with trio.open_nursery() as nursery:
            if isinstance(self._app.dedup, MemoryDedupStore):
                await nursery.start(self._bequeath, successor, self._app.dedup)
            await self._control.send(control.HANDED_OVER)
            await trio.sleep(LINGER_SECONDS)
            nursery.cancel_scope.cancel()
        serving.cancel()

    async def _all_begun(self, listeners: list[BoundListener]) -> None:
        """Wait until every request that was read is known to the duplicate store, or given up for its repeat."""
        with trio.move_on_after(BEGIN_SECONDS):
            for listener in listeners:
                await listener.all_begun()
            await self._app.peers.settled()
        self._app.peers.ask_no_more()

    async def _bequeath(
        self, successor: int, store: MemoryDedupStore, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        try:
            async with await open_frames(self._folder, successor) as frames:
                await frames.send(BEQUEST)
                bequest = Bequest(store, frames)
                await bequest.tell_known()
                task_status.started()
                await bequest.tell_rest()
        except (OSError, trio.BrokenResourceError):
            # The successor is gone, and the supervisor sees to the next one.
            task_status.started()

    async def _pass_on(self, request: Request[Any], call_next: Handler) -> Reply:
        """A request of a conversation that another worker began is answered there."""
        state = request.octets(State) if EAPMessage in request else None
        owner = None if state is None else worker_of(state)
        if owner is not None and owner != self.invitation.id:
            reply = await ask(self._folder, owner, request)
            if reply is not None:
                return reply
        return await call_next(request)


class Gated:
    """A listener that waits for the word to read."""

    def __init__(self, listener: BoundListener, go: trio.Event) -> None:
        self.address = listener.address
        self._listener = listener
        self._go = go
        self._waiting = trio.CancelScope()

    def __enter__(self) -> Self:
        self._listener.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._listener.__exit__(*error)

    async def serve(self, service: Service) -> None:
        """Wait, and then answer requests until stopped."""
        with self._waiting:
            await self._go.wait()
        await self._listener.serve(service)

    def stop(self) -> None:
        """Read no more, or nothing at all."""
        self._waiting.cancel()
        self._listener.stop()

    async def all_begun(self) -> None:
        """As BoundListener."""
        await self._listener.all_begun()


def _adopted(descriptor: int) -> socket.socket:
    """A socket that was passed on; this process's own children do not get it."""
    adopted = socket.socket(fileno=descriptor)
    adopted.set_inheritable(False)
    adopted.setblocking(False)
    return adopted


@contextlib.contextmanager
def _opened(folder: pathlib.Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _holds(office: int) -> bool:
    try:
        fcntl.flock(office, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
