"""Logins a second from a database on one core: trioradius beside FreeRADIUS with its sql module, in one run.

    python benchmarks/logins.py [--rounds 5] [--seconds 2] [--window 64]

Both read one SQLite database of Debian's FreeRADIUS schema: 10,000 users, each with a password of his own and the
reply of a group. Everything else is as in pap.py.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

import freeradius_sql
import pap


def measure(rounds: int, seconds: float, window: int, folder: pathlib.Path) -> dict[str, list[dict[str, float]]]:
    """Both servers' figures, a row a round."""
    radload = folder / "radload"
    subprocess.run(["gcc", "-O2", "-std=gnu11", "-o", radload, pap.HERE / "radload.c"], check=True)
    database = folder / "radius.db"
    freeradius_sql.make_database(database, pap.USERS)
    os.environ["RADIUS_DATABASE"] = str(database)
    ports = {name: pap.free_port() for name in ("trioradius", "FreeRADIUS")}
    trioradius = [sys.executable, "-m", "trioradius", "run", "logins_server:app", "--log-level", "error"]
    commands = {
        "trioradius": [*trioradius, "--udp", f"127.0.0.1:{ports['trioradius']}"],
        "FreeRADIUS": freeradius_sql.configure(folder, ports["FreeRADIUS"], database),
    }
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in commands}
    with pap.running(commands) as processes:
        pap.wait_until_answering(radload, ports)
        for _ in range(rounds):
            for name, port in ports.items():
                for other, process in processes.items():
                    process.send_signal(signal.SIGCONT if other == name else signal.SIGSTOP)
                before = pap.processor_seconds(processes[name])
                options = ("--users", str(pap.USERS), "--pool", "50000", "--window", str(window))
                row = pap.load(radload, port, seconds, *options)
                row["cpu_us"] = (pap.processor_seconds(processes[name]) - before) / max(row["requests"], 1) * 1e6
                rows[name].append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--window", type=int, default=64)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pap.report(measure(options.rounds, options.seconds, options.window, pathlib.Path(folder)))


if __name__ == "__main__":
    main()
