"""PAP requests a second on one core: trioradius beside FreeRADIUS and pyrad, in one run.

    python benchmarks/pap.py [--rounds 5] [--seconds 2]

Each server is pinned to core 0 and the load generator (radload.c) to core 1. Servers take turns within every round,
the others stopped meanwhile, so that a machine that changes its speed changes it for all. Medians over the rounds
are printed, and ratios of servers within a round.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import platform
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator

import freeradius

HERE = pathlib.Path(__file__).parent
USERS = 10_000
DICTIONARY = (
    "ATTRIBUTE User-Name 1 string\nATTRIBUTE User-Password 2 string\nATTRIBUTE NAS-IP-Address 4 ipaddr\n"
    "ATTRIBUTE NAS-Port 5 integer\nATTRIBUTE Service-Type 6 integer\nATTRIBUTE Framed-Protocol 7 integer\n"
    "ATTRIBUTE Framed-IP-Address 8 ipaddr\nATTRIBUTE Reply-Message 18 string\nATTRIBUTE Session-Timeout 27 integer\n"
    "ATTRIBUTE Called-Station-Id 30 string\nATTRIBUTE Calling-Station-Id 31 string\n"
    "ATTRIBUTE NAS-Identifier 32 string\n"
    "ATTRIBUTE Acct-Session-Id 44 string\nATTRIBUTE NAS-Port-Type 61 integer\n"
    "ATTRIBUTE Message-Authenticator 80 octets\n"
)


def free_port() -> int:
    """A UDP port that nobody has at the moment, and its neighbour."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def load(radload: pathlib.Path, port: int, seconds: float, *options: str) -> dict[str, float]:
    """What the load generator measured."""
    command = [str(radload), "--port", str(port), "--seconds", str(seconds), "--spin", *options]
    result = subprocess.run(["taskset", "-c", "1", *command], capture_output=True, text=True, check=True)
    return dict(json.loads(result.stdout))


def processor_seconds(process: subprocess.Popen[bytes]) -> float:
    """User and system time that a process has used."""
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def running(commands: dict[str, list[str]]) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """The servers, pinned to core 0; ended with the block."""
    quiet = subprocess.DEVNULL
    processes = {
        name: subprocess.Popen(["taskset", "-c", "0", *command], cwd=HERE, stdout=quiet, stderr=quiet)
        for name, command in commands.items()
    }
    try:
        yield processes
    finally:
        for process in processes.values():
            process.send_signal(signal.SIGCONT)
            process.terminate()
        for process in processes.values():
            process.wait(10)


def wait_until_answering(radload: pathlib.Path, ports: dict[str, int]) -> None:
    """Until every server answers; the load generator's own retransmissions do the waiting."""
    for name, port in ports.items():
        tried = load(radload, port, 20, "--count", "1", "--window", "1", "--timeout", "500", "--tries", "40")
        if tried["accepted"] < 1:
            raise SystemExit(f"{name} does not answer")


def measure(rounds: int, seconds: float, folder: pathlib.Path) -> dict[str, list[dict[str, float]]]:
    """Every server's figures, a row a round."""
    radload = folder / "radload"
    subprocess.run(["gcc", "-O2", "-std=gnu11", "-o", radload, HERE / "radload.c"], check=True)
    (folder / "dictionary.pyrad").write_text(DICTIONARY)
    ports = {name: free_port() for name in ("trioradius", "FreeRADIUS", "pyrad")}
    trioradius = [sys.executable, "-m", "trioradius", "run", "server:app", "--log-level", "error"]
    commands = {
        "trioradius": [*trioradius, "--udp", f"127.0.0.1:{ports['trioradius']}"],
        "FreeRADIUS": freeradius.configure(folder, ports["FreeRADIUS"], free_port(), USERS),
        "pyrad": [
            sys.executable, str(HERE / "pyrad_server.py"), str(ports["pyrad"]), str(folder / "dictionary.pyrad")
        ],
    }  # fmt: skip
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in commands}
    with running(commands) as processes:
        wait_until_answering(radload, ports)
        for _ in range(rounds):
            for name, port in ports.items():
                for other, process in processes.items():
                    process.send_signal(signal.SIGCONT if other == name else signal.SIGSTOP)
                before = processor_seconds(processes[name])
                row = load(radload, port, seconds, "--users", str(USERS), "--pool", "200000")
                row["cpu_us"] = (processor_seconds(processes[name]) - before) / max(row["requests"], 1) * 1e6
                rows[name].append(row)
    return rows


def report(rows: dict[str, list[dict[str, float]]]) -> None:
    """A table, ratios first."""
    ours = rows["trioradius"]
    print(f"{platform.python_implementation()} {platform.python_version()} ({sys.executable}), {platform.machine()}")
    print(
        f"{'server':12} {'trioradius / it':>16} {'requests/s':>11} {'CPU us each':>15} {'p50 us':>8} {'p99 us':>8} lost"
    )
    for name, theirs in rows.items():
        ratio = statistics.median(one["rps"] / max(other["rps"], 1) for one, other in zip(ours, theirs, strict=True))
        latency = [row["latency_us"] for row in theirs]
        print(
            f"{name:12} {ratio:16.2f} {statistics.median(row['rps'] for row in theirs):11,.0f} "
            f"{statistics.median(row['cpu_us'] for row in theirs):15.1f} "
            f"{statistics.median(row['p50'] for row in latency):8.0f} "  # type: ignore[call-overload,index]
            f"{statistics.median(row['p99'] for row in latency):8.0f} "  # type: ignore[call-overload,index]
            f"{sum(row['lost'] for row in theirs):.0f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report(measure(options.rounds, options.seconds, pathlib.Path(folder)))


if __name__ == "__main__":
    main()
