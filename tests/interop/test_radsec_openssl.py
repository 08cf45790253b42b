"""openssl s_client, with raw packets, against our TLS and DTLS listeners."""

from __future__ import annotations

import subprocess
from typing import Final

import pytest
import trio

from tests.desk import served
from tests.nas import octets_of
from tests.tls.pki import PKI
from tests.tls.programs import shown
from trioradius import Peer, TLSSettings
from trioradius.attributes import UserName, UserPassword
from trioradius.transports import DTLS, TLS

from .conftest import installed
from .radsec import PAP, SECRETS, application

NAS: Final = {"dns:nas.example.org": Peer()}
KEY: Final = bytes(range(32))
FLAGS: Final = {"1.2": "-tls1_2", "1.3": "-tls1_3", "dtls": "-dtls1_2"}
VERSIONS: Final = pytest.mark.parametrize("version", FLAGS)


def listener(version: str, settings: TLSSettings) -> TLS | DTLS:
    return (DTLS if version == "dtls" else TLS)("127.0.0.1", 0, settings)


def login(version: str) -> bytes:
    return octets_of(PAP, SECRETS["dtls" if version == "dtls" else "tls"])


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
                if b"Welcome" in printed or b"SSL alert number" in printed:
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


@VERSIONS
@pytest.mark.parametrize("alpn", [(), ("-alpn", "radius/1.0"), ("-alpn", "radius/1.0,http/1.1")])
async def test_it_is_answered(pki: PKI, version: str, alpn: tuple[str, ...]) -> None:
    app = application(NAS)
    async with served(app, listener(version, pki.settings("server"))) as address:
        reply = await s_client(address, login(version), FLAGS[version], *shown(pki, "client"), *alpn)
    assert b"Welcome, alice" in reply
    assert app.counters["Access-Accept"] == 1


async def test_it_is_answered_on_1_1(pki: PKI) -> None:
    app = application(NAS)
    attributes = UserName("alice").wire(None) + UserPassword("wonderland").wire(None)
    packet = b"\x01\x00" + (20 + len(attributes)).to_bytes(2, "big") + b"TOKE" + bytes(12) + attributes
    async with served(app, listener("1.3", pki.settings("server"))) as address:
        reply = await s_client(address, packet, "-tls1_3", "-alpn", "radius/1.1", *shown(pki, "client"))
    assert b"TOKE" + bytes(12) in reply
    assert app.counters["Access-Accept"] == 1


@VERSIONS
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
async def test_it_is_refused(pki: PKI, version: str, stem: str, arguments: tuple[str, ...], reason: str) -> None:
    app = application(NAS | {"dns:revoked.example.org": Peer()})
    settings = pki.settings("server", crl=pki.folder / "crl.pem")
    async with served(app, listener(version, settings)) as address:
        certificate = shown(pki, stem) if stem else []
        printed = await s_client(address, login(version), FLAGS[version], *certificate, *arguments)
    assert b"alert" in printed
    kind = "dtls" if version == "dtls" else "tls"
    assert app.counters == {f"{kind}.{reason}": 1}


@VERSIONS
async def test_it_is_pinned(pki: PKI, version: str) -> None:
    """By its fingerprint, though no authority signed it."""
    app = application({f"sha256:{pki.fingerprint('selfsigned')}": Peer()})
    async with served(app, listener(version, pki.settings("server", ca=None))) as address:
        reply = await s_client(address, login(version), FLAGS[version], *shown(pki, "selfsigned"))
    assert b"Welcome, alice" in reply


@VERSIONS
async def test_it_has_a_key(pki: PKI, version: str) -> None:
    """A key serves the highest TLS version alone (RFC 8446 section E.7)."""
    app = application({"psk:nas1": Peer(psk=KEY)})
    settings = pki.settings("server", maximum_version="1.3" if version == "1.3" else "1.2")
    ciphers = {"1.2": ("-cipher", "ECDHE-PSK-CHACHA20-POLY1305"), "1.3": ("-ciphersuites", "TLS_AES_128_GCM_SHA256")}
    async with served(app, listener(version, settings)) as address:
        psk = ("-psk_identity", "nas1", "-psk", KEY.hex(), *ciphers.get(version, ()))
        reply = await s_client(address, login(version), FLAGS[version], *psk)
    assert b"Welcome, alice" in reply
