"""``trioradius send --tls`` and ``--dtls`` with the certificates of ``trioradius certs``."""

from __future__ import annotations

import pathlib
import threading
from collections.abc import Iterator

import pytest
import trio

from tests import scripted_dtls
from tests.scripted_tls import accept, accept_1_1, scripted
from trioradius.tls import PreSharedKey, TLSSettings

from .conftest import Call, Complain

SHOWN = ("--tls-cert", "client.pem", "--tls-key", "client.key", "--tls-ca", "ca.pem")
CLIENT = ("--tls", *SHOWN)
PSK = PreSharedKey("nas7", b"0123456789abcdef")
PSK_OPTIONS = ("--psk-identity", "nas7", "--psk-file", "psk")
ALICE = ("User-Name=alice", "User-Password=wonderland")


class Served:
    """Servers of RADIUS 1.0, of 1.1, of DTLS, and of a key by TLS and by DTLS, in a thread of their own."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._settings = {"certificate": folder / "server.pem", "key": folder / "server.key", "ca": folder / "ca.pem"}
        self._ready = threading.Event()
        self._thread = threading.Thread(target=trio.run, args=(self._run,))
        self._thread.start()
        assert self._ready.wait(20)

    async def _run(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        async with trio.open_nursery() as self._nursery:
            old, self.port_1_0 = await scripted(TLSSettings(**self._settings, versions="1.0"), self._nursery)  # type: ignore[arg-type]
            new, self.port_1_1 = await scripted(TLSSettings(**self._settings), self._nursery)  # type: ignore[arg-type]
            old.script, new.script = accept, accept_1_1
            keyed, self.port_psk = await scripted(TLSSettings(psk=PSK, versions="1.0"), self._nursery)
            keyed.script = accept
            self.port_dtls = (await scripted_dtls.scripted(TLSSettings(**self._settings), self._nursery)).port  # type: ignore[arg-type]
            self.port_psk_dtls = (await scripted_dtls.scripted(TLSSettings(psk=PSK), self._nursery)).port
            self._ready.set()

    def stop(self) -> None:
        self._token.run_sync_soon(self._nursery.cancel_scope.cancel)
        self._thread.join(20)


@pytest.fixture
def served(call: Call, folder: pathlib.Path) -> Iterator[Served]:
    assert call("certs", ".").exit_code == 0
    served = Served(folder)
    yield served
    served.stop()


@pytest.mark.parametrize("options", [(), ("--tls-name", "radsec-server"), ("--radius-version", "1.0")])
def test_over_1_0(call: Call, served: Served, options: tuple[str, ...]) -> None:
    result = call("send", *CLIENT, *options, "auth", f"127.0.0.1:{served.port_1_0}", *ALICE)
    assert result.stdout.startswith("Access-Accept in ")
    assert result.exit_code == 0


@pytest.mark.parametrize("options", [(), ("--radius-version", "1.1")])
def test_over_1_1(call: Call, served: Served, options: tuple[str, ...]) -> None:
    result = call("send", *CLIENT, *options, f"localhost:{served.port_1_1}", *ALICE, "--count", "50", "--parallel", "9")
    assert "50 Access-Accept" in result.stdout
    assert result.exit_code == 0


@pytest.mark.parametrize("options", [(), ("--count", "40", "--parallel", "9")])
def test_over_dtls(call: Call, served: Served, options: tuple[str, ...]) -> None:
    result = call("send", "--dtls", *SHOWN, *options, "auth", f"127.0.0.1:{served.port_dtls}", *ALICE)
    assert "40 Access-Accept" in result.stdout if options else result.stdout.startswith("Access-Accept in ")
    assert result.exit_code == 0


@pytest.mark.parametrize(("text", "options"), [(PSK.key.hex(), ()), ("0123456789abcdef", ("--psk-format", "text"))])
def test_a_key(call: Call, served: Served, folder: pathlib.Path, text: str, options: tuple[str, ...]) -> None:
    (folder / "psk").write_text(text + "\n")
    for transport, port in (("--tls", served.port_psk), ("--dtls", served.port_psk_dtls)):
        result = call("send", transport, *PSK_OPTIONS, *options, f"127.0.0.1:{port}", *ALICE)
        assert result.stdout.startswith("Access-Accept in "), result.output


def test_the_variable_is_not_the_secret(call: Call, served: Served) -> None:
    result = call("send", *CLIENT, f"127.0.0.1:{served.port_1_0}", *ALICE, TRIORADIUS_SECRET="another")
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--tls-name", "radius.example.org"), "radius.example.org"),
        (("--tls-fingerprint", "00" * 32), "none of the pinned ones"),
        (("--radius-version", "1.1"), "only RADIUS/1.1 is offered"),
    ],
)
def test_servers_that_are_not_meant(call: Call, served: Served, options: tuple[str, ...], text: str) -> None:
    result = call("send", *CLIENT, *options, f"127.0.0.1:{served.port_1_0}", *ALICE)
    assert (result.exit_code, result.stdout) == (3, "")
    assert text in result.stderr and result.stderr.count("\n") == 1


def test_nobody_there(call: Call, served: Served) -> None:
    result = call("send", *CLIENT, "--timeout", "0.2", "127.0.0.1:1", *ALICE)
    assert result.exit_code == 3
    assert "nothing listens there" in result.stderr


def test_mistakes(call: Call, mistake: Complain) -> None:
    call("certs", ".")
    server = ("127.0.0.1:1", *ALICE)
    assert "--tls-ca wants --tls or --dtls beside it" in mistake("send", "--tls-ca", "ca.pem", *server)
    assert "needs a certificate" in mistake("send", "--tls", *server)
    assert "missing.pem cannot be read" in mistake("send", *CLIENT, "--tls-ca", "missing.pem", *server)
    assert "key: client.key is given without" in mistake("send", "--tls", "--tls-key", "client.key", *server)
    assert "does not" in mistake("send", *CLIENT, "--tls-key", "ca.key", *server)
    assert "not both" in mistake("send", *CLIENT, "--dtls", *server)
    assert "DTLS is 1.2" in mistake("send", "--dtls", *SHOWN, "--radius-version", "1.1", *server)


def test_mistakes_with_a_key(call: Call, mistake: Complain, folder: pathlib.Path) -> None:
    call("certs", ".")
    server = ("127.0.0.1:1", *ALICE)
    assert "--psk-identity wants --tls or --dtls" in mistake("send", "--psk-identity", "nas7", *server)
    assert "wants --psk-identity NAME and --psk-file FILE" in mistake("send", "--tls", "--psk-format", "hex", *server)
    assert "wants --psk-identity NAME and --psk-file FILE" in mistake("send", "--tls", "--psk-file", "psk", *server)
    assert "--psk-file: psk cannot be read" in mistake("send", "--tls", *PSK_OPTIONS, *server)
    (folder / "psk").write_bytes(bytes(range(128, 160)))
    assert "psk is not UTF-8 text" in mistake("send", "--tls", *PSK_OPTIONS, *server)
    (folder / "psk").write_text("0123456789abcdex")
    assert "is not hexadecimal digits" in mistake("send", "--tls", *PSK_OPTIONS, *server)
    (folder / "psk").write_text("0123456789abcdef")
    assert "the PSK has 8 octets" in mistake("send", "--tls", *PSK_OPTIONS, *server)
    assert "not both" in mistake("send", *CLIENT, *PSK_OPTIONS, *server)
    (folder / "psk").write_text("7" * 32)
    assert "control characters" in mistake("send", "--tls", "--psk-identity", "\t", "--psk-file", "psk", *server)
    assert "is also a shared secret" in mistake(
        "send", "--tls", *PSK_OPTIONS, "--psk-format", "text", "--secret", "7" * 32, *server
    )
