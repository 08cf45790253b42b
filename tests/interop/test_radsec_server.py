"""Real programs against our TLS listener: openssl s_client with raw packets, and radsecproxy from UDP to TLS."""

from __future__ import annotations

import pathlib
import socket
import subprocess
from typing import Any

import pytest
import trio

from tests.nas import octets_of
from tests.tls.pki import PKI
from tests.tls_nas import served
from trioradius import (
    UDP,
    AccessAccept,
    AccessReject,
    AccessReply,
    AccessRequest,
    AccountingRequest,
    AccountingResponse,
    App,
    Peer,
    chap,
    open_client,
)
from trioradius.attributes.ietf import AcctSessionId, AcctStatusType, ReplyMessage, UserName, UserPassword

from .conftest import installed
from .test_radsec_dtls import running

BETWEEN = b"between client and proxy"
FLAGS = {"1.2": "-tls1_2", "1.3": "-tls1_3"}
CONFIGURATION = """\
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
    type tls
    host 127.0.0.1
    port {ours}
    secret radsec
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
    made = PKI(tmp_path_factory.mktemp("pki"))
    made.issue("other", "other.example.org")
    return made


def application(peers: Any) -> App[object]:
    app: App[object] = App(peers, reject_delay=0)

    @app.on(AccessRequest)
    async def authenticate(request: AccessRequest) -> AccessReply:
        if request.verify_password("wonderland"):
            return request.accept(ReplyMessage("Welcome"))
        return request.reject()

    @app.on(AccountingRequest)
    async def account(request: AccountingRequest) -> AccountingResponse:
        return request.respond()

    return app


async def s_client(address: tuple[str, int], octets: bytes, *arguments: str) -> bytes:
    """What s_client prints: the raw reply to a raw packet, or why there is none."""
    place = f"{address[0]}:{address[1]}"
    command = [installed("openssl", "openssl"), "s_client", "-connect", place, "-quiet", "-verify_quiet", *arguments]
    printed = b""
    async with trio.open_nursery() as nursery:
        process = await nursery.start(_run, command)
        await process.stdin.send_all(octets)
        with trio.move_on_after(10):
            async for part in process.stdout:
                printed += part
                if b"Welcome" in printed:
                    break
        nursery.cancel_scope.cancel()
    return printed


async def _run(command: list[str], *, task_status: trio.TaskStatus[trio.Process]) -> None:
    await trio.run_process(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        task_status=task_status,
    )


def shown(pki: PKI, stem: str) -> list[str]:
    folder = pki.folder
    return ["-cert", f"{folder}/{stem}.pem", "-key", f"{folder}/{stem}.key", "-CAfile", f"{folder}/ca.pem"]


def login() -> bytes:
    return octets_of(AccessRequest(UserName("alice"), UserPassword("wonderland")), b"radsec")


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("alpn", [(), ("-alpn", "radius/1.0"), ("-alpn", "radius/1.0,http/1.1")])
async def test_s_client_is_answered(pki: PKI, version: str, alpn: tuple[str, ...]) -> None:
    app = application({"dns:nas.example.org": Peer()})
    async with served(app, pki.settings("server")) as address:
        reply = await s_client(address, login(), FLAGS[version], *shown(pki, "client"), *alpn)
    assert b"Welcome" in reply
    assert app.counters["Access-Accept"] == 1


async def test_s_client_is_answered_on_1_1(pki: PKI) -> None:
    app = application({"dns:nas.example.org": Peer()})
    attributes = UserName("alice").wire(None) + UserPassword("wonderland").wire(None)
    packet = b"\x01\x00" + (20 + len(attributes)).to_bytes(2, "big") + b"TOKE" + bytes(12) + attributes
    async with served(app, pki.settings("server")) as address:
        reply = await s_client(address, packet, "-tls1_3", "-alpn", "radius/1.1", *shown(pki, "client"))
    assert b"TOKE" + bytes(12) in reply
    assert app.counters["Access-Accept"] == 1


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize(
    ("stem", "arguments", "reason"),
    [
        ("", (), "no_certificate"),
        ("stranger", (), "certificate_refused"),
        ("selfsigned", (), "certificate_refused"),
        ("expired", (), "certificate_refused"),
        ("revoked", (), "certificate_refused"),
        ("other", (), "unknown_peer"),
        ("client", ("-alpn", "http/1.1"), "no_common_protocol"),
    ],
)
async def test_s_client_is_refused(pki: PKI, version: str, stem: str, arguments: tuple[str, ...], reason: str) -> None:
    app = application({"dns:nas.example.org": Peer(), "dns:revoked.example.org": Peer()})
    async with served(app, pki.settings("server", crl=pki.folder / "crl.pem")) as address:
        certificate = shown(pki, stem) if stem else []
        printed = await s_client(address, login(), FLAGS[version], *certificate, *arguments)
    assert b"alert" in printed
    assert app.counters == {f"tls.{reason}": 1}


async def test_s_client_is_pinned(pki: PKI) -> None:
    app = application({f"sha256:{pki.fingerprint('selfsigned')}": Peer()})
    async with served(app, pki.settings("server", ca=None)) as address:
        assert b"Welcome" in await s_client(address, login(), *shown(pki, "selfsigned"))


async def test_s_client_has_a_key(pki: PKI) -> None:
    key = bytes(range(32))
    app = application({"psk:nas1": Peer(psk=key)})
    async with served(app, pki.settings("server")) as address:
        psk = ("-psk_identity", "nas1", "-psk", key.hex(), "-ciphersuites", "TLS_AES_128_GCM_SHA256")
        assert b"Welcome" in await s_client(address, login(), "-tls1_3", *psk)


async def test_radsecproxy(pki: PKI, tmp_path: pathlib.Path) -> None:
    app = application({"dns:nas.example.org": Peer()})
    proxy = free_udp_port()
    async with served(app, pki.settings("server")) as (_, ours):
        text = CONFIGURATION.format(proxy=proxy, folder=tmp_path, pki=pki.folder, secret=BETWEEN.decode(), ours=ours)
        (tmp_path / "radsecproxy.conf").write_text(text)
        command = [installed("radsecproxy", "radsecproxy"), "-f", "-c", str(tmp_path / "radsecproxy.conf")]
        with running(command, tmp_path), trio.fail_after(30):
            async with open_client(
                UDP("127.0.0.1", proxy), secret=BETWEEN, require_message_authenticator=False
            ) as client:
                alice = UserName("alice")
                for password in ([UserPassword("wonderland")], chap("wonderland")):
                    reply = await client.exchange(AccessRequest(alice, *password))
                    assert isinstance(reply, AccessAccept)
                    assert reply[ReplyMessage] == "Welcome"
                assert isinstance(await client.exchange(AccessRequest(alice, UserPassword("wrong"))), AccessReject)
                accounting = AccountingRequest(alice, AcctStatusType(AcctStatusType.START), AcctSessionId("1"))
                assert isinstance(await client.exchange(accounting), AccountingResponse)
    assert app.counters["Accounting-Request"] >= 1


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])
