"""A FreeRADIUS database as it is: NASes from its table nas, users from radcheck and the tables beside it."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

import trio

from trioradius import AccessAccept, AccessReject, AccessRequest, App
from trioradius.stores.sql import Database, SqlPeers, SqlUsers, open_database

DATABASE = "radius.db"
"""A SQLite file, or a URL such as postgresql://radius:PASSWORD@localhost/radius."""

TO_TRY_IT_WITH = """
INSERT INTO nas (nasname, shortname, type, secret) VALUES ('127.0.0.1', 'here', 'mikrotik', 'testing123');
INSERT INTO radcheck (username, attribute, op, value) VALUES ('alice', 'Cleartext-Password', ':=', 'wonderland');
INSERT INTO radusergroup (username, groupname, priority) VALUES ('alice', 'gold', 1);
INSERT INTO radgroupreply (groupname, attribute, op, value) VALUES ('gold', 'Mikrotik-Rate-Limit', ':=', '5M/20M');
"""


@dataclass
class Stores:
    database: Database
    users: SqlUsers


app: App[Stores] = App(peers=SqlPeers(lambda: app.state.database))


@app.lifespan
async def stores(app: App[Stores]) -> AsyncGenerator[Stores]:
    async with open_database(DATABASE) as database:
        yield Stores(database, SqlUsers(database))


@app.on(AccessRequest)
async def authenticate(request: AccessRequest) -> AccessAccept | AccessReject:
    return await app.state.users.authenticate(request)


async def make() -> None:
    """A new database with one NAS and one user; one of FreeRADIUS needs nothing."""
    async with open_database(DATABASE) as database:
        await database.transaction(lambda connection: connection.run_script(TO_TRY_IT_WITH))


if __name__ == "__main__":
    trio.run(make)
