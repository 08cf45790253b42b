"""One request is answered once, whatever ends its handler, whichever store remembers."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from trioradius import DedupStore, MemoryDedupStore, Overload
from trioradius.claim import FINISH_SECONDS, Claim

KEY = b"source " + bytes(16)


class SharedStore(MemoryDedupStore):
    """A store behind a network: everything takes a tenth of a second."""

    def __init__(self) -> None:
        super().__init__()
        self.takes = 0.1

    async def begin(self, key: bytes) -> bytes | bool:
        await trio.sleep(self.takes)
        return await super().begin(key)

    async def finish(self, key: bytes, reply: bytes | None) -> None:
        await trio.sleep(self.takes)
        await super().finish(key, reply)


class Remote:
    """The same, as a user writes one; Claim knows that a MemoryDedupStore needs no shield."""

    def __init__(self) -> None:
        self.inner = SharedStore()

    async def begin(self, key: bytes) -> bytes | bool:
        return await self.inner.begin(key)

    async def finish(self, key: bytes, reply: bytes | None) -> None:
        await self.inner.finish(key, reply)


@pytest.fixture(params=["memory", "remote"])
def store(request: pytest.FixtureRequest, autojump_clock: MockClock) -> DedupStore:
    return MemoryDedupStore() if request.param == "memory" else Remote()


class Nas:
    """Claims of one address."""

    def __init__(self, store: DedupStore | None, most: int = 10) -> None:
        self.store = store
        self.most = most
        self.in_flight: dict[str, int] = {}

    def claim(self, key: bytes = KEY, address: str = "192.0.2.1") -> Claim:
        return Claim(self.store, key, address, self.in_flight, self.most)


async def refusal(claim: Claim) -> str:
    with pytest.raises(Overload) as refused:
        async with claim:
            pass
    return refused.value.reason


async def test_a_repeat_finds_the_reply(store: DedupStore) -> None:
    nas = Nas(store)
    async with nas.claim() as claim:
        assert not claim.is_repeat
        assert nas.in_flight == {"192.0.2.1": 1}
        claim.reply = b"reply"
    async with nas.claim() as repeat:
        assert repeat.is_repeat
        assert repeat.reply == b"reply"
    assert nas.in_flight == {}


async def test_a_repeat_meanwhile_does_not_get_in(store: DedupStore) -> None:
    nas = Nas(store)
    async with nas.claim() as claim:
        assert await refusal(nas.claim()) == "repeat_in_flight"
        claim.reply = b"reply"
    async with nas.claim() as repeat:
        assert repeat.reply == b"reply"
    assert nas.in_flight == {}


async def test_without_a_reply_the_key_is_free(store: DedupStore) -> None:
    nas = Nas(store)
    for _ in range(2):
        async with nas.claim() as claim:
            assert not claim.is_repeat
    for _ in range(2):
        with pytest.raises(ValueError, match="why"):
            async with nas.claim() as claim:
                assert not claim.is_repeat
                claim.reply = b"not to be kept"
                raise ValueError("why")
    assert nas.in_flight == {}


async def test_cancelled_it_frees_the_key(store: DedupStore) -> None:
    nas = Nas(store)
    with trio.move_on_after(1):
        async with nas.claim():
            await trio.sleep_forever()
    async with nas.claim() as claim:
        assert not claim.is_repeat
    assert nas.in_flight == {}


async def test_a_claim_kept_open_is_finished_later(store: DedupStore) -> None:
    nas = Nas(store)
    async with nas.claim() as claim:
        claim.keep_open()
    assert nas.in_flight == {}, "it holds no place"
    assert await refusal(nas.claim()) == "repeat_in_flight"
    await claim.finish(b"reply")
    async with nas.claim() as repeat:
        assert repeat.reply == b"reply"


async def test_a_claim_kept_open_and_failed_is_free(store: DedupStore) -> None:
    nas = Nas(store)
    async with nas.claim() as claim:
        claim.keep_open()
    await claim.finish(None)
    async with nas.claim() as again:
        assert not again.is_repeat


async def test_without_a_store_everything_is_ours() -> None:
    nas = Nas(None)
    async with nas.claim() as one, nas.claim() as two:
        assert not one.is_repeat and not two.is_repeat
        one.reply = two.reply = b"reply"
    await one.finish(b"reply")
    assert nas.in_flight == {}


async def test_the_bound_of_an_address() -> None:
    nas = Nas(MemoryDedupStore(), most=1)
    async with nas.claim():
        assert await refusal(nas.claim(b"another " + bytes(16))) == "address_overload"
        async with nas.claim(b"another " + bytes(16), "192.0.2.2"):
            assert nas.in_flight == {"192.0.2.1": 1, "192.0.2.2": 1}
    assert nas.in_flight == {}


async def test_the_bound_counts_those_that_wait_for_the_store(autojump_clock: MockClock) -> None:
    """A store that answers late must not let in more than the bound, and one cancelled there leaves no trace."""
    nas = Nas(Remote(), most=2)
    entered = []

    async def enter(number: int) -> None:
        async with nas.claim(bytes((number,)) * 20):
            entered.append(number)
            await trio.sleep(1)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(enter, 1)
        nursery.start_soon(enter, 2)
        await wait_all_tasks_blocked()
        assert nas.in_flight == {"192.0.2.1": 2}
        assert await refusal(nas.claim()) == "address_overload"
    assert entered in ([1, 2], [2, 1])
    with trio.move_on_after(0.05):
        async with nas.claim():
            pass
    assert nas.in_flight == {}


async def test_keeping_a_reply_outlives_cancellation_for_a_second(autojump_clock: MockClock) -> None:
    store = Remote()
    nas = Nas(store)
    with trio.CancelScope() as scope:
        async with nas.claim() as claim:
            claim.reply = b"reply"
            scope.cancel()
    async with nas.claim() as repeat:
        assert repeat.reply == b"reply"
    async with nas.claim(bytes(20)) as claim:
        store.inner.takes = 100
        claim.reply = b"reply"
        before = trio.current_time()
    assert trio.current_time() - before == pytest.approx(FINISH_SECONDS)
