"""What is thrown away is counted always, and explained now and then."""

from __future__ import annotations

import logging
from collections import Counter

import pytest

from trioradius import AuthenticityError, DecodeError, RadiusError
from trioradius.discards import EXPLAIN_EVERY, LINES_MAXIMUM, REMEMBERED_MAXIMUM, Discards
from trioradius.protocol.profile import RADIUS_1_0
from trioradius.protocol.source import Source


class Log:
    """Discards under a clock of its own."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self.counters: Counter[str] = Counter()
        self.now = 1000.0
        self.discards = Discards(self.counters, lambda: self.now)
        self._caplog = caplog

    def add(self, reason: str = "wrong", address: str = "192.0.2.1", port: int = 9) -> None:
        self.discards.add(RadiusError(f"because of {reason}", reason=reason), source(address, port))

    @property
    def lines(self) -> list[str]:
        return [record.getMessage() for record in self._caplog.records]


def source(address: str = "192.0.2.1", port: int = 9) -> Source:
    return Source(address, port, "udp", RADIUS_1_0, frozenset())


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Log:
    return Log(caplog)


def test_one_line_a_minute_for_an_address_and_a_reason(log: Log) -> None:
    for port in range(10):
        log.add(port=port)
    log.add("another")
    log.add(address="192.0.2.2")
    assert log.lines == [
        "192.0.2.1:0: discarded: because of wrong",
        "192.0.2.1:9: discarded: because of another",
        "192.0.2.2:9: discarded: because of wrong",
    ]
    log.now += EXPLAIN_EVERY
    log.add()
    assert log.lines[3:] == ["192.0.2.1:9: discarded: because of wrong (and 9 more in the last minute)"]
    log.now += EXPLAIN_EVERY
    log.add()
    assert log.lines[4:] == ["192.0.2.1:9: discarded: because of wrong"]
    assert log.counters == {"discarded.wrong": 13, "discarded.another": 1}


def test_a_line_can_be_found_by_its_reason(log: Log, caplog: pytest.LogCaptureFixture) -> None:
    log.discards.add(AuthenticityError("text", reason="message_authenticator_missing"), source())
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert record.__dict__["reason"] == "message_authenticator_missing"
    assert record.__dict__["peer"] == "192.0.2.1"


def test_an_error_without_a_reason_counts_under_its_class(log: Log) -> None:
    log.discards.add(DecodeError("text"), source())
    assert log.counters == {"discarded.DecodeError": 1}


def test_many_addresses_fill_neither_the_log_nor_the_memory(log: Log) -> None:
    count = 2 * REMEMBERED_MAXIMUM
    for number in range(count):
        log.add(address=f"198.18.{number >> 8}.{number & 255}")
    assert len(log.lines) == LINES_MAXIMUM
    assert log.lines[-1].startswith("discarded for wrong from too many addresses")
    assert len(log.discards._since) <= REMEMBERED_MAXIMUM
    assert log.counters["discarded.wrong"] == count
    log.add("another")
    assert log.lines[-1].endswith("because of another"), "each reason has lines of its own"
    log.now += EXPLAIN_EVERY
    log.add(address="192.0.2.9")
    assert log.lines[-1] == "192.0.2.9:9: discarded: because of wrong"
