from collections.abc import Callable

import pytest
import trio

from examples import client, dynamic_authorization, hello, one_time_password
from examples.routers import accounting
from trioradius import UDP, App, Retransmission, Router, open_client, serve


def server(*routers: Router) -> App[None]:
    app: App[None] = App(peers={"127.0.0.1": client.SECRET}, reject_delay=0)
    for router in routers:
        app.include(router)
    return app


async def listening(nursery: trio.Nursery, app: App[None]) -> UDP:
    [(host, port)] = await nursery.start(serve, app, UDP("127.0.0.1", 0))
    return UDP(host, port)


async def test_every_kind_of_request(nursery: trio.Nursery) -> None:
    address = await listening(nursery, server(hello.app, accounting.router, dynamic_authorization.app))
    async with open_client(address, secret=client.SECRET) as opened:
        assert await client.is_alive(opened)
        assert await client.authenticate(opened, "alice", "wonderland") == "accepted: Welcome, Alice"
        assert await client.authenticate(opened, "alice", "looking glass") == "rejected"
        await client.account_start(opened, "alice", "1")
        assert accounting.online == {"1": "alice"}
        assert await client.change_timeout(opened, "0000001A", 600) == "changed"
        assert await client.change_timeout(opened, "9", 600) == "refused: Session-Context-Not-Found"
    accounting.online.clear()


async def test_a_challenge(nursery: trio.Nursery) -> None:
    address = await listening(nursery, server(one_time_password.app))
    async with open_client(address, secret=client.SECRET) as opened:
        told = await client.authenticate(opened, "alice", "wonderland")
    assert told == "asked for more: Enter the code that was sent to you"


async def test_nobody_there(autojump_clock: Callable[[], float]) -> None:
    with trio.socket.socket(type=trio.socket.SOCK_DGRAM) as silent:
        await silent.bind(("127.0.0.1", 0))
        address = UDP(*silent.getsockname())
        async with open_client(address, secret=client.SECRET, retransmission=Retransmission(attempts=1)) as opened:
            assert not await client.is_alive(opened)


async def test_main_tells_what_it_found(nursery: trio.Nursery, capsys: pytest.CaptureFixture[str]) -> None:
    app = server(hello.app, accounting.router, dynamic_authorization.app)
    await nursery.start(serve, app, *(UDP("127.0.0.77", port) for port in (1812, 1813, 3799)))
    app.peers.replace({"127.0.0.0/8": client.SECRET})
    await client.main("127.0.0.77")
    assert capsys.readouterr().out.splitlines() == ["alive", "accepted: Welcome, Alice", "changed"]
    accounting.online.clear()
