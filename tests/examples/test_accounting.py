import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from examples.accounting import app
from trioradius import AVP, AccountingRequest, NoResponse
from trioradius.attributes import (
    AcctInputGigawords,
    AcctInputOctets,
    AcctOutputOctets,
    AcctSessionId,
    AcctStatusType,
    NASIdentifier,
    UserName,
)
from trioradius.testing import AppClient


@pytest.fixture(autouse=True)
def empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def record(status: int, *attributes: AVP) -> AccountingRequest:
    return AccountingRequest(
        AcctStatusType(status), AcctSessionId("1"), UserName("alice"), NASIdentifier("nas"), *attributes
    )


def sessions() -> list[tuple[object, ...]]:
    with closing(sqlite3.connect("accounting.db")) as connection, connection:
        return connection.execute("SELECT nas, id, user, octets_in, octets_out, online FROM sessions").fetchall()


async def test_a_session_from_start_to_stop() -> None:
    async with AppClient(app) as client:
        await client.exchange(record(AcctStatusType.START))
        assert sessions() == [("nas", "1", "alice", 0, 0, 1)]
        await client.exchange(record(AcctStatusType.INTERIM_UPDATE, AcctInputOctets(10), AcctOutputOctets(20)))
        assert sessions() == [("nas", "1", "alice", 10, 20, 1)]
        await client.exchange(record(AcctStatusType.STOP, AcctInputOctets(1), AcctInputGigawords(1)))
        assert sessions() == [("nas", "1", "alice", (1 << 32) + 1, 0, 0)]


async def test_a_stop_whose_start_was_lost_is_kept() -> None:
    async with AppClient(app) as client:
        await client.exchange(record(AcctStatusType.STOP, AcctInputOctets(1)))
    assert sessions() == [("nas", "1", "alice", 1, 0, 0)]


async def test_a_restarted_nas_has_nobody_online() -> None:
    async with AppClient(app) as client:
        await client.exchange(record(AcctStatusType.START))
        await client.exchange(AccountingRequest(AcctStatusType(AcctStatusType.ACCOUNTING_ON), NASIdentifier("nas")))
    assert sessions() == [("nas", "1", "alice", 0, 0, 0)]


async def test_what_is_not_stored_is_not_acknowledged() -> None:
    async with AppClient(app) as client:
        with pytest.raises(NoResponse):
            await client.exchange(record(AcctStatusType.TUNNEL_START))
        with closing(sqlite3.connect("accounting.db")) as connection, connection:
            connection.execute("DROP TABLE sessions")
        with pytest.raises(NoResponse):
            await client.exchange(record(AcctStatusType.START))
