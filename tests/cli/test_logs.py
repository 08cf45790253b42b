from __future__ import annotations

import json
import logging
import os
import queue
import socket

import pytest

from trioradius.cli.logs import TOGETHER_MAXIMUM, JSONFormatter, Lines, _Queueing, logging_to_stderr

log = logging.getLogger("trioradius.test")


def test_a_full_queue_drops_records_instead_of_waiting() -> None:
    lines: Lines = queue.Queue(1)
    handler = _Queueing(lines)
    for number in range(3):
        handler.emit(logging.makeLogRecord({"msg": "record %d", "args": (number,)}))
    assert lines.get_nowait() == b"record 0\n"


def test_what_is_no_text_is_written_all_the_same() -> None:
    lines: Lines = queue.Queue(1)
    _Queueing(lines).emit(logging.makeLogRecord({"msg": "a lone surrogate: %s", "args": ("\udcff",)}))
    assert lines.get_nowait() == b"a lone surrogate: \\udcff\n"


def test_a_record_that_cannot_be_formatted_harms_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    lines: Lines = queue.Queue(1)
    _Queueing(lines).emit(logging.makeLogRecord({"msg": "record %d", "args": ("one",)}))
    assert lines.empty()
    assert "Logging error" in capsys.readouterr().err


def test_a_record_is_one_line_whatever_it_holds() -> None:
    record = logging.makeLogRecord({"msg": "two\nlines", "name": "a.b", "levelname": "ERROR", "extra": {1, 2}})
    text = JSONFormatter().format(record)
    assert "\n" not in text
    assert json.loads(text)["message"] == "two\nlines"


def test_all_is_written_in_order_and_whole_lines_at_a_time() -> None:
    """A write is of few enough octets for a pipe to take it whole, though other workers write there too."""
    reader, writer = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with reader, writer, logging_to_stderr("info", as_json=True, descriptor=writer.fileno()):
        for number in range(100):
            log.info("line %d", number)
        log.info("x" * 10_000)
        log.info("the last one")
        log.debug("nothing")
        texts: list[str] = []
        sizes: list[int] = []
        while not texts or texts[-1] != "the last one":
            octets = reader.recv(20_000)
            assert octets.endswith(b"\n")
            texts += [json.loads(line)["message"] for line in octets.splitlines()]
            sizes.append(len(octets))
    assert texts == [f"line {number}" for number in range(100)] + ["x" * 10_000, "the last one"]
    assert len(sizes) < 20
    assert len([size for size in sizes if size > TOGETHER_MAXIMUM]) == 1


def test_a_reader_that_is_gone_ends_nothing() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with logging_to_stderr("info", as_json=False, descriptor=writer):
        log.info("to nobody")
    os.close(writer)
