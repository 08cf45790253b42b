"""One TLS connection of a client, with openssl s_server at the other end."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
import trio

from tests.tls.pki import PKI
from tests.tls.programs import s_server, shown
from trioradius import TLS, RadiusError, TLSSettings, VersionRefused
from trioradius.tls import client_context
from trioradius.transports import tls_client
from trioradius.transports.lost import ConnectionLost
from trioradius.transports.tls_client import TLSClientConnection, open_connection

FLAGS = {"1.2": "-tls1_2", "1.3": "-tls1_3"}
PACKET = b"\x02\0\0\x14" + b"sixteen octets .\n"[:15] + b"\n"


async def opened(port: int, settings: TLSSettings) -> TLSClientConnection:
    return await open_connection(TLS("127.0.0.1", port, settings), client_context(settings))


async def exchanged(connection: TLSClientConnection, process: subprocess.Popen[bytes], octets: bytes) -> list[bytes]:
    """What s_server prints is what it received; what it is told, it sends."""
    assert process.stdin is not None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(connection.transmit)
        connection.send(octets)
        process.stdin.write(PACKET)
        process.stdin.flush()
        packets = await connection.receive()
        nursery.cancel_scope.cancel()
    await connection.close()
    return packets


@pytest.mark.parametrize(
    ("tls", "protocols", "version"),
    [
        ("1.2", "", "1.0"),
        ("1.3", "", "1.0"),
        ("1.2", "radius/1.0", "1.0"),
        ("1.3", "radius/1.0", "1.0"),
        ("1.3", "radius/1.1", "1.1"),
        ("1.3", "radius/1.1,radius/1.0", "1.1"),
    ],
)
async def test_packets_both_ways(pki: PKI, tls: str, protocols: str, version: str) -> None:
    arguments = [FLAGS[tls], *(("-alpn", protocols) if protocols else ()), "-Verify", "2"]
    with s_server(*arguments, *shown(pki, "server")) as (process, port):
        connection = await opened(port, pki.settings("client"))
        assert connection.profile.name == version
        assert await exchanged(connection, process, b"a line\n") == [PACKET]


@pytest.mark.parametrize(
    ("arguments", "settings", "wanted", "reason"),
    [
        (("-tls1_3",), {"server_name": "radius.example.org"}, ConnectionLost, "certificate_refused"),
        (("-tls1_2",), {"server_name": "radius.example.org"}, ConnectionLost, "certificate_refused"),
        (("-tls1_3", "-alpn", "radius/1.0"), {"versions": "1.1"}, VersionRefused, "version_refused"),
        (("-tls1_3",), {"versions": "1.1"}, VersionRefused, "version_refused"),
        (("-tls1_2",), {"versions": "1.1"}, VersionRefused, "version_refused"),
        (("-tls1_2",), {"minimum_version": "1.3"}, ConnectionLost, "no_common_version"),
        (("-tls1_2", "-cipher", "AES128-SHA"), {}, ConnectionLost, "peer_alert"),
    ],
)
async def test_no_handshake(
    pki: PKI, arguments: tuple[str, ...], settings: dict[str, Any], wanted: type[RadiusError], reason: str
) -> None:
    with s_server(*arguments, *shown(pki, "server")) as (_, port):
        with pytest.raises(wanted) as raised:
            await opened(port, pki.settings("client", **settings))
        assert raised.value.reason == reason


async def test_a_connection_that_ends(pki: PKI) -> None:
    with s_server(*shown(pki, "server"), "-Verify", "2") as (process, port):
        connection = await opened(port, pki.settings("client"))
        process.kill()
        with pytest.raises(ConnectionLost, match="broke") as raised:
            await connection.receive()
        assert raised.value.reason == "cut_off"
        connection.send(b"nobody reads this")
        await connection.close()


async def test_a_connection_to_itself(pki: PKI, monkeypatch: pytest.MonkeyPatch) -> None:
    """T15: both ends of it open at once (RFC 9293 section 3.5)."""

    async def loop(server: TLS) -> trio.SocketStream:
        looped = trio.socket.socket()
        await looped.bind(("127.0.0.1", 0))
        await looped.connect(looped.getsockname())
        return trio.SocketStream(looped)

    monkeypatch.setattr(tls_client, "_connect", loop)
    with pytest.raises(ConnectionLost) as raised:
        await opened(2083, pki.settings("client"))
    assert raised.value.reason == "self_connection"
