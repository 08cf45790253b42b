"""The app under test of logins.py, run by ``trioradius run logins_server:app``: users from a FreeRADIUS database."""

import os
from collections.abc import AsyncGenerator

from trioradius import AccessAccept, AccessReject, AccessRequest, App
from trioradius.stores.sql import SqlUsers, open_database

app: App[SqlUsers] = App(peers={"127.0.0.1": b"testing123"})


@app.lifespan
async def users(app: App[SqlUsers]) -> AsyncGenerator[SqlUsers]:
    async with open_database(os.environ["RADIUS_DATABASE"], create=False) as database:
        yield SqlUsers(database)


@app.on(AccessRequest)
async def authenticate(request: AccessRequest) -> AccessAccept | AccessReject:
    return await app.state.authenticate(request)
