from contextlib import closing
from pathlib import Path

import trio

from examples.dedup_store import SQLiteDedupStore, make_app
from trioradius import UDP, AccountingRequest, App, serve
from trioradius.attributes import AcctSessionId, AcctStatusType
from trioradius.protocol.exchange import Sent
from trioradius.protocol.profile import RADIUS_1_0
from trioradius.protocol.secret import Secret

KEY = b"127.0.0.1 1813" + bytes(16)


async def test_two_servers_know_each_others_replies(nursery: trio.Nursery, tmp_path: Path) -> None:
    path = str(tmp_path / "replies.db")
    apps: list[App[None]] = [make_app(path), make_app(path)]
    addresses = [(await nursery.start(serve, app, UDP("127.0.0.1", 0)))[0] for app in apps]
    record = AccountingRequest(AcctStatusType(AcctStatusType.START), AcctSessionId("1"))
    octets = Sent.make(record, 7, Secret(b"testing123"), RADIUS_1_0).octets
    replies = set()
    with trio.socket.socket(type=trio.socket.SOCK_DGRAM) as nas:
        await nas.bind(("127.0.0.1", 0))
        for address in addresses:
            await nas.sendto(octets, address)
            replies.add(await nas.recv(4096))
    assert len(replies) == 1
    assert sum(app.counters["records"] for app in apps) == 1


async def test_begin_and_finish(tmp_path: Path) -> None:
    with closing(SQLiteDedupStore(str(tmp_path / "replies.db"))) as store:
        assert await store.begin(KEY) is True
        assert await store.begin(KEY) is False
        await store.finish(KEY, None)
        assert await store.begin(KEY) is True
        await store.finish(KEY, b"reply")
        assert await store.begin(KEY) == b"reply"
