"""Accounting in a database, in FreeRADIUS's tables: acknowledged once it is on the disk, whatever order it comes in."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from trioradius import AccessAccept, AccessReject, AccessRequest, AccountingRequest, AccountingResponse, App
from trioradius.attributes import AcctInterimInterval, UserName
from trioradius.stores.sql import Database, SqlAccounting, SqlDecisions, open_database

DATABASE = "radius.db"
"""A file for SQLite, or a URL for PostgreSQL: postgresql://radius:secret@db.example.org/radius"""


@dataclass
class Stores:
    database: Database
    accounting: SqlAccounting
    decisions: SqlDecisions


app: App[Stores] = App(peers={"127.0.0.1": b"testing123"})


@app.lifespan
async def stores(app: App[Stores]) -> AsyncGenerator[Stores]:
    async with open_database(DATABASE) as database:
        yield Stores(database, SqlAccounting(database), SqlDecisions(database))


@app.on(AccountingRequest)
async def account(request: AccountingRequest) -> AccountingResponse:
    await app.state.accounting.record(request)
    return request.respond()


@app.on(AccessRequest)
async def authenticate(request: AccessRequest) -> AccessAccept | AccessReject:
    reply = decide(request)
    await app.state.decisions.record(request, reply)
    return reply


def decide(request: AccessRequest) -> AccessAccept | AccessReject:
    if request[UserName] == "alice" and request.verify_password("wonderland"):
        return request.accept(AcctInterimInterval(600))
    return request.reject(reason="unknown user or wrong password")


async def online() -> list[str]:
    """Who is online now."""
    rows = await app.state.database.rows("SELECT username FROM radacct WHERE acctstoptime IS NULL ORDER BY username")
    return [row[0] for row in rows]
