"""Our TLS client against FreeRADIUS's TLS listener, and through radsecproxy to our own UDP server."""

from __future__ import annotations

import os
import pathlib
import shutil
from collections.abc import Iterator

import pytest
import trio

from tests.tls.pki import PKI
from trioradius import (
    TLS,
    AccessAccept,
    AccessReject,
    AccessRequest,
    AccountingRequest,
    AccountingResponse,
    App,
    Client,
    NoResponse,
    Retransmission,
    StatusServer,
    VersionRefused,
    chap,
    open_client,
)
from trioradius.attributes import (
    AcctSessionId,
    AcctStatusType,
    MessageAuthenticator,
    ReplyMessage,
    UserName,
    UserPassword,
)

from .conftest import installed
from .programs import free_tcp_port, listening
from .serving import serving

FREERADIUS = pathlib.Path(__file__).parent / "raddb_tls"
ALICE = UserName("alice")
PAP = AccessRequest(ALICE, UserPassword("wonderland"))
START = AccountingRequest(ALICE, AcctStatusType(AcctStatusType.START), AcctSessionId("tls"))
SECRET = b"between proxy and server"


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> PKI:
    return PKI(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module", params=["1.2", "1.3"])
def freeradius(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, pki: PKI) -> Iterator[TLS]:
    directory = tmp_path_factory.mktemp("freeradius")
    shutil.copytree(FREERADIUS, directory, dirs_exist_ok=True)
    port = free_tcp_port()
    environment = os.environ | {
        "DIRECTORY": str(directory),
        "CERTIFICATES": str(pki.folder),
        "PORT": str(port),
        "TLS_VERSION": request.param,
    }
    command = [installed("freeradius", "freeradius"), "-f", "-l", "stdout", "-d", str(directory)]
    with listening(command, port, directory, environment):
        yield TLS("127.0.0.1", port, pki.settings("client"))


async def authenticates(client: Client) -> None:
    accepted = await client.exchange(PAP)
    assert isinstance(accepted, AccessAccept)
    assert accepted[ReplyMessage] == "Welcome, alice"
    assert isinstance(await client.exchange(AccessRequest(ALICE, *chap("wonderland"))), AccessAccept)
    assert isinstance(await client.exchange(AccessRequest(ALICE, UserPassword("no"))), AccessReject)


async def test_freeradius(freeradius: TLS) -> None:
    """It does not know ALPN; its replies carry no Message-Authenticator."""
    async with open_client(freeradius) as client:
        await authenticates(client)
        assert client.profile.name == "1.0"
        assert isinstance(await client.exchange(START), AccountingResponse)
        assert isinstance(await client.exchange(StatusServer()), AccessAccept)
        assert (await client.exchange(PAP)).get(MessageAuthenticator) is None
        assert not client.counters


async def test_freeradius_with_many_at_once(freeradius: TLS) -> None:
    """So many that some wait for an Identifier."""
    accepted = []

    async def ask(client: Client) -> None:
        accepted.append(await client.exchange(PAP))

    async with open_client(freeradius) as client:
        async with trio.open_nursery() as nursery:
            for _ in range(300):
                nursery.start_soon(ask, client)
        assert not client.counters
    assert [type(reply) for reply in accepted] == [AccessAccept] * 300


async def test_freeradius_has_no_1_1(freeradius: TLS, pki: PKI) -> None:
    """Where it is held to TLS 1.2 it closes without an alert, so that nobody can know why."""
    address = TLS("127.0.0.1", freeradius.port, pki.settings("client", versions="1.1"))
    async with open_client(address, retransmission=Retransmission(duration=1)) as client:
        with pytest.raises((VersionRefused, NoResponse)) as raised:
            await client.exchange(PAP)
        assert raised.value.reason in {"version_refused", "cut_off"}


async def test_freeradius_and_a_stranger(freeradius: TLS, pki: PKI) -> None:
    """In TLS 1.2 it closes without an alert here too, which is tried again while there is time."""
    address = TLS("127.0.0.1", freeradius.port, pki.settings("stranger"))
    async with open_client(address, retransmission=Retransmission(duration=1)) as client:
        with pytest.raises(NoResponse) as raised:
            await client.exchange(PAP)
        assert raised.value.reason in {"peer_alert", "cut_off"}


def served() -> App[None]:
    app: App[None] = App(peers={"127.0.0.1": SECRET}, reject_delay=0)

    @app.on(AccessRequest)
    async def authenticate(request: AccessRequest) -> AccessAccept | AccessReject:
        if request.verify_password("wonderland"):
            return request.accept(ReplyMessage(f"Welcome, {request[UserName]}"))
        return request.reject()

    @app.on(AccountingRequest)
    async def account(request: AccountingRequest) -> AccountingResponse:
        return request.respond()

    return app


RADSECPROXY = """
ListenTLS 127.0.0.1:{port}
LogLevel 2
tls default {{
    CACertificateFile {folder}/ca.pem
    CertificateFile {folder}/server.pem
    CertificateKeyFile {folder}/server.key
}}
client nas {{
    host 127.0.0.1
    type tls
    secret radsec
    certificateNameCheck off
}}
server ours {{
    host 127.0.0.1
    port {server}
    type udp
    secret "{secret}"
}}
realm * {{
    server ours
    accountingServer ours
}}
"""


async def test_through_radsecproxy(tmp_path: pathlib.Path, pki: PKI) -> None:
    """TLS client -> radsecproxy -> UDP server."""
    program = installed("radsecproxy", "radsecproxy")
    async with serving(served()) as [(_, server)]:
        port = free_tcp_port()
        configuration = tmp_path / "radsecproxy.conf"
        values = {"port": port, "folder": pki.folder, "server": server, "secret": SECRET.decode()}
        configuration.write_text(RADSECPROXY.format(**values))
        with listening([program, "-f", "-c", str(configuration)], port, tmp_path):
            async with open_client(TLS("127.0.0.1", port, pki.settings("client"))) as client:
                await authenticates(client)
                assert client.profile.name == "1.0"
                assert isinstance(await client.exchange(START), AccountingResponse)
                assert isinstance(await client.exchange(StatusServer()), AccessAccept)
                assert not client.counters
