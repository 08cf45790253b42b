"""Logging of a server: records leave the event loop by a queue, so that a pipe nobody reads cannot stop it."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from logging.handlers import QueueHandler
from typing import Any, Final, TypeAlias

QUEUE_MAXIMUM: Final = 10_000
"""Records that wait; further ones are dropped rather than kept in memory."""
STANDARD_ERROR: Final = 2
TOGETHER_MAXIMUM: Final = 4_096
"""Octets of several lines that are written at once: a pipe takes so many whole (PIPE_BUF), though all workers write."""
GATHER_SECONDS: Final = 0.05
"""How long lines gather before they are written together."""
LAST_SECONDS: Final = 2.0
"""How long the end waits for whoever reads the log."""
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

Lines: TypeAlias = "queue.Queue[bytes | None]"


class JSONFormatter(logging.Formatter):
    """A record as one JSON object on one line: time, level, logger, message, and what was given as extra."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        fields: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        fields |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields, default=str)


class _Queueing(QueueHandler):
    """Puts lines in the queue, and drops them where it is full."""

    def prepare(self, record: logging.LogRecord) -> bytes:
        return self.format(record).encode(errors="backslashreplace") + b"\n"

    def enqueue(self, record: Any) -> None:
        with contextlib.suppress(queue.Full):
            self.queue.put_nowait(record)


def _write_out(lines: Lines, descriptor: int, stopping: threading.Event) -> None:
    """Write what has gathered, until None comes.

    A thread that is woken for every line takes the interpreter from the event loop each time, which costs more than the
    line; so lines gather for a moment after those that were written. They pass by sys.stderr, whose lock a write that
    nobody reads would hold for ever, and with it the interpreter's end.
    """
    line = lines.get()
    while line is not None:
        together = line
        with contextlib.suppress(queue.Empty):
            while (line := lines.get_nowait()) is not None:
                if len(together) + len(line) > TOGETHER_MAXIMUM:
                    _write(descriptor, together)
                    together = b""
                together += line
        _write(descriptor, together)
        if line is not None:
            stopping.wait(GATHER_SECONDS)
            line = lines.get()


def _write(descriptor: int, octets: bytes) -> None:
    # A pipe whose reader is gone takes nothing, and that is no reason to end.
    with contextlib.suppress(OSError):
        while octets:
            octets = octets[os.write(descriptor, octets) :]


@contextlib.contextmanager
def logging_to_stderr(level: str, *, as_json: bool, descriptor: int = STANDARD_ERROR) -> Iterator[None]:
    """Log to standard error from this level on, until the block ends."""
    lines: Lines = queue.Queue(QUEUE_MAXIMUM)
    handler = _Queueing(lines)
    handler.setFormatter(JSONFormatter() if as_json else logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    stopping = threading.Event()
    # A daemon, since the process must end although nobody reads.
    writer = threading.Thread(target=_write_out, args=(lines, descriptor, stopping), name="log", daemon=True)
    root = logging.getLogger()
    before = root.level
    root.setLevel(level.upper())
    root.addHandler(handler)
    writer.start()
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
        stopping.set()
        with contextlib.suppress(queue.Full):
            lines.put(None, timeout=LAST_SECONDS)
            writer.join(LAST_SECONDS)
