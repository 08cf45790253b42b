"""RedisDedupStore against a real redis-server: what two servers know of each other, and what happens without it."""

from __future__ import annotations

import contextlib
import gc
import itertools
import logging
import pathlib
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from urllib.parse import quote

import pytest
import trio

from tests.redis_server import PASSWORD, RedisServer, running_redis
from trioradius import ConfigurationError
from trioradius.stores import redis as module
from trioradius.stores.redis import RedisDedupStore

pytestmark = [
    pytest.mark.trio,
    # A connection of coredis that never came to be leaves its memory streams to the garbage collector.
    pytest.mark.filterwarnings("ignore:.*MemoryObject.*Stream"),
]

ONE, TWO = b"192.0.2.1 1812 " + b"1" * 16, b"192.0.2.1 1812 " + b"2" * 16
"""The same slot (source, code, Identifier) under two Request Authenticators."""
LOOK_AGAIN = 0.02
WAIT_SECONDS = 10


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(autouse=True)
def fresh(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(module, "AGAIN_SECONDS", 0.05)
    redis.ask("flushall")
    yield
    gc.collect()


@contextlib.asynccontextmanager
async def connected(redis: RedisServer, count: int = 2, **settings: float) -> AsyncIterator[list[RedisDedupStore]]:
    """Stores as so many servers have them; their deadline is long, since a test machine may be busy."""
    async with contextlib.AsyncExitStack() as stack:
        stores = []
        for _ in range(count):
            stores.append(RedisDedupStore(redis.url, password=PASSWORD, **{"deadline": 5, **settings}))
            await stack.enter_async_context(stores[-1].connected())
        yield stores


async def until(condition: Callable[[], object]) -> None:
    """Until what a real program did shows."""
    with trio.fail_after(WAIT_SECONDS):
        while not condition():  # noqa: ASYNC110
            await trio.sleep(LOOK_AGAIN)


def keys_in(redis: RedisServer) -> int:
    return int(redis.ask("dbsize"))


async def test_two_servers_give_one_reply(redis: RedisServer) -> None:
    async with connected(redis) as (first, second):
        assert not first.is_away
        assert await first.begin(ONE) is True
        assert await first.begin(ONE) is False
        assert await second.begin(ONE) is False
        await first.finish(ONE, b"\0reply\xff")
        assert [await store.begin(ONE) for store in (first, second, second)] == [b"\0reply\xff"] * 3


async def test_what_another_server_said_is_kept_in_memory_as_well(redis: RedisServer) -> None:
    async with connected(redis) as (first, second):
        await first.begin(ONE)
        await first.finish(ONE, b"reply")
        assert await second.begin(ONE) == b"reply"
        redis.ask("flushall")
        assert await second.begin(ONE) == b"reply"


async def test_none_frees_the_key_everywhere(redis: RedisServer) -> None:
    async with connected(redis) as (first, second):
        assert await first.begin(ONE) is True
        await first.finish(ONE, None)
        assert keys_in(redis) == 0
        assert await second.begin(ONE) is True
        assert await first.begin(ONE) is False


async def test_of_servers_asked_at_once_one_begins(redis: RedisServer) -> None:
    async with connected(redis, 4) as stores:
        keys = [b"192.0.2.1 %5d " % number + b"1" * 16 for number in range(50)]
        ours = []

        async def begin(store: RedisDedupStore, key: bytes) -> None:
            if await store.begin(key) is True:
                ours.append(key)

        async with trio.open_nursery() as nursery:
            for key in keys:
                for store in stores:
                    nursery.start_soon(begin, store, key)
        assert sorted(ours) == keys


async def test_a_new_authenticator_takes_the_place_of_the_earlier_reply(redis: RedisServer) -> None:
    async with connected(redis) as (first, second):
        await first.begin(ONE)
        await first.finish(ONE, b"one")
        assert await second.begin(TWO) is True
        await second.finish(TWO, b"two")
        assert keys_in(redis) == 1
        assert await first.begin(TWO) == b"two"


async def test_who_lost_the_place_does_not_take_it_back(redis: RedisServer) -> None:
    async with connected(redis, 3) as (first, second, third):
        assert await first.begin(ONE) is True
        assert await second.begin(TWO) is True
        await first.finish(ONE, b"late")
        assert await third.begin(TWO) is False
        await first.begin(ONE)
        await second.finish(TWO, b"two")
        assert await third.begin(TWO) == b"two"


async def test_a_mark_is_a_lease(redis: RedisServer) -> None:
    """The server that began is gone; its mark must not keep the others from answering for ever."""
    async with connected(redis, lease=0.2) as (first, second):
        assert await first.begin(ONE) is True
        begun: list[object] = []
        with trio.fail_after(WAIT_SECONDS):
            while (last := await second.begin(ONE)) is False:
                begun.append(last)
                await trio.sleep(LOOK_AGAIN)
        assert last is True
        assert begun
        await first.finish(ONE, b"too late")
        await second.finish(ONE, b"second")
        async with connected(redis, 1) as (third,):
            assert await third.begin(ONE) == b"second"


async def test_replies_and_marks_expire(redis: RedisServer) -> None:
    async with connected(redis, ttl=7, lease=20) as (first, second):
        await first.begin(ONE)
        await second.begin(b"192.0.2.2 1812 " + b"1" * 16)
        await first.finish(ONE, b"reply")
        times = sorted(int(redis.ask("pttl", key)) for key in _raw_keys(redis))
        assert 6000 < times[0] <= 7000
        assert 19000 < times[1] <= 20000


def _raw_keys(redis: RedisServer) -> list[str]:
    """Keys of digests, as a script tells them in hexadecimal, are asked for by a script that reads them back."""
    script = "local r = {} for _, k in ipairs(redis.call('KEYS', '*')) do r[#r+1] = k end return r"
    redis.ask("eval", script, "0")
    rename = "for i, k in ipairs(redis.call('KEYS', '*')) do redis.call('RENAME', k, 'key' .. i) end"
    redis.ask("eval", rename, "0")
    return redis.ask("keys", "*").split()


async def test_a_key_tells_nothing_and_has_the_prefix(redis: RedisServer) -> None:
    store = RedisDedupStore(redis.url, password=PASSWORD, deadline=5, prefix="pop7:")
    async with store.connected():
        await store.begin(ONE)
        inside = redis.ask("eval", "return {#redis.call('KEYS', 'pop7:*'), redis.call('KEYS', '*')[1]}", "0")
    assert inside.startswith("1\npop7:")
    assert "192.0.2.1" not in inside


async def test_a_unix_socket_a_database_and_a_password_in_the_url(redis: RedisServer) -> None:
    store = RedisDedupStore(f"unix://:{quote(PASSWORD, safe='')}@{redis.socket}?db=3", deadline=5)
    async with store.connected():
        assert not store.is_away
        await store.begin(ONE)
        assert redis.ask("-n", "3", "dbsize") == "1"
    assert repr(store) == f"RedisDedupStore({str(redis.socket)!r})"


async def test_a_database_in_the_path(redis: RedisServer) -> None:
    store = RedisDedupStore(f"redis://default@127.0.0.1:{redis.port}/5", password=PASSWORD, deadline=5)
    async with store.connected():
        await store.begin(ONE)
        assert redis.ask("-n", "5", "dbsize") == "1"


async def test_before_it_is_opened_memory_decides() -> None:
    store = RedisDedupStore("redis://127.0.0.1:1")
    assert store.is_away
    assert await store.begin(ONE) is True
    await store.finish(ONE, b"reply")
    assert await store.begin(ONE) == b"reply"


async def test_a_wrong_password_degrades_with_one_line(redis: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    store = RedisDedupStore(redis.url, password="wrong secret")
    async with store.connected():
        assert store.is_away
        assert await store.begin(ONE) is True
        await trio.sleep(0.2)
    lines = [record.getMessage() for record in caplog.records if record.name == "trioradius.stores"]
    assert len(lines) == 1
    assert lines[0].startswith(f"Redis at 127.0.0.1:{redis.port} is away, so duplicates are known to this server alone")
    assert "wrong secret" not in caplog.text


async def test_killed_and_started_again(tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture) -> None:
    with running_redis(tmp_path) as redis:
        async with connected(redis) as (first, second):
            await first.begin(ONE)
            await first.finish(ONE, b"one")
            redis.kill()
            # What each server answered itself it still knows; of the other it knows nothing.
            assert await first.begin(ONE) == b"one"
            assert await first.begin(TWO) is True
            assert await second.begin(TWO) is True
            await first.finish(TWO, b"two")
            await second.finish(TWO, b"two")
            assert await first.begin(TWO) == b"two"
            redis.start()
            await until(lambda: not (first.is_away or second.is_away))
            three = b"192.0.2.1 1813 " + b"3" * 16
            assert await first.begin(three) is True
            await first.finish(three, b"three")
            assert await second.begin(three) == b"three"
    lines = [record.getMessage() for record in caplog.records if record.name == "trioradius.stores"]
    assert sum(" is away, so " in line for line in lines) == 2
    assert sum(line == f"Redis at 127.0.0.1:{redis.port} is back" for line in lines) == 2
    assert len(lines) == 4
    assert all(record.levelno == logging.WARNING for record in caplog.records if record.name == "trioradius.stores")


async def test_a_redis_that_hangs_holds_nobody_up(tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture) -> None:
    with running_redis(tmp_path) as redis:
        async with connected(redis, 1, deadline=0.3) as (store,):
            redis.stop()
            before = trio.current_time()
            assert await store.begin(ONE) is True
            assert 0.25 < trio.current_time() - before < 2
            assert store.is_away
            before = trio.current_time()
            for number in range(100):
                key = b"192.0.2.1 %5d " % number + b"1" * 16
                assert await store.begin(key) is True
                await store.finish(key, b"reply")
            assert store.is_away
            assert trio.current_time() - before < 3
            redis.go_on()
            await until(lambda: not store.is_away)
            await store.finish(ONE, b"one")
    assert "no answer within 0.3 s" in caplog.text


async def test_the_mark_of_a_server_that_gave_up_is_taken_back(tmp_path: pathlib.Path) -> None:
    """Redis did set the mark, though the answer came too late: finish still knows it as its own."""
    with running_redis(tmp_path) as redis:
        async with connected(redis, 1, deadline=0.3) as (first,), connected(redis, 1) as (second,):
            redis.stop()
            assert await first.begin(ONE) is True
            redis.go_on()
            await until(lambda: not first.is_away)
            assert await second.begin(ONE) is False
            await first.finish(ONE, b"one")
            assert await second.begin(ONE) == b"one"


async def test_under_load_nothing_fails_while_redis_is_killed(tmp_path: pathlib.Path) -> None:
    answered = [0, 0]
    with running_redis(tmp_path) as redis:
        async with connected(redis, 2, deadline=0.2) as stores:

            async def load(which: int, task: int) -> None:
                for number in itertools.count():
                    await trio.lowlevel.checkpoint()
                    key = b"10.0.%d.%d %5d " % (which, task, number) + b"1" * 16
                    assert await stores[which].begin(key) is True
                    await stores[which].finish(key, b"reply %d" % number)
                    assert await stores[which].begin(key) == b"reply %d" % number
                    answered[which] += 1

            async with trio.open_nursery() as nursery:
                for task in range(16):
                    nursery.start_soon(load, task % 2, task)
                for _ in range(2):
                    await until(lambda: min(answered) > 50 and not any(store.is_away for store in stores))
                    redis.kill()
                    await until(lambda: all(store.is_away for store in stores))
                    answered[:] = 0, 0
                    await until(lambda: min(answered) > 50)
                    redis.start()
                    await until(lambda: not any(store.is_away for store in stores))
                    answered[:] = 0, 0
                await until(lambda: min(answered) > 50)
                nursery.cancel_scope.cancel()
            assert not any(store._marks for store in stores)


async def test_cancelled_while_it_asks_it_frees_the_key(tmp_path: pathlib.Path) -> None:
    with running_redis(tmp_path) as redis:
        async with connected(redis, 1, deadline=0.5) as (first,), connected(redis, 1) as (second,):
            redis.stop()
            with trio.move_on_after(0.1) as scope:
                await first.begin(ONE)
            assert scope.cancelled_caught
            assert not first._marks
            redis.go_on()
            await until(lambda: not first.is_away)
            assert await second.begin(ONE) is True
            assert await first.begin(TWO) is True


async def test_a_redis_that_cannot_write_is_away(redis: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    redis.ask("config", "set", "maxmemory", "1")
    try:
        async with connected(redis, 1) as (store,):
            assert store.is_away
            assert "OOM" in caplog.text
            redis.ask("config", "set", "maxmemory", "0")
            await until(lambda: not store.is_away)
    finally:
        redis.ask("config", "set", "maxmemory", "0")


async def test_scripts_that_were_flushed_are_loaded_again(redis: RedisServer) -> None:
    async with connected(redis, 1) as (store,):
        redis.ask("script", "flush")
        assert await store.begin(ONE) is True
        assert store.is_away
        await until(lambda: not store.is_away)


async def test_the_connection_ends_with_the_block(redis: RedisServer) -> None:
    async with connected(redis, 1) as (store,):
        assert len(redis.ask("client", "list").splitlines()) == 2
        # Many at once travel on one connection.
        async with trio.open_nursery() as nursery:
            for number in range(100):
                nursery.start_soon(store.begin, b"192.0.2.1 %5d " % number + b"1" * 16)
        assert len(redis.ask("client", "list").splitlines()) == 2
    assert store.is_away
    assert len(redis.ask("client", "list").splitlines()) == 1


@pytest.mark.parametrize(
    "url", ["127.0.0.1", "http://127.0.0.1", "redis://", "unix://", "redis://host:port", "redis://:secret@/1"]
)
async def test_a_url_that_cannot_work(url: str) -> None:
    with pytest.raises(ConfigurationError, match="RedisDedupStore wants redis://HOST") as raised:
        RedisDedupStore(url)
    assert "secret" not in str(raised.value)


async def test_a_url_that_coredis_refuses() -> None:
    store = RedisDedupStore("rediss://127.0.0.1/?ssl_ca_certs=/nowhere/ca.pem")
    with pytest.raises(ConfigurationError, match=r"^Redis at 127\.0\.0\.1:6379: "):
        async with store.connected():
            pytest.fail("it opened")


@pytest.mark.parametrize("settings", [{"ttl": 0}, {"lease": 0}, {"deadline": 0}, {"octets": 0}, {"lease": -1}])
async def test_settings_that_cannot_work(settings: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError, match="positive"):
        RedisDedupStore("redis://127.0.0.1", **settings)


async def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "coredis.pool", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'trioradius\[redis\]'"):
        async with RedisDedupStore("redis://127.0.0.1").connected():
            pytest.fail("it opened")


async def test_coredis_is_imported_only_when_it_is_opened() -> None:
    program = (
        "import sys, trioradius.stores.redis as r\nr.RedisDedupStore('redis://h')\nprint('coredis' in sys.modules)"
    )
    done = await trio.run_process([sys.executable, "-c", program], capture_stdout=True)
    assert done.stdout.split() == [b"False"]


@pytest.mark.parametrize(
    ("hang", "why"),
    [
        (lambda redis: redis.stop(), "Unable to establish a connection"),
        (lambda redis: redis.ask("client", "pause", "600", "write"), "no answer within 0.2 s"),
    ],
    ids=["all of it", "what writes"],
)
async def test_a_redis_that_hangs_keeps_nobody_from_starting(
    hang: Callable[[RedisServer], object],
    why: str,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(module, "CONNECT_SECONDS", 0.2)
    with running_redis(tmp_path) as redis:
        hang(redis)
        async with connected(redis, 1) as (store,):
            assert store.is_away
            assert why in caplog.text
            await trio.sleep(0.3)
            redis.go_on()
            await until(lambda: not store.is_away)
    assert [record.name for record in caplog.records] == ["trioradius.stores"] * 2
