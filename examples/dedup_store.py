"""A duplicate store of one's own: SQLite, so that several processes on one machine know each other's replies."""

import sqlite3
import time
from collections.abc import AsyncGenerator
from contextlib import closing

import trio

from trioradius import AccountingRequest, AccountingResponse, App

REPLY_SECONDS = 5
"""How long a reply lives (RFC 5080 section 2.2.2)."""
LEASE_SECONDS = 30
"""How long a request may be answered; should its process die, a repeat is handled anew after that."""


class SQLiteDedupStore:
    """Keys and replies in a table; a NULL reply means that somebody is answering the request."""

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS replies (key BLOB PRIMARY KEY, reply BLOB, until REAL NOT NULL)"
        )
        self._one_at_a_time = trio.CapacityLimiter(1)

    async def begin(self, key: bytes) -> bytes | bool:
        return await trio.to_thread.run_sync(self._begin, key, limiter=self._one_at_a_time)

    async def finish(self, key: bytes, reply: bytes | None) -> None:
        await trio.to_thread.run_sync(self._finish, key, reply, limiter=self._one_at_a_time)

    def close(self) -> None:
        self._connection.close()

    def _begin(self, key: bytes) -> bytes | bool:
        now = time.time()
        self._connection.execute("DELETE FROM replies WHERE until < ?", (now,))
        claimed = self._connection.execute(
            "INSERT INTO replies VALUES (?, NULL, ?) ON CONFLICT DO NOTHING", (key, now + LEASE_SECONDS)
        )
        if claimed.rowcount:
            return True
        row = self._connection.execute("SELECT reply FROM replies WHERE key = ?", (key,)).fetchone()
        reply: bytes | None = row[0] if row else None
        return False if reply is None else reply

    def _finish(self, key: bytes, reply: bytes | None) -> None:
        if reply is None:
            self._connection.execute("DELETE FROM replies WHERE key = ?", (key,))
        else:
            self._connection.execute("REPLACE INTO replies VALUES (?, ?, ?)", (key, reply, time.time() + REPLY_SECONDS))


def make_app(path: str) -> App[None]:
    """An app that counts; processes that are given the same path count a request once."""
    store = SQLiteDedupStore(path)
    app: App[None] = App(peers={"127.0.0.1": b"testing123"}, dedup=store)

    @app.lifespan
    async def close_store(app: App[None]) -> AsyncGenerator[None]:
        with closing(store):
            yield

    @app.on(AccountingRequest)
    async def account(request: AccountingRequest) -> AccountingResponse:
        app.counters["records"] += 1
        return request.respond()

    return app
