"""Logging of a server: records leave the event loop by a queue, so that a pipe nobody reads cannot stop it."""

from __future__ import annotations

import contextlib
import json
import logging
import queue
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, TextIO

QUEUE_MAXIMUM: Final = 10_000
"""Records that wait; further ones are dropped rather than kept in memory."""
GATHER_SECONDS: Final = 0.05
"""How long lines gather before they are written together."""
LAST_SECONDS: Final = 1.0
"""How long the end waits for whoever reads the log."""
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


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


class _Queueing(logging.Handler):
    """Puts formatted records in the queue, and drops them where it is full."""

    def __init__(self, lines: queue.Queue[str | None]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(queue.Full):
            self._lines.put_nowait(self.format(record) + "\n")


def _write_out(lines: queue.Queue[str | None], stream: TextIO, stopping: threading.Event) -> None:
    """Write what has gathered, until None comes.

    A thread that is woken for every line takes the interpreter from the event loop each time, which costs more than the
    line; so lines gather for a moment after those that were written.
    """
    line = lines.get()
    while line is not None:
        together = []
        with contextlib.suppress(queue.Empty):
            while line is not None:
                together.append(line)
                line = lines.get_nowait()
        # A pipe whose reader is gone takes nothing, and that is no reason to end.
        with contextlib.suppress(OSError, ValueError):
            stream.write("".join(together))
            stream.flush()
        if line is not None:
            stopping.wait(GATHER_SECONDS)
            line = lines.get()


@contextlib.contextmanager
def logging_to_stderr(level: str, *, as_json: bool) -> Iterator[None]:
    """Log to standard error from this level on, until the block ends."""
    lines: queue.Queue[str | None] = queue.Queue(QUEUE_MAXIMUM)
    handler = _Queueing(lines)
    handler.setFormatter(JSONFormatter() if as_json else logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    stopping = threading.Event()
    # A daemon, since the process must end although nobody reads.
    writer = threading.Thread(target=_write_out, args=(lines, sys.stderr, stopping), name="log", daemon=True)
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
