"""``trioradius run --tls-cert``: the listener, SIGHUP, and settings that cannot work."""

from __future__ import annotations

import pathlib
import signal
from datetime import UTC, datetime

import pytest

from trioradius.cli.group import Mistake
from trioradius.cli.peers import read_peers
from trioradius.cli.tls_listeners import tls_listeners
from trioradius.errors import ConfigurationError
from trioradius.tls.certificates import write_development_certificates
from trioradius.transports import DTLS, TLS

from .conftest import Call, Start


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    write_development_certificates(tmp_path / "certs", datetime.now(UTC))
    return tmp_path / "certs"


def test_it_listens_and_reloads(start: Start, hello: str, folder: pathlib.Path) -> None:
    server = start(
        *(
            "run",
            hello,
            "--udp",
            "127.0.0.1:0",
            "--tls",
            "127.0.0.1:0",
            "--dtls",
            "127.0.0.1:0",
            "--tls-ca",
            str(folder / "ca.pem"),
        ),
        *("--tls-cert", str(folder / "server.pem"), "--tls-key", str(folder / "server.key")),
    )
    server.wait_for("listens on TLS 127.0.0.1:")
    server.wait_for("listens on DTLS 127.0.0.1:")
    server.wait_for("1 peer")
    server.signal(signal.SIGHUP)
    server.wait_for("certificates read again")
    (folder / "ca.pem").write_text("broken")
    server.signal(signal.SIGHUP)
    server.wait_for("the certificates stay as they were: ca: ")
    server.signal(signal.SIGTERM)
    assert server.status() == 0


def test_listeners(folder: pathlib.Path) -> None:
    certificate, key, ca = folder / "server.pem", folder / "server.key", folder / "ca.pem"
    both = tls_listeners((), (), certificate, key, (ca,), ())
    assert [(type(found), found.host, found.port) for found in both] == [(TLS, "::", 2083), (DTLS, "::", 2083)]
    [found] = tls_listeners(("[::1]:2084",), (), certificate, key, (ca,), ())
    assert (type(found), found.host, found.port) == (TLS, "::1", 2084)
    [found] = tls_listeners((), ("2084",), certificate, key, (ca,), ())
    assert (type(found), found.host, found.port) == (DTLS, "::", 2084)
    assert tls_listeners((), (), None, None, (), ()) == []


def test_settings_that_cannot_work(folder: pathlib.Path) -> None:
    certificate, key = folder / "server.pem", folder / "server.key"
    for options in (
        ((), (), None, None, (folder / "ca.pem",), ()),
        ((), (), certificate, None, (), ()),
        (("2083",), (), None, key, (), ()),
        ((), (), certificate, folder / "client.key", (), ()),
        ((), (), folder / "missing.pem", key, (), ()),
        ((), (), certificate, key, (folder / "missing.pem",), ()),
    ):
        with pytest.raises((Mistake, ConfigurationError)) as wrong:
            tls_listeners(*options)
        assert "\n" not in str(wrong.value)


def test_peers_of_a_file(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "peers.toml"
    file.write_text(
        '[peers."dns:nas.example.org"]\nname = "hall"\naddresses = ["192.0.2.0/24"]\n'
        '[peers."psk:nas7"]\npsk_hex = "000102030405060708090a0b0c0d0e0f"\n'
        '[peers."192.0.2.0/24"]\ntls = true\n'
    )
    found = read_peers((), file)
    assert found["dns:nas.example.org"].addresses == ("192.0.2.0/24",)
    assert found["psk:nas7"].psk == bytes(range(16))
    assert found["192.0.2.0/24"].tls


def test_keys_and_no_certificate(start: Start, hello: str, folder: pathlib.Path, call: Call) -> None:
    (folder / "peers.toml").write_text('[peers."psk:nas7"]\npsk_hex = "000102030405060708090a0b0c0d0e0f"\n')
    (folder / "psk").write_text("000102030405060708090a0b0c0d0e0f\n")
    listeners = ("--udp", "127.0.0.1:0", "--tls", "127.0.0.1:0", "--dtls", "127.0.0.1:0")
    server = start("run", hello, *listeners, "--peers", str(folder / "peers.toml"))
    ports = {kind: server.wait_for(rf"listens on {kind} 127.0.0.1:(\d+)")[1] for kind in ("TLS", "DTLS")}
    server.wait_for("peers")
    for kind, port in ports.items():
        key = ("--psk-identity", "nas7", "--psk-file", str(folder / "psk"))
        result = call(
            "send", f"--{kind.lower()}", *key, f"127.0.0.1:{port}", "User-Name=alice", "User-Password=wonderland"
        )
        assert result.stdout.startswith("Access-Accept in "), result.output


def test_neither_keys_nor_a_certificate(start: Start, hello: str) -> None:
    server = start("run", hello, "--udp", "127.0.0.1:0", "--tls", "127.0.0.1:0")
    assert server.status() == 2
    [line] = server.lines
    assert "needs a certificate and its key, or a PSK" in line


@pytest.mark.parametrize("line", ['psk_hex = "xy"', 'psk_text = "short"', "psk_hex = 1", 'addresses = ["nowhere"]'])
def test_peers_that_cannot_work(tmp_path: pathlib.Path, line: str) -> None:
    file = tmp_path / "peers.toml"
    file.write_text(f'[peers."psk:nas7"]\n{line}\n')
    with pytest.raises(Mistake):
        read_peers((), file)


@pytest.mark.parametrize(
    ("peers", "files", "text"),
    [
        ("", {"--tls-key": "client.key"}, "client.key does not fit"),
        ("", {"--tls-cert": "absent.pem"}, "absent.pem cannot be read"),
        ("", {"--tls-ca": "absent.pem"}, "absent.pem cannot be read"),
        ("", {"--tls-crl": "absent.pem"}, "absent.pem cannot be read"),
        ('[peers."psk:nas7"]\npsk_text = ""', {}, "the PSK is empty"),
        (
            '[peers."psk:nas7"]\npsk_text = "sixteen octets !"\n[peers."192.0.2.1"]\nsecret = "sixteen octets !"',
            {},
            "shared secret",
        ),
    ],
)
def test_bad_settings_stop_the_start(
    start: Start, hello: str, folder: pathlib.Path, peers: str, files: dict[str, str], text: str
) -> None:
    (folder / "peers.toml").write_text(peers)
    given = {"--tls-cert": "server.pem", "--tls-key": "server.key", "--tls-ca": "ca.pem", **files}
    options = [part for option, file in given.items() for part in (option, str(folder / file))]
    server = start("run", hello, "--tls", "127.0.0.1:0", "--peers", str(folder / "peers.toml"), *options)
    assert server.status() == 2
    [line] = server.lines
    assert text in line
    assert "sixteen octets" not in line
