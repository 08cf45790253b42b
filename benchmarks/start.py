"""Start and dictionary load time: trioradius beside FreeRADIUS and pyrad.

    python benchmarks/start.py [--rounds 5]

From the start of the process to the first Access-Accept, with 10,000 users and the whole dictionary. For the
dictionary, from the start of a program to its end, which reads all of FreeRADIUS's files: trioradius as Python objects,
radclient for FreeRADIUS. pyrad cannot read them, and is left out.
"""

from __future__ import annotations

import contextlib
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

from datagrams import servers_of
from servers import OURS, READY_SECONDS, SERVER_CORE, options_of, running
from table import Line, print_lines, values_of

from trioradius import AccessRequest
from trioradius.attributes import UserName, UserPassword
from trioradius.protocol.exchange import Sent
from trioradius.protocol.profile import RADIUS_1_0
from trioradius.protocol.secret import Secret

LOOK_AGAIN = 0.002
FILES = "/usr/share/freeradius"
_READ = f"from trioradius.attributes import read_dictionary; read_dictionary('{FILES}/dictionary')"
DICTIONARIES = {
    OURS: [sys.executable, "-c", _READ],
    "FreeRADIUS": ["radclient", "-D", FILES, "-f", "/dev/null", "127.0.0.1", "auth", "testing123"],
}


def start_seconds(name: str, folder: pathlib.Path) -> float:
    """From the start of a server until it accepts somebody."""
    commands, ports = servers_of("PAP", folder)
    request = AccessRequest(UserName("user7"), UserPassword("pass7"))
    octets = Sent.make(request, 7, Secret(b"testing123"), RADIUS_1_0).octets
    begun = time.perf_counter()
    with running({name: commands[name]}), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.connect(("127.0.0.1", ports[name]))
        asking.settimeout(LOOK_AGAIN)
        while time.perf_counter() < begun + READY_SECONDS:
            with contextlib.suppress(TimeoutError, ConnectionRefusedError):
                asking.send(octets)
                if asking.recv(4096)[:1] == b"\2":
                    return time.perf_counter() - begun
    raise SystemExit(f"{name} does not answer")


def dictionary_seconds(command: list[str]) -> float:
    """From the start of a program to its end. radclient has nothing to send, and says so by its status."""
    begun = time.perf_counter()
    subprocess.run(["taskset", "-c", SERVER_CORE, *command], check=False, capture_output=True, timeout=READY_SECONDS)
    return time.perf_counter() - begun


def lines(rounds: int, folder: pathlib.Path) -> list[Line]:
    """The lines of the table."""
    starts: dict[str, list[float]] = {name: [] for name in servers_of("PAP", folder)[0]}
    loads: dict[str, list[float]] = {name: [] for name in DICTIONARIES}
    for _ in range(rounds):
        for name, values in starts.items():
            values.append(1000 * start_seconds(name, folder))
        for name, values in loads.items():
            values.append(1000 * dictionary_seconds(DICTIONARIES[name]))
    return [*values_of("start", "ms", starts), *values_of("dictionary load", "ms", loads)]


def main() -> None:
    options = options_of(__doc__, rounds=5)
    with tempfile.TemporaryDirectory() as folder:
        print_lines(lines(options.rounds, pathlib.Path(folder)))


if __name__ == "__main__":
    main()
