"""Our TLS and DTLS clients for longer than one exchange: many at once, a server that comes up late, the watchdog."""

from __future__ import annotations

import itertools
import pathlib
from typing import Final

import pytest
import trio

from tests.desk import served
from tests.tls.pki import PKI
from trioradius import DTLS, TLS, UDP, AccessAccept, Client, NoResponse, Peer, Retransmission, link, open_client

from .radsec import PAP, SECRET, Kind, application, free_port, radsecproxy

CLASSES: Final = {"tls": TLS, "dtls": DTLS}
SILENCES: Final = 5
"""Watchdog intervals that a connection is left alone."""


@pytest.fixture
def hasty_watchdog(monkeypatch: pytest.MonkeyPatch) -> float:
    """Seconds of its interval, in place of half a minute."""
    monkeypatch.setattr(link, "WATCHDOG_SECONDS", 0.2)
    monkeypatch.setattr(link, "WATCHDOG_JITTER", 0.05)
    return 0.25


async def outlives_silences(client: Client, seconds: float) -> None:
    """Status-Server is answered each time, or the connection would be given up."""
    assert isinstance(await client.exchange(PAP), AccessAccept)
    await trio.sleep(SILENCES * seconds)
    assert isinstance(await client.exchange(PAP), AccessAccept)
    assert not client.counters


@pytest.mark.parametrize(("kind", "version"), [("tls", "1.0"), ("tls", "1.1"), ("dtls", "1.0")])
async def test_the_watchdog_and_our_own_server(pki: PKI, hasty_watchdog: float, kind: Kind, version: str) -> None:
    app = application({"dns:nas.example.org": Peer()})
    async with (
        served(app, CLASSES[kind]("127.0.0.1", 0, pki.settings("server"))) as (host, port),
        open_client(CLASSES[kind](host, port, pki.settings("client", versions=version))) as client,
    ):
        await outlives_silences(client, hasty_watchdog)
    assert app.counters["Status-Server"] >= SILENCES - 1
    assert app.counters["Access-Accept"] == app.counters["Status-Server"] + 2


@pytest.mark.parametrize("kind", ["tls", "dtls"])
async def test_the_watchdog_and_radsecproxy(
    pki: PKI, tmp_path: pathlib.Path, hasty_watchdog: float, kind: Kind
) -> None:
    app = application({"127.0.0.1": SECRET})
    async with (
        served(app, UDP("127.0.0.1", 0)) as (_, server),
        radsecproxy(pki, tmp_path, kind, "udp", server) as port,
        open_client(CLASSES[kind]("127.0.0.1", port, pki.settings("client"))) as client,
    ):
        await outlives_silences(client, hasty_watchdog)


async def test_dtls_with_many_at_once(pki: PKI, tmp_path: pathlib.Path) -> None:
    """So many that some wait for an Identifier; radsecproxy's own socket may lose some, which are sent again."""
    app = application({"127.0.0.1": SECRET})
    accepted = itertools.count()

    async def ask(client: Client) -> None:
        assert isinstance(await client.exchange(PAP), AccessAccept)
        next(accepted)

    async with (
        served(app, UDP("127.0.0.1", 0)) as (_, server),
        radsecproxy(pki, tmp_path, "dtls", "udp", server) as port,
        open_client(DTLS("127.0.0.1", port, pki.settings("client"))) as client,
    ):
        async with trio.open_nursery() as nursery:
            for _ in range(300):
                nursery.start_soon(ask, client)
        assert set(client.counters) <= {"unmatched"}
    assert next(accepted) == 300


async def test_dtls_and_a_server_that_comes_up_late(pki: PKI) -> None:
    app = application({"dns:nas.example.org": Peer()})
    port = free_port()

    async def ask(client: Client) -> None:
        assert isinstance(await client.exchange(PAP), AccessAccept)

    async with open_client(DTLS("127.0.0.1", port, pki.settings("client"))) as client:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, client)
            await trio.sleep(0.1)
            async with served(app, DTLS("127.0.0.1", port, pki.settings("server"))):
                await ask(client)
        assert set(client.counters) == {"connection_refused"}


async def test_dtls_to_radsecproxy_by_a_stranger(pki: PKI, tmp_path: pathlib.Path) -> None:
    """It says by an alert why it does not take the certificate."""
    async with radsecproxy(pki, tmp_path, "dtls", "udp", 1) as port:
        address, schedule = DTLS("127.0.0.1", port, pki.settings("stranger")), Retransmission(duration=1)
        async with open_client(address, retransmission=schedule) as client:
            with pytest.raises(NoResponse, match="the peer gave up: unknown ca") as raised:
                await client.exchange(PAP)
            assert raised.value.reason == "peer_alert"
