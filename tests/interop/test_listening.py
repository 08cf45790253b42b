"""Addresses: IPv6, every address at once, and replies that leave from the address that was asked."""

from __future__ import annotations

import pytest
import trio

from trioradius import UDP, AccessAccept, AccessRequest, App, StatusServer, open_client
from trioradius.attributes import NASIPAddress, ReplyMessage

from .radclient import PROVE, SECRET, Radclient
from .serving import serving


def application() -> App[None]:
    app: App[None] = App({"127.0.0.0/8": SECRET, "::1": SECRET})

    @app.on(AccessRequest)
    async def accept(request: AccessRequest) -> AccessAccept:
        assert request.source is not None
        return request.accept(ReplyMessage(request.source.address))

    return app


@pytest.mark.parametrize(
    "listen,ask,seen_from",
    [
        ("127.0.0.1", "127.0.0.1", "127.0.0.1"),
        ("::1", "::1", "::1"),
        ("0.0.0.0", "127.0.0.2", "127.0.0.1"),
        ("::", "127.0.0.2", "127.0.0.1"),
        ("::", "::1", "::1"),
    ],
)
async def test_radclient_is_answered(radclient: Radclient, listen: str, ask: str, seen_from: str) -> None:
    async with serving(application(), UDP(listen, 0)) as [(_, port)]:
        run = await radclient((ask, port), "auth", f'User-Name = "alice"\n{PROVE}')
    assert run.reply.attributes == [f'Reply-Message = "{seen_from}"']
    # radclient's socket is not connected: this is where the reply really came from.
    assert run.reply.source in (f"{ask}:{port}", f"[{ask}]:{port}")


@pytest.mark.parametrize("listen", ["0.0.0.0", "::"])
@pytest.mark.parametrize("asked", ["127.0.0.1", "127.0.0.2", "127.1.2.3"])
async def test_a_connected_socket_is_answered(listen: str, asked: str) -> None:
    async with serving(application(), UDP(listen, 0)) as [(_, port)]:
        server = UDP(asked, port, source_address="127.0.0.9")
        with trio.fail_after(30):
            async with open_client(server, secret=SECRET) as client:
                reply = await client.exchange(AccessRequest(NASIPAddress("192.0.2.1")))
                await client.exchange(StatusServer())
    assert reply[ReplyMessage] == "127.0.0.9"


async def test_a_server_with_nothing_to_do_ends_at_once(radclient: Radclient) -> None:
    with trio.fail_after(4):
        async with serving(application(), UDP("127.0.0.1", 0)) as [address]:
            await radclient(address, "auth", f'User-Name = "alice"\n{PROVE}')
            ended = trio.current_time()
    assert trio.current_time() - ended < 1
