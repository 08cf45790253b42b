"""MemoryDedupStore: RFC 5080 section 2.2.2, by a clock that the test moves."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trioradius import ConfigurationError, MemoryDedupStore

ONE, TWO = b"192.0.2.1 1812 " + b"1" * 16, b"192.0.2.1 1812 " + b"2" * 16
"""The same slot (source, code, Identifier) under two Request Authenticators."""
OTHER = b"192.0.2.2 1812 " + b"1" * 16


class Clock:
    """Seconds, when somebody says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> MemoryDedupStore:
    return MemoryDedupStore(ttl=5, clock=clock)


@pytest.mark.trio
async def test_the_first_is_ours_a_repeat_is_in_flight_and_then_gets_the_reply(store: MemoryDedupStore) -> None:
    assert await store.begin(ONE) is True
    assert await store.begin(ONE) is False
    await store.finish(ONE, b"reply")
    assert await store.begin(ONE) == b"reply"
    assert await store.begin(ONE) == b"reply"
    assert await store.begin(OTHER) is True


@pytest.mark.trio
async def test_none_frees_the_key(store: MemoryDedupStore) -> None:
    assert await store.begin(ONE) is True
    await store.finish(ONE, None)
    assert await store.begin(ONE) is True
    assert len(store) == 0


@pytest.mark.trio
@pytest.mark.parametrize("later", [0, 0.1, 2.5, 4.999, 5])
async def test_a_reply_lives_for_its_ttl(later: float, store: MemoryDedupStore, clock: Clock) -> None:
    await store.begin(ONE)
    await store.finish(ONE, b"reply")
    clock.now += later
    assert await store.begin(ONE) == b"reply"


@pytest.mark.trio
@pytest.mark.parametrize("later", [5.001, 7.5, 10, 1e6])
async def test_and_not_longer(later: float, store: MemoryDedupStore, clock: Clock) -> None:
    await store.begin(ONE)
    await store.finish(ONE, b"reply")
    clock.now += later
    assert await store.begin(ONE) is True


@pytest.mark.trio
@pytest.mark.parametrize("step", [0.3, 1, 2.4, 4.9])
async def test_the_ttl_is_exact_whatever_others_do(step: float, store: MemoryDedupStore, clock: Clock) -> None:
    """A steady stream turns generations over; no reply may live shorter or longer for it."""
    born: dict[bytes, float] = {}
    for number in range(60):
        key = number.to_bytes(4, "big") + bytes(16)
        await store.begin(key)
        await store.finish(key, key)
        born[key] = clock.now
        clock.now += step
        for kept, since in list(born.items()):
            alive = clock.now - since <= 5
            found = await store.begin(kept)
            assert found == (kept if alive else True)
            if not alive:
                await store.finish(kept, None)
                del born[kept]


@pytest.mark.trio
async def test_a_new_authenticator_ends_the_life_of_the_old_reply(store: MemoryDedupStore) -> None:
    """RFC 5080 section 2.2.2: the NAS has reused its Identifier, so it has the earlier reply or gave it up."""
    await store.begin(ONE)
    await store.finish(ONE, b"one")
    assert await store.begin(TWO) is True
    await store.finish(TWO, b"two")
    assert len(store) == 1
    assert await store.begin(TWO) == b"two"
    assert await store.begin(ONE) is True


@pytest.mark.trio
async def test_two_authenticators_may_be_in_flight_at_once(store: MemoryDedupStore) -> None:
    assert await store.begin(ONE) is True
    assert await store.begin(TWO) is True
    assert await store.begin(ONE) is False
    await store.finish(ONE, b"one")
    await store.finish(TWO, b"two")
    assert await store.begin(TWO) == b"two"


@pytest.mark.trio
async def test_one_that_failed_in_its_slot_leaves_the_other_in_flight(store: MemoryDedupStore) -> None:
    assert await store.begin(ONE) is True
    assert await store.begin(TWO) is True
    await store.finish(TWO, None)
    assert await store.begin(ONE) is False
    await store.finish(ONE, b"one")
    assert await store.begin(ONE) == b"one"


@pytest.mark.trio
async def test_a_reply_whose_life_ended_does_not_come_back(store: MemoryDedupStore) -> None:
    """Neither where a generation began between its request and it."""
    await store.begin(ONE)
    await store.finish(ONE, b"one")
    assert await store.begin(TWO) is True
    await store.finish(TWO, None)
    assert await store.begin(ONE) is True


@pytest.mark.trio
async def test_one_answered_elsewhere_leaves_the_reply_in_its_slot(store: MemoryDedupStore) -> None:
    """As a successor learns them: first replies, then what is being answered (workers/succession.py)."""
    store.keep(TWO, b"two", 5)
    store.hold(ONE)
    assert await store.begin(TWO) == b"two"
    assert await store.begin(ONE) is False
    assert store.running == (ONE,)
    await store.finish(ONE, None)
    assert await store.begin(ONE) is True


@pytest.mark.trio
async def test_one_that_is_answered_for_long_stays_in_flight(store: MemoryDedupStore, clock: Clock) -> None:
    assert await store.begin(ONE) is True
    for number in range(100):
        key = number.to_bytes(4, "big") + bytes(16)
        await store.begin(key)
        await store.finish(key, b"reply")
        clock.now += 0.5
    assert await store.begin(ONE) is False
    await store.finish(ONE, b"one")
    assert await store.begin(ONE) == b"one"


@pytest.mark.trio
async def test_memory_is_bounded(clock: Clock) -> None:
    """Past the bound the oldest go early and are counted; the youngest half stays."""
    store = MemoryDedupStore(ttl=30, octets=1 << 20, clock=clock)
    for number in range(5000):
        key = number.to_bytes(4, "big") + bytes(16)
        await store.begin(key)
        await store.finish(key, bytes(600))
        assert len(store) * 1000 <= (1 << 20) + 2000
    assert store.evicted + len(store) == 5000
    assert await store.begin(key) == bytes(600)
    assert await store.begin((4700).to_bytes(4, "big") + bytes(16)) == bytes(600)


@pytest.mark.trio
async def test_a_stream_of_finished_requests_leaves_nothing(store: MemoryDedupStore, clock: Clock) -> None:
    for number in range(2000):
        key = number.to_bytes(4, "big") + bytes(16)
        await store.begin(key)
        await store.finish(key, b"reply" if number % 2 else None)
        clock.now += 0.1
    assert len(store) <= 2 * 5 / 0.2 + 1
    assert not store.running
    assert store.evicted == 0


@pytest.mark.parametrize("settings_of", [{"ttl": 0}, {"ttl": -1}, {"octets": 0}])
def test_settings_that_cannot_work(settings_of: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError, match="positive"):
        MemoryDedupStore(**settings_of)


STEPS = st.lists(st.tuples(st.sampled_from("bfnw"), st.integers(0, 1), st.integers(0, 2)), max_size=60)


@pytest.mark.trio
@settings(max_examples=1_000, deadline=None)
@given(steps=STEPS)
async def test_against_a_simple_model(steps: list[tuple[str, int, int]]) -> None:
    """begin, finish, finish with None, wait, in any order: the store answers as a plain table would."""
    clock = Clock()
    store = MemoryDedupStore(ttl=5, clock=clock)
    replies: dict[bytes, tuple[bytes, float]] = {}
    running: set[bytes] = set()
    for step, slot, vector in steps:
        key = bytes((slot,)) + bytes((vector,)) * 16
        if step == "w":
            clock.now += slot + vector
        elif step == "b":
            found = await store.begin(key)
            kept = replies.get(key[:1])
            if kept and kept[0] == key and kept[1] >= clock.now:
                assert found == b"reply to " + key
                continue
            assert found is (key not in running)
            if found:
                replies.pop(key[:1], None)
            running.add(key)
        elif key in running:
            running.discard(key)
            await store.finish(key, b"reply to " + key if step == "f" else None)
            if step == "f":
                replies[key[:1]] = key, clock.now + 5
