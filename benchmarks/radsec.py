"""RADIUS over TLS on one core: trioradius beside FreeRADIUS and radsecproxy, in one run.

    python benchmarks/radsec.py [--rounds 5] [--seconds 2]

Requests a second over one connection, and connections a second: a TLS 1.3 handshake with certificates of both ends,
whole or resumed, and one request that proves it. Each server is pinned to core 0 and the load generator
(radsecload.c) to core 1; servers take turns within every round, each started for its turn. trioradius and FreeRADIUS
check a password among 10,000 users and answer themselves. radsecproxy forwards by UDP to a home server in C, on core 1,
that accepts everything.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import pathlib
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import attrs
import freeradius
from pap import HERE, USERS, free_port, processor_seconds, running

from trioradius.tls.certificates import write_development_certificates

REQUESTS: Final = ("--per", "0")
CONNECTIONS: Final = ("--window", "1", "--per", "1", "--connections", "8", "--pool", "20000")
LOADS: Final[Mapping[str, tuple[str, ...]]] = {
    "requests, 64 outstanding": (*REQUESTS, "--window", "64"),
    "requests, 200 outstanding": (*REQUESTS, "--window", "200"),
    "connections, whole handshake": CONNECTIONS,
    "connections, resumed": (*CONNECTIONS, "--resume"),
}
NEWER: Final = "trioradius, RADIUS/1.1"
SERVERS: Final = ("trioradius", NEWER, "FreeRADIUS", "radsecproxy")
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


Rows = dict[str, dict[str, list[dict[str, Any]]]]


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


def report(rows: Rows) -> None:
    """A table a load, ratios first: of the rates, and of the processor time, which others on the machine spoil less."""
    print(f"{platform.python_implementation()} {platform.python_version()} ({sys.executable}), {platform.machine()}")
    for what, servers in rows.items():
        print(f"\n{what}")
        heads = ("times as fast", "by CPU time", "a second", "CPU us each", "p50 us", "p99 us")
        print(f"{'server':24} {' '.join(f'{head:>13}' for head in heads)} bad")
        for name, theirs in servers.items():
            pairs = [*zip(servers["trioradius"], theirs, strict=True)]
            faster = [
                {"rps": ours["rps"] / row["rps"], "cpu_us": row["cpu_us"] / ours["cpu_us"]} for ours, row in pairs
            ]
            latency = [row["latency_us"] for row in theirs]
            print(
                f"{name:24} {median(faster, 'rps'):13.2f} {median(faster, 'cpu_us'):13.2f} "
                f"{median(theirs, 'rps'):13,.0f} {median(theirs, 'cpu_us'):13.1f} "
                f"{median(latency, 'p50'):13.0f} {median(latency, 'p99'):13.0f} "
                f"{sum(row['refused'] + row['invalid'] + row['wraps'] for row in theirs)}{remark(theirs, what)}"
            )


def median(rows: list[dict[str, Any]], key: str) -> float:
    """The median of one column, without the rounds in which it is unknown."""
    known = [row[key] for row in rows if not math.isnan(row[key])]
    return statistics.median(known) if known else math.nan


def remark(rows: list[dict[str, Any]], what: str) -> str:
    """The share of handshakes that were resumptions, and in how many rounds the server ended the run early."""
    share = sum(row["resumed"] for row in rows) / max(sum(row["handshakes"] for row in rows), 1)
    early = sum(row["ended"] for row in rows)
    resumed = f" ({share:.0%} resumed)" if "--resume" in LOADS[what] else ""
    return resumed + (f" (it ended {early} of {len(rows)} rounds early)" if early else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report(measure(options.rounds, options.seconds, pathlib.Path(folder)))


if __name__ == "__main__":
    main()
