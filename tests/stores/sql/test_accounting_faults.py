"""What a lost or miscounted record is made of: odd clocks, odd text, session identifiers that come again."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import psycopg
import pytest

from tests.interop import postgres
from tests.stores.sql.test_accounting import INTERIM, NOW, START, STOP, WHOLE, column, keep, record, times
from trioradius import AVP, AccountingRequest
from trioradius.attributes import (
    AcctDelayTime,
    AcctInputOctets,
    AcctSessionId,
    AcctSessionTime,
    AcctStatusType,
    NASIPAddress,
    NASIPv6Address,
    UserName,
)
from trioradius.errors import StoreRefused
from trioradius.stores.sql import Connection, Database, SqlAccounting, open_database, radacct
from trioradius.stores.sql.connection import Row
from trioradius.stores.sql.radacct import store

ON, OFF = AcctStatusType.ACCOUNTING_ON, AcctStatusType.ACCOUNTING_OFF


@pytest.fixture
async def database(where: str) -> AsyncIterator[Database]:
    async with open_database(where) as database:
        yield database


def undated(status: int, *attributes: AVP, session: str = "1") -> AccountingRequest:
    """A record without Event-Timestamp."""
    return AccountingRequest(AcctStatusType(status), AcctSessionId(session), NASIPAddress("192.0.2.1"), *attributes)


async def sums(database: Database) -> tuple[int, int, int, int]:
    """Rows, octets, seconds, and how many are open."""
    [row] = await database.rows(
        "SELECT count(*), sum(acctinputoctets), sum(acctsessiontime), count(*) - count(acctstoptime) FROM radacct"
    )
    return int(row[0]), int(row[1]), int(row[2]), int(row[3])


@pytest.mark.parametrize("name", ["bob@a\0b", "bob@x'); DROP TABLE radacct; --", '"@\\', "@" * 253, "\u0130@\u0130"])
async def test_no_user_name_keeps_a_record_out(database: Database, name: str) -> None:
    await keep(database, undated(STOP, UserName(name)))
    assert "\0" not in await column(database, "realm")
    assert await column(database, "username") == name.replace("\0", "\\x00")


async def test_a_delay_that_cannot_be_is_not_believed(database: Database) -> None:
    """As of a NAS that counts it from 1970; a record made in 1890 would be kept nowhere, or sort first for ever."""
    await keep(database, undated(STOP, AcctDelayTime(0xFFFFFFFF), AcctSessionTime(60)))
    assert await times(database) == [940, 1000, 1000]


async def test_a_session_longer_than_time_itself_began_in_1970(database: Database) -> None:
    await keep(database, undated(STOP, AcctSessionTime(0xFFFFFFFF), AcctInputOctets(7)))
    assert await times(database) == [1000 - NOW, 1000, 1000]
    assert await column(database, "acctinputoctets") == 7


async def test_a_clock_before_1970_loses_nothing(database: Database) -> None:
    """The server's own clock, which was never set either."""
    accounting = SqlAccounting(database, clock=lambda: -5)
    await accounting.record(undated(STOP, AcctInputOctets(7)))
    assert await column(database, "acctinputoctets") == 7


async def test_a_restart_is_remembered_however_the_address_is_written(database: Database) -> None:
    """PostgreSQL writes ::ffff:192.0.2.9 where Python writes ::ffff:c000:209."""
    nas = NASIPv6Address("::ffff:192.0.2.9")
    await keep(database, record(ON, 100, nas), record(START, 50, nas))
    assert await times(database) == [50, 50, 100]


async def test_a_session_identifier_that_comes_again_is_another_session(database: Database) -> None:
    """Its octets are added to those of the earlier one, not swallowed by them."""
    await keep(database, *WHOLE)
    again = [
        record(START, 300),
        record(INTERIM, 360, AcctSessionTime(60), AcctInputOctets(70)),
        record(STOP, 400, AcctSessionTime(100), AcctInputOctets(77)),
    ]
    await keep(database, *again, *again)
    assert await sums(database) == (2, (1 << 32) + 9 + 77, 250, 0)


async def test_one_that_comes_again_in_the_same_batch(database: Database) -> None:
    accounting = SqlAccounting(database, clock=lambda: NOW)
    requests = [*WHOLE, record(START, 300), record(INTERIM, 360, AcctSessionTime(60), AcctInputOctets(70))]
    rows = [accounting._read(request) for request in requests]
    await database.transaction(lambda connection: store(connection, rows))
    assert await sums(database) == (2, (1 << 32) + 9 + 70, 210, 1)


async def test_a_nas_that_counts_from_one_after_a_restart(database: Database) -> None:
    await keep(database, record(START, 0), record(INTERIM, 60, AcctSessionTime(60), AcctInputOctets(1000)))
    await keep(database, record(ON, 100), record(START, 120), record(INTERIM, 180, AcctInputOctets(5)))
    assert (await sums(database))[:2] == (2, 1005)
    assert (await sums(database))[3] == 1


async def test_a_restart_closes_more_than_one_statement_may(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One for the 200,000 sessions of a large NAS took longer than PostgreSQL was given, whenever it was tried."""
    monkeypatch.setattr(radacct, "CLOSED_AT_ONCE", 3)
    await keep(database, *(record(START, 0, session=str(number)) for number in range(10)), record(START, 150))
    await keep(database, record(START, 0, nas="192.0.2.2"), record(ON, 100))
    assert (await sums(database))[3] == 2


PLANNED = {
    "one that ended": (radacct._SET_ASIDE, "acctuniqueid", [1], ["x"]),
    "a late record": (radacct._CLOSE_ONE, "acctuniqueid", 1, 1, "x", 1, "x"),
    "a restart": (radacct._CLOSE_SOME, "radacct_bulk_close", 1, 1, "x", 1, "192.0.2.1", 1, 10),
}


@pytest.mark.parametrize("which", PLANNED)
async def test_no_record_walks_through_the_whole_table(database: Database, which: str) -> None:
    """Ten million rows must cost what ten do: each statement finds its rows by an index."""
    statements, index, *values = PLANNED[which]
    if database.dialect == "sqlite":
        values = [value[0] if isinstance(value, list) else value for value in values]
    explain = {"sqlite": "EXPLAIN QUERY PLAN ", "postgresql": "EXPLAIN "}[database.dialect]

    accounting = SqlAccounting(database, clock=lambda: NOW)
    rows = [accounting._read(record(START, 0, nas=f"192.0.2.{number}")) for number in range(250)]

    def plan(connection: Connection) -> list[Row]:
        store(connection, rows * 8)
        connection.run("ANALYZE radacct")
        if connection.dialect == "postgresql":
            connection.run("SET LOCAL enable_seqscan = off")
        return connection.rows(explain + statements[connection.dialect], *values)

    found = str(await database.transaction(plan))
    assert index in found
    assert "SCAN r" not in found
    assert "Seq Scan" not in found


@pytest.mark.parametrize("again", [0, 60, 150])
async def test_a_start_that_comes_again_late_is_not_another_session(database: Database, again: int) -> None:
    """Not even where its NAS stamps it anew, as long as its time is not past the Stop."""
    await keep(database, *WHOLE, record(START, again))
    assert (await sums(database))[0] == 1


async def test_a_start_without_a_time_of_its_own_is_not_another_session(database: Database) -> None:
    """It may be one that was delayed: nothing says that it began after the Stop came."""
    await keep(database, undated(STOP, AcctDelayTime(30), AcctInputOctets(9)), undated(START))
    assert (await sums(database))[0] == 1


async def test_a_start_after_a_session_was_taken_for_lost_goes_on_in_its_row(database: Database) -> None:
    """Its counters go on as well, so that two rows would count its octets twice."""
    await keep(database, record(START, 0), record(INTERIM, 60, AcctInputOctets(1000)))
    stopped = {"sqlite": NOW - 900, "postgresql": f"to_timestamp({NOW - 900})"}[database.dialect]
    close = f"UPDATE radacct SET acctstoptime = {stopped}, acctterminatecause = 'Lost-Carrier'"
    await database.transaction(lambda connection: connection.run(close))
    await keep(database, record(START, 200), record(INTERIM, 260, AcctInputOctets(1100)))
    assert await sums(database) == (1, 1100, 0, 1)


async def test_a_session_that_freeradius_opened_is_closed_and_opened_as_ours(database: Database) -> None:
    """FreeRADIUS's statements for SQLite put '' into connectinfo_stop at the Start."""
    await keep(database, record(START, 0))
    await database.transaction(lambda connection: connection.run("UPDATE radacct SET connectinfo_stop = ''"))
    await keep(database, record(OFF, 100), record(INTERIM, 160))
    assert await times(database) == [0, 160, None]
    await keep(database, record(OFF, 200), record(STOP, 190))
    assert await times(database) == [0, 190, 190]


async def test_a_missing_column_is_named(where: str) -> None:
    """In a database of an older FreeRADIUS: the log must say more than that something was refused."""
    async with open_database(where) as database:
        await database.transaction(lambda connection: connection.run("ALTER TABLE radacct RENAME COLUMN class TO was"))
        with pytest.raises(StoreRefused, match=r'column "class"|column named class'):
            await keep(database, record(START, 0))


async def test_a_name_to_lock_may_be_any_text(where: str) -> None:
    """A name that cannot be encoded must not end the writer, and the server with it."""
    async with open_database(where) as database:
        assert await database.transaction(lambda connection: 7, locks=["user:\udcff"]) == 7


async def test_a_database_that_went_silent_is_given_up(cluster: postgres.Cluster) -> None:
    """A host that lost its power while a statement ran acknowledges nothing and resets nothing."""
    from trioradius.stores.sql.postgres import DEFAULTS

    with contextlib.closing(psycopg.connect(cluster.url(), **DEFAULTS)) as connection:
        seconds = connection.info.get_parameters()
    idle, interval, probes = (int(DEFAULTS[f"keepalives_{name}"]) for name in ("idle", "interval", "count"))
    assert idle + interval * probes <= 30
    assert seconds["keepalives_idle"] == str(idle)
