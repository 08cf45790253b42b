"""One request is answered once, whatever ends its handler, whichever store remembers."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import pytest
import trio
from trio.testing import MockClock

from trioradius import DedupStore, MemoryDedupStore, Overload
from trioradius.claim import FINISH_SECONDS, Claim

KEY = b"source " + bytes(16)


@contextlib.asynccontextmanager
async def claimed(store: DedupStore | None, key: bytes) -> AsyncIterator[Claim]:
    """A block in which a request is ours, as respond() has it."""
    claim = Claim(store, key[:-16], key[-16:])
    if asking := claim.begin():
        await asking
    try:
        yield claim
    except BaseException:
        claim.reply = None
        raise
    finally:
        if telling := claim.end():
            await telling


class Remote:
    """A store behind a network, as a user writes one: everything takes a tenth of a second."""

    def __init__(self) -> None:
        self.inner = MemoryDedupStore()
        self.takes = 0.1

    async def begin(self, key: bytes) -> bytes | bool:
        await trio.sleep(self.takes)
        return await self.inner.begin(key)

    async def finish(self, key: bytes, reply: bytes | None) -> None:
        await trio.sleep(self.takes)
        await self.inner.finish(key, reply)


@pytest.fixture(params=["memory", "remote"])
def store(request: pytest.FixtureRequest, autojump_clock: MockClock) -> DedupStore:
    return MemoryDedupStore() if request.param == "memory" else Remote()


async def refusal(store: DedupStore | None) -> str:
    with pytest.raises(Overload) as refused:
        async with claimed(store, KEY):
            pass
    return refused.value.reason


async def test_a_repeat_finds_the_reply(store: DedupStore) -> None:
    async with claimed(store, KEY) as claim:
        assert not claim.is_repeat
        claim.reply = b"reply"
    async with claimed(store, KEY) as repeat:
        assert repeat.is_repeat
        assert repeat.reply == b"reply"


async def test_a_repeat_meanwhile_does_not_get_in(store: DedupStore) -> None:
    async with claimed(store, KEY) as claim:
        assert await refusal(store) == "repeat_in_flight"
        claim.reply = b"reply"
    async with claimed(store, KEY) as repeat:
        assert repeat.reply == b"reply"


async def test_without_a_reply_the_key_is_free(store: DedupStore) -> None:
    for _ in range(2):
        async with claimed(store, KEY) as claim:
            assert not claim.is_repeat
    for _ in range(2):
        with pytest.raises(ValueError, match="why"):
            async with claimed(store, KEY) as claim:
                assert not claim.is_repeat
                claim.reply = b"not to be kept"
                raise ValueError("why")


async def test_cancelled_it_frees_the_key(store: DedupStore) -> None:
    with trio.move_on_after(1):
        async with claimed(store, KEY):
            await trio.sleep_forever()
    async with claimed(store, KEY) as claim:
        assert not claim.is_repeat


async def test_a_claim_kept_open_is_finished_later(store: DedupStore) -> None:
    async with claimed(store, KEY) as claim:
        claim.keep_open()
    assert await refusal(store) == "repeat_in_flight"
    await claim.finish(b"reply")
    async with claimed(store, KEY) as repeat:
        assert repeat.reply == b"reply"


async def test_a_claim_kept_open_and_failed_is_free(store: DedupStore) -> None:
    async with claimed(store, KEY) as claim:
        claim.keep_open()
    await claim.finish(None)
    async with claimed(store, KEY) as again:
        assert not again.is_repeat


async def test_without_a_store_everything_is_ours() -> None:
    store = None
    async with claimed(store, KEY) as one, claimed(store, KEY) as two:
        assert not one.is_repeat and not two.is_repeat
        one.reply = two.reply = b"reply"
    await one.finish(b"reply")


async def test_keeping_a_reply_outlives_cancellation_for_a_second(autojump_clock: MockClock) -> None:
    store = Remote()
    with trio.CancelScope() as scope:
        async with claimed(store, KEY) as claim:
            claim.reply = b"reply"
            scope.cancel()
    async with claimed(store, KEY) as repeat:
        assert repeat.reply == b"reply"
    async with claimed(store, bytes(20)) as claim:
        store.takes = 100
        claim.reply = b"reply"
        before = trio.current_time()
    assert trio.current_time() - before == pytest.approx(FINISH_SECONDS)
