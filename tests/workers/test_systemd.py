"""What systemd hears, on a socket as it gives one."""

from __future__ import annotations

import pathlib
import socket

import pytest

from trioradius.workers import systemd


@pytest.fixture(params=["path", "abstract"])
def heard(request: pytest.FixtureRequest, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    request.addfinalizer(listening.close)
    name = str(tmp_path / "notify") if request.param == "path" else f"@trioradius test {tmp_path}"
    listening.bind(f"\0{name[1:]}" if name.startswith("@") else name)
    listening.settimeout(30)
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    return listening


def test_what_it_hears(heard: socket.socket) -> None:
    systemd.ready("2 workers")
    assert heard.recv(1000) == b"READY=1\nSTATUS=2 workers"
    with systemd.reloading("2 workers"):
        assert heard.recv(1000).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
    assert heard.recv(1000) == b"READY=1\nSTATUS=2 workers"
    systemd.stopping()
    assert heard.recv(1000) == b"STOPPING=1"


def test_nobody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    systemd.ready("serving")


def test_systemd_has_gone(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nothing"))
    systemd.stopping()
