"""The UDP listener on real loopback sockets: who waits for whom, and what a handler may do to the others."""

from __future__ import annotations

import contextlib
import contextvars
import errno
import logging
import socket
import threading
from collections.abc import AsyncGenerator
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.nas import PEERS, Port, login, octets_of, served
from trioradius import (
    UDP,
    AccessAccept,
    AccessReject,
    AccessReply,
    AccessRequest,
    AccountingRequest,
    App,
    ConfigurationError,
    DisconnectRequest,
    Limits,
    serve,
)
from trioradius.attributes.ietf import ReplyMessage, UserName
from trioradius.server import AppService
from trioradius.transports.sockets import Destination
from trioradius.transports.turns import BATCH
from trioradius.transports.udp import UDPListener


@pytest.fixture
def clock() -> MockClock:
    """Virtual time that jumps when nothing happened for 10 ms, so that real sockets get their turn."""
    return MockClock(autojump_threshold=0.01)


class Gate:
    """An app whose handlers note that they began, and wait at a gate of their user's own unless it is "quick"."""

    def __init__(self, **settings: Any) -> None:
        self.app: App[Any] = App(PEERS, **settings)
        self.begun: list[str] = []
        self.gates: dict[str, trio.Event] = {}
        self.app.on(AccessRequest)(self.handle)

    async def handle(self, request: AccessRequest) -> AccessAccept:
        user = request[UserName]
        self.begun.append(user)
        if user != "quick":
            await self.gates.setdefault(user, trio.Event()).wait()
        return request.accept(ReplyMessage(user))

    async def begin(self, port: Port, *users: str) -> None:
        await port.send(*map(login, users))
        await trio.sleep(0.1)

    def open(self, *users: str) -> None:
        for user in users:
            self.gates[user].set()


async def test_a_handler_that_waits_holds_up_nobody(clock: MockClock) -> None:
    gate = Gate()
    async with served(gate.app) as port:
        await gate.begin(port, "one", "two", "three")
        assert b"quick" in await port.ask(login("quick"))
        gate.open("three")
        assert b"three" in await port.receive()
        assert b"quick" in await port.ask(login("quick"))
        gate.open("one", "two")
        assert {(await port.receive())[-3:] for _ in range(2)} == {b"one", b"two"}


@pytest.mark.parametrize("places", [1, 3])
async def test_past_the_bound_the_kernel_queues(clock: MockClock, places: int) -> None:
    gate = Gate(limits=Limits(in_flight=places))
    users = [f"user {number}" for number in range(places + 2)]
    async with served(gate.app) as port:
        await gate.begin(port, *users)
        assert gate.begun == users[:places]
        for number in range(2):
            gate.open(users[number])
            assert users[number].encode() in await port.receive()
            await trio.sleep(0.1)
            assert gate.begun == users[: places + number + 1]
        gate.open(*users[2:])
        for _ in users[2:]:
            await port.receive()
        assert b"quick" in await port.ask(login("quick"))


async def test_what_was_read_is_begun_when_the_listener_stops(clock: MockClock) -> None:
    """Also what waited for room: nobody else has it, and a worker that hands over must know of it by then."""
    gate = Gate(limits=Limits(in_flight=1))
    users = [f"user {number}" for number in range(4)]
    with await UDP("127.0.0.1", 0).bind() as listener, contextlib.closing(Port(listener.address)) as port:
        await port.send(*map(login, users))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(listener.serve, AppService(gate.app))
            await trio.sleep(0.1)
            assert gate.begun == users[:1]
            listener.stop()
            await listener.all_begun()
            assert gate.begun == users
            gate.open(*users)
        assert {(await port.receive())[-6:].decode() for _ in users} == set(users)


async def test_one_address_has_its_own_bound(clock: MockClock) -> None:
    gate = Gate(limits=Limits(in_flight_per_address=2))
    async with served(gate.app, UDP("0.0.0.0", 0)) as port:
        await gate.begin(port, "one", "two", "three")
        assert gate.begun == ["one", "two"]
        assert gate.app.counters["discarded.address_overload"] == 1
        server = port._socket.getpeername()
        with contextlib.closing(Port(server, "127.0.0.2")) as another:
            assert b"quick" in await another.ask(login("quick"))
        gate.open("one", "two")
        await port.receive()
        await port.receive()
        assert b"quick" in await port.ask(login("quick"))
    assert not gate.app.in_flight


@pytest.mark.parametrize("places", [1, 4, 512])
async def test_the_time_limit(clock: MockClock, places: int, caplog: pytest.LogCaptureFixture) -> None:
    """Cancels, counts, logs, frees the key; and the listener goes on, also where all ran out of time at once."""
    gate = Gate(limits=Limits(in_flight=places, handler_seconds=3))
    octets = [login(f"user {number}") for number in range(4)]
    async with served(gate.app) as port:
        for turn in range(2):
            await port.send(*octets)
            await trio.sleep(2.9)
            assert gate.app.counters["handler_timed_out"] == 4 * turn
            await trio.sleep(3 * 4 / min(places, 4))
            assert gate.app.counters["handler_timed_out"] == 4 * turn + 4
        assert len(gate.begun) == 8, "the key was free for the retransmission"
        assert b"quick" in await port.ask(login("quick"))
        assert await port.hears_nothing_for(1)
    assert "took longer than 3 s" in caplog.text
    assert not gate.app.counters["handler_failed"]
    assert not gate.app.in_flight


@pytest.mark.parametrize("places", [1, 2, 512])
async def test_a_handler_that_cannot_be_cancelled_in_time_answers_late(
    clock: MockClock, places: int, caplog: pytest.LogCaptureFixture
) -> None:
    """As one in a thread, which nobody can cancel: its limit has fired, and must not reach the next request."""
    app: App[Any] = App(PEERS, limits=Limits(in_flight=places, handler_seconds=3))

    @app.on(AccessRequest)
    async def handle(request: AccessRequest) -> AccessAccept:
        if request[UserName] == "slow":
            with trio.CancelScope(shield=True):
                await trio.sleep(4)
        return request.accept()

    async with served(app) as port:
        await port.send(login("slow"))
        assert (await port.receive())[0] == 2
        for _ in range(5):
            assert (await port.ask(login("quick")))[0] == 2
            await trio.sleep(5)
    assert not app.counters["handler_timed_out"], "it was answered"
    assert not caplog.records


async def test_a_thread_past_the_limit(clock: MockClock) -> None:
    app: App[Any] = App(PEERS, limits=Limits(in_flight=1, handler_seconds=0.001))
    done = threading.Event()

    @app.on(AccessRequest)
    async def handle(request: AccessRequest) -> AccessAccept:
        if request[UserName] == "slow":
            await trio.to_thread.run_sync(done.wait)
        return request.accept()

    async with served(app) as port:
        await port.send(login("slow"))
        await trio.sleep(1)
        done.set()
        assert (await port.receive())[0] == 2
        assert (await port.ask(login("quick")))[0] == 2


class Cleanup(Exception):
    """What a driver raises when it is cancelled."""


@pytest.mark.parametrize("places", [1, 512])
async def test_a_handler_whose_nursery_fails_while_it_is_cancelled(
    clock: MockClock, places: int, caplog: pytest.LogCaptureFixture
) -> None:
    """The group holds a Cancelled beside the fault, and is no Exception."""
    app: App[Any] = App(PEERS, limits=Limits(in_flight=places, handler_seconds=1))

    @app.on(AccessRequest)
    async def handle(request: AccessRequest) -> AccessReply:
        if request[UserName] == "quick":
            return request.accept()

        async def query() -> None:
            try:
                await trio.sleep_forever()
            finally:
                raise Cleanup

        async with trio.open_nursery() as nursery:
            nursery.start_soon(query)
            nursery.start_soon(trio.sleep_forever)
        raise AssertionError

    async with served(app) as port:
        await port.send(login("slow"))
        await trio.sleep(2)
        assert app.counters["handler_timed_out"] == app.counters["handler_failed"] == 1
        assert (await port.ask(login("quick")))[0] == 2
        await port.send(login("slow"))
        await trio.sleep(0.1)
        caplog.clear()
    assert "Cleanup" in caplog.text, "also where the server is stopped"
    assert not app.in_flight


async def test_a_handler_that_fails_while_it_is_cancelled(clock: MockClock) -> None:
    app: App[Any] = App(PEERS, limits=Limits(in_flight=1, handler_seconds=1))

    @app.on(AccessRequest)
    async def handle(request: AccessRequest) -> AccessReply:
        try:
            await trio.sleep(0 if request[UserName] == "quick" else 5)
        except trio.Cancelled:
            raise Cleanup from None
        return request.accept()

    async with served(app) as port:
        for _ in range(3):
            await port.send(login("slow"))
            await trio.sleep(2)
            assert (await port.ask(login("quick")))[0] == 2
    assert app.counters["handler_failed"] == 3


variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")


async def test_context_variables_stay_with_their_request(clock: MockClock) -> None:
    app: App[Any] = App(PEERS)
    variable.set("the server's")

    @app.on(AccessRequest)
    async def handle(request: AccessRequest) -> AccessAccept:
        found = variable.get()
        variable.set(request[UserName])
        if request[UserName].startswith("slow"):
            await trio.sleep(1)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.lowlevel.checkpoint)
        assert variable.get() == request[UserName]
        return request.accept(ReplyMessage(found))

    async with served(app) as port:
        users = ["quick 1", "slow 1", "quick 2", "slow 2", "quick 3"]
        await port.send(*map(login, users))
        for _ in users:
            assert b"the server's" in await port.receive()
        assert b"the server's" in await port.ask(login("quick 4"))


async def test_scopes_and_nurseries_in_a_handler(clock: MockClock) -> None:
    app: App[Any] = App(PEERS)

    @app.on(AccessRequest)
    async def handle(request: AccessRequest) -> AccessAccept:
        found = []
        with trio.move_on_after(1) as scope:
            await trio.sleep(10)
        found.append(scope.cancelled_caught)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, 1)
            assert await nursery.start(started) == 7
        with pytest.raises(trio.TooSlowError), trio.fail_after(1):
            await trio.sleep(10)
        return request.accept(ReplyMessage(str(found)))

    async def started(*, task_status: trio.TaskStatus[int]) -> None:
        task_status.started(7)

    async with served(app) as port:
        before = trio.current_time()
        await port.send(*[login() for _ in range(20)])
        assert [b"[True]" in await port.receive() for _ in range(20)] == [True] * 20
        assert 3 <= trio.current_time() - before < 4


async def test_others_get_their_turn_under_a_flood() -> None:
    """Each reply brings the next request at once, so that the socket is never found empty."""
    app: App[Any] = App(PEERS, dedup=None)
    with socket.socket(type=socket.SOCK_DGRAM) as nas:
        nas.bind(("127.0.0.1", 0))
        flood = login()
        turns = handled = 0

        @app.on(AccessRequest)
        async def handle(request: AccessRequest) -> AccessAccept:
            nonlocal handled
            handled += 1
            if handled < 50 * BATCH:
                nas.send(flood)
            return request.accept()

        async with trio.open_nursery() as nursery:
            [address] = await nursery.start(serve, app, UDP("127.0.0.1", 0))
            nas.connect(address)
            nas.send(flood)
            nas.send(flood)
            while handled < 50 * BATCH:
                await trio.lowlevel.checkpoint()
                turns += 1
            nursery.cancel_scope.cancel()
    assert turns >= 40


async def test_a_flood_of_garbage_does_not_starve_a_good_request(clock: MockClock) -> None:
    gate = Gate()
    async with served(gate.app) as port:
        await port.send(*[b"garbage" * (n % 50) for n in range(500)], login("quick"))
        assert b"quick" in await port.receive()
    assert gate.app.counters["discarded.packet_too_short"] > 0


# Delayed Access-Rejects.


async def test_a_reject_waits_and_holds_no_place(clock: MockClock) -> None:
    app: App[Any] = App(PEERS, reject_delay=2, limits=Limits(in_flight=1, in_flight_per_address=1))

    @app.on(AccessRequest)
    async def handle(request: AccessRequest) -> AccessReply:
        await trio.lowlevel.checkpoint()
        return request.accept() if request[UserName] == "alice" else request.reject()

    async with served(app) as port:
        before, octets = trio.current_time(), login("mallory")
        await port.send(octets)
        assert (await port.ask(login("alice")))[0] == 2
        for _ in range(3):
            await trio.sleep(0.5)
            await port.send(octets)
        assert trio.current_time() - before < 2
        reject = await port.receive()
        assert reject[0] == 3
        assert 2 <= trio.current_time() - before <= 2.3
        assert await port.hears_nothing_for(1), "the repeats were dropped"
        assert await port.ask(octets) == reject
    assert app.counters["discarded.repeat_in_flight"] == 3
    assert app.counters["Access-Reject"] == 1


async def test_rejects_leave_by_their_own_time(clock: MockClock) -> None:
    """A later one with less delay overtakes."""
    app: App[Any] = App(PEERS)

    @app.on(AccessRequest)
    async def reject(request: AccessRequest) -> AccessReject:
        app.reject_delay = float(request[UserName])
        return request.reject(ReplyMessage(request[UserName]))

    async with served(app) as port:
        for number, seconds in enumerate(["9", "3", "6", "1"]):
            await port.send(login(seconds))
            while app.counters["Access-Reject"] == number:
                await trio.lowlevel.checkpoint()
        assert [(await port.receive())[-1:] for _ in range(4)] == [b"1", b"3", b"6", b"9"]


async def test_many_rejects_at_once(clock: MockClock) -> None:
    app: App[Any] = App(PEERS, reject_delay=1)

    @app.on(AccessRequest)
    async def reject(request: AccessRequest) -> AccessReject:
        return request.reject()

    async with served(app) as port:
        octets = [login() for _ in range(BATCH + 20)]
        await port.send(*octets)
        assert len({await port.receive() for _ in octets}) == len(octets)
        assert (await port.ask(octets[0]))[0] == 3


# Replies that leave together.


def noted_refusals(listener: UDPListener) -> list[int | None]:
    """Why the kernel did not take replies in one call, as it comes."""
    refused: list[int | None] = []
    put = listener._put_alike
    assert put is not None

    def noting(alike: list[bytes], place: Destination) -> None:
        try:
            put(alike, place)
        except OSError as error:
            refused.append(error.errno)
            raise

    listener._put_alike = noting
    return refused


@pytest.mark.parametrize(
    "messages, lengths, places", [(1, 2, 2), (8, 1, 1)], ids=["together", "too many octets at once"]
)
async def test_what_was_read_together_is_answered_where_it_came_from(
    clock: MockClock, messages: int, lengths: int, places: int
) -> None:
    """All read in one batch; the 64 replies of 1,700 octets to one port are more than one call can take."""
    app: App[Any] = App(PEERS)

    @app.on(AccessRequest)
    async def handle(request: AccessRequest) -> AccessAccept:
        user = request[UserName]
        return request.accept(*[ReplyMessage(user.ljust(200 + int(user) % lengths, "."))] * messages)

    with contextlib.ExitStack() as opened:
        listener = opened.enter_context(await UDP("127.0.0.1", 0).bind())
        ports = [opened.enter_context(contextlib.closing(Port(listener.address))) for _ in range(places)]
        refused = noted_refusals(listener)
        for number in range(BATCH):
            await ports[number // 4 % places].send(login(f"{number:02}"))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(listener.serve, AppService(app))
            for which, port in enumerate(ports):
                own = {number for number in range(BATCH) if number // 4 % places == which}
                assert {int((await port.receive())[40:42]) for _ in own} == own
                assert await port.hears_nothing_for(1)
            nursery.cancel_scope.cancel()
    assert app.counters["Access-Accept"] == BATCH
    assert refused == ([] if messages == 1 else [errno.EMSGSIZE])


class Uncut(socket.socket):
    """A socket of a device that cannot cut datagrams."""

    asked = 0

    def sendmsg(self, *arguments: Any) -> int:
        self.asked += 1
        raise OSError(errno.EIO, "Input/output error")


async def test_a_device_that_cannot_cut_datagrams_is_asked_once() -> None:
    app: App[Any] = App(PEERS)

    @app.on(AccessRequest)
    async def handle(request: AccessRequest) -> AccessAccept:
        return request.accept()

    bound = Uncut(type=socket.SOCK_DGRAM)
    bound.setblocking(False)
    bound.bind(("127.0.0.1", 0))
    with UDPListener(bound, UDP("127.0.0.1", 0)) as listener, contextlib.closing(Port(listener.address)) as port:
        async with trio.open_nursery() as nursery:
            for turn in range(2):
                await port.send(*[login() for _ in range(4)])
                if not turn:
                    nursery.start_soon(listener.serve, AppService(app))
                assert {(await port.receive())[0] for _ in range(4)} == {2}
            nursery.cancel_scope.cancel()
    assert bound.asked == 1


# A socket that has no room, and one that is closed.


class Narrow(socket.socket):
    """A socket whose send buffer is full for the first attempts."""

    refusals = 0

    def sendto(self, *arguments: Any) -> int:
        if self.refusals > 0:
            self.refusals -= 1
            raise BlockingIOError
        return super().sendto(*arguments)


async def test_replies_wait_for_room_in_the_socket() -> None:
    """Many tasks at once, and also while the listener is being stopped."""
    gate = Gate(reject_delay=0)
    bound = Narrow(type=socket.SOCK_DGRAM)
    bound.setblocking(False)
    bound.bind(("127.0.0.1", 0))
    users = [f"user {number}" for number in range(10)]
    with UDPListener(bound, UDP("127.0.0.1", 0)) as listener, contextlib.closing(Port(listener.address)) as port:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(listener.serve, AppService(gate.app))
            await port.send(*map(login, users))
            while len(gate.begun) < len(users):
                await trio.lowlevel.checkpoint()
            bound.refusals = 100
            gate.open(*users)
            while bound.refusals > 60:
                await trio.lowlevel.checkpoint()
            listener.stop()
        assert len({await port.receive() for _ in users}) == len(users)
    assert not gate.app.counters["reply_not_sent"]


async def test_a_reply_that_the_network_refuses_is_counted() -> None:
    gate = Gate()
    bound = Narrow(type=socket.SOCK_DGRAM)
    with bound:
        bound.setblocking(False)
        bound.bind(("127.0.0.1", 0))
        listener = UDPListener(bound, UDP("127.0.0.1", 0))
        listener._service = AppService(gate.app)
        await listener._send(b"reply", ("127.0.0.1", 0))
    assert gate.app.counters["discarded.reply_not_sent"] == 1


def test_a_listener_whose_trio_is_gone_ends(caplog: pytest.LogCaptureFixture) -> None:
    """As where a debugger or a signal handler tore it down: it must not try for ever."""

    with socket.socket(type=socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        listener = UDPListener(bound, UDP("127.0.0.1", 0))
        listener._service = AppService(App(PEERS))
        with pytest.raises(RuntimeError, match="async context"):
            listener._work().send(None)
    assert not caplog.records


async def test_a_listener_stopped_before_it_serves_ends() -> None:
    with await UDP("127.0.0.1", 0).bind() as listener:
        listener.stop()
        await listener.serve(AppService(App(PEERS)))


# What a user writes.


@pytest.mark.parametrize(
    "settings, codes",
    [
        (UDP("::", 1812), {1}),
        (UDP("::", 1813), {4}),
        (UDP("::", 3799), {40, 43}),
        (UDP("::", 1645), {1, 4, 40, 43}),
        (UDP("::", 1812, accepts=[DisconnectRequest, AccountingRequest]), {40, 4}),
    ],
)
def test_what_a_port_takes(settings: UDP, codes: set[int]) -> None:
    assert settings.codes == codes


@pytest.mark.parametrize("port", [-1, 65_536])
def test_a_port_that_is_none(port: int) -> None:
    with pytest.raises(ConfigurationError, match="is not a port"):
        UDP("127.0.0.1", port)


async def test_it_prints_as_an_address() -> None:
    async with contextlib.AsyncExitStack() as stack:
        four = stack.enter_context(await UDP("127.0.0.1", 0).bind())
        six = stack.enter_context(await UDP("::1", 0).bind())
        assert repr(four) == f"UDP 127.0.0.1:{four.address[1]}"
        assert repr(six) == f"UDP [::1]:{six.address[1]}"


async def test_both_families_on_one_socket_and_replies_from_the_address_that_was_asked(clock: MockClock) -> None:
    app: App[Any] = App(PEERS | {"::1": PEERS["127.0.0.0/8"]})

    @app.on(AccessRequest)
    async def handle(request: AccessRequest) -> AccessAccept:
        assert request.source is not None
        return request.accept(ReplyMessage(request.source.address))

    async with served(app, UDP("::", 0)) as six:
        number = six._socket.getpeername()[1]
        for asked, host in (("127.0.0.1", "127.0.0.1"), ("127.0.0.7", "127.0.0.3"), ("::1", "::1")):
            with contextlib.closing(Port((asked, number), host)) as port:
                assert (await port.ask(login())).endswith(host.encode()), "a connected socket hears only whom it asked"


async def test_wait_all_tasks_blocked_means_an_idle_server(clock: MockClock) -> None:
    """Nobody spins: one task waits for the socket, and the others are parked."""
    gate = Gate()
    async with served(gate.app) as port:
        await gate.begin(port, "one", "two")
        gate.open("one", "two")
        await port.receive()
        await port.receive()
        before = trio.lowlevel.current_statistics().tasks_runnable
        await wait_all_tasks_blocked()
        assert before <= 1


async def test_nothing_is_logged_for_what_goes_well(clock: MockClock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    gate = Gate()
    async with served(gate.app) as port:
        assert (await port.ask(octets_of(AccessRequest(UserName("quick")))))[0] == 2
    assert not [record for record in caplog.records if record.name.startswith("trioradius")]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("waits", [False, True])
async def test_a_handler_that_leaves_a_scope_open_harms_nobody_for_long(clock: MockClock, waits: bool) -> None:
    """An async generator given up halfway keeps its scope on the task, which other requests use after it."""
    app: App[Any] = App(PEERS)

    async def rows() -> AsyncGenerator[int]:
        with trio.move_on_after(5):
            if waits:
                await trio.sleep(1)
            for row in range(2):
                yield row

    @app.on(AccessRequest)
    async def handle(request: AccessRequest) -> AccessReply:
        if request[UserName] == "careless":
            async for _ in rows():
                break
        return request.accept()

    async with served(app) as port:
        for _ in range(3):
            assert (await port.ask(login("careless")))[0] == 2
        for _ in range(3):
            await trio.sleep(5)
            assert (await port.ask(login("quick")))[0] == 2
    assert app.counters["handler_failed"]
