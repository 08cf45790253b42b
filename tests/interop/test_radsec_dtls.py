"""Real programs against our DTLS listener: openssl s_client with packets, and radsecproxy from UDP to DTLS."""

from __future__ import annotations

import contextlib
import functools
import pathlib
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from typing import Final

import pytest
import trio

from tests.dtls_nas import PEERS, login, served
from tests.tls.pki import PKI
from trioradius import (
    UDP,
    AccessAccept,
    AccessReject,
    AccessReply,
    AccessRequest,
    AccountingRequest,
    AccountingResponse,
    App,
    Client,
    chap,
    open_client,
)
from trioradius.attributes.ietf import AcctSessionId, AcctStatusType, ReplyMessage, UserName, UserPassword

from .conftest import installed

BETWEEN: Final = b"between client and proxy"
ALICE: Final = UserName("alice")
CONFIGURATION: Final = """\
ListenUDP 127.0.0.1:{proxy}
LogLevel 5
LogDestination file://{folder}/log
tls default {{
    CACertificateFile {pki}/ca.pem
    CertificateFile {pki}/client.pem
    CertificateKeyFile {pki}/client.key
}}
client 127.0.0.1 {{
    type udp
    secret "{secret}"
}}
server ours {{
    type dtls
    host 127.0.0.1
    port {ours}
    secret radius/dtls
    certificateNameCheck on
    statusServer on
}}
realm * {{
    server ours
    accountingServer ours
}}
"""


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> PKI:
    return PKI(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def app() -> App[object]:
    app: App[object] = App(PEERS, reject_delay=0)

    @app.on(AccessRequest)
    async def authenticate(request: AccessRequest) -> AccessReply:
        if request.verify_password("wonderland"):
            return request.accept(ReplyMessage("Welcome"))
        return request.reject()

    @app.on(AccountingRequest)
    async def account(request: AccountingRequest) -> AccountingResponse:
        return request.respond()

    return app


async def said(process: trio.Process, ends: bytes) -> bytes:
    """What a program prints, up to these octets."""
    assert process.stdout is not None
    printed = b""
    with trio.fail_after(10):
        while ends not in printed:
            printed += await process.stdout.receive_some()
    return printed


@pytest.mark.parametrize("alpn", [(), ("-alpn", "radius/1.0")])
async def test_s_client(pki: PKI, app: App[object], alpn: tuple[str, ...]) -> None:
    async with served(app, pki.settings("server")) as (host, port), trio.open_nursery() as nursery:
        shown = ["-cert", f"{pki.folder}/client.pem", "-key", f"{pki.folder}/client.key"]
        command = [installed("openssl", "openssl"), "s_client", "-connect", f"{host}:{port}", "-dtls1_2", "-quiet"]
        trust = ["-CAfile", f"{pki.folder}/ca.pem", "-verify_return_error", "-verify_quiet"]
        run = functools.partial(
            trio.run_process,
            [*command, *trust, *shown, *alpn],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        process = await nursery.start(run)
        assert process.stdin is not None
        octets = login()
        await process.stdin.send_all(octets)
        reply = await said(process, b"Welcome")
        assert (reply[0], reply[1]) == (2, octets[1])
        nursery.cancel_scope.cancel()
    assert app.counters["Access-Accept"] == 1


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


@contextlib.asynccontextmanager
async def radsecproxy(pki: PKI, folder: pathlib.Path, ours: int) -> AsyncIterator[Client]:
    """A client of ours that asks a radsecproxy over UDP, which asks a DTLS server."""
    proxy = free_port()
    file = folder / "radsecproxy.conf"
    file.write_text(
        CONFIGURATION.format(proxy=proxy, folder=folder, pki=pki.folder, secret=BETWEEN.decode(), ours=ours)
    )
    with running([installed("radsecproxy", "radsecproxy"), "-f", "-c", str(file)], folder):
        async with open_client(UDP("127.0.0.1", proxy), secret=BETWEEN, require_message_authenticator=False) as client:
            yield client


@contextlib.contextmanager
def running(command: list[str], folder: pathlib.Path) -> Iterator[None]:
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


async def test_radsecproxy(pki: PKI, app: App[object], tmp_path: pathlib.Path) -> None:
    async with served(app, pki.settings("server")) as (_, port), radsecproxy(pki, tmp_path, port) as client:
        accepted = await client.exchange(AccessRequest(ALICE, UserPassword("wonderland")))
        assert isinstance(accepted, AccessAccept), (tmp_path / "log").read_text()
        assert accepted[ReplyMessage] == "Welcome"
        assert isinstance(await client.exchange(AccessRequest(ALICE, UserPassword("no"))), AccessReject)
        assert isinstance(await client.exchange(AccessRequest(ALICE, *chap("wonderland"))), AccessAccept)
        start = AccountingRequest(ALICE, AcctStatusType(AcctStatusType.START), AcctSessionId("dtls"))
        assert isinstance(await client.exchange(start), AccountingResponse)
    assert not [name for name in app.counters if "." in name]
