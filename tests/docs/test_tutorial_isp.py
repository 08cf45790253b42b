"""The tutorial of the provider, followed word for word in a clean folder, but for its ports."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/tutorial-isp.md").read_text()
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHOWN_LOG = re.findall(r"^    (\S.*)$", PAGE, re.MULTILINE)
READY_SECONDS = 60
VARYING = re.compile(r"0x[0-9a-f]+|[0-9]+(\.[0-9]+)?( [kMGT]?B)?")
"""Numbers, which differ from one run to the next."""


def steps() -> list[tuple[str, list[str]]]:
    """Each command with the lines that the page shows of its output."""
    found: list[tuple[str, list[str]]] = []
    for line in "".join(BLOCK.findall(PAGE)).splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def plain(line: str) -> str:
    return " ".join(VARYING.sub("#", line).split())


class Terminal:
    """A clean folder beside a checkout, with free ports in place of the real ones."""

    def __init__(self, folder: Path) -> None:
        (folder / "trioradius").symlink_to(ROOT)
        self.folder = folder / "mine"
        self.folder.mkdir()
        programs = folder / "bin"
        programs.mkdir()
        for name, start in (("python", ""), ("trioradius", "-m trioradius")):
            (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {start} "$@"\n')
            (programs / name).chmod(0o755)
        self.radius, self.coa = free_port(), free_port()
        self.environment = os.environ | {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "ISP_COA_PORT": str(self.coa),
        }
        self.servers: list[tuple[subprocess.Popen[str], Path]] = []

    def run(self, command: str) -> str:
        """What a command printed; a server goes on, and has printed nothing yet."""
        command = self._with_ports(command)
        if command.startswith("export "):
            name, _, value = command.removeprefix("export ").partition("=")
            self.environment[name] = value
            return ""
        if "trioradius run" in command:
            self._serve(command)
            return ""
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0 or "looking-glass" in command or "Access-Reject" in done.stdout, done.stderr
        return done.stdout + done.stderr

    def _with_ports(self, command: str) -> str:
        command = command.replace("127.0.0.1 --secret-file", f"127.0.0.1:{self.radius} --secret-file")
        if command.startswith("python -m isp add-nas"):
            command = command.replace(f"127.0.0.1:{self.radius}", "127.0.0.1")
        command = command.replace("127.0.0.1:3799", f"127.0.0.1:{self.coa}")
        return command if not command.endswith("run isp:app") else f"{command} --udp 127.0.0.1:{self.radius}"

    def _serve(self, command: str) -> None:
        printed = self.folder.parent / f"server{len(self.servers)}.log"
        with printed.open("w") as log:
            server = subprocess.Popen(
                ["bash", "-c", command.replace("trioradius run", "exec trioradius run")],
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=log,
                text=True,
            )
        self.servers.append((server, printed))
        until = time.monotonic() + READY_SECONDS
        while not re.search(r"^\d+ peers?", printed.read_text(), re.MULTILINE):
            assert time.monotonic() < until and server.poll() is None, printed.read_text()
            time.sleep(0.05)

    def logs(self) -> str:
        """What the servers printed."""
        return "".join(printed.read_text() for _, printed in self.servers)

    def close(self) -> None:
        """End the servers."""
        for server, _ in self.servers:
            server.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(10)


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path)
    yield terminal
    terminal.close()


@pytest.mark.timeout(600)
def test_the_tutorial_word_for_word(terminal: Terminal) -> None:
    for command, shown in steps():
        printed = terminal.run(command)
        lines = {plain(line) for line in printed.splitlines()}
        for line in shown:
            assert plain(line) in lines, f"$ {command}\n{printed}\n{terminal.logs()}"
    for line in SHOWN_LOG:
        assert line in terminal.logs(), line
