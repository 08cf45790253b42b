"""RADIUS over TLS on one core: trioradius beside FreeRADIUS and radsecproxy, in one run.

    python benchmarks/radsec.py [--rounds 3] [--seconds 2]

Requests a second over one connection, and connections a second: a TLS 1.3 handshake with certificates of both ends,
whole or resumed, and one request that proves it. Each server is pinned to core 0 and the load generator
(radsecload.c) to core 1; servers take turns within every round, each started for its turn. trioradius and FreeRADIUS
check a password among 10,000 users and answer themselves. radsecproxy forwards by UDP to a home server in C, on core 1,
that accepts everything.
"""

from __future__ import annotations

import itertools
import json
import math
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import attrs
import freeradius
from servers import HERE, OURS, USERS, Rows, free_port, options_of, processor_seconds, running
from table import Line, lines_of, print_lines

from trioradius.tls.certificates import write_development_certificates

REQUESTS: Final = ("--per", "0")
CONNECTIONS: Final = ("--window", "1", "--per", "1", "--connections", "8", "--pool", "20000")
LOADS: Final[Mapping[str, tuple[str, ...]]] = {
    "TLS, 64 outstanding": (*REQUESTS, "--window", "64"),
    "TLS, 200 outstanding": (*REQUESTS, "--window", "200"),
    "TLS connections": CONNECTIONS,
    "TLS connections, resumed": (*CONNECTIONS, "--resume"),
}
NEWER: Final = "trioradius, RADIUS/1.1"
SERVERS: Final = (OURS, NEWER, "FreeRADIUS", "radsecproxy")
RESUMING: Final = ("trioradius", NEWER)
"""FreeRADIUS 3.2.1 makes a whole handshake of every attempt, radsecproxy 1.9.2 ends it with an alert."""
READY_SECONDS: Final = 20

_RADSECPROXY: Final = """\
ListenTLS 127.0.0.1:{port}
LogLevel 2
tls default {{
    CACertificateFile {certificates}/ca.pem
    CertificateFile {certificates}/server.pem
    CertificateKeyFile {certificates}/server.key
    TlsVersion TLS1_3
}}
client load {{
    host 127.0.0.1
    type tls
    secret radsec
    certificateNameCheck off
}}
server home {{
    host 127.0.0.1
    port {home}
    type udp
    secret radsec
}}
realm * {{
    server home
}}
"""


@attrs.frozen
class Load:
    """The load generator, and what it needs for any server."""

    program: pathlib.Path
    certificates: pathlib.Path

    def __call__(self, port: int, seconds: float, *options: str) -> dict[str, Any]:
        """What it measured in so many seconds. Raises CalledProcessError where the server does not serve it."""
        folder = self.certificates
        shown = ["--certificate", folder / "client.pem", "--key", folder / "client.key", "--ca", folder / "ca.pem"]
        command = ["taskset", "-c", "1", self.program, "--port", str(port), "--seconds", str(seconds), *shown]
        result = subprocess.run([*command, *options], stdout=subprocess.PIPE, text=True, check=True)
        return dict(json.loads(result.stdout))

    def home(self, port: int) -> list[str]:
        """The command of a home server."""
        return ["taskset", "-c", "1", str(self.program), "--home", "--port", str(port)]


def free_tcp_port() -> int:
    """A TCP port that nobody has at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def prepare(folder: pathlib.Path) -> Load:
    """Compile the load generator and make certificates, the same for all."""
    program, certificates = folder / "radsecload", folder / "certificates"
    command = ["gcc", "-O2", "-std=gnu11", "-o", program, HERE / "radsecload.c", "-lssl", "-lcrypto"]
    subprocess.run(command, check=True)
    write_development_certificates(certificates, datetime.now(UTC))
    return Load(program, certificates)


def commands(folder: pathlib.Path, load: Load, home: int) -> dict[str, tuple[list[str], int]]:
    """How each server is run, and the port on which it listens."""
    ports = {name: free_tcp_port() for name in ("trioradius", "FreeRADIUS", "radsecproxy")}
    certificates = load.certificates
    files = ["--tls-cert", "server.pem", "--tls-key", "server.key", "--tls-ca", "ca.pem"]
    shown = [str(certificates / part) if part.endswith((".pem", ".key")) else part for part in files]
    listening = ["--udp", "127.0.0.1:0", "--tls", f"127.0.0.1:{ports['trioradius']}", *shown]
    ours = ["run", "server:app", "--log-level", "error", "--peer", "dns:radsec-client=radsec", *listening]
    proxy = folder / "radsecproxy.conf"
    proxy.write_text(_RADSECPROXY.format(port=ports["radsecproxy"], certificates=certificates, home=home))
    found = {
        "trioradius": [sys.executable, "-m", "trioradius", *ours],
        "FreeRADIUS": freeradius.configure_tls(folder, ports["FreeRADIUS"], certificates, USERS),
        "radsecproxy": ["/usr/sbin/radsecproxy", "-f", "-c", str(proxy)],
    }
    return {name: (command, ports[name]) for name, command in found.items()}


def wait_until_listening(port: int) -> None:
    """Until a server takes connections."""
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"nobody listens on port {port}")


def measure(rounds: int, seconds: float, folder: pathlib.Path) -> Rows:
    """The figures of each load and server, a row a round."""
    load = prepare(folder)
    rows: Rows = {what: {name: [] for name in asked(what)} for what in LOADS}
    home_port = free_port()
    home = subprocess.Popen(load.home(home_port))
    try:
        for _, name in itertools.product(range(rounds), SERVERS):
            for what in LOADS:
                if name in asked(what):
                    rows[what][name].append(one_row(folder, load, home_port, seconds, what, name))
    finally:
        home.kill()
        home.wait()
    return rows


def asked(what: str) -> tuple[str, ...]:
    """The servers that a load is for."""
    return RESUMING if "--resume" in LOADS[what] else SERVERS


def one_row(folder: pathlib.Path, load: Load, home: int, seconds: float, what: str, name: str) -> dict[str, Any]:
    """One load on one server that was started for it, with the processor time that each reply took."""
    server = "trioradius" if name == NEWER else name
    command, port = commands(folder, load, home)[server]
    version = ("--radius-1.1",) if name == NEWER else ()
    with running({server: command}) as processes:
        wait_until_listening(port)
        load(port, 0.2, *version)
        before = processor_seconds(processes[server])
        row = load(port, seconds, *LOADS[what], *version)
        spent = math.nan if row["ended"] else processor_seconds(processes[server]) - before
    return row | {"cpu_us": spent / row["accepted"] * 1e6}


def lines(rounds: int, seconds: float, folder: pathlib.Path) -> list[Line]:
    """The lines of the table."""
    rows = measure(rounds, seconds, folder)
    found = []
    for what, servers in rows.items():
        unit = "connections/s" if what.startswith("TLS connections") else "requests/s"
        found += [
            attrs.evolve(line, remark=remark(servers[line.server], what), lost=bad(servers[line.server]))
            for line in lines_of({what: servers}, unit)
        ]
    return found


def bad(rows: list[dict[str, Any]]) -> int:
    """Requests that came to nothing."""
    return sum(row["refused"] + row["invalid"] + row["wraps"] for row in rows)


def remark(rows: list[dict[str, Any]], what: str) -> str:
    """The share of handshakes that were resumptions, and in how many rounds the server ended the run early."""
    share = sum(row["resumed"] for row in rows) / max(sum(row["handshakes"] for row in rows), 1)
    early = sum(row["ended"] for row in rows)
    resumed = [f"{share:.0%} resumed"] if "--resume" in LOADS[what] else []
    return ", ".join(resumed + ([f"ended {early} of {len(rows)} rounds early"] if early else []))


def main() -> None:
    options = options_of(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        print_lines(lines(options.rounds, options.seconds, pathlib.Path(folder)))


if __name__ == "__main__":
    main()
