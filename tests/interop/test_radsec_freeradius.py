"""FreeRADIUS and RadSec: our client at its TLS listener, and its home servers at our TLS listener."""

from __future__ import annotations

import os
import pathlib
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Final

import attrs
import pytest
import trio

from tests.desk import served
from tests.tls.pki import PKI
from trioradius import (
    AccessAccept,
    Client,
    NoResponse,
    Peer,
    Retransmission,
    StatusServer,
    VersionRefused,
    link,
    open_client,
)
from trioradius.attributes import MessageAuthenticator
from trioradius.transports import TLS, UDP

from .conftest import installed
from .programs import free_tcp_port, listening
from .radsec import (
    CHANGE,
    PAP,
    SECRET,
    accounts,
    application,
    authenticates,
    changes_sessions,
    free_port,
    prints,
    running,
)

LISTENER: Final = pathlib.Path(__file__).parent / "raddb_tls"
PROXY: Final = pathlib.Path(__file__).parent / "raddb_proxy"


def command(directory: pathlib.Path) -> list[str]:
    return [installed("freeradius", "freeradius"), "-fx", "-l", "stdout", "-d", str(directory)]


@attrs.frozen
class Listening:
    """A FreeRADIUS with a TLS listener, how to ask it, and the file of what it prints."""

    address: TLS
    printed: pathlib.Path


@pytest.fixture(scope="module", params=["1.2", "1.3"])
def freeradius(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, pki: PKI
) -> Iterator[Listening]:
    directory = tmp_path_factory.mktemp("freeradius")
    shutil.copytree(LISTENER, directory, dirs_exist_ok=True)
    port = free_tcp_port()
    environment = os.environ | {
        "DIRECTORY": str(directory),
        "CERTIFICATES": str(pki.folder),
        "PORT": str(port),
        "TLS_VERSION": request.param,
    }
    with listening(command(directory), port, directory, environment) as printed:
        yield Listening(TLS("127.0.0.1", port, pki.settings("client")), printed)


async def test_its_listener(freeradius: Listening) -> None:
    """It does not know ALPN; its replies carry no Message-Authenticator."""
    async with open_client(freeradius.address) as client:
        await authenticates(client)
        await accounts(client)
        assert client.profile.name == "1.0"
        assert isinstance(await client.exchange(StatusServer()), AccessAccept)
        assert (await client.exchange(PAP)).get(MessageAuthenticator) is None
        assert not client.counters


async def test_its_listener_and_the_watchdog(freeradius: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answers to Status-Server keep a silent connection alive (RFC 3539 section 3.4.1)."""
    monkeypatch.setattr(link, "WATCHDOG_SECONDS", 0.2)
    monkeypatch.setattr(link, "WATCHDOG_JITTER", 0.05)
    async with open_client(freeradius.address) as client:
        assert isinstance(await client.exchange(PAP), AccessAccept)
        await trio.sleep(1.5)
        assert isinstance(await client.exchange(PAP), AccessAccept)
        assert not client.counters


async def test_its_listener_takes_no_coa(freeradius: Listening) -> None:
    """FreeRADIUS 3.2 ignores a CoA-Request that comes by TLS, and the connection stays good."""
    async with open_client(freeradius.address) as client, trio.open_nursery() as nursery:
        nursery.start_soon(client.exchange, CHANGE)
        await prints(freeradius.printed, "Invalid packet code 43")
        assert isinstance(await client.exchange(PAP), AccessAccept)
        nursery.cancel_scope.cancel()


async def test_its_listener_with_many_at_once(freeradius: Listening) -> None:
    """So many that some wait for an Identifier."""
    accepted = []

    async def ask(client: Client) -> None:
        accepted.append(await client.exchange(PAP))

    async with open_client(freeradius.address) as client:
        async with trio.open_nursery() as nursery:
            for _ in range(300):
                nursery.start_soon(ask, client)
        assert not client.counters
    assert [type(reply) for reply in accepted] == [AccessAccept] * 300


async def test_its_listener_has_no_1_1(freeradius: Listening, pki: PKI) -> None:
    """Where it is held to TLS 1.2 it closes without an alert, so that nobody can know why."""
    address = attrs.evolve(freeradius.address, settings=pki.settings("client", versions="1.1"))
    async with open_client(address, retransmission=Retransmission(duration=1)) as client:
        with pytest.raises((VersionRefused, NoResponse)) as raised:
            await client.exchange(PAP)
        assert raised.value.reason in {"version_refused", "cut_off"}


async def test_its_listener_and_a_stranger(freeradius: Listening, pki: PKI) -> None:
    """In TLS 1.2 it closes without an alert here too, which is tried again while there is time."""
    address = attrs.evolve(freeradius.address, settings=pki.settings("stranger"))
    async with open_client(address, retransmission=Retransmission(duration=1)) as client:
        with pytest.raises(NoResponse) as raised:
            await client.exchange(PAP)
        assert raised.value.reason in {"peer_alert", "cut_off"}


@pytest.fixture
async def proxied(tmp_path: pathlib.Path, pki: PKI) -> AsyncIterator[dict[str, UDP]]:
    """A FreeRADIUS that asks us by TLS: its ports for authentication, accounting and CoA.

    By TLS 1.2, its own default: as a TLS 1.3 client FreeRADIUS 3.2.1 often waits for ever after the handshake.
    """
    shutil.copytree(PROXY, tmp_path, dirs_exist_ok=True)
    app = application({"dns:nas.example.org": Peer()})
    ours = TLS("127.0.0.1", 0, pki.settings("server"))
    ports = {kind: free_port() for kind in ("AUTHENTICATION_PORT", "ACCOUNTING_PORT", "COA_PORT")}
    async with (
        served(app, ours) as (_, home),
        served(app, ours) as (_, home_of_coa),
        running(
            command(tmp_path),
            tmp_path / "output",
            "Ready to process requests",
            DIRECTORY=str(tmp_path),
            CERTIFICATES=str(pki.folder),
            TLS_VERSION="1.2",
            SECRET=SECRET.decode(),
            HOME_PORT=str(home),
            HOME_COA_PORT=str(home_of_coa),
            **{kind: str(port) for kind, port in ports.items()},
        ),
    ):
        yield {kind: UDP("127.0.0.1", port) for kind, port in ports.items()}
    assert not [name for name in app.counters if "." in name], app.counters
    assert app.counters


@pytest.mark.parametrize(
    ("port", "asks"),
    [("AUTHENTICATION_PORT", authenticates), ("ACCOUNTING_PORT", accounts), ("COA_PORT", changes_sessions)],
)
async def test_its_home_servers(proxied: dict[str, UDP], port: str, asks: Callable[[Client], Awaitable[None]]) -> None:
    """UDP to FreeRADIUS, TLS to us; it tells Access-Accept, Access-Reject, CoA-ACK and CoA-NAK as we said them."""
    async with open_client(proxied[port], secret=SECRET, require_message_authenticator=False) as client:
        await asks(client)
