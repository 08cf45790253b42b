"""A PostgreSQL cluster of one's own: made in a private folder, on a Unix socket alone, ended by process id.

Its programs refuse to run as root, so root runs them as Debian's user ``postgres``.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from typing import Final

import psycopg
import psycopg.conninfo
import pytest

READY_SECONDS: Final = 30
LOOK_AGAIN: Final = 0.05
_PROGRAMS: Final = "/usr/lib/postgresql/15/bin"
_SETTINGS: Final = (
    "listen_addresses=",
    "shared_buffers=64MB",
    "max_connections=40",
    "logging_collector=off",
    "log_min_messages=error",
)


class Cluster:
    """One running cluster; ``url(name)`` is how a client reaches a database of it.

    Durability is on, as for a user: nothing of fsync or synchronous_commit is changed.
    """

    def __init__(self, folder: pathlib.Path) -> None:
        self._folder = folder
        self._data = folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0

    def url(self, database: str = "postgres") -> str:
        """A URL for a database."""
        return f"postgresql://radius@/{database}?host={self._folder}"

    def create_database(self) -> str:
        """The URL of a new and empty database."""
        self._databases += 1
        name = f"radius{self._databases}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
        return self.url(name)

    def initialise(self) -> None:
        """Make the cluster's files."""
        command = [f"{_PROGRAMS}/initdb", "-D", str(self._data), "-U", "radius", "-A", "trust", "-E", "UTF8"]
        subprocess.run([*_unprivileged(), *command, "--locale=C.UTF-8"], check=True, stdout=subprocess.DEVNULL)

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        settings = [
            part for setting in (*_SETTINGS, f"unix_socket_directories={self._folder}") for part in ("-c", setting)
        ]
        with (self._folder / "log").open("ab") as log:
            command = [*_unprivileged(), f"{_PROGRAMS}/postgres", "-D", str(self._data), *settings]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until = time.monotonic() + READY_SECONDS
        while time.monotonic() < until and self._process.poll() is None:
            with contextlib.suppress(psycopg.OperationalError), psycopg.connect(self.url()):
                return
            time.sleep(LOOK_AGAIN)
        raise AssertionError((self._folder / "log").read_text()[-4000:])

    def stop(self) -> None:
        """End it at once, its clients' connections with it: a fast shutdown, as by ``pg_ctl stop``."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(30)
            self._process = None

    def abandon(self) -> None:
        """End it without a last checkpoint, which takes long where there were many databases: its files are removed."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)
            self._process = None


def conninfo(url: str) -> str:
    """A URL as the keywords that FreeRADIUS hands to libpq."""
    parts = psycopg.conninfo.conninfo_to_dict(url)
    return " ".join(f"{name}={value}" for name, value in parts.items())


def _unprivileged() -> list[str]:
    """What a command begins with so that it does not run as root."""
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"] if os.geteuid() == 0 else []


@contextlib.contextmanager
def running() -> Iterator[Cluster]:
    """A cluster for as long as the block lasts. The path of a socket is at most 107 octets long, so it is near /tmp."""
    if not pathlib.Path(_PROGRAMS, "postgres").exists():
        pytest.fail("PostgreSQL 15 is not installed: apt-get install postgresql-15", pytrace=False)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="trioradius-postgres-"))
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    folder.chmod(0o755)
    cluster = Cluster(folder)
    try:
        cluster.initialise()
        cluster.start()
        yield cluster
    finally:
        cluster.abandon()
        shutil.rmtree(folder)
