"""Real counterparts: openssl s_client and s_server over loopback sockets."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator

import pytest

from trioradius.tls import (
    Engine,
    Event,
    Failed,
    HandshakeDone,
    PreSharedKey,
    TLSSettings,
    client_context,
    client_engine,
    datagram_client,
    server_context,
    server_engine,
)

from .pairs import data
from .pki import NOW, PKI
from .programs import SECONDS, ask, ask_by_datagrams, openssl, s_server, serve_datagrams, serve_one, shown

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl program")

FLAGS = {"1.2": "-tls1_2", "1.3": "-tls1_3"}
KEY = bytes(range(32))
BOB = PreSharedKey("bob", KEY)
PSK = ("-psk_identity", "bob", "-psk", KEY.hex())


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        bound.settimeout(SECONDS)
        yield bound


@pytest.fixture
def bound() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.bind(("127.0.0.1", 0))
        opened.settimeout(SECONDS)
        yield opened


def connected_to(opened: socket.socket) -> list[str]:
    return ["s_client", "-connect", f"127.0.0.1:{opened.getsockname()[1]}"]


def said(process: subprocess.Popen[bytes], until: bytes) -> bytes:
    """What a program prints, up to these octets or its end."""
    assert process.stdout is not None
    printed = b""
    while until not in printed and (line := process.stdout.readline()):
        printed += line
    return printed


def say(process: subprocess.Popen[bytes], octets: bytes) -> None:
    assert process.stdin is not None
    process.stdin.write(octets)
    process.stdin.flush()


def handshake(events: list[Event]) -> HandshakeDone:
    (found,) = [event for event in events if isinstance(event, HandshakeDone)]
    return found


def reasons(events: list[Event]) -> list[str]:
    return [event.reason for event in events if isinstance(event, Failed)]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_s_client(pki: PKI, listener: socket.socket, version: str) -> None:
    engine = server_engine(server_context(pki.settings("server")), now=NOW)
    arguments = [FLAGS[version], "-alpn", "radius/1.0", "-verify_return_error", "-quiet", *shown(pki, "client")]
    with openssl(*connected_to(listener), *arguments) as process:
        say(process, b"hello\n")
        events = serve_until_echoed(listener, engine, process)
    found = handshake(events)
    assert (found.tls_version, found.protocol) == (f"TLSv{version}", "radius/1.0")
    assert found.certificate is not None and found.certificate.dns == ("nas.example.org",)
    assert data(events) == b"hello\n"


def serve_until_echoed(listener: socket.socket, engine: Engine, process: subprocess.Popen[bytes]) -> list[Event]:
    """Serve a program that has said hello, until it has printed the echo of it."""
    events: list[Event] = []
    serving = threading.Thread(target=lambda: events.extend(serve_one(listener, engine)))
    serving.start()
    printed = said(process, b"hello")
    process.kill()
    serving.join(SECONDS)
    assert b"hello" in printed
    return events


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize(
    ("stem", "reason"),
    [
        ("stranger", "certificate_refused"),
        ("expired", "certificate_refused"),
        ("revoked", "certificate_refused"),
        ("selfsigned", "certificate_refused"),
        ("", "no_certificate"),
    ],
)
def test_s_client_that_is_refused(pki: PKI, listener: socket.socket, version: str, stem: str, reason: str) -> None:
    engine = server_engine(server_context(pki.settings("server", crl=pki.folder / "crl.pem")), now=NOW)
    with openssl(*connected_to(listener), FLAGS[version], *(shown(pki, stem) if stem else ())) as process:
        assert reasons(serve_one(listener, engine)) == [reason]
        assert b"alert" in said(process, b"alert")


def test_s_client_whose_certificate_is_pinned(pki: PKI, listener: socket.socket) -> None:
    settings = pki.settings("server", ca=None, fingerprints=printed_fingerprint(pki, "selfsigned"))
    engine = server_engine(server_context(settings), now=NOW)
    with openssl(*connected_to(listener), "-quiet", *shown(pki, "selfsigned")) as process:
        say(process, b"hello\n")
        assert data(serve_until_echoed(listener, engine, process)) == b"hello\n"


def printed_fingerprint(pki: PKI, stem: str) -> str:
    command = ("openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", str(pki.folder / f"{stem}.pem"))
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


@pytest.mark.parametrize(
    ("versions", "alpn", "protocol"),
    [
        ("1.0, 1.1", "radius/1.0,radius/1.1", "radius/1.1"),
        ("1.0, 1.1", "radius/1.0", "radius/1.0"),
        ("1.0", "radius/1.0,radius/1.1", "radius/1.0"),
        ("1.1", "radius/1.1", "radius/1.1"),
        (None, "radius/1.1", ""),
        ("1.0, 1.1", "", ""),
    ],
)
def test_s_client_with_alpn(pki: PKI, listener: socket.socket, versions: str | None, alpn: str, protocol: str) -> None:
    engine = server_engine(server_context(pki.settings("server", versions=versions)), now=NOW)
    offered = ["-alpn", alpn] if alpn else []
    with openssl(*connected_to(listener), "-quiet", *offered, *shown(pki, "client")) as process:
        say(process, b"hello\n")
        assert handshake(serve_until_echoed(listener, engine, process)).protocol == protocol


@pytest.mark.parametrize(("versions", "alpn"), [("1.1", "radius/1.0"), ("1.0", "radius/1.1"), ("1.0, 1.1", "h2")])
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_s_client_with_no_common_alpn(
    pki: PKI, listener: socket.socket, versions: str, alpn: str, version: str
) -> None:
    if version == "1.2" and versions == "1.1":
        return
    engine = server_engine(server_context(pki.settings("server", versions=versions)), now=NOW)
    with openssl(*connected_to(listener), FLAGS[version], "-alpn", alpn, *shown(pki, "client")) as process:
        assert reasons(serve_one(listener, engine)) == ["no_common_protocol"]
        assert b"SSL alert number 120" in said(process, b"number 120")


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_s_client_with_a_key(listener: socket.socket, version: str) -> None:
    engine = server_engine(server_context(TLSSettings(psk=BOB, maximum_version=version)), now=NOW)
    with openssl(*connected_to(listener), "-quiet", FLAGS[version], *PSK) as process:
        say(process, b"hello\n")
        assert handshake(serve_until_echoed(listener, engine, process)).psk_identity == "bob"


def test_s_client_over_dtls(pki: PKI, bound: socket.socket) -> None:
    context = server_context(pki.settings("server"), datagrams=True)
    arguments = ["-dtls1_2", "-alpn", "radius/1.0", "-quiet", "-verify_return_error", *shown(pki, "client")]
    with openssl(*connected_to(bound), *arguments) as process:
        say(process, b"hello\n")
        events = serve_datagrams(bound, context, 1)
        assert b"hello" in said(process, b"hello")
    assert (handshake(events).tls_version, handshake(events).protocol) == ("DTLSv1.2", "radius/1.0")


@pytest.mark.parametrize(("stem", "reason"), [("stranger", "certificate_refused"), ("", "no_certificate")])
def test_s_client_over_dtls_that_is_refused(pki: PKI, bound: socket.socket, stem: str, reason: str) -> None:
    context = server_context(pki.settings("server"), datagrams=True)
    with openssl(*connected_to(bound), "-dtls1_2", *(shown(pki, stem) if stem else ())) as process:
        assert reasons(serve_datagrams(bound, context, 1)) == [reason]
        assert b"alert" in said(process, b"alert")


def test_s_client_over_dtls_with_a_key(bound: socket.socket) -> None:
    context = server_context(TLSSettings(psk=BOB), datagrams=True)
    with openssl(*connected_to(bound), "-dtls1_2", "-quiet", *PSK) as process:
        say(process, b"hello\n")
        events = serve_datagrams(bound, context, 1)
        assert b"hello" in said(process, b"hello")
    assert handshake(events).psk_identity == "bob"


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_s_server(pki: PKI, version: str) -> None:
    arguments = ["-rev", "-Verify", "1", "-verify_return_error", "-alpn", "radius/1.0", FLAGS[version]]
    with s_server(*arguments, *shown(pki, "server")) as (_, port):
        engine = client_engine(client_context(pki.settings("client")), "localhost", now=NOW)
        events, answer = ask(engine, port, b"hello\n")
    assert answer == b"olleh\n"
    assert (handshake(events).protocol, handshake(events).tls_version) == ("radius/1.0", f"TLSv{version}")


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize(
    ("stem", "name", "reason"),
    [
        ("server", "other.example.org", "certificate_refused"),
        ("stranger", "nas.example.org", "certificate_refused"),
        ("expired", "nas.example.org", "certificate_refused"),
    ],
)
def test_s_server_that_is_refused(pki: PKI, version: str, stem: str, name: str, reason: str) -> None:
    with s_server("-rev", FLAGS[version], *shown(pki, stem)) as (_, port):
        engine = client_engine(client_context(pki.settings("client")), name, now=NOW)
        assert reasons(ask(engine, port, b"hello\n")[0]) == [reason]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_s_server_that_refuses_us(pki: PKI, version: str) -> None:
    with s_server("-rev", "-Verify", "1", "-verify_return_error", FLAGS[version], *shown(pki, "server")) as (_, port):
        engine = client_engine(client_context(pki.settings("stranger")), "localhost", now=NOW)
        assert reasons(ask(engine, port, b"hello\n")[0]) == ["peer_alert"]


def test_s_server_without_alpn(pki: PKI) -> None:
    with s_server("-rev", *shown(pki, "server")) as (_, port):
        engine = client_engine(client_context(pki.settings("client", versions="1.1")), "localhost", now=NOW)
        assert handshake(ask(engine, port, b"hello\n")[0]).radius_version is None


def test_s_server_with_no_common_alpn(pki: PKI) -> None:
    with s_server("-rev", "-alpn", "radius/1.0", *shown(pki, "server")) as (_, port):
        engine = client_engine(client_context(pki.settings("client", versions="1.1")), "localhost", now=NOW)
        assert reasons(ask(engine, port, b"hello\n")[0]) == ["no_common_protocol"]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_s_server_with_a_key(version: str) -> None:
    arguments = ["-rev", "-nocert", FLAGS[version], "-psk_identity", "bob", "-psk", KEY.hex()]
    with s_server(*arguments) as (_, port):
        settings = TLSSettings(psk=BOB, maximum_version=version)
        events, answer = ask(client_engine(client_context(settings), now=NOW), port, b"hello\n")
    assert answer == b"olleh\n"
    assert handshake(events).psk_identity == "bob"


def test_s_server_over_dtls(pki: PKI) -> None:
    arguments = ["-dtls1_2", "-listen", "-Verify", "1", "-verify_return_error", "-alpn", "radius/1.0"]
    with s_server(*arguments, *shown(pki, "server")) as (process, port):
        engine = datagram_client(client_context(pki.settings("client"), datagrams=True), "localhost", now=NOW)
        events = ask_by_datagrams(engine, port, [b"first\n", b"second\n"])
        printed = said(process, b"second")
    assert handshake(events).protocol == "radius/1.0"
    assert b"first" in printed and b"second" in printed
