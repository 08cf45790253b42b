"""FreeRADIUS with its users in a SQLite database of Debian's schema, and the same database for us."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from typing import Final

from .conftest import installed
from .freeradius import free_ports
from .radclient import SECRET

CONFIGURATION: Final = pathlib.Path(__file__).parent / "raddb_sql"
SCHEMAS: Final = pathlib.Path("/etc/freeradius/3.0/mods-config/sql/main")
READY_WITHIN: Final = 15
"""Seconds; radclient asks once in each."""


def make_database(path: pathlib.Path) -> sqlite3.Connection:
    """A new database with the tables of Debian's schema file."""
    connection = sqlite3.connect(path)
    connection.executescript((SCHEMAS / "sqlite" / "schema.sql").read_text())
    return connection


@contextlib.contextmanager
def running_sql(directory: pathlib.Path) -> Iterator[tuple[str, int]]:
    """FreeRADIUS on ``directory/radius.db``, until the block ends; yields where it answers Access-Requests."""
    shutil.copytree(CONFIGURATION, directory, dirs_exist_ok=True)
    (directory / "dictionary").touch()
    address = "127.0.0.1", free_ports(1)[0]
    environment = {
        **os.environ,
        "TZ": "UTC",
        "DIRECTORY": str(directory),
        "SECRET": SECRET,
        "AUTHENTICATION_PORT": str(address[1]),
    }
    command = [installed("freeradius", "freeradius"), "-f", "-l", "stdout", "-d", str(directory)]
    with (directory / "output").open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        _wait(process, directory, address)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], directory: pathlib.Path, address: tuple[str, int]) -> None:
    radclient = installed("radclient", "freeradius-utils")
    command = [radclient, "-d", str(directory), "-r", "1", "-t", "1", f"{address[0]}:{address[1]}", "status", SECRET]
    for _ in range(READY_WITHIN):
        asked = subprocess.run(command, input=b"Message-Authenticator = 0x00\n", capture_output=True)
        if asked.returncode == 0:
            return
        if process.poll() is not None:
            break
    raise AssertionError(f"freeradius does not answer:\n{(directory / 'output').read_text()[-4000:]}")
