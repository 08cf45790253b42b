"""A worker's part, by its end of the line to the supervisor."""

from __future__ import annotations

import contextlib
import os
import pathlib
import socket
from collections.abc import AsyncIterator

import attrs
import pytest
import trio

from tests.nas import SECRET, Port, login
from trioradius import UDP, AccessAccept, AccessRequest, App, ConfigurationError, MemoryDedupStore, Peer, Peers
from trioradius.server import AppService, serve_bound
from trioradius.stores import DedupStore
from trioradius.transports.udp import UDPListener
from trioradius.workers import Invitation, Membership, control
from trioradius.workers.control import Control


@attrs.frozen
class Seat:
    """A worker without listeners, and what its supervisor holds of it."""

    membership: Membership
    supervisor: Control
    app: App[None]
    serving: trio.CancelScope = attrs.field(factory=trio.CancelScope)

    async def hears(self, kind: str) -> None:
        """The next message but reports of counters."""
        with trio.fail_after(30):
            while (message := await self.supervisor.receive()) is not None and message["is"] == control.COUNTERS:
                pass
        assert message == {"is": kind}

    async def look_up(self, listener: UDPListener, port: Port, nursery: trio.Nursery) -> None:
        """Read here, and have a request wait for its peer."""
        nursery.start_soon(listener.serve, AppService(self.app))
        nursery.start_soon(self.membership.run, [listener], self.serving)
        await port.send(login("alice"))
        while not self.app.in_flight:
            await trio.lowlevel.checkpoint()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until told to end."""
        with self.serving:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.membership.run, [], self.serving)
                task_status.started()


def seat(folder: pathlib.Path, number: int = 1, dedup: DedupStore | None = None) -> Seat:
    supervisor, theirs = Control.pair()
    app = App[None](peers={}, dedup=dedup)
    return Seat(Membership(Invitation(number, 0, 2, (), theirs.detach(), str(folder)), app), supervisor, app)


@pytest.fixture
async def alone(tmp_path: pathlib.Path) -> AsyncIterator[Seat]:
    taken = seat(tmp_path, dedup=MemoryDedupStore())
    yield taken
    taken.membership.leave()
    taken.supervisor.close()


async def test_an_app_that_has_other_listeners_than_the_workers_began_with(tmp_path: pathlib.Path) -> None:
    supervisor, theirs = Control.pair()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        descriptors = os.dup(opened.fileno()), os.dup(opened.fileno())
    membership = Membership(Invitation(1, 0, 2, descriptors, theirs.detach(), str(tmp_path)), App(peers={}))
    says = "the app now listens at 3 places, and the workers at 2: restart the service as a whole"
    with pytest.raises(ConfigurationError, match=says):
        membership.sockets(3)
    for adopted in membership.sockets(2):
        assert not os.get_inheritable(adopted.fileno())
        adopted.close()
    membership.leave()
    assert await supervisor.receive() is None
    supervisor.close()


async def test_one_is_elected_until_it_makes_room(tmp_path: pathlib.Path) -> None:
    seats = [seat(tmp_path, number) for number in (1, 2)]
    async with trio.open_nursery() as nursery:
        await nursery.start(seats[0].run)
        await seats[0].app.elected.wait_value(True)
        await nursery.start(seats[1].run)
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert not seats[1].app.elected.value
        await seats[0].supervisor.send(control.HAND_OVER, to=2)
        await seats[0].hears(control.HANDED_OVER)
        with trio.fail_after(30):
            await seats[1].app.elected.wait_value(True)
        assert not seats[0].app.elected.value
        nursery.cancel_scope.cancel()
    for one in seats:
        one.membership.leave()
        one.supervisor.close()


async def test_it_makes_room_although_its_successor_is_gone(alone: Seat) -> None:
    async with trio.open_nursery() as nursery:
        await nursery.start(alone.run)
        await alone.supervisor.send(control.HAND_OVER, to=99)
        await alone.hears(control.HANDED_OVER)
        nursery.cancel_scope.cancel()


async def test_its_successor_reads_only_when_what_was_read_is_known(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a request whose peer is still looked up would be handled twice, once more where it is sent again."""
    monkeypatch.setattr("trioradius.workers.membership.BEGIN_SECONDS", 60)
    looked_up = trio.Event()

    async def find(address: object) -> Peer:
        await looked_up.wait()
        return Peer(SECRET)

    old, new = (seat(tmp_path, number, MemoryDedupStore()) for number in (1, 2))
    old.app.peers = Peers(find)
    old.app.on(AccessRequest)(forever)
    with await UDP("127.0.0.1", 0).bind() as listener, contextlib.closing(Port(listener.address)) as port:
        async with trio.open_nursery() as nursery:
            with new.membership.mailbox() as mailbox:
                await nursery.start(serve_bound, new.app, [mailbox])
                await old.look_up(listener, port, nursery)
                await old.supervisor.send(control.HAND_OVER, to=2)
                await trio.testing.wait_all_tasks_blocked(0.01)
                assert not store_of(old).running and not store_of(new).running
                looked_up.set()
                await old.hears(control.HANDED_OVER)
                assert store_of(old).running == store_of(new).running != ()
                nursery.cancel_scope.cancel()
    for one in (old, new):
        one.membership.leave()
        one.supervisor.close()


async def forever(request: AccessRequest) -> AccessAccept:
    await trio.sleep_forever()
    raise AssertionError


def store_of(one: Seat) -> MemoryDedupStore:
    assert isinstance(one.app.dedup, MemoryDedupStore)
    return one.app.dedup


async def test_a_look_up_that_takes_too_long_is_given_up(alone: Seat, monkeypatch: pytest.MonkeyPatch) -> None:
    """It must not be handled here as well, when the successor has its repeat."""
    monkeypatch.setattr("trioradius.workers.membership.BEGIN_SECONDS", 0.05)

    async def find(address: object) -> Peer:
        await trio.sleep_forever()
        raise AssertionError

    alone.app.peers = Peers(find)
    with await UDP("127.0.0.1", 0).bind() as listener, contextlib.closing(Port(listener.address)) as port:
        async with trio.open_nursery() as nursery:
            await alone.look_up(listener, port, nursery)
            await alone.supervisor.send(control.HAND_OVER, to=99)
            await alone.hears(control.HANDED_OVER)
            await trio.testing.wait_all_tasks_blocked()
            assert alone.app.counters["discarded.handed_over"] == 1
            nursery.cancel_scope.cancel()


async def test_one_that_made_room_stays_for_a_while(alone: Seat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trioradius.workers.membership.LINGER_SECONDS", 0.1)
    async with trio.open_nursery() as nursery:
        await nursery.start(alone.run)
        await alone.supervisor.send(control.HAND_OVER, to=99)
        with trio.fail_after(30):
            await alone.hears(control.HANDED_OVER)
    assert alone.serving.cancelled_caught


async def test_it_ends_with_its_supervisor(alone: Seat) -> None:
    async with trio.open_nursery() as nursery:
        await nursery.start(alone.run)
        alone.supervisor.close()
    assert alone.serving.cancel_called


async def test_it_reports_what_it_counts_when_that_changes(alone: Seat) -> None:
    async with trio.open_nursery() as nursery:
        await nursery.start(alone.run)
        for count in (1, 3):
            alone.app.counters["Access-Request"] = count
            with trio.fail_after(30):
                assert await alone.supervisor.receive() == {"is": "counters", "values": {"Access-Request": count}}
        nursery.cancel_scope.cancel()
