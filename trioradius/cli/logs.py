"""Logging of a server: records leave the event loop by a queue, so that a pipe nobody reads cannot stop it."""

from __future__ import annotations

import contextlib
import json
import logging
import queue
from collections.abc import Iterator
from datetime import UTC, datetime
from logging.handlers import QueueHandler, QueueListener
from typing import Final

QUEUE_MAXIMUM: Final = 10_000
"""Records that wait; further ones are dropped rather than kept in memory."""
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


class _Queueing(QueueHandler):
    """Puts formatted records in the queue, and drops them where it is full."""

    def enqueue(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(queue.Full):
            self.queue.put_nowait(record)


@contextlib.contextmanager
def logging_to_stderr(level: str, *, as_json: bool) -> Iterator[None]:
    """Log to standard error from this level on, until the block ends."""
    handler = _Queueing(queue.Queue(QUEUE_MAXIMUM))
    # Formatted before the queue, which takes arguments and exceptions off a record.
    handler.setFormatter(JSONFormatter() if as_json else logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    listener = QueueListener(handler.queue, logging.StreamHandler())
    root = logging.getLogger()
    before = root.level
    root.setLevel(level.upper())
    root.addHandler(handler)
    listener.start()
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
        listener.stop()
