import trio

from examples import script
from examples.hello import app
from trioradius import UDP, serve


async def test_yes_and_no(nursery: trio.Nursery) -> None:
    [(host, port)] = await nursery.start(serve, app, UDP("127.0.0.1", 0))
    server = UDP(host, port)
    assert await trio.to_thread.run_sync(script.may_enter, "alice", "wonderland", server)
    assert not await trio.to_thread.run_sync(script.may_enter, "alice", "looking glass", server)
