"""Everything at once, under a seed: handlers that wait, raise, run out of time, and give way to each other."""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.nas import PEERS, Port, login
from trioradius import UDP, AccessReply, AccessRequest, App, Discard, Limits
from trioradius.attributes.ietf import UserName
from trioradius.server import AppService
from trioradius.transports.udp import UDPListener

LIMIT = 3.0
REQUESTS = 150


class Fault(Exception):
    """What a handler raises."""


@pytest.fixture
def clock() -> MockClock:
    """Virtual time that jumps when nothing happened for 2 ms, so that real sockets get their turn."""
    return MockClock(autojump_threshold=0.002)


async def quick(_: float) -> None: ...


async def waits(seconds: float) -> None:
    await trio.sleep(seconds)


async def waits_in_children(seconds: float) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep, seconds)
        nursery.start_soon(trio.sleep, seconds / 2)


async def raises(_: float) -> None:
    raise Fault


async def raises_late(seconds: float) -> None:
    await trio.sleep(seconds)
    raise Fault


async def gives_up(seconds: float) -> None:
    with trio.fail_after(seconds / 2):
        await trio.sleep(seconds)


async def runs_out_of_time(_: float) -> None:
    await trio.sleep_forever()


async def runs_out_of_time_and_raises(_: float) -> None:
    try:
        await trio.sleep_forever()
    finally:
        raise Fault


async def runs_out_of_time_and_its_child_raises(_: float) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(runs_out_of_time_and_raises, 0)
        await trio.sleep_forever()


async def is_late(_: float) -> None:
    with trio.CancelScope(shield=True):
        await trio.sleep(LIMIT + 1)


async def is_done_at_the_last_moment(_: float) -> None:
    await trio.sleep(LIMIT)


async def discards(seconds: float) -> None:
    await trio.sleep(seconds)
    raise Discard("why", reason="why")


async def rejects(seconds: float) -> None:
    await trio.sleep(seconds)


BEHAVIOURS: dict[str, Callable[[float], Awaitable[None]]] = {
    behaviour.__name__: behaviour
    for behaviour in (
        quick,
        waits,
        waits_in_children,
        raises,
        raises_late,
        gives_up,
        runs_out_of_time,
        runs_out_of_time_and_raises,
        runs_out_of_time_and_its_child_raises,
        is_late,
        is_done_at_the_last_moment,
        discards,
        rejects,
    )
}
ANSWERED = {"quick": 2, "waits": 2, "waits_in_children": 2, "is_late": 2, "rejects": 3}
FAILED = {"raises", "raises_late", "gives_up", "runs_out_of_time_and_raises"}
TIMED_OUT = {"runs_out_of_time", "runs_out_of_time_and_its_child_raises"}


class Behaving:
    """An app whose handler does what User-Name says, and counts how many do so at once."""

    def __init__(self, places: int) -> None:
        limits = Limits(in_flight=places, in_flight_per_address=10_000, handler_seconds=LIMIT)
        self.app: App[Any] = App(PEERS, limits=limits)
        self.app.on(AccessRequest)(self.handle)
        self.running = self.most = 0

    async def handle(self, request: AccessRequest) -> AccessReply:
        name, seconds, _ = request[UserName].split()
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await BEHAVIOURS[name](float(seconds))
        finally:
            self.running -= 1
        return request.reject() if name == "rejects" else request.accept()


async def all_at_rest(listener: UDPListener) -> None:
    """Exactly one task waits for the socket, and all the others for their turn."""
    await trio.testing.wait_all_tasks_blocked(0.001)
    assert len(listener._parked) == len(listener._nursery.child_tasks) - 1


@pytest.mark.parametrize("places", [1, 2, 5, 512])
@pytest.mark.parametrize("seed", range(4))
async def test_every_request_is_accounted_for(clock: MockClock, places: int, seed: int) -> None:
    chance = random.Random(seed)
    behaving = Behaving(places)
    app, names = behaving.app, chance.choices(list(BEHAVIOURS), k=REQUESTS)
    codes: Counter[int] = Counter()
    with await UDP("127.0.0.1", 0).bind() as listener, contextlib.closing(Port(listener.address)) as port:

        async def receive() -> None:
            while True:
                codes[(await port.receive())[0]] += 1

        async with trio.open_nursery() as nursery:
            nursery.start_soon(listener.serve, AppService(app))
            nursery.start_soon(receive)
            for number, name in enumerate(names):
                await port.send(login(f"{name} {chance.uniform(0, 0.9 * LIMIT)} {number}"))
                if chance.random() < 0.3:
                    await trio.sleep(chance.choice((0, 0, 0.01, 0.5, LIMIT)))
            await trio.sleep(REQUESTS * (LIMIT + 1) / places + 2 * LIMIT)
            await all_at_rest(listener)
            expected = Counter(names)
            on_the_edge = expected["is_done_at_the_last_moment"]
            assert behaving.running == 0
            assert behaving.most <= places
            assert not app.in_flight
            assert codes[3] == expected["rejects"]
            certain = sum(expected[name] for name, code in ANSWERED.items() if code == 2)
            assert certain <= codes[2] <= certain + on_the_edge
            timed_out = sum(expected[name] for name in TIMED_OUT)
            assert timed_out + on_the_edge == app.counters["handler_timed_out"] + codes[2] - certain
            cleanups = expected["runs_out_of_time_and_its_child_raises"]
            assert app.counters["handler_failed"] == sum(expected[name] for name in FAILED) + cleanups
            assert app.counters["discarded.why"] == expected["discards"]
            before = codes[2]
            await port.send(*[login(f"quick 0 {number}") for number in range(50)])
            await trio.sleep(1)
            assert codes[2] == before + 50
            await all_at_rest(listener)
            listener.stop()
            await trio.sleep(0.1)
            assert not listener._nursery.child_tasks
            nursery.cancel_scope.cancel()


@pytest.mark.parametrize("seed", range(8))
async def test_a_stop_in_the_middle_of_it(clock: MockClock, seed: int) -> None:
    """What was read ends within its time limit, the last of it when there is room, and then serve() returns."""
    chance = random.Random(seed)
    behaving = Behaving(places=20)
    with await UDP("127.0.0.1", 0).bind() as listener, contextlib.closing(Port(listener.address)) as port:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(listener.serve, AppService(behaving.app))
            for number, name in enumerate(chance.choices(list(BEHAVIOURS), k=60)):
                await port.send(login(f"{name} {chance.uniform(0, LIMIT)} {number}"))
            await trio.sleep(chance.uniform(0, LIMIT))
            listener.stop()
            stopped = trio.current_time()
        assert trio.current_time() - stopped <= 60 / 20 * (LIMIT + 1) + 1.2
    assert behaving.running == 0
    assert not behaving.app.in_flight


@pytest.mark.parametrize("seed", range(8))
async def test_a_cancellation_in_the_middle_of_it(clock: MockClock, seed: int) -> None:
    chance = random.Random(seed)
    behaving = Behaving(places=20)
    with await UDP("127.0.0.1", 0).bind() as listener, contextlib.closing(Port(listener.address)) as port:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(listener.serve, AppService(behaving.app))
            for number, name in enumerate(chance.choices(list(BEHAVIOURS), k=60)):
                await port.send(login(f"{name} {chance.uniform(0, LIMIT)} {number}"))
            await trio.sleep(chance.uniform(0, LIMIT))
            nursery.cancel_scope.cancel()
    assert behaving.running == 0
    assert not behaving.app.in_flight
