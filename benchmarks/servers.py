"""What the benchmarks share: servers pinned to core 0, load from core 1, and the processor time of a server."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import attrs

from trioradius.protocol import IS_COMPILED as IS_COMPILED

HERE: Final = pathlib.Path(__file__).parent
USERS: Final = 10_000
OURS: Final = "trioradius"
PLAIN: Final = "trioradius, not compiled"
SERVER_CORE, LOAD_CORE = "0", "1"
READY_SECONDS: Final = 60
LOAD_GRACE: Final = 60
"""Seconds that a load may take longer than it was asked for."""

Row = dict[str, Any]
Rows = dict[str, dict[str, list[Row]]]
"""What was measured of which server, a row a round."""


def trioradius(app: str, port: int, *options: str) -> list[str]:
    """The command that serves an app of this folder."""
    command = [sys.executable, "-m", "trioradius", "run", app, "--log-level", "error"]
    return [*command, "--udp", f"127.0.0.1:{port}", *options]


def plain(command: Sequence[str]) -> list[str]:
    """The same with the sources as they are, where the compiled package would be found first."""
    return ["env", "--unset=PYTHONPATH", *command]


def free_port() -> int:
    """A UDP port that nobody has at the moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def compile_radload(folder: pathlib.Path) -> pathlib.Path:
    """The load generator for UDP."""
    program = folder / "radload"
    if not program.exists():
        subprocess.run(["gcc", "-O2", "-std=gnu11", "-o", program, HERE / "radload.c"], check=True)
    return program


def load(radload: pathlib.Path, port: int, seconds: float, *options: str) -> Row:
    """What the load generator measured."""
    command = [str(radload), "--port", str(port), "--seconds", str(seconds), "--spin", *options]
    return loaded(command, seconds)


def loaded(command: Sequence[object], seconds: float, cores: str = LOAD_CORE) -> Row:
    """What a load generator prints, on a core of its own.

    Raises:
        CalledProcessError: nothing was answered.
        TimeoutExpired: it did not come to its end.
    """
    pinned = ["taskset", "-c", cores, *map(str, command)]
    result = subprocess.run(pinned, stdout=subprocess.PIPE, text=True, check=True, timeout=seconds + LOAD_GRACE)
    return dict(json.loads(result.stdout))


def processor_seconds(process: subprocess.Popen[bytes]) -> float:
    """User and system time that a process and all its children have used."""
    ticks = 0
    for number in family(process.pid):
        fields = pathlib.Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def family(number: int) -> list[int]:
    """A process and those that it started, by their numbers."""
    found = [number]
    for children in pathlib.Path(f"/proc/{number}/task").glob("*/children"):
        for child in children.read_text().split():
            found += family(int(child))
    return found


def resident_megabytes(process: subprocess.Popen[bytes]) -> float:
    """Memory that a process and all its children have in use."""
    pages = (int(pathlib.Path(f"/proc/{each}/statm").read_text().split()[1]) for each in family(process.pid))
    return sum(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextlib.contextmanager
def running(
    commands: Mapping[str, list[str]], environment: Mapping[str, str] | None = None, cores: str = SERVER_CORE
) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """The servers, pinned to one core; ended with the block."""
    quiet = subprocess.DEVNULL
    with contextlib.ExitStack() as ending:
        processes = {}
        for name, command in commands.items():
            processes[name] = subprocess.Popen(
                ["taskset", "-c", cores, *command],
                cwd=HERE,
                env={**os.environ, **(environment or {})},
                stdin=quiet,
                stdout=quiet,
                stderr=quiet,
            )
            ending.callback(end, processes[name])
        yield processes


def end(process: subprocess.Popen[bytes]) -> None:
    """End a server that runs or is stopped."""
    process.send_signal(signal.SIGCONT)
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        for number in family(process.pid)[::-1]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        process.wait()


def wait_until_answering(radload: pathlib.Path, ports: Mapping[str, int], *options: str) -> None:
    """Until every server answers; the load generator's own retransmissions do the waiting."""
    asking = ("--count", "1", "--window", "1", "--timeout", "1000", "--tries", str(READY_SECONDS), *options)
    for name, port in ports.items():
        # A port that nobody has yet refuses, which the load generator takes for a lost packet.
        try:
            load(radload, port, READY_SECONDS, *asking)
        except subprocess.CalledProcessError:
            raise SystemExit(f"{name} does not answer") from None


@attrs.frozen
class Contest:
    """Servers that take turns, the others stopped meanwhile.

    Args:
        processes: of the servers, by name.
        ports: where each listens.
    """

    processes: Mapping[str, subprocess.Popen[bytes]]
    ports: Mapping[str, int]

    @contextlib.contextmanager
    def turn(self, name: str) -> Iterator[int]:
        """Only this server runs within the block; its port."""
        for other, process in self.processes.items():
            process.send_signal(signal.SIGCONT if other == name else signal.SIGSTOP)
        try:
            yield self.ports[name]
        finally:
            for process in self.processes.values():
                process.send_signal(signal.SIGCONT)

    def measure(self, name: str, command: Sequence[object], seconds: float, cores: str = LOAD_CORE) -> Row:
        """A load on one server, with the processor time that each answer cost it."""
        with self.turn(name):
            before = processor_seconds(self.processes[name])
            row = loaded(command, seconds, cores)
            spent = processor_seconds(self.processes[name]) - before
        return row | {"cpu_us": spent / max(row["requests"] - row["lost"], 1) * 1e6}


def options_of(text: str | None, *, rounds: int = 3, seconds: float = 2) -> argparse.Namespace:
    """What every benchmark takes on its command line."""
    parser = argparse.ArgumentParser(
        description=(text or "").split("\n\n")[0], epilog=(text or "").partition("\n\n")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, default=rounds, help="rounds, of which the median counts (%(default)s)")
    parser.add_argument("--seconds", type=float, default=seconds, help="seconds of each load (%(default)s)")
    return parser.parse_args()
