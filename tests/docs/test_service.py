"""The unit file and the container file: systemd takes the one, and both start a server that obeys as they say."""

from __future__ import annotations

import configparser
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
TEXT = (ROOT / "docs/how-to/service.md").read_text()
APP = """
from trioradius import App

app = App(peers={"127.0.0.1": "twenty-four octets, say."})
"""


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def unit() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(block("ini"))
    return parser["Service"]


def container() -> list[str]:
    """What the container file runs."""
    found = re.search(r"^CMD (\[.*\])$", block("dockerfile"), re.MULTILINE)
    assert found
    command: list[str] = json.loads(found[1])
    return command


def obeys(folder: pathlib.Path, arguments: list[str], *reload: str) -> str:
    """Run this as systemd would: ready, reloaded and stopped as it should be. What it said."""
    (folder / "app.py").write_text(APP)
    (folder / "peers.toml").write_text("")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(folder / "notify"))
        systemd.settimeout(60)
        server = subprocess.Popen(
            [sys.executable, "-m", "trioradius", *arguments, "--udp", "127.0.0.1:0"],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT), "NOTIFY_SOCKET": str(folder / "notify")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            assert systemd.recv(1000).startswith(b"READY=1\n")
            if reload:
                subprocess.run([one.replace("$MAINPID", str(server.pid)) for one in reload], check=True)
                assert systemd.recv(1000).startswith(b"RELOADING=1\n")
                assert systemd.recv(1000).startswith(b"READY=1\n")
            server.send_signal(signal.SIGTERM)
            assert systemd.recv(1000) == b"STOPPING=1"
            said, _ = server.communicate(timeout=20)
        finally:
            server.kill()
            server.wait()
    assert server.returncode == 0
    return said


def test_what_the_unit_runs(tmp_path: pathlib.Path) -> None:
    program, *arguments = shlex.split(unit()["ExecStart"])
    assert program.endswith("/bin/trioradius")
    paths = {"/etc/radius/peers.toml": "peers.toml", "9812": "0"}
    obeys(tmp_path, [paths.get(one, one) for one in arguments], *shlex.split(unit()["ExecReload"]))


def test_what_the_container_runs(tmp_path: pathlib.Path) -> None:
    program, *arguments = container()
    assert program == "trioradius"
    for line in obeys(tmp_path, arguments).splitlines():
        assert {"time", "level", "message"} <= json.loads(line).keys()


def test_systemd_takes_the_unit(tmp_path: pathlib.Path) -> None:
    verify = shutil.which("systemd-analyze") or pytest.skip("wants systemd-analyze")
    here = block("ini").replace("/opt/radius/venv/bin/trioradius", sys.executable)
    (tmp_path / "radius.service").write_text(here.replace("User=radius", "User=root"))
    found = subprocess.run(
        [verify, "verify", "--man=no", "--recursive-errors=no", tmp_path / "radius.service"],
        capture_output=True,
        text=True,
    )
    assert [line for line in found.stderr.splitlines() if "radius.service" in line] == []
    assert found.returncode == 0


def test_the_unit_gives_workers_the_time_that_they_may_take() -> None:
    """The grace period by default, and what the supervisor adds to it."""
    assert float(unit()["TimeoutStopSec"]) > 5 + 5
    assert unit()["KillMode"] == "mixed"
    assert unit()["Type"] == "notify"
