from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import queue
import sys
import threading

import pytest

from trioradius.cli.logs import JSONFormatter, _Queueing, logging_to_stderr

log = logging.getLogger("trioradius.test")


def test_a_full_queue_drops_records_instead_of_waiting() -> None:
    lines: queue.Queue[str | None] = queue.Queue(1)
    handler = _Queueing(lines)
    for number in range(3):
        handler.emit(logging.makeLogRecord({"msg": "record %d", "args": (number,)}))
    assert lines.get_nowait() == "record 0\n"


def test_a_record_is_one_line_whatever_it_holds() -> None:
    record = logging.makeLogRecord({"msg": "two\nlines", "name": "a.b", "levelname": "ERROR", "extra": {1, 2}})
    text = JSONFormatter().format(record)
    assert "\n" not in text
    assert json.loads(text)["message"] == "two\nlines"


def test_all_is_written_in_order_and_little_by_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch of lines is one write, since each of them takes the interpreter from the event loop."""
    written = Counted()
    monkeypatch.setattr(sys, "stderr", written)
    with logging_to_stderr("info", as_json=True):
        for number in range(1_000):
            log.info("line %d", number)
        log.debug("nothing")
    assert [json.loads(line)["message"] for line in written.getvalue().splitlines()] == [
        f"line {number}" for number in range(1_000)
    ]
    assert written.times < 100


class Counted(io.StringIO):
    times = 0

    def write(self, text: str) -> int:
        self.times += 1
        return super().write(text)


def test_a_reader_that_is_gone_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        with logging_to_stderr("info", as_json=False):
            log.info("to nobody")
        with contextlib.suppress(BrokenPipeError):
            stream.close()


def test_a_pipe_that_nobody_reads_keeps_no_server_from_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trioradius.cli.logs.LAST_SECONDS", 0.05)
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, bytes(4_096))
    os.set_blocking(writer, True)
    stream = open(writer, "w")  # noqa: SIM115
    monkeypatch.setattr(sys, "stderr", stream)
    with logging_to_stderr("info", as_json=False):
        log.info("a line that has to wait")
    [waiting] = [thread for thread in threading.enumerate() if thread.name == "log"]
    os.close(reader)
    waiting.join()
    with contextlib.suppress(BrokenPipeError):
        stream.close()
