"""How many sessions a user may have."""

from __future__ import annotations

import pytest
import trio

from tests.sessions.line import Desk, Line
from trioradius import AccessRequest, ConfigurationError, MissingAttribute
from trioradius.attributes import AcctSessionId, NASIPAddress, NASPort, UserName
from trioradius.sessions import Admitted, Sessions, TooManySessions

HOME, PHONE, OFFICE = Line(), Line(calling="02:00:00:00:00:02"), Line(port="ether2", calling="02:00:00:00:00:03")


async def admitted(sessions: Sessions, line: Line, limit: int = 1) -> bool:
    return isinstance(await sessions.admit(line.login(), limit=limit), Admitted)


async def test_a_login_counts_until_its_session_does(desk: Desk) -> None:
    sessions = Sessions(desk.database, clock=desk.clock)
    assert await admitted(sessions, HOME)
    assert await sessions.admit(PHONE.login(), limit=1) == TooManySessions(1, 1)
    await desk.start(HOME)
    assert not await admitted(sessions, PHONE)
    desk.clock.pass_by(3600)
    assert not await admitted(sessions, PHONE)
    await desk.stop(HOME, seconds=3600)
    assert await admitted(sessions, PHONE)


async def test_a_session_that_ended_within_the_time_of_its_login_counts_no_more(desk: Desk) -> None:
    sessions = Sessions(desk.database, clock=desk.clock)
    assert await admitted(sessions, HOME)
    desk.clock.pass_by(1)
    await desk.start(HOME)
    await desk.stop(HOME)
    assert await admitted(sessions, PHONE)


async def test_an_earlier_session_of_the_place_says_nothing_of_a_new_login(desk: Desk) -> None:
    sessions = Sessions(desk.database, clock=desk.clock)
    await desk.start(HOME)
    await desk.stop(HOME)
    assert await admitted(sessions, HOME)
    assert not await admitted(sessions, PHONE)


async def test_a_login_without_a_session_expires(desk: Desk) -> None:
    sessions = Sessions(desk.database, clock=desk.clock, login_seconds=60)
    assert await admitted(sessions, HOME)
    desk.clock.pass_by(59)
    assert not await admitted(sessions, PHONE)
    desk.clock.pass_by(1)
    assert await admitted(sessions, PHONE)
    assert await desk.database.rows("SELECT count(*) FROM trioradius_login") == [(1,)]


async def test_the_same_place_does_not_count_itself_out(desk: Desk) -> None:
    sessions = Sessions(desk.database, clock=desk.clock)
    for id in ("1", "2"):
        assert await admitted(sessions, HOME)
        await desk.start(HOME, id=id)
    assert await admitted(sessions, HOME)
    assert not await admitted(sessions, PHONE)


async def test_a_login_that_is_sent_again_counts_once(desk: Desk) -> None:
    """As by a NAS that missed the accept."""
    sessions = Sessions(desk.database, clock=desk.clock)
    for _ in range(2):
        assert await admitted(sessions, HOME)
    assert not await admitted(sessions, PHONE)


async def test_of_several_logins_each_looks_at_what_came_after_it(desk: Desk) -> None:
    sessions = Sessions(desk.database, clock=desk.clock)
    assert await admitted(sessions, HOME, 3)
    assert await admitted(sessions, OFFICE, 3)
    await desk.start(OFFICE)
    await desk.stop(OFFICE)
    assert await admitted(sessions, OFFICE, 3)
    assert await sessions.admit(PHONE.login(), limit=2) == TooManySessions(2, 2)


@pytest.mark.parametrize(
    "other",
    [
        Line(nas="192.0.2.2"),
        Line(port="ether2"),
        Line(calling="02:00:00:00:00:02"),
        Line(calling=""),
        Line(calling="", port=""),
    ],
)
async def test_another_place_counts(desk: Desk, other: Line) -> None:
    sessions = Sessions(desk.database, clock=desk.clock)
    assert await admitted(sessions, HOME)
    assert not await admitted(sessions, other)
    await desk.start(HOME)
    assert not await admitted(sessions, other)


async def test_a_port_that_is_another_number_for_each_call_is_none(desk: Desk) -> None:
    sessions = Sessions(desk.database, clock=desk.clock)
    home = Line(port="")
    for call in (15728641, 15728642):
        assert isinstance(await sessions.admit(home.login(NASPort(call)), limit=1), Admitted)
        await desk.start(home, NASPort(call), id=str(call))
    assert await sessions.admit(PHONE.login(), limit=1) == TooManySessions(1, 1)
    assert await admitted(sessions, PHONE, limit=2)


async def test_a_port_alone_is_a_place(desk: Desk) -> None:
    sessions = Sessions(desk.database, clock=desk.clock)
    wire = Line(port="", calling="")
    assert isinstance(await sessions.admit(wire.login(NASPort(7)), limit=1), Admitted)
    await desk.start(wire, NASPort(7))
    assert isinstance(await sessions.admit(wire.login(NASPort(7)), limit=1), Admitted)
    assert await sessions.admit(wire.login(NASPort(8)), limit=1) == TooManySessions(1, 1)


async def test_where_nothing_names_the_place_each_session_stands_for_one_login(desk: Desk) -> None:
    sessions = Sessions(desk.database, clock=desk.clock)
    bare = Line(port="", calling="")
    login = bare.login(AcctSessionId("a"))
    assert isinstance(await sessions.admit(login, limit=2), Admitted)
    assert isinstance(await sessions.admit(login, limit=2), Admitted)
    assert isinstance(await sessions.admit(bare.login(AcctSessionId("b")), limit=2), Admitted)
    await desk.start(bare, id="1")
    assert await sessions.admit(bare.login(AcctSessionId("c")), limit=2) == TooManySessions(2, 2)
    await desk.start(bare, id="2")
    assert await sessions.admit(bare.login(AcctSessionId("c")), limit=2) == TooManySessions(2, 2)
    await desk.stop(bare, id="1")
    assert isinstance(await sessions.admit(bare.login(AcctSessionId("c")), limit=2), Admitted)


async def test_a_nameless_session_of_before_is_not_that_of_a_login(desk: Desk) -> None:
    sessions = Sessions(desk.database, clock=desk.clock)
    bare = Line(port="", calling="")
    await desk.start(bare, id="1")
    assert isinstance(await sessions.admit(bare.login(AcctSessionId("a")), limit=2), Admitted)
    assert await sessions.admit(bare.login(AcctSessionId("b")), limit=2) == TooManySessions(2, 2)


async def test_one_caller_at_two_ports_is_at_two_places(desk: Desk) -> None:
    sessions = Sessions(desk.database, clock=desk.clock)
    for port in ("ether1", "ether2"):
        await desk.start(Line(port=port), id=port)
    assert await sessions.admit(PHONE.login(), limit=2) == TooManySessions(2, 2)


async def test_stale_sessions_do_not_block(desk: Desk) -> None:
    sessions = Sessions(desk.database, clock=desk.clock, stale_seconds=180)
    await desk.start(HOME)
    desk.clock.pass_by(180)
    assert not await admitted(sessions, PHONE)
    desk.clock.pass_by(1)
    assert await admitted(sessions, PHONE)


async def test_a_restart_of_the_nas_frees_the_places(desk: Desk) -> None:
    sessions = Sessions(desk.database, clock=desk.clock)
    await desk.start(HOME)
    desk.clock.pass_by(1)
    await desk.restart()
    assert await admitted(sessions, PHONE)


async def test_users_do_not_count_for_each_other(desk: Desk) -> None:
    sessions = Sessions(desk.database, clock=desk.clock)
    assert await admitted(sessions, HOME)
    assert await admitted(sessions, Line(user="bob", calling="02:00:00:00:00:09"))
    assert not await admitted(sessions, PHONE)


async def test_a_login_that_is_withdrawn_counts_no_more(desk: Desk) -> None:
    sessions = Sessions(desk.database, clock=desk.clock)
    assert await admitted(sessions, HOME)
    await sessions.withdraw(HOME.login())
    assert await admitted(sessions, PHONE)


async def test_nothing_to_decide_asks_nobody(desk: Desk) -> None:
    sessions = Sessions(desk.database, clock=desk.clock)
    assert await sessions.admit(HOME.login()) == Admitted()
    assert await desk.database.rows("SELECT * FROM trioradius_login") == []
    assert isinstance(await sessions.admit(HOME.login(), limit=0), TooManySessions)


async def test_the_user_may_have_another_name_than_user_name(desk: Desk) -> None:
    sessions = Sessions(desk.database, clock=desk.clock)
    anonymous = AccessRequest(NASIPAddress("192.0.2.1"))
    with pytest.raises(MissingAttribute):
        await sessions.admit(anonymous, limit=1)
    assert isinstance(await sessions.admit(anonymous, user="alice", limit=1), Admitted)
    assert not await admitted(sessions, HOME)
    assert isinstance(await sessions.admit(AccessRequest(UserName("bob")), limit=1), Admitted)


@pytest.mark.parametrize("limit", [1, 3])
async def test_parallel_logins_do_not_pass_the_limit(desk: Desk, limit: int) -> None:
    sessions = Sessions(desk.database, clock=desk.clock)
    outcomes = []

    async def login(number: int) -> None:
        outcomes.append(await admitted(sessions, Line(calling=f"02:00:00:00:01:{number:02x}"), limit))

    async with trio.open_nursery() as nursery:
        for number in range(50):
            nursery.start_soon(login, number)
    assert sorted(outcomes) == [False] * (50 - limit) + [True] * limit


@pytest.mark.parametrize("times", [{"login_seconds": 0}, {"address_seconds": -1}, {"stale_seconds": 0}])
async def test_times_that_are_none(desk: Desk, times: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match="positive"):
        Sessions(desk.database, **times)  # type: ignore[arg-type]
