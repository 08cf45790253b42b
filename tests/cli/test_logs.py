from __future__ import annotations

import json
import logging
import queue

from trioradius.cli.logs import JSONFormatter, _Queueing


def test_a_full_queue_drops_records_instead_of_waiting() -> None:
    records: queue.Queue[logging.LogRecord] = queue.Queue(1)
    handler = _Queueing(records)
    for number in range(3):
        handler.emit(logging.makeLogRecord({"msg": "record %d", "args": (number,)}))
    assert records.get_nowait().msg == "record 0"


def test_a_record_is_one_line_whatever_it_holds() -> None:
    record = logging.makeLogRecord({"msg": "two\nlines", "name": "a.b", "levelname": "ERROR", "extra": {1, 2}})
    text = JSONFormatter().format(record)
    assert "\n" not in text
    assert json.loads(text)["message"] == "two\nlines"
