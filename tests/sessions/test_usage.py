"""What users sent and received in a period."""

from __future__ import annotations

from tests.sessions.line import AT, Desk, Line
from trioradius.sessions import Sessions, Usage

HOME = Line()
GIGA = 1 << 30


async def test_the_sum_of_sessions_in_64_bits(desk: Desk) -> None:
    sessions = Sessions(desk.database, clock=desk.clock)
    await desk.start(HOME)
    await desk.interim(Line(user="bob"), id="3", octets=(7, 7), seconds=60)
    desk.clock.pass_by(100)
    await desk.stop(HOME, octets=(5 * GIGA, 9 * GIGA + 1), seconds=100)
    await desk.start(HOME, id="2")
    desk.clock.pass_by(50)
    await desk.interim(HOME, id="2", octets=(1, 2), seconds=50)
    assert await sessions.usage("alice", AT) == Usage(5 * GIGA + 1, 9 * GIGA + 3, 150, 2)
    assert (await sessions.usage("alice", AT)).octets == 14 * GIGA + 4
    assert await sessions.usage("alice", AT + 100) == Usage(1, 2, 50, 1)
    assert await sessions.usage("alice", AT, AT + 100) == Usage(5 * GIGA, 9 * GIGA + 1, 100, 1)
    assert await sessions.usage("carol", AT) == Usage()


async def test_a_session_across_the_border_counts_by_its_time(desk: Desk) -> None:
    sessions = Sessions(desk.database, clock=desk.clock)
    await desk.start(HOME)
    desk.clock.pass_by(1000)
    await desk.interim(HOME, octets=(1000, 4_000_000), seconds=1000)
    assert await sessions.usage("alice", AT + 750) == Usage(250, 1_000_000, 250, 1)
    assert await sessions.usage("alice", AT - 500, AT + 100) == Usage(100, 400_000, 100, 1)
    assert await sessions.usage("alice", AT + 400, AT + 600) == Usage(200, 800_000, 200, 1)
    assert await sessions.usage("alice", AT + 1000) == Usage()
    assert await sessions.usage("alice", AT - 500, AT) == Usage()


async def test_no_octet_of_a_huge_session_is_lost(desk: Desk) -> None:
    """More than a floating-point number tells apart."""
    sessions = Sessions(desk.database, clock=desk.clock)
    await desk.start(HOME)
    desk.clock.pass_by(10)
    await desk.stop(HOME, octets=((1 << 60) + 1, (1 << 61) + 3), seconds=10)
    assert await sessions.usage("alice", AT) == Usage((1 << 60) + 1, (1 << 61) + 3, 10, 1)


async def test_a_session_that_only_began(desk: Desk) -> None:
    sessions = Sessions(desk.database, clock=desk.clock)
    await desk.start(HOME)
    assert await sessions.usage("alice", AT) == Usage(0, 0, 0, 1)
    assert await sessions.usage("alice", AT - 10) == Usage(0, 0, 0, 1)


async def test_who_is_past_his_limit(desk: Desk) -> None:
    sessions = Sessions(desk.database, clock=desk.clock)
    for user in ("alice", "bob", "carol", "dave"):
        line = Line(user=user, calling=user)
        await desk.start(line, id=user)
    desk.clock.pass_by(100)
    for user in ("alice", "bob", "carol", "dave"):
        line = Line(user=user, calling=user)
        await desk.stop(line, id=user, octets=(10 * GIGA, 30 * GIGA), seconds=100)
    for user in ("alice", "bob", "dave"):
        await desk.start(Line(user=user, calling=user), id=f"{user}2")
    desk.clock.pass_by(100)
    for user in ("alice", "bob", "dave"):
        line = Line(user=user, calling=user)
        await desk.interim(line, id=f"{user}2", octets=(1, 2), seconds=100)
    limits = {"alice": 40 * GIGA + 3, "bob": 40 * GIGA + 4, "carol": 1, "nobody": 0}
    assert await sessions.past(limits, AT - 1000) == {"alice": Usage(10 * GIGA + 1, 30 * GIGA + 2, 200, 2)}
    assert await sessions.past(limits, AT + 200) == {}
    assert await sessions.past({}, AT - 1000) == {}


async def test_a_session_lasts_as_long_as_its_nas_counted(desk: Desk) -> None:
    """Its records may reach us late, and all at once."""
    sessions = Sessions(desk.database, clock=desk.clock)
    await desk.start(HOME)
    desk.clock.pass_by(6)
    await desk.stop(HOME, octets=(1, 2), seconds=660)
    assert (await sessions.usage("alice", AT)).seconds == 660
