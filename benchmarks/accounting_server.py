"""The app under test, run by ``trioradius run accounting_server:app``: records kept in the database DATABASE."""

import os
from collections.abc import AsyncGenerator

from trioradius import AccountingRequest, AccountingResponse, App
from trioradius.stores.sql import open_database
from trioradius.stores.sql.accounting import SqlAccounting

app: App[SqlAccounting] = App(peers={"127.0.0.1": b"testing123"})


@app.lifespan
async def accounting(app: App[SqlAccounting]) -> AsyncGenerator[SqlAccounting]:
    async with open_database(os.environ["DATABASE"]) as database:
        yield SqlAccounting(database)


@app.on(AccountingRequest)
async def account(request: AccountingRequest) -> AccountingResponse:
    await app.state.record(request)
    return request.respond()
