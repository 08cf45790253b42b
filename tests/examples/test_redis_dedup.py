import pathlib
from collections.abc import Iterator

import pytest

from examples.redis_dedup import make_app
from tests.nas import octets_of
from tests.redis_server import PASSWORD, RedisServer, running_redis
from trioradius import AccountingRequest
from trioradius.attributes import AcctSessionId, AcctStatusType
from trioradius.testing import AppClient


@pytest.fixture
def redis(tmp_path: pathlib.Path) -> Iterator[RedisServer]:
    with running_redis(tmp_path) as server:
        yield server


async def test_of_two_servers_one_counts_and_both_give_the_same_reply(redis: RedisServer) -> None:
    first, second = make_app(redis.url, PASSWORD), make_app(redis.url, PASSWORD)
    record = octets_of(AccountingRequest(AcctStatusType(AcctStatusType.START), AcctSessionId("1")), b"testing123")
    async with AppClient(first) as one, AppClient(second) as other:
        reply = await one.send(record)
        assert reply is not None
        assert await other.send(record) == reply
        assert await one.send(record) == reply
    assert (first.counters["counted"], second.counters["counted"]) == (1, 0)
    assert (first.counters["repeats"], second.counters["repeats"]) == (1, 1)
