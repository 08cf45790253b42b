from __future__ import annotations

import itertools
import pathlib
import sqlite3
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import trio

from trioradius import AVP, AccountingRequest, AccountingResponse, App, Discard, MissingAttribute, NoResponse
from trioradius.attributes import (
    AcctDelayTime,
    AcctInputGigawords,
    AcctInputOctets,
    AcctOutputOctets,
    AcctSessionId,
    AcctSessionTime,
    AcctStatusType,
    AcctTerminateCause,
    CallingStationId,
    ConnectInfo,
    EventTimestamp,
    FramedIPAddress,
    NASIPAddress,
    NASPort,
    UserName,
)
from trioradius.attributes.attribute import unknown
from trioradius.protocol.peer import Peer
from trioradius.protocol.profile import RADIUS_1_0
from trioradius.protocol.source import Source
from trioradius.stores.sql import Database, SqlAccounting, open_database
from trioradius.testing import AppClient

NOW = 1_790_000_000
START, STOP, INTERIM = AcctStatusType.START, AcctStatusType.STOP, AcctStatusType.INTERIM_UPDATE
TIMES = {
    "sqlite": "acctstarttime, acctupdatetime, acctstoptime",
    "postgresql": "extract(epoch FROM acctstarttime)::bigint, extract(epoch FROM acctupdatetime)::bigint,"
    " extract(epoch FROM acctstoptime)::bigint",
}


@pytest.fixture
async def database(where: str) -> AsyncIterator[Database]:
    async with open_database(where) as database:
        yield database


def record(status: int, after: int, *attributes: AVP, session: str = "1", nas: str = "192.0.2.1") -> AccountingRequest:
    """A record that was made so many seconds after NOW - 1000."""
    return AccountingRequest(
        AcctStatusType(status),
        AcctSessionId(session),
        UserName("alice"),
        NASIPAddress(nas),
        NASPort(7),
        EventTimestamp(NOW - 1000 + after),
        *attributes,
    )


async def keep(database: Database, *requests: AccountingRequest) -> None:
    accounting = SqlAccounting(database, clock=lambda: NOW)
    for request in requests:
        await accounting.record(request)


async def times(database: Database) -> list[int | None]:
    """Start, update and stop of the one session, in seconds after NOW - 1000."""
    [row] = await database.rows(f"SELECT {TIMES[database.dialect]} FROM radacct")
    return [None if value is None else value - (NOW - 1000) for value in row]


async def column(database: Database, name: str) -> Any:
    [row] = await database.rows(f"SELECT {name} FROM radacct")
    return row[0]


WHOLE: Sequence[AccountingRequest] = (
    record(START, 0, ConnectInfo("100M")),
    record(INTERIM, 60, AcctSessionTime(60), AcctInputOctets(1000), FramedIPAddress("10.0.0.7")),
    record(INTERIM, 120, AcctSessionTime(120), AcctInputOctets(5), AcctInputGigawords(1)),
    record(
        STOP,
        150,
        AcctSessionTime(150),
        AcctInputOctets(9),
        AcctInputGigawords(1),
        AcctOutputOctets(3),
        AcctTerminateCause(AcctTerminateCause.USER_REQUEST),
    ),
)


async def test_every_order_and_every_repeat_leads_to_the_same_row(database: Database) -> None:
    seen = set()
    for order in itertools.permutations(WHOLE):
        await keep(database, *order, order[0], order[2])
        assert await times(database) == [0, 150, 150]
        [row] = await database.rows(
            "SELECT acctinputoctets, acctoutputoctets, acctsessiontime, acctterminatecause, connectinfo_start"
            " FROM radacct"
        )
        seen.add(row)
        assert str(await column(database, "framedipaddress")) == "10.0.0.7"
        await database.transaction(lambda connection: connection.run("DELETE FROM radacct"))
    assert seen == {((1 << 32) + 9, 3, 150, "User-Request", "100M")}


async def test_all_in_one_batch_is_the_same(database: Database) -> None:
    """Several records of one session in one COMMIT, as after a NAS was away."""
    from trioradius.stores.sql.radacct import store

    rows = [SqlAccounting(database, clock=lambda: NOW)._read(request) for request in reversed(WHOLE)]
    await database.transaction(lambda connection: store(connection, rows))
    assert await times(database) == [0, 150, 150]
    assert await column(database, "acctinputoctets") == (1 << 32) + 9


@pytest.mark.parametrize("status", [INTERIM, STOP])
async def test_a_record_whose_start_was_lost_makes_the_row(database: Database, status: int) -> None:
    await keep(database, record(status, 60, AcctSessionTime(45), AcctInputOctets(7)))
    assert await times(database) == [15, 60, 60 if status == STOP else None]
    assert await column(database, "acctinputoctets") == 7


async def test_two_nases_with_the_same_session_ids_have_two_rows(database: Database) -> None:
    await keep(database, record(START, 0), record(START, 0, nas="192.0.2.2"))
    assert await database.rows("SELECT count(*) FROM radacct") == [(2,)]


async def test_a_stop_is_final(database: Database) -> None:
    await keep(database, record(STOP, 60, AcctSessionTime(60)), record(STOP, 90, AcctTerminateCause(4)))
    await keep(database, record(INTERIM, 95))
    assert (await times(database))[2] == 60
    assert not await column(database, "acctterminatecause")


@pytest.mark.parametrize("status", [AcctStatusType.ACCOUNTING_ON, AcctStatusType.ACCOUNTING_OFF])
async def test_a_restart_closes_what_the_nas_had_open(database: Database, status: int) -> None:
    await keep(database, record(START, 0), record(START, 0, session="2", nas="192.0.2.2"), record(status, 100))
    rows = await database.rows(
        "SELECT acctsessionid, acctterminatecause, acctsessiontime FROM radacct WHERE acctstoptime IS NOT NULL"
    )
    assert rows == [("1", "NAS-Reboot", 100)]


async def test_records_from_before_a_restart_that_come_after_it_do_not_open_a_session(database: Database) -> None:
    await keep(database, record(AcctStatusType.ACCOUNTING_ON, 100), record(START, 0), record(INTERIM, 60))
    assert await times(database) == [0, 60, 100]
    assert await column(database, "acctterminatecause") == "NAS-Reboot"


async def test_an_older_restart_does_not_take_the_place_of_a_newer_one(database: Database) -> None:
    on = AcctStatusType.ACCOUNTING_ON
    await keep(database, record(on, 100), record(on, 50), record(START, 70))
    assert (await times(database))[2] == 100


async def test_a_restart_that_comes_late_does_not_close_what_began_after_it(database: Database) -> None:
    await keep(database, record(START, 100), record(AcctStatusType.ACCOUNTING_ON, 50))
    assert await times(database) == [100, 100, None]


async def test_a_session_that_outlived_the_restart_is_open_again(database: Database) -> None:
    restart = record(AcctStatusType.ACCOUNTING_OFF, 100)
    await keep(database, record(START, 0), restart, record(INTERIM, 160, AcctSessionTime(160)))
    assert await times(database) == [0, 160, None]
    assert not await column(database, "acctterminatecause")


async def test_a_stop_that_comes_late_takes_the_place_of_a_restart(database: Database) -> None:
    restart = record(AcctStatusType.ACCOUNTING_ON, 500)
    await keep(database, record(START, 0), restart, record(STOP, 60, AcctSessionTime(60), AcctTerminateCause(1)))
    assert await times(database) == [0, 60, 60]
    assert await column(database, "acctsessiontime") == 60
    assert await column(database, "acctterminatecause") == "User-Request"


async def test_without_event_timestamp_the_delay_counts(database: Database) -> None:
    """RFC 2866 section 5.2."""
    request = AccountingRequest(AcctStatusType(START), AcctSessionId("1"), AcctDelayTime(30), NASIPAddress("192.0.2.1"))
    await keep(database, request)
    assert await times(database) == [970, 970, None]


@pytest.mark.parametrize("stamp", [0, NOW - 31 * 86_400, NOW + 7200])
async def test_a_clock_that_was_never_set_is_not_believed(database: Database, stamp: int) -> None:
    request = AccountingRequest(
        AcctStatusType(START), AcctSessionId("1"), NASIPAddress("192.0.2.1"), EventTimestamp(stamp)
    )
    await keep(database, request)
    assert await times(database) == [1000, 1000, None]


async def test_a_nas_that_does_not_say_who_it_is_is_known_by_its_address(database: Database) -> None:
    request = AccountingRequest(AcctStatusType(START), AcctSessionId("1"))
    await keep(
        database, request.sent_by(Peer(b"testing123"), Source("198.51.100.7", 1813, "udp", RADIUS_1_0, frozenset({4})))
    )
    assert str(await column(database, "nasipaddress")) == "198.51.100.7"


async def test_values_that_no_database_takes_are_kept_readable(database: Database) -> None:
    request = record(
        STOP,
        0,
        AcctInputGigawords(0xFFFFFFFF),
        AcctInputOctets(0xFFFFFFFF),
        CallingStationId("a\0b"),
        session="x" * 253,
    )

    await keep(database, request)
    assert await column(database, "acctinputoctets") == (1 << 63) - 1
    assert await column(database, "callingstationid") == "a\\x00b"
    assert await column(database, "acctsessionid") == "x" * 253


async def test_a_malformed_value_counts_as_absent(database: Database) -> None:
    address, seconds = unknown(FramedIPAddress.key), unknown(AcctSessionTime.key)
    await keep(database, record(INTERIM, 60, address(b"abc"), seconds(b"a")))
    assert not await column(database, "framedipaddress")
    assert await column(database, "acctsessiontime") is None


async def test_a_record_without_status_or_session_is_not_acknowledged(database: Database) -> None:
    with pytest.raises(MissingAttribute, match="Acct-Status-Type"):
        await keep(database, AccountingRequest(AcctSessionId("1")))
    with pytest.raises(MissingAttribute, match="Acct-Session-Id"):
        await keep(database, AccountingRequest(AcctStatusType(START)))


async def test_a_status_that_is_not_kept_says_so(database: Database) -> None:
    with pytest.raises(Discard, match="Tunnel-Start is not kept") as caught:
        await keep(database, record(AcctStatusType.TUNNEL_START, 0))
    assert caught.value.reason == "accounting_status"


async def test_a_record_that_cannot_be_kept_is_discarded_and_counted(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No acknowledgement before COMMIT (RFC 2866 section 2)."""
    monkeypatch.setattr("trioradius.stores.sql.sqlite.BUSY_SECONDS", 0.01)
    monkeypatch.setattr("trioradius.stores.sql.writer.PAUSES", ())
    app = App(peers={"127.0.0.1": b"testing123"})
    async with open_database(tmp_path / "radius.db") as database:
        accounting = SqlAccounting(database)

        @app.on(AccountingRequest)
        async def account(request: AccountingRequest) -> AccountingResponse:
            await accounting.record(request)
            return request.respond()

        other = sqlite3.connect(tmp_path / "radius.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        async with AppClient(app) as client:
            with pytest.raises(NoResponse):
                await client.exchange(record(START, 0))
            assert app.counters["discarded.store_unavailable"] == 1
            other.execute("ROLLBACK")
            other.close()
            await trio.sleep(0.6)
            assert isinstance(await client.exchange(record(START, 0)), AccountingResponse)
        assert await column(database, "username") == "alice"
