"""``trioradius run --reload``: the server in a process of its own, which ends and starts anew when code changes."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
import threading
from types import FrameType
from typing import Final

import click

from trioradius.cli.group import Mistake

PASSED_ON: Final = (signal.SIGHUP, signal.SIGUSR2)
WATCHER: Final = "TRIORADIUS_WATCHER"
"""In the environment of the server, the process that watches the code."""
_PR_SET_PDEATHSIG: Final = 1


def run_and_reload() -> int:
    """Run this very command without --reload, again after each change, until SIGTERM or SIGINT; its exit status."""
    try:
        from watchfiles import PythonFilter, watch
    except ImportError:
        raise Mistake("--reload wants watchfiles: pip install 'trioradius[dev]'") from None
    server = _Server([argument for argument in sys.argv[1:] if argument != "--reload"])
    # Changes are looked for every 200 ms, so that a signal is obeyed as soon.
    for changes in watch(
        pathlib.Path.cwd(), watch_filter=PythonFilter(), rust_timeout=200, stop_event=server.stopping, debounce=200
    ):
        names = sorted({pathlib.Path(path).name for _, path in changes})
        click.echo(f"{', '.join(names)} changed: starting anew", err=True)
        server.restart()
    return server.wait()


def end_with_watcher() -> None:
    """Of the server's process: have the kernel end it as SIGTERM does where whoever watches the code was killed."""
    watcher = os.environ.pop(WATCHER, None)
    if watcher is None:
        return
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(watcher):
        # It was gone before the kernel knew.
        raise SystemExit(1)


class _Server:
    """The child process that serves, and the signals that reach it through us."""

    def __init__(self, arguments: list[str]) -> None:
        self.stopping = threading.Event()
        self._command = [sys.executable, "-m", "trioradius", *arguments]
        self._start()
        for number in (signal.SIGINT, signal.SIGTERM, *PASSED_ON):
            signal.signal(number, self._pass_on)

    def _start(self) -> None:
        # Ctrl-C in a terminal reaches the watcher alone, who passes it on: a server must not take one for two.
        self._process = subprocess.Popen(self._command, env={**os.environ, WATCHER: str(os.getpid())}, process_group=0)

    def _pass_on(self, number: int, _: FrameType | None) -> None:
        self._process.send_signal(number)
        if number not in PASSED_ON:
            self.stopping.set()

    def restart(self) -> None:
        """End the server as SIGTERM does, and start it with the changed code."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait()
        if not self.stopping.is_set():
            self._start()
            if self.stopping.is_set():
                # The signal came between the two, and reached nobody.
                self._process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        """The exit status of the server, once it has ended."""
        return self._process.wait()
