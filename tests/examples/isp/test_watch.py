"""Usage crosses a limit, a plan changes, a quota ends: what the simulated NAS is told, on both databases."""

from __future__ import annotations

import logging

import pytest
import trio

from examples.isp.watch import Watch
from tests.examples.isp.sites import NASES, Site, fill, serving
from trioradius import AccessReject
from trioradius.attributes import (
    AcctInputGigawords,
    AcctInputOctets,
    AcctOutputGigawords,
    AcctOutputOctets,
    AcctSessionId,
    AcctSessionTime,
    AcctStatusType,
    CallingStationId,
    Class,
    FramedIPAddress,
    NASIPAddress,
    NASPortId,
    UserName,
    UserPassword,
)

GB = 10**9
FRED = (UserName("fred"), NASPortId("1"), CallingStationId("00-00-5E-00-53-01"))


async def begin(site: Site, kind: str = "mikrotik", session: str = "81") -> None:
    """fred logs in and his session begins, with the Class that he was given."""
    accepted = await site.login(*FRED, UserPassword("fairness"), kind=kind)
    site.nas.sessions.add(session)  # type: ignore[union-attr]
    await report(site, 0, AcctStatusType.START, kind=kind, session=session, login_class=accepted[Class])


async def report(
    site: Site,
    octets: int,
    status: int = AcctStatusType.INTERIM_UPDATE,
    *,
    kind: str = "mikrotik",
    session: str = "81",
    login_class: bytes = b"",
) -> None:
    site.clock.now += 60
    up = octets // 5
    down = octets - up
    await site.record(
        *FRED,
        AcctStatusType(status),
        AcctSessionId(session),
        FramedIPAddress("100.64.0.9"),
        AcctSessionTime(0),
        AcctInputOctets(up & 0xFFFFFFFF),
        AcctInputGigawords(up >> 32),
        AcctOutputOctets(down & 0xFFFFFFFF),
        AcctOutputGigawords(down >> 32),
        *([Class(login_class)] if login_class else []),
        kind=kind,
    )


def told(site: Site) -> list[str]:
    """What the NAS was told since the last time, as text."""
    found = [f"{name} {user} {' '.join(map(repr, changes))}".strip() for name, user, changes in site.nas.told]
    site.nas.told.clear()
    return found


async def test_tiers_are_crossed_one_after_the_other_and_the_quota_ends_it(site: Site) -> None:
    await begin(site)
    for used, wanted in (
        (100 * GB - 1, []),
        (100 * GB, ["CoA-Request fred Mikrotik-Rate-Limit = '1000k/5000k'"]),
        (150 * GB, []),
        (200 * GB, ["CoA-Request fred Mikrotik-Rate-Limit = '512k/2000k'"]),
        (300 * GB - 1, []),
        (300 * GB, ["Disconnect-Request fred"]),
        (301 * GB, []),
    ):
        await report(site, used)
        await site.watch()
        assert told(site) == wanted, used
    assert site.nas.sessions == set()
    refused = await site.login(*FRED, UserPassword("fairness"))
    assert isinstance(refused, AccessReject)
    assert (await site.decisions())[-1] == ("fred", "Access-Reject", "quota used up")


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("generic", "Filter-Id = 'POLICY_FUP_TIER_1'"),
        (
            "cisco",
            "Cisco-AVPair = 'subscriber:sub-qos-policy-in=POLICY_FUP_TIER_1'"
            " Cisco-AVPair = 'subscriber:sub-qos-policy-out=POLICY_FUP_TIER_1'",
        ),
        ("huawei", "Huawei-Input-Average-Rate = 1000000 Huawei-Output-Average-Rate = 5000000"),
    ],
)
async def test_each_kind_of_nas_is_told_in_its_own_words(small_site: Site, kind: str, wanted: str) -> None:
    await begin(small_site, kind)
    await report(small_site, 100 * GB, kind=kind)
    await small_site.watch()
    assert told(small_site) == [f"CoA-Request fred {wanted}"]


async def test_a_tier_holds_at_the_next_login_and_needs_no_coa_then(small_site: Site) -> None:
    await begin(small_site)
    await report(small_site, 120 * GB)
    await report(small_site, 120 * GB, AcctStatusType.STOP)
    accepted = await small_site.login(*FRED, UserPassword("fairness"))
    assert accepted["Mikrotik-Rate-Limit"] == "1000k/5000k"
    await begin(small_site, session="82")
    await small_site.watch()
    assert told(small_site) == []


async def test_a_new_month_gives_the_full_rate_back(site: Site) -> None:
    await begin(site)
    await report(site, 100 * GB)
    await site.watch()
    assert told(site)
    site.clock.now += 10 * 86_400 + 20 * 3600  # the second of December
    await report(site, 0, AcctStatusType.START, session="83")
    site.nas.sessions.add("83")  # type: ignore[union-attr]
    await report(site, 100 * GB, AcctStatusType.STOP)
    await site.watch()
    assert told(site) == ["CoA-Request fred Mikrotik-Rate-Limit = '5000k/20000k'"]


async def test_a_session_whose_rate_is_not_known_is_told_it_once(small_site: Site) -> None:
    """A NAS that keeps no Class, or a session that began under another server."""
    small_site.nas.sessions.add("81")  # type: ignore[union-attr]
    await report(small_site, 0, AcctStatusType.START)
    for wanted in (["CoA-Request fred Mikrotik-Rate-Limit = '5000k/20000k'"], []):
        await small_site.watch()
        assert told(small_site) == wanted


async def test_a_changed_plan_reaches_who_is_online(site: Site) -> None:
    await begin(site)
    await site.run("UPDATE isp_subscriber SET plan = 'gold' WHERE name = 'fred'")
    await site.watch()
    assert told(site) == ["CoA-Request fred Mikrotik-Rate-Limit = '1200k/2000k'"]
    await site.run("UPDATE isp_plan SET rate_down = '3M' WHERE name = 'gold'")
    await site.watch()
    assert told(site) == ["CoA-Request fred Mikrotik-Rate-Limit = '1200k/3000k'"]
    await site.run("UPDATE isp_subscriber SET plan = 'unlimited' WHERE name = 'fred'")
    await site.watch()
    assert told(site) == ["CoA-Request fred Mikrotik-Rate-Limit = '0/0'"]


async def test_a_limit_that_cannot_be_lifted_is_lifted_by_a_new_login(small_site: Site) -> None:
    await begin(small_site, "huawei")
    await small_site.run("UPDATE isp_subscriber SET plan = 'unlimited' WHERE name = 'fred'")
    await small_site.watch()
    assert told(small_site) == ["Disconnect-Request fred"]


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE isp_subscriber SET active = 0 WHERE name = 'fred'", "account inactive"),
        ("UPDATE isp_subscriber SET reseller = 'closed' WHERE name = 'fred'", "account inactive"),
        ("UPDATE isp_subscriber SET expiry_date = '2026-11-20' WHERE name = 'fred'", "account expired"),
        ("INSERT INTO isp_licence (only_row, subscribers) VALUES (1, 1)", "account suspended (overlimit)"),
    ],
)
async def test_who_may_not_log_in_any_more_may_not_stay(
    small_site: Site, caplog: pytest.LogCaptureFixture, statement: str, reason: str
) -> None:
    caplog.set_level(logging.INFO)
    await begin(small_site)
    await small_site.run(statement)
    await small_site.watch()
    assert told(small_site) == ["Disconnect-Request fred"]
    assert f"fred at NAS {NASES['mikrotik']}: disconnected: {reason}" in caplog.text


async def test_a_session_that_goes_on_after_its_end_is_ended_again_five_minutes_later(small_site: Site) -> None:
    await begin(small_site)
    small_site.nas.sessions = None
    await small_site.run("UPDATE isp_subscriber SET active = 0 WHERE name = 'fred'")
    watch, ended = Watch(small_site.app.state), []
    for seconds in (0, 30, 269, 1):
        small_site.clock.now += seconds
        await watch.look()
        ended.append(len(told(small_site)))
    assert ended == [1, 0, 0, 1]


async def test_the_last_one_within_the_licence_stays(site: Site) -> None:
    """fred is the second active subscriber."""
    await begin(site)
    await site.run("INSERT INTO isp_licence (only_row, subscribers) VALUES (1, 2)")
    await site.watch()
    assert told(site) == []


async def test_a_session_that_the_nas_does_not_know_is_closed(site: Site) -> None:
    await begin(site)
    site.nas.sessions.clear()  # type: ignore[union-attr]
    await report(site, 100 * GB)
    await site.watch()
    assert await site.app.state.sessions.online() == []


async def test_a_nas_that_cannot_be_told_is_left_alone_for_a_while(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """Its other sessions are not tried in the same look, and the one that was tried waits for five minutes."""
    elsewhere = NASIPAddress("192.0.2.99")
    for session in ("1", "2"):
        await site.record(AcctStatusType(AcctStatusType.START), UserName("fred"), AcctSessionId(session), elsewhere)
    watch = Watch(site.app.state)
    attempts = []
    for seconds in (0, 1, 1, 299, 1):
        site.clock.now += seconds
        caplog.clear()
        await watch.look()
        attempts.append(caplog.text.count("the rate is not changed to 5000k/20000k FAIR: unknown NAS: 192.0.2.99"))
    assert attempts == [1, 1, 0, 1, 1]


async def test_a_row_that_cannot_be_used_is_told_of_and_the_others_are_watched(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    await begin(site)
    await report(site, 100 * GB)
    await site.record(AcctStatusType(AcctStatusType.START), UserName("brooke"), AcctSessionId("9"))
    await site.record(AcctStatusType(AcctStatusType.START), UserName("stranger"), AcctSessionId("10"))
    await site.watch()
    assert told(site) == ["CoA-Request fred Mikrotik-Rate-Limit = '1000k/5000k'"]
    assert "subscriber brooke: 'soon' is not a day" in caplog.text


async def test_what_was_given_by_coa_is_forgotten_with_the_session(site: Site) -> None:
    await begin(site)
    await report(site, 100 * GB)
    await site.watch()
    kept = "SELECT rate FROM isp_rate_in_force"
    assert await site.database.rows(kept) == [("1000k/5000k POLICY_FUP_TIER_1",)]
    await report(site, 100 * GB, AcctStatusType.STOP)
    await site.watch()
    assert await site.database.rows(kept) == []


async def test_stale_sessions_are_closed_with_a_time_and_a_cause(site: Site) -> None:
    await begin(site)
    await report(site, 5)
    last = int(site.clock.now)
    site.clock.now += 599
    assert await site.app.state.sessions.reap() == 0
    site.clock.now += 2
    assert await site.app.state.sessions.reap() == 1
    time = "acctstoptime" if site.database.dialect == "sqlite" else "extract(epoch FROM acctstoptime)::bigint"
    rows = await site.database.rows(
        f"SELECT {time}, acctterminatecause, acctinputoctets + acctoutputoctets FROM radacct"
    )
    assert rows == [(last, "Lost-Carrier", 5)]


async def test_the_app_watches_by_itself_while_it_is_elected(where: str) -> None:
    async with serving(where, watch_seconds=0.05) as site:
        await fill(site)
        site.app.elected.value = False
        await trio.sleep(0.1)
        await begin(site)
        await report(site, 100 * GB)
        await trio.sleep(0.2)
        assert told(site) == []
        site.app.elected.value = True
        with trio.fail_after(20):
            while not site.nas.told:  # noqa: ASYNC110
                await trio.sleep(0.02)
        assert told(site) == ["CoA-Request fred Mikrotik-Rate-Limit = '1000k/5000k'"]
