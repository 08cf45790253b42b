"""Who is online, and what becomes of sessions that nobody ended."""

from __future__ import annotations

import logging

import attrs
import pytest
import trio
import trio.testing
from trio_util import AsyncValue

from tests.sessions.line import AT, Desk, Line
from trioradius import ConfigurationError
from trioradius.attributes import (
    AcctTerminateCause,
    CalledStationId,
    Class,
    DelegatedIPv6Prefix,
    FramedIPAddress,
    FramedIPv6Address,
    FramedIPv6Prefix,
)
from trioradius.errors import StoreUnavailable
from trioradius.sessions import Session, Sessions
from trioradius.stores.sql import Database

HOME = Line()
GIGA = 1 << 32


async def test_a_session_says_all_that_radacct_has(desk: Desk) -> None:
    sessions = Sessions(desk.database, clock=desk.clock)
    described = (
        CalledStationId("service1"),
        FramedIPAddress("100.64.0.1"),
        FramedIPv6Address("2001:db8::1"),
        FramedIPv6Prefix("2001:db8:1::/64"),
        DelegatedIPv6Prefix("2001:db8:8000::/56"),
        Class(b"gold"),
    )
    await desk.start(HOME, *described)
    desk.clock.pass_by(60)
    await desk.interim(HOME, octets=(3 * GIGA + 1, 5 * GIGA + 2), seconds=60)
    [session] = await sessions.online()
    assert session == Session(
        number=session.number,
        unique=session.unique,
        id="1",
        user="alice",
        nas="192.0.2.1",
        port="ether1",
        calling="02:00:00:00:00:01",
        called="service1",
        address="100.64.0.1",
        ipv6_address="2001:db8::1",
        ipv6_prefix="2001:db8:1::/64",
        delegated_prefix="2001:db8:8000::/56",
        start=AT,
        updated=AT + 60,
        seconds=60,
        octets_in=3 * GIGA + 1,
        octets_out=5 * GIGA + 2,
        login_class="gold",
    )
    assert session.octets == 8 * GIGA + 3
    assert session.is_open
    assert len(session.unique) == 32
    await desk.stop(HOME, AcctTerminateCause(AcctTerminateCause.USER_REQUEST), octets=(1, 2), seconds=61)
    assert await sessions.online() == []
    ended = await sessions.find(session.unique)
    assert ended is not None
    assert not ended.is_open
    assert (ended.stop, ended.cause) == (AT + 60, "User-Request")
    assert await sessions.find("0" * 32) is None


async def test_by_user_nas_address_and_page(desk: Desk) -> None:
    sessions = Sessions(desk.database, clock=desk.clock)
    lines = [
        Line(user=user, nas=nas, calling=f"02:{number}", port=str(number))
        for number, (user, nas) in enumerate([("alice", "192.0.2.1"), ("alice", "2001:db8::7"), ("bob", "192.0.2.1")])
    ]
    for number, line in enumerate(lines):
        await desk.start(line, FramedIPAddress(f"100.64.0.{number}"), id=str(number))
    await desk.stop(Line(user="carol"), id="9")

    async def ids(*arguments: str, **more: object) -> list[str]:
        return [session.id for session in await sessions.online(*arguments, **more)]  # type: ignore[arg-type]

    assert await ids() == ["0", "1", "2"]
    assert await ids("alice") == ["0", "1"]
    assert await ids(nas="192.0.2.1") == ["0", "2"]
    assert await ids(nas="2001:db8::7") == ["1"]
    assert await ids("alice", nas="192.0.2.1") == ["0"]
    assert await ids(address="100.64.0.2") == ["2"]
    assert await ids("carol") == []
    first = await sessions.online(limit=2)
    assert [session.id for session in first] == ["0", "1"]
    assert await ids(limit=2, after=first[-1].number) == ["2"]
    assert (await sessions.count(), await sessions.count("alice"), await sessions.count(nas="192.0.2.1")) == (3, 2, 2)
    assert await sessions.count_by_user() == {"alice": 2, "bob": 1}


async def test_stale_sessions_end_when_they_were_last_heard_of(desk: Desk) -> None:
    sessions = Sessions(desk.database, clock=desk.clock, stale_seconds=180)
    await desk.start(HOME)
    desk.clock.pass_by(100)
    await desk.interim(HOME, octets=(10, 20), seconds=90)
    await desk.start(Line(user="bob"), id="2")
    desk.clock.pass_by(1)
    await desk.interim(Line(user="bob"), id="2", seconds=1)
    desk.clock.pass_by(180)
    [stale] = await sessions.online("alice")
    assert await sessions.reap() == 1
    assert await sessions.reap() == 0
    closed = await sessions.find(stale.unique)
    assert closed is not None
    assert (closed.stop, closed.cause, closed.seconds, closed.octets) == (AT + 100, "Lost-Carrier", 100, 30)
    assert await sessions.count_by_user() == {"bob": 1}
    assert await sessions.reap(0.5, cause="Idle-Timeout") == 1


async def test_what_comes_after_all_is_right(desk: Desk) -> None:
    sessions = Sessions(desk.database, clock=desk.clock)
    await desk.start(HOME)
    desk.clock.pass_by(600)
    assert await sessions.reap(300) == 1
    await desk.interim(HOME, octets=(1, 2), seconds=600)
    [session] = await sessions.online()
    assert (session.octets, session.stop, session.cause) == (3, None, "")
    desk.clock.pass_by(600)
    assert await sessions.reap(300) == 1
    await desk.stop(HOME, AcctTerminateCause(AcctTerminateCause.USER_REQUEST), octets=(5, 6), seconds=1200)
    ended = await sessions.find(session.unique)
    assert ended is not None
    assert (ended.stop, ended.cause, ended.octets, ended.seconds) == (AT + 1200, "User-Request", 11, 1200)


async def test_more_stale_sessions_than_one_transaction_closes(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trioradius.sessions.sessions.REAP_AT_ONCE", 4)
    sessions = Sessions(desk.database, clock=desk.clock)
    for number in range(9):
        await desk.start(Line(user=f"user{number}"), id=str(number))
    desk.clock.pass_by(100)
    assert await sessions.reap(50) == 9
    assert await sessions.count() == 0


async def test_reaping_wants_to_know_what_stale_is(desk: Desk) -> None:
    with pytest.raises(ConfigurationError, match="stale_seconds"):
        await Sessions(desk.database).reap()


async def test_a_session_is_closed_by_hand(desk: Desk) -> None:
    sessions = Sessions(desk.database, clock=desk.clock)
    for id in ("1", "2"):
        await desk.start(HOME, id=id)
    desk.clock.pass_by(10)
    for id in ("1", "2"):
        await desk.interim(HOME, id=id, seconds=10)
    first, second = await sessions.online()
    assert await sessions.close(first)
    assert not await sessions.close(first)
    assert await sessions.close(second, cause="Admin-Reset", at=AT + 30)
    ends = [await sessions.find(session.unique) for session in (first, second)]
    assert [(end.stop, end.cause, end.seconds) for end in ends if end] == [
        (AT + 10, "NAS-Request", 10),
        (AT + 30, "Admin-Reset", 30),
    ]


async def test_a_session_that_freeradius_opened_goes_on_after_it_was_reaped(desk: Desk) -> None:
    """Its statements for SQLite put '' in connectinfo_stop at the Start, which is no Stop."""
    sessions = Sessions(desk.database, clock=desk.clock, stale_seconds=60)
    await desk.start(HOME, id="1")
    await desk.database.transaction(lambda connection: connection.run("UPDATE radacct SET connectinfo_stop = ''"))
    desk.clock.pass_by(100)
    assert await sessions.reap() == 1
    await desk.interim(HOME, id="1", seconds=100)
    assert await sessions.count() == 1


async def test_a_row_without_times_is_stale_and_can_be_closed(desk: Desk) -> None:
    """As other programs may leave it."""
    row = "INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress) VALUES (?, ?, ?, '192.0.2.1')"
    await desk.database.transaction(lambda connection: connection.run(row, "1", "u", "alice"))
    sessions = Sessions(desk.database, clock=desk.clock, stale_seconds=60)
    [session] = await sessions.online()
    assert (session.start, session.updated, session.seconds, session.calling) == (None, None, 0, "")
    assert await sessions.reap() == 1
    assert await sessions.count() == 0


@attrs.define
class Away:
    """A database that is away for a while."""

    database: Database
    is_away: bool = False
    asked: int = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self.database, name)

    async def transaction(self, *arguments: object, **more: object) -> object:
        self.asked += 1
        if self.is_away:
            raise StoreUnavailable("it is away")
        return await self.database.transaction(*arguments, **more)  # type: ignore[arg-type]


async def test_keep_tidy_reaps_where_it_is_elected(
    desk: Desk, mock_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "trioradius.sessions")
    away = Away(desk.database)
    sessions = Sessions(away, clock=desk.clock, stale_seconds=180)  # type: ignore[arg-type]
    elected = AsyncValue(False)
    await sessions.admit(HOME.login(), limit=1)
    await desk.start(HOME)
    asked = away.asked

    async def settled() -> None:
        await trio.testing.wait_all_tasks_blocked(0.2)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(sessions.keep_tidy, elected)
        desk.clock.pass_by(181)
        await settled()
        assert away.asked == asked

        elected.value = True
        while await sessions.count():
            await settled()
        assert await desk.database.rows("SELECT * FROM trioradius_login") == []
        assert "1 sessions were not heard of for 180 s" in caplog.text

        await desk.start(Line(user="bob"), id="2")
        desk.clock.pass_by(181)
        away.is_away = True
        mock_clock.jump(60)
        while "sessions are not tidied now: it is away" not in caplog.text:
            await settled()
        assert await sessions.count() == 1
        away.is_away = False
        mock_clock.jump(60)
        while await sessions.count():
            await settled()
        nursery.cancel_scope.cancel()


async def test_keep_tidy_closes_nothing_where_nobody_said_what_stale_is(desk: Desk) -> None:
    sessions = Sessions(desk.database, clock=desk.clock)
    await sessions.admit(HOME.login(), limit=1)
    await desk.start(HOME)
    desk.clock.pass_by(86_400)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(sessions.keep_tidy)
        with trio.fail_after(20):
            while await desk.database.rows("SELECT * FROM trioradius_login"):
                await trio.lowlevel.checkpoint()
        assert await sessions.count() == 1
        nursery.cancel_scope.cancel()
