"""Records through the whole app: exact totals whatever the network does, and no acknowledgement without a COMMIT."""

from __future__ import annotations

import contextlib
import pathlib
import random
import sqlite3

import pytest
import trio

from tests.examples.isp.sites import NASES, Site, fill, serving
from tests.interop import postgres
from trioradius import UDP, AccountingRequest, NoResponse, Retransmission, open_client
from trioradius.attributes import (
    AcctInputGigawords,
    AcctInputOctets,
    AcctOutputOctets,
    AcctSessionId,
    AcctSessionTime,
    AcctStatusType,
    AcctTerminateCause,
    EventTimestamp,
    NASIPAddress,
    UserName,
)
from trioradius.testing import AppClient

SESSIONS = 1_000
"""The stores' own tests have ten thousand; here they go by UDP and through the app."""
USERS = ("alice", "fred", "ulla")
INTERIMS = 3
TOTALS = """
    SELECT username, count(*), sum(acctinputoctets), sum(acctoutputoctets), sum(acctsessiontime), count(acctstoptime)
    FROM radacct GROUP BY username ORDER BY username"""


def records(number: int, began: int, chance: random.Random) -> tuple[list[AccountingRequest], tuple[int, int, int]]:
    """What a session sends that arrives at all, and its totals: octets up and down, seconds.

    Two NASes count the same session ids; some counters have gigawords. The Stop always arrives.
    """
    up, down = chance.randrange(1 << 33), chance.randrange(1 << 32)
    session = (
        UserName(USERS[number % 3]),
        AcctSessionId(f"{number // 2:08X}"),
        NASIPAddress(list(NASES.values())[number % 2]),
    )
    sent = []
    for step in range(INTERIMS + 2):
        at, part = began + 60 * step, step / (INTERIMS + 1)
        status = {0: AcctStatusType.START, INTERIMS + 1: AcctStatusType.STOP}.get(step, AcctStatusType.INTERIM_UPDATE)
        counted = up if part == 1 else int(up * part)
        counters = (
            AcctInputOctets(counted & 0xFFFFFFFF),
            AcctInputGigawords(counted >> 32),
            AcctOutputOctets(down if part == 1 else int(down * part)),
            AcctSessionTime(60 * step),
        )
        cause = [AcctTerminateCause(AcctTerminateCause.USER_REQUEST)] if part == 1 else []
        record = AccountingRequest(AcctStatusType(status), *session, EventTimestamp(at), *counters, *cause)
        if part == 1 or chance.random() > 0.3:
            sent.extend([record] * chance.choice((1, 1, 2)))
    return sent, (up, down, 60 * (INTERIMS + 1))


async def test_a_thousand_sessions_with_loss_repeats_and_reordering_add_up(site: Site) -> None:
    chance = random.Random(20261121)
    traffic, wanted = [], {user: [0, 0, 0, 0] for user in USERS}
    for number in range(SESSIONS):
        sent, totals = records(number, int(site.clock.now) - 10_000 + number, chance)
        traffic += sent
        for place, value in enumerate((1, *totals)):
            wanted[USERS[number % 3]][place] += value
    chance.shuffle(traffic)
    await send_all(site, traffic)
    rows = await site.database.rows(TOTALS)
    assert [tuple(map(int, row[1:])) for row in rows] == [(*wanted[user], wanted[user][0]) for user in sorted(USERS)]
    assert await site.app.state.sessions.online() == []


async def send_all(site: Site, traffic: list[AccountingRequest]) -> None:
    """Over UDP, a few at once, each until it is acknowledged."""
    waiting = iter(traffic)
    async with open_client(UDP(*site.address), secret=b"a secret of 24 octets...") as client:

        async def send_some() -> None:
            for record in waiting:
                await client.exchange(record)

        async with trio.open_nursery() as nursery:
            for _ in range(32):
                nursery.start_soon(send_some)


def start(session: str) -> AccountingRequest:
    return AccountingRequest(AcctStatusType(AcctStatusType.START), UserName("alice"), AcctSessionId(session))


async def kept(site: Site) -> list[str]:
    return [row[0] for row in await site.database.rows("SELECT acctsessionid FROM radacct ORDER BY acctsessionid")]


async def test_a_locked_database_gets_no_acknowledgement_and_is_written_to_afterwards(tmp_path: pathlib.Path) -> None:
    where = str(tmp_path / "isp.db")
    async with serving(where) as site:
        await fill(site)
        client = AppClient(site.app)
        await client.exchange(start("1"))
        with contextlib.closing(sqlite3.connect(where, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            with trio.move_on_after(1) as impatience:
                await client.exchange(start("2"))
            assert impatience.cancelled_caught
            other.execute("COMMIT")
        await client.exchange(start("3"))
        assert {"1", "3"} <= set(await kept(site))


async def test_a_database_that_is_down_gets_no_acknowledgement_and_comes_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The NAS goes on sending, and its record is kept once the database is back; logins wait likewise."""
    with postgres.running() as cluster:
        async with serving(cluster.create_database(), watch_seconds=0.1) as site:
            await fill(site)
            patient = Retransmission(attempts=200, initial=0.2, longest=0.3, duration=60)
            address = UDP(*site.address)
            async with open_client(address, secret=b"a secret of 24 octets...", retransmission=patient) as client:
                await client.exchange(start("1"))
                cluster.stop()
                brief = Retransmission(attempts=2, initial=0.2, duration=1)
                secret = b"a secret of 24 octets..."
                async with open_client(address, secret=secret, retransmission=brief) as impatient:
                    with pytest.raises(NoResponse):
                        await impatient.exchange(start("lost"))
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(client.exchange, start("2"))
                    await trio.sleep(0.5)
                    await trio.to_thread.run_sync(cluster.start)
            assert {"1", "2"} <= set(await kept(site))
    assert "usage is not watched now" in caplog.text
