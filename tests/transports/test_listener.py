"""Replies that wait for their time, places for handlers that wait, and limits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from trioradius import ConfigurationError, Limits, Overload
from trioradius.transports import listener
from trioradius.transports.listener import BATCH, Delayed, DelayedReplies


class Wire:
    """Where delayed replies go: what was sent when, and what was kept."""

    def __init__(self) -> None:
        self.sent: list[tuple[float, bytes, Any]] = []
        self.kept: list[bytes | None] = []
        self.replies = DelayedReplies(self.send)
        self.keeping_takes = 0.0

    async def send(self, octets: bytes, destination: Any) -> None:
        self.sent.append((round(trio.current_time(), 3), octets, destination))

    async def keep(self, octets: bytes | None) -> None:
        if self.keeping_takes:
            await trio.sleep(self.keeping_takes)
        self.kept.append(octets)

    async def add(self, octets: bytes, seconds: float, keep: Callable[[bytes | None], Awaitable[None]] | None = None):  # type: ignore[no-untyped-def]
        await self.replies.add(Delayed(octets, seconds, keep or self.keep), "there")


async def test_they_leave_in_the_order_of_their_time(autojump_clock: MockClock) -> None:
    wire = Wire()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(wire.replies.run)
        for octets, seconds in ((b"3", 3), (b"1", 1), (b"2", 2), (b"also 2", 2)):
            await wire.add(octets, seconds)
        await trio.sleep(1.5)
        await wire.add(b"now", 0)
        await wire.add(b"5", 3.5)
        await trio.sleep(0.1)
        wire.replies.stop()
    assert [(at, octets) for at, octets, _ in wire.sent] == [
        (1, b"1"),
        (1.5, b"now"),
        (2, b"2"),
        (2, b"also 2"),
        (3, b"3"),
        (5, b"5"),
    ]
    assert {destination for *_, destination in wire.sent} == {"there"}
    assert sorted(map(str, wire.kept)) == sorted(str(octets) for _, octets, _ in wire.sent)


async def test_a_slow_store_does_not_hold_up_the_next(autojump_clock: MockClock) -> None:
    """A batch is kept at once: a store that takes a second for each must not make a queue of them."""
    wire = Wire()
    wire.keeping_takes = 1
    async with trio.open_nursery() as nursery:
        nursery.start_soon(wire.replies.run)
        for _ in range(BATCH):
            await wire.add(b"", 1)
        await trio.sleep(0.5)
        wire.replies.stop()
    assert trio.current_time() == pytest.approx(2)
    assert len(wire.kept) == BATCH


async def test_others_get_their_turn_between_batches() -> None:
    wire = Wire()
    for _ in range(10 * BATCH):
        await wire.add(b"", 0)
    turns = 0
    async with trio.open_nursery() as nursery:
        wire.replies.stop()
        nursery.start_soon(wire.replies.run)
        while len(wire.sent) < 10 * BATCH:
            await trio.lowlevel.checkpoint()
            turns += 1
    assert turns >= 10


async def test_past_the_bound_a_reply_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "DELAYED_MAXIMUM", 2)
    wire = Wire()
    await wire.add(b"", 1)
    await wire.add(b"", 1)
    with pytest.raises(Overload) as refused:
        await wire.add(b"", 1)
    assert refused.value.reason == "delayed_replies_full"
    assert wire.kept == [None], "so that a repeat tries again"


@pytest.mark.parametrize(
    "limits",
    [{"in_flight": 0}, {"in_flight_per_address": 0}, {"handler_seconds": 0}, {"grace_seconds": -1}],
)
def test_limits_that_cannot_work(limits: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="limits must be positive"):
        Limits(**limits)
