"""Requests that go abreast: in step, up to the one that really waits."""

from __future__ import annotations

import contextlib
import contextvars
import gc
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from trioradius.errors import Discard, RadiusError
from trioradius.protocol.profile import RADIUS_1_0
from trioradius.protocol.source import Source
from trioradius.transports.abreast import Answering, Batch, abreast, at_once

SOURCE = Source("192.0.2.1", 1812, "udp", RADIUS_1_0, frozenset({1}))
variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="outside")

Way = Callable[[bytes], Coroutine[Any, Any, Any]]


class Service:
    """Answers as a way says, by the octets of the request; what is raised becomes the answer."""

    def __init__(self, way: Way) -> None:
        self.way = way
        self.waits: list[str] = []

    def answer(self, octets: bytes, source: Source) -> Coroutine[Any, Any, Any]:
        return self.way(octets)

    @contextlib.contextmanager
    def waiting(self, source: Source) -> Iterator[None]:
        self.waits.append("begins")
        try:
            yield
        finally:
            self.waits.append("ends")

    def caught(self, error: BaseException, octets: bytes, source: Source) -> Any:
        if isinstance(error, RadiusError) or not isinstance(error, Exception):
            raise error
        return error


def batch_of(way: Way, *octets: bytes) -> Batch[None]:
    service, batch = Service(way), Batch[None]()
    for each in octets:
        batch.add(Answering(service, each, SOURCE, None))
    return batch


async def alone(way: Way) -> Any:
    """What comes of one that has nobody beside it."""
    answering = Answering(Service(way), b"", SOURCE, None)
    await answering.rest()
    assert answering.is_done
    return answering.answer


async def at_the_first_step(result: object) -> object:
    return result


async def abreast_first(result: object) -> object:
    await abreast
    return result


async def after_waiting(result: object) -> object:
    for _ in range(2):
        await trio.lowlevel.checkpoint()
        await abreast
    return result


async def test_each_part_of_the_way_is_done_for_all_before_the_next() -> None:
    done: list[str] = []

    async def way(octets: bytes) -> bytes:
        for part in "one", "two", "three":
            done.append(f"{part} {octets.decode()}")
            await abreast
        return octets

    batch = batch_of(way, b"a", b"b")
    assert batch
    assert batch.is_fresh
    assert batch.advance() is None
    assert done == ["one a", "one b", "two a", "two b", "three a", "three b"]
    assert [each.answer for each in batch.take()] == [b"a", b"b"]
    assert not batch.take()
    assert not batch


async def test_one_that_waits_is_taken_out_and_those_further_on_come_first() -> None:
    done: list[str] = []

    async def way(octets: bytes) -> bytes:
        await abreast
        done.append(f"handler {octets.decode()}")
        if octets == b"slow":
            await trio.lowlevel.checkpoint()
        await abreast
        done.append(f"reply {octets.decode()}")
        return octets

    batch = batch_of(way, b"before", b"slow", b"behind")
    slow = batch.advance()
    assert slow is not None
    assert slow.octets == b"slow"
    assert done == ["handler before", "handler slow"]
    assert not batch.is_fresh, "what is left of the first has no handler to wait for"
    assert batch.advance() is None
    assert done[2:] == ["reply before"]
    assert batch.is_fresh
    assert batch.advance() is None
    assert done[3:] == ["handler behind", "reply behind"]
    await slow.rest()
    assert slow.answer == b"slow"
    assert [each.answer for each in batch.take()] == [b"before", b"behind"]


async def test_several_that_wait() -> None:
    batch = batch_of(after_waiting, b"1", b"2", b"3")
    for expected in b"1", b"2", b"3":
        waiting = batch.advance()
        assert waiting is not None
        await waiting.rest()
        assert waiting.answer == expected
    assert not batch


async def test_one_that_fails_harms_no_other() -> None:
    async def way(octets: bytes) -> bytes:
        await abreast
        if octets == b"bad":
            raise Discard("why")
        if octets == b"worse":
            raise ValueError
        return octets

    batch = batch_of(way, b"bad", b"good", b"worse")
    assert batch.advance() is None
    bad, good, worse = batch.take()
    assert isinstance(bad.error, Discard)
    assert good.answer == b"good"
    assert isinstance(worse.answer, ValueError)


async def test_given_up_they_are_closed() -> None:
    """Warnings are errors here: a coroutine that has not begun is closed too."""
    closed = []

    async def way(octets: bytes) -> None:
        try:
            await abreast
            if octets == b"2":
                await trio.lowlevel.checkpoint()
            await abreast
        finally:
            closed.append(octets)

    batch = batch_of(way, b"1", b"2", b"3")
    waiting = batch.advance()
    assert waiting is not None
    batch.add(Answering(Service(way), b"4", SOURCE, None))
    batch.close()
    waiting.coroutine.close()
    assert closed == [b"1", b"3", b"2"]
    gc.collect()


async def test_the_last_of_its_place_is_done_after_those_before_it() -> None:
    handled = []

    async def way(octets: bytes) -> bytes:
        if octets == b"forged":
            raise Discard("why", reason="forged")
        await abreast
        handled.append(octets)
        return octets

    batch: Batch[str] = Batch(lambda error: error.reason == "forged")
    for octets, place in ((b"1", "a"), (b"forged", "a"), (b"2", "a"), (b"3", "b")):
        batch.add(Answering(Service(way), octets, SOURCE, place))
    assert batch.advance() is None
    assert handled == [b"1", b"3"]
    assert [each.octets for each in batch.take()] == [b"1", b"3", b"forged"]
    gc.collect()


async def test_what_is_no_exception_leaves_the_others_to_be_closed() -> None:
    closed = []

    async def way(octets: bytes) -> bytes:
        try:
            await abreast
            if octets == b"2":
                raise SystemExit
            await abreast
        finally:
            closed.append(octets)
        return octets

    batch = batch_of(way, b"1", b"2", b"3")
    with pytest.raises(SystemExit):
        batch.advance()
    batch.close()
    assert sorted(closed) == [b"1", b"2", b"3"]


async def test_one_that_will_not_be_closed_does_not_keep_the_others_from_it() -> None:
    closed = []

    async def way(octets: bytes) -> None:
        try:
            await abreast
            if octets == b"3":
                await trio.lowlevel.checkpoint()
            await abreast
        finally:
            if octets == b"1":
                await abreast
            closed.append(octets)

    batch = batch_of(way, b"1", b"2", b"3")
    waiting = batch.advance()
    assert waiting is not None
    batch.close()
    assert closed == [b"2"]
    waiting.coroutine.close()


@pytest.mark.parametrize("result", [None, 1, StopIteration("value"), (1, 2)])
@pytest.mark.parametrize("kind", [at_the_first_step, abreast_first, after_waiting])
async def test_results(kind: Way, result: object) -> None:
    assert await alone(lambda _: kind(result)) == result  # type: ignore[arg-type]


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("error", [ValueError, StopIteration, StopAsyncIteration, GeneratorExit, KeyboardInterrupt])
async def test_exceptions(error: type[BaseException], waits: bool) -> None:
    """As from any coroutine: Python makes a RuntimeError of a StopIteration."""

    async def fail(octets: bytes) -> None:
        if waits:
            await trio.lowlevel.checkpoint()
        raise error

    if issubclass(error, Exception):
        assert isinstance(await alone(fail), RuntimeError if error is StopIteration else error)
    else:
        with pytest.raises(error):
            await alone(fail)


async def test_the_service_knows_how_long_one_waits() -> None:
    service = Service(after_waiting)
    await Answering(service, b"", SOURCE, None).rest()
    assert service.waits == ["begins", "ends"]
    service = Service(abreast_first)
    await Answering(service, b"", SOURCE, None).rest()
    assert service.waits == [], "to be abreast is not to wait"


async def test_cancellation_reaches_the_coroutine_and_ends_at_the_scope_that_asked(autojump_clock: MockClock) -> None:
    events = []

    async def inner(octets: bytes) -> str:
        with trio.move_on_after(1):
            await trio.sleep(10)
        events.append("its own scope")
        try:
            await trio.sleep(10)
        finally:
            events.append("cleaned up")
        return "unreached"

    service = Service(inner)
    answering = Answering(service, b"", SOURCE, None)
    with trio.move_on_after(3) as scope:
        await answering.rest()
    assert events == ["its own scope", "cleaned up"]
    assert scope.cancelled_caught
    assert not answering.is_done
    assert service.waits == ["begins", "ends"]
    assert trio.current_time() < 4


async def test_an_exception_thrown_in_reaches_the_coroutine() -> None:
    """As Trio does not, but a debugger or a garbage collection may."""

    async def inner(octets: bytes) -> str:
        try:
            await trio.lowlevel.checkpoint()
        except ValueError:
            return "caught"
        return "not thrown"

    answering = Answering(Service(inner), b"", SOURCE, None)
    steps = answering.rest()
    steps.send(None)
    with pytest.raises(StopIteration):
        steps.throw(ValueError())
    assert answering.answer == "caught"


async def test_alone_and_given_up_halfway_it_is_closed() -> None:
    events = []

    async def inner(octets: bytes) -> None:
        try:
            await trio.lowlevel.checkpoint()
        finally:
            events.append("closed")

    steps = Answering(Service(inner), b"", SOURCE, None).rest()
    steps.send(None)
    steps.close()
    assert events == ["closed"]


async def test_no_coroutine_is_left_unawaited_when_cancelled_before_its_first_step() -> None:
    """Warnings are errors here; there is no await between making a coroutine and its first step."""

    async def work() -> None:
        await alone(after_waiting)

    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(work)
            scope.cancel()
    gc.collect()


async def test_context_variables_stay_inside() -> None:
    async def change(octets: bytes) -> list[str]:
        seen = [variable.get()]
        variable.set("inside")
        await abreast
        seen.append(variable.get())
        await trio.lowlevel.checkpoint()
        seen.append(variable.get())
        async with trio.open_nursery() as nursery:

            async def child() -> None:
                seen.append(variable.get())

            nursery.start_soon(child)
        return seen

    batch = batch_of(change, b"1", b"2")
    for _ in range(2):
        waiting = batch.advance()
        assert waiting is not None
        await waiting.rest()
        assert waiting.answer == ["outside", "inside", "inside", "inside"]
    assert variable.get() == "outside"


def test_at_once() -> None:
    assert at_once(at_the_first_step(7)) == 7
    waits = abreast_first(7)
    with pytest.raises(AssertionError):
        at_once(waits)
    waits.close()
