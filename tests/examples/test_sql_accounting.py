from pathlib import Path

import pytest

from examples.sql_accounting import app, online
from trioradius import AVP, AccessReject, AccessRequest, AccountingRequest
from trioradius.attributes import (
    AcctInputOctets,
    AcctSessionId,
    AcctStatusType,
    NASIPAddress,
    NASPort,
    UserName,
    UserPassword,
)
from trioradius.testing import AppClient


@pytest.fixture(autouse=True)
def empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def record(status: int, *attributes: AVP) -> AccountingRequest:
    return AccountingRequest(
        AcctStatusType(status),
        AcctSessionId("1"),
        UserName("alice"),
        NASIPAddress("192.0.2.1"),
        NASPort(7),
        *attributes,
    )


async def test_a_session_is_online_from_start_to_stop() -> None:
    async with AppClient(app) as client:
        await client.exchange(record(AcctStatusType.START))
        assert await online() == ["alice"]
        await client.exchange(record(AcctStatusType.STOP, AcctInputOctets(1000)))
        assert await online() == []
        assert await app.state.database.rows("SELECT username, acctinputoctets FROM radacct") == [("alice", 1000)]


async def test_decisions_are_kept_with_their_reason_and_without_the_password() -> None:
    async with AppClient(app) as client:
        assert isinstance(
            await client.exchange(AccessRequest(UserName("alice"), UserPassword("looking-glass"))), AccessReject
        )
        await client.exchange(AccessRequest(UserName("alice"), UserPassword("wonderland")))
        assert await app.state.database.rows("SELECT username, pass, reply, reason FROM radpostauth ORDER BY id") == [
            ("alice", "", "Access-Reject", "unknown user or wrong password"),
            ("alice", "", "Access-Accept", ""),
        ]
