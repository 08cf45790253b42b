"""Programs that listen on TCP: started with a private configuration, ended by process id."""

from __future__ import annotations

import contextlib
import pathlib
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

READY_SECONDS: Final = 30
LOOK_AGAIN: Final = 0.05


def free_tcp_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        return int(bound.getsockname()[1])


@contextlib.contextmanager
def listening(
    command: Sequence[str], port: int, directory: pathlib.Path, environment: Mapping[str, str] | None = None
) -> Iterator[pathlib.Path]:
    """Start a program, wait until it takes connections on a port of 127.0.0.1; yields the file of its output."""
    printed = directory / "output"
    with printed.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
    try:
        _wait(process, port, printed)
        yield printed
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, printed: pathlib.Path) -> None:
    until = time.monotonic() + READY_SECONDS
    while process.poll() is None and time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(LOOK_AGAIN)
    raise AssertionError(f"{process.args!r} does not listen:\n{printed.read_text()[-4000:]}")
