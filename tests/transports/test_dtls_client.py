"""One DTLS session of a client, with openssl s_server at the other end."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from tests.tls.pki import PKI
from tests.tls.programs import s_server, shown
from trioradius import DTLS, RadiusError, TLSSettings
from trioradius.tls import client_context
from trioradius.transports.dtls_client import DTLSClientSession, open_session
from trioradius.transports.lost import ConnectionLost

PACKET = b"\x02\0\0\x14" + b"sixteen octets .\n"[:15] + b"\n"


async def opened(port: int, settings: TLSSettings) -> DTLSClientSession:
    return await open_session(DTLS("127.0.0.1", port, settings), client_context(settings, datagrams=True))


@pytest.mark.parametrize("arguments", [(), ("-listen",), ("-alpn", "radius/1.0"), ("-mtu", "300")])
async def test_packets_both_ways(pki: PKI, arguments: tuple[str, ...]) -> None:
    """With a cookie and without; with flights in many fragments."""
    with s_server("-dtls1_2", "-Verify", "2", *arguments, *shown(pki, "server")) as (process, port):
        assert process.stdin is not None
        session = await opened(port, pki.settings("client"))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(session.transmit)
            session.send(b"a line\n")
            process.stdin.write(PACKET)
            process.stdin.flush()
            assert await session.receive() == [PACKET]
            nursery.cancel_scope.cancel()
        await session.close()
        session.send(b"too late")


@pytest.mark.parametrize(
    ("arguments", "settings", "reason"),
    [
        ((), {"server_name": "radius.example.org"}, "certificate_refused"),
        (("-cipher", "AES128-SHA"), {}, "peer_alert"),
        (("-alpn", "something/else"), {}, "no_common_protocol"),
    ],
)
async def test_no_handshake(pki: PKI, arguments: tuple[str, ...], settings: dict[str, Any], reason: str) -> None:
    with s_server("-dtls1_2", *arguments, *shown(pki, "server")) as (_, port):
        with pytest.raises(RadiusError) as raised:
            await opened(port, pki.settings("client", **settings))
        assert raised.value.reason == reason


async def test_a_socket_that_leads_to_itself(pki: PKI) -> None:
    """T15: nobody shakes hands with himself."""

    class Looped(DTLS):
        async def connect(self) -> trio.socket.SocketType:
            looped = trio.socket.socket(type=trio.socket.SOCK_DGRAM)
            await looped.bind(("127.0.0.1", 0))
            await looped.connect(looped.getsockname())
            return looped

    settings = pki.settings("client")
    with pytest.raises(ConnectionLost) as raised:
        await open_session(Looped("127.0.0.1", 2083, settings), client_context(settings, datagrams=True))
    assert raised.value.reason == "self_connection"
