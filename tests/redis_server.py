"""Debian's redis-server with a private configuration, that a test can kill, stop for a while and start again."""

from __future__ import annotations

import contextlib
import pathlib
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from typing import Final

import pytest

PASSWORD: Final = "a pass@word/of redis"
READY_SECONDS: Final = 30
LOOK_AGAIN: Final = 0.02


class RedisServer:
    """One server on a free port of 127.0.0.1 and a Unix socket; ended by its process id."""

    def __init__(self, directory: pathlib.Path) -> None:
        program = shutil.which("redis-server")
        if program is None:
            pytest.fail("redis-server is not installed: apt-get install redis-server", pytrace=False)
        with socket.create_server(("127.0.0.1", 0)) as bound:
            self.port = int(bound.getsockname()[1])
        self.directory = directory
        self.socket = directory / "redis.sock"
        self._command = [
            program,
            *("--port", str(self.port), "--bind", "127.0.0.1", "--unixsocket", str(self.socket)),
            *("--dir", str(directory), "--save", "", "--appendonly", "no", "--requirepass", PASSWORD),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        printed = self.directory / "redis.log"
        with printed.open("ab") as output:
            self._process = subprocess.Popen(self._command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
        until = time.monotonic() + READY_SECONDS
        while self._process.poll() is None and time.monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(LOOK_AGAIN)
        raise AssertionError(f"redis-server does not listen:\n{printed.read_text()[-4000:]}")

    def kill(self) -> None:
        """End it at once, as a power cut does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """Let it hang: connections stay, and no answer comes."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """End the hanging."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def ask(self, *command: str) -> str:
        """What redis-cli prints for a command."""
        asked = ["redis-cli", "-p", str(self.port), "--no-auth-warning", "-a", PASSWORD, *command]
        return (
            subprocess.run(asked, capture_output=True, check=True, timeout=10).stdout.decode(errors="replace").strip()
        )


@contextlib.contextmanager
def running_redis(directory: pathlib.Path) -> Iterator[RedisServer]:
    """A server for as long as the block lasts."""
    server = RedisServer(directory)
    server.start()
    try:
        yield server
    finally:
        server.kill()
