"""What a worker that makes room tells its successor, over a pair of streams in memory."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from trioradius.stores import MemoryDedupStore
from trioradius.workers.frames import Frames
from trioradius.workers.succession import ALL_KNOWN, BATCH, FREED, KEPT, RUNNING, Bequest, inherit, read_record, record


def key(number: int) -> bytes:
    return number.to_bytes(4, "big") + bytes(16)


def test_records_are_read_as_they_were_made() -> None:
    assert read_record(record(KEPT, b"key", b"reply", 2.5)) == (KEPT, b"key", b"reply", 2.5)
    assert read_record(record(RUNNING, b"key")) == (RUNNING, b"key", b"", 0)
    assert read_record(record(ALL_KNOWN)) == (ALL_KNOWN, b"", b"", 0)


async def test_frames_of_every_size_in_pieces() -> None:
    one, other = trio.testing.memory_stream_one_way_pair()
    sent = [b"", b"a", b"b" * 70_000, b"", b"c"]

    async def in_pieces() -> None:
        whole = b"".join(len(message).to_bytes(4, "big") + message for message in sent)
        for at in range(0, len(whole), 3_001):
            await one.send_all(whole[at : at + 3_001])
        await one.aclose()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(in_pieces)
        frames = Frames(trio.StapledStream(one, other))
        assert [await frames.receive() for _ in sent] == sent
        assert await frames.receive() is None


async def test_a_successor_answers_what_was_answered_and_waits_for_what_runs(
    autojump_clock: trio.testing.MockClock,
) -> None:
    old, new = (MemoryDedupStore(clock=trio.current_time) for _ in range(2))
    for number in range(3 * BATCH):
        assert await old.begin(key(number)) is True
        await old.finish(key(number), b"reply %d" % number)
    await trio.sleep(2)
    for number in (-1, -2, -3):
        await old.begin(key(number + 2**32 - 10))
    finished, freed, forgotten = (key(number + 2**32 - 10) for number in (-1, -2, -3))

    one, other = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(inherit, new, Frames(other))
        bequest = Bequest(old, Frames(one))
        await bequest.tell_known()
        assert [await new.begin(key(number)) for number in (0, BATCH, 3 * BATCH - 1)] == [
            b"reply 0",
            b"reply %d" % BATCH,
            b"reply %d" % (3 * BATCH - 1),
        ]
        assert [await new.begin(one) for one in (finished, freed, forgotten)] == [False, False, False]
        async with trio.open_nursery() as telling:
            telling.start_soon(bequest.tell_rest)
            await old.finish(finished, b"late")
            await old.finish(freed, None)
            await trio.testing.wait_all_tasks_blocked()
            assert await new.begin(finished) == b"late"
            assert await new.begin(freed) is True
            assert await new.begin(forgotten) is False
            telling.cancel_scope.cancel()
        await one.aclose()
    # The old worker died with it: whoever asks again is answered here.
    assert await new.begin(forgotten) is True
    # A reply does not live longer for having moved.
    assert await new.begin(key(5)) == b"reply 5"
    await trio.sleep(3.5)
    assert await new.begin(key(5)) is True


async def test_the_rest_ends_when_nothing_runs(autojump_clock: trio.testing.MockClock) -> None:
    old, new = MemoryDedupStore(), MemoryDedupStore()
    await old.begin(key(1))
    one, other = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(inherit, new, Frames(other))
        bequest = Bequest(old, Frames(one))
        await bequest.tell_known()
        nursery.start_soon(old.finish, key(1), b"done")
        with trio.fail_after(1):
            await bequest.tell_rest()
        await one.aclose()
    assert await new.begin(key(1)) == b"done"


async def test_a_successor_of_a_successor_hears_of_it_too() -> None:
    """Two restarts while one request is being answered."""
    first, second, third = (MemoryDedupStore() for _ in range(3))
    for number in range(3):
        await first.begin(key(number))
    streams = [trio.testing.memory_stream_pair() for _ in range(2)]
    async with trio.open_nursery() as nursery:
        for (one, other), old, new in zip(streams, (first, second), (second, third), strict=True):
            nursery.start_soon(inherit, new, Frames(other))
            bequest = Bequest(old, Frames(one))
            await bequest.tell_known()
            nursery.start_soon(bequest.tell_rest)
        assert [await third.begin(key(number)) for number in range(3)] == [False] * 3
        await first.finish(key(0), b"late")
        await first.finish(key(1), None)
        await trio.testing.wait_all_tasks_blocked()
        assert await third.begin(key(0)) == b"late"
        assert await third.begin(key(1)) is True
        assert await third.begin(key(2)) is False
        # The first worker dies: whoever asks again is answered by the last one.
        await streams[0][0].aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert await third.begin(key(2)) is True
        nursery.cancel_scope.cancel()


async def test_what_a_predecessor_finishes_late_harms_no_newer_request() -> None:
    """The NAS has given up, and used the Identifier again."""
    old, new = MemoryDedupStore(), MemoryDedupStore()
    given_up, answered = (bytes([number]) * 16 for number in (1, 2))
    await old.begin(b"slot" + given_up)
    one, other = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(inherit, new, Frames(other))
        bequest = Bequest(old, Frames(one))
        await bequest.tell_known()
        nursery.start_soon(bequest.tell_rest)
        assert await new.begin(b"slot" + answered) is True
        await old.finish(b"slot" + given_up, b"late")
        await trio.testing.wait_all_tasks_blocked()
        assert await new.begin(b"slot" + answered) is False
        await new.finish(b"slot" + answered, b"reply")
        assert await new.begin(b"slot" + answered) == b"reply"
        await one.aclose()


async def test_a_predecessor_that_dies_while_it_tells() -> None:
    new = MemoryDedupStore()
    one, other = trio.testing.memory_stream_pair()
    await Frames(one).send(record(RUNNING, key(1)), record(ALL_KNOWN))
    await one.aclose()
    with pytest.raises(trio.BrokenResourceError):
        await inherit(new, Frames(other))
    assert await new.begin(key(1)) is True


async def test_a_successor_that_dies_ends_the_telling() -> None:
    old = MemoryDedupStore()
    await old.begin(key(1))
    await old.finish(key(1), b"reply")
    one, other = trio.testing.memory_stream_pair()
    await other.aclose()
    try:
        await Bequest(old, Frames(one)).tell_known()
    except trio.BrokenResourceError:
        return
    raise AssertionError("nobody was told")


def test_freed_is_told_too() -> None:
    assert read_record(record(FREED, b"key"))[0] == FREED
