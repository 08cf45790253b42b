"""Accounting: sessions in SQLite. A record is acknowledged only after it is stored (RFC 2866 section 2)."""

import sqlite3
from collections.abc import AsyncGenerator
from contextlib import closing

import trio

from trioradius import AccountingRequest, AccountingResponse, App
from trioradius.attributes import (
    AcctInputGigawords,
    AcctInputOctets,
    AcctOutputGigawords,
    AcctOutputOctets,
    AcctSessionId,
    AcctStatusType,
    NASIdentifier,
    UserName,
)

SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (
    nas TEXT, id TEXT, user TEXT, octets_in INTEGER DEFAULT 0, octets_out INTEGER DEFAULT 0, online INTEGER DEFAULT 1,
    PRIMARY KEY (nas, id)
)
"""
START = "INSERT INTO sessions (nas, id, user) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
UPDATE = "UPDATE sessions SET octets_in = ?, octets_out = ?, online = ? WHERE nas = ? AND id = ?"
RESTART = "UPDATE sessions SET online = 0 WHERE nas = ?"


class Database:
    """One SQLite connection; one thread at a time works with it."""

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, check_same_thread=False)
        self._connection.execute(SCHEMA)
        self._one_at_a_time = trio.CapacityLimiter(1)

    async def store(self, statement: str, *values: object) -> None:
        """Run a statement; it is on the disk when this returns."""
        await trio.to_thread.run_sync(self._store, statement, values, limiter=self._one_at_a_time)

    def _store(self, statement: str, values: tuple[object, ...]) -> None:
        with self._connection:
            self._connection.execute(statement, values)

    def close(self) -> None:
        self._connection.close()


app: App[Database] = App(peers={"127.0.0.1": b"testing123"})


@app.lifespan
async def database(app: App[Database]) -> AsyncGenerator[Database]:
    with closing(Database("accounting.db")) as database:
        yield database


def session(request: AccountingRequest) -> tuple[str, str]:
    return request[NASIdentifier], request[AcctSessionId]


def octets(request: AccountingRequest) -> tuple[int, int]:
    """In and out. The counters of 32 bits carry over into the gigawords (RFC 2869 section 5.1)."""
    octets_in = (request.get(AcctInputGigawords) or 0) << 32 | (request.get(AcctInputOctets) or 0)
    octets_out = (request.get(AcctOutputGigawords) or 0) << 32 | (request.get(AcctOutputOctets) or 0)
    return octets_in, octets_out


@app.on(AccountingRequest, when=lambda request: request[AcctStatusType] == AcctStatusType.START)
async def start(request: AccountingRequest) -> AccountingResponse:
    await app.state.store(START, *session(request), request.get(UserName))
    return request.respond()


@app.on(AccountingRequest, when=lambda request: request[AcctStatusType] == AcctStatusType.INTERIM_UPDATE)
async def interim(request: AccountingRequest) -> AccountingResponse:
    await app.state.store(START, *session(request), request.get(UserName))
    await app.state.store(UPDATE, *octets(request), True, *session(request))
    return request.respond()


@app.on(AccountingRequest, when=lambda request: request[AcctStatusType] == AcctStatusType.STOP)
async def stop(request: AccountingRequest) -> AccountingResponse:
    await app.state.store(START, *session(request), request.get(UserName))
    await app.state.store(UPDATE, *octets(request), False, *session(request))
    return request.respond()


@app.on(
    AccountingRequest,
    when=lambda request: request[AcctStatusType] in (AcctStatusType.ACCOUNTING_ON, AcctStatusType.ACCOUNTING_OFF),
)
async def restart(request: AccountingRequest) -> AccountingResponse:
    await app.state.store(RESTART, request[NASIdentifier])
    return request.respond()
