"""A FreeRADIUS server of our own: private configuration, free ports, and an end by process id."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
from collections.abc import Iterator
from typing import Final

import attrs

from .radclient import SECRET

CONFIGURATION: Final = pathlib.Path(__file__).parent / "raddb"
READY_WITHIN: Final = 15
"""Seconds; radclient asks once in each."""


@attrs.frozen
class FreeRADIUS:
    """Where it listens, and the directory in which it writes down what it understood."""

    authentication: int
    accounting: int
    coa: int
    directory: pathlib.Path

    def understood(self, session: str) -> list[str]:
        """The attributes of the one accounting record of this session, as FreeRADIUS wrote them down."""
        lines = (self.directory / f"{session}.detail").read_text().splitlines()
        return [line.strip() for line in lines[1:] if line.startswith("\t")]


@contextlib.contextmanager
def running(program: str, radclient: str, directory: pathlib.Path, everything: str) -> Iterator[FreeRADIUS]:
    """Start FreeRADIUS, wait until it answers Status-Server, and end it with the block.

    Args:
        program: the path of freeradius.
        radclient: the path of radclient.
        directory: an empty one, for its configuration and what it writes.
        everything: the reply items of the user "everything", one a line.
    """
    shutil.copytree(CONFIGURATION, directory, dirs_exist_ok=True)
    items = ",\n\t".join(["Message-Authenticator = 0x00", *everything.splitlines()])
    (directory / "everything").write_text(f"everything\tAuth-Type := Accept\n\t{items}\n")
    server = FreeRADIUS(*free_ports(3), directory)
    environment = {
        **os.environ,
        "TZ": "UTC",
        "DIRECTORY": str(directory),
        "SECRET": SECRET,
        "AUTHENTICATION_PORT": str(server.authentication),
        "ACCOUNTING_PORT": str(server.accounting),
        "COA_PORT": str(server.coa),
    }
    with (directory / "output").open("wb") as output:
        process = subprocess.Popen(
            [program, "-f", "-l", "stdout", "-d", str(directory)], env=environment, stdout=output, stderr=output
        )
    try:
        _wait(process, radclient, server)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], radclient: str, server: FreeRADIUS) -> None:
    """Until Status-Server is answered."""
    address = f"127.0.0.1:{server.authentication}"
    for _ in range(READY_WITHIN):
        asked = subprocess.run(
            [radclient, "-d", str(server.directory), "-r", "1", "-t", "1", address, "status", SECRET],
            input=b"Message-Authenticator = 0x00\n",
            capture_output=True,
        )
        if asked.returncode == 0:
            return
        if process.poll() is not None:
            break
    raise AssertionError(f"freeradius does not answer:\n{(server.directory / 'output').read_text()[-4000:]}")


def free_ports(count: int) -> list[int]:
    """Ports free of UDP now, all taken at once so that they differ."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)) for _ in range(count)]
        for opened in sockets:
            opened.bind(("::", 0))
        return [opened.getsockname()[1] for opened in sockets]
