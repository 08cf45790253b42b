import functools

import pytest
import trio

from examples.embedding import main
from examples.hello import app
from trioradius import UDP, AccessAccept, AccessRequest, open_client
from trioradius.attributes import UserName, UserPassword


async def test_the_server_is_one_task_among_others(nursery: trio.Nursery, capsys: pytest.CaptureFixture[str]) -> None:
    before = app.counters["Access-Accept"]
    [(host, port)] = await nursery.start(functools.partial(main, every=0.05), UDP("127.0.0.1", 0))
    async with open_client(UDP(host, port), secret=b"testing123") as client:
        reply = await client.exchange(AccessRequest(UserName("alice"), UserPassword("wonderland")))
    assert isinstance(reply, AccessAccept)
    await trio.sleep(0.2)
    assert f"'Access-Accept': {before + 1}" in capsys.readouterr().out
