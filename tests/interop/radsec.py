"""RadSec between real programs: an app of ours, what a client asks of any server, and a radsecproxy in the middle."""

from __future__ import annotations

import contextlib
import os
import pathlib
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Final, Literal, TypeAlias

import trio

from tests.tls.pki import PKI
from trioradius import (
    AccessAccept,
    AccessReject,
    AccessReply,
    AccessRequest,
    AccountingRequest,
    AccountingResponse,
    App,
    Client,
    CoAACK,
    CoANAK,
    CoARequest,
    chap,
)
from trioradius.attributes import AcctSessionId, AcctStatusType, ErrorCause, ReplyMessage, UserName, UserPassword

from .conftest import installed
from .programs import LOOK_AGAIN, READY_SECONDS

Kind: TypeAlias = Literal["udp", "tls", "dtls"]

SECRET: Final = b"between a proxy and its neighbour"
"""Over UDP; RFC 6614 section 2.3 and RFC 7360 section 2.1 fix the others."""
SECRETS: Final[dict[Kind, bytes]] = {"udp": SECRET, "tls": b"radsec", "dtls": b"radius/dtls"}

ALICE: Final = UserName("alice")
PAP: Final = AccessRequest(ALICE, UserPassword("wonderland"))
START: Final = AccountingRequest(ALICE, AcctStatusType(AcctStatusType.START), AcctSessionId("radsec"))
CHANGE: Final = CoARequest(ALICE, AcctSessionId("radsec"))

RADSECPROXY: Final = """\
Listen{listens} 127.0.0.1:{port}
LogLevel 5
tls listening {{
    CACertificateFile {pki}/ca.pem
    CertificateFile {pki}/server.pem
    CertificateKeyFile {pki}/server.key
}}
tls asking {{
    CACertificateFile {pki}/ca.pem
    CertificateFile {pki}/client.pem
    CertificateKeyFile {pki}/client.key
}}
client nas {{
    host 127.0.0.1
    type {listens}
    secret "{listens_secret}"
    {listens_tls}
}}
server ours {{
    host 127.0.0.1
    port {server}
    type {asks}
    secret "{asks_secret}"
    {asks_tls}
    statusServer on
}}
realm * {{
    server ours
    accountingServer ours
}}
"""


def application(peers: Any) -> App[object]:
    """An app that knows alice's password, and of sessions the one called radsec."""
    app: App[object] = App(peers, reject_delay=0)

    @app.on(AccessRequest)
    async def authenticate(request: AccessRequest) -> AccessReply:
        if request.verify_password("wonderland"):
            return request.accept(ReplyMessage(f"Welcome, {request[UserName]}"))
        return request.reject()

    @app.on(AccountingRequest)
    async def account(request: AccountingRequest) -> AccountingResponse:
        return request.respond()

    @app.on(CoARequest)
    async def change(request: CoARequest) -> CoAACK | CoANAK:
        if request.get(AcctSessionId) == "radsec":
            return request.ack()
        return request.nak(ErrorCause.SESSION_CONTEXT_NOT_FOUND)

    return app


async def authenticates(client: Client) -> None:
    """PAP and CHAP, right and wrong."""
    for password in ((UserPassword("wonderland"),), chap("wonderland")):
        accepted = await client.exchange(AccessRequest(ALICE, *password))
        assert isinstance(accepted, AccessAccept)
        assert accepted[ReplyMessage] == "Welcome, alice"
    for password in ((UserPassword("no"),), chap("no")):
        assert isinstance(await client.exchange(AccessRequest(ALICE, *password)), AccessReject)


async def accounts(client: Client) -> None:
    assert isinstance(await client.exchange(START), AccountingResponse)


async def changes_sessions(client: Client) -> None:
    """CoA of a session that there is, and of one that there is not."""
    assert isinstance(await client.exchange(CHANGE), CoAACK)
    refused = await client.exchange(CoARequest(ALICE, AcctSessionId("unknown")))
    assert isinstance(refused, CoANAK)
    assert refused[ErrorCause] == ErrorCause.SESSION_CONTEXT_NOT_FOUND


@contextlib.asynccontextmanager
async def radsecproxy(pki: PKI, folder: pathlib.Path, listens: Kind, asks: Kind, server: int) -> AsyncIterator[int]:
    """A radsecproxy that listens by one transport and asks a server of 127.0.0.1 by another; yields its port."""
    port = free_port()
    text = RADSECPROXY.format(
        listens=listens,
        port=port,
        pki=pki.folder,
        listens_secret=SECRETS[listens].decode(),
        listens_tls="" if listens == "udp" else "tls listening\n    certificateNameCheck off",
        server=server,
        asks=asks,
        asks_secret=SECRETS[asks].decode(),
        asks_tls="" if asks == "udp" else "tls asking\n    certificateNameCheck on",
    )
    (folder / "radsecproxy.conf").write_text(text)
    command = [installed("radsecproxy", "radsecproxy"), "-f", "-c", str(folder / "radsecproxy.conf")]
    async with running(command, folder / "output", f"listening for {listens}"):
        yield port


@contextlib.asynccontextmanager
async def running(command: list[str], printed: pathlib.Path, ready: str, **environment: str) -> AsyncIterator[None]:
    """A program, as soon as it has printed that it is ready; ended with the block."""
    with _started(command, printed, os.environ | environment) as process:
        await prints(printed, ready, process)
        yield


@contextlib.contextmanager
def _started(
    command: list[str], printed: pathlib.Path, environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    with printed.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)


async def prints(printed: pathlib.Path, text: str, process: subprocess.Popen[bytes] | None = None) -> None:
    """Wait until a program has printed a text."""
    file, told = trio.Path(printed), ""
    for _ in range(int(READY_SECONDS / LOOK_AGAIN)):
        told = await file.read_text()
        if text in told or (process is not None and process.poll() is not None):
            break
        await trio.sleep(LOOK_AGAIN)
    assert text in told, f"no {text!r}:\n{told[-4000:]}"


def free_port() -> int:
    """A port of 127.0.0.1 that is free by UDP and by TCP."""
    while True:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as stream,
        ):
            datagrams.bind(("127.0.0.1", 0))
            port = int(datagrams.getsockname()[1])
            with contextlib.suppress(OSError):
                stream.bind(("127.0.0.1", port))
                return port
