"""Sessions: a limit for each user, addresses from a pool, and a new rate for whoever is online.

trioradius run examples.sessions:app
python -m examples.sessions alice 50M/10M        while it runs: a new rate for alice's sessions, down/up
"""

import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import trio

from trioradius import (
    AccessAccept,
    AccessReject,
    AccessRequest,
    AccountingRequest,
    AccountingResponse,
    App,
    Peer,
    Peers,
)
from trioradius.attributes import AcctInterimInterval, UserName
from trioradius.attributes.rates import Rate
from trioradius.sessions import Admitted, Outcome, Pools, Sessions, interim_interval
from trioradius.stores.sql import SqlAccounting, open_database

DATABASE = "radius.db"
INTERIM_SECONDS = 60
PASSWORDS = {"alice": "wonderland", "bob": "builder"}
RATE = Rate(down="20M", up="5M")
NASES = {"127.0.0.1": Peer(b"testing123", vendor="mikrotik")}


@dataclass
class Stores:
    accounting: SqlAccounting
    sessions: Sessions


app: App[Stores] = App(peers=NASES)


@app.lifespan
async def stores(app: App[Stores]) -> AsyncGenerator[Stores]:
    async with open_database(DATABASE) as database, trio.open_nursery() as nursery:
        await Pools(database).add("home", "100.64.0.0/24", exclude=["100.64.0.1"])
        sessions = Sessions(database, app.peers, stale_seconds=3 * INTERIM_SECONDS)
        nursery.start_soon(sessions.keep_tidy, app.elected)
        yield Stores(SqlAccounting(database), sessions)
        nursery.cancel_scope.cancel()


@app.on(AccessRequest)
async def authenticate(request: AccessRequest) -> AccessAccept | AccessReject:
    if not request.verify_password(PASSWORDS.get(request[UserName])):
        return request.reject(reason="unknown user or wrong password")
    admission = await app.state.sessions.admit(request, limit=1, pool="home")
    if not isinstance(admission, Admitted):
        return request.reject(reason=admission.reason)
    rate = RATE.attributes(request.peer.vendor if request.peer else "")
    return request.accept(*admission.attributes, *rate, AcctInterimInterval(interim_interval(INTERIM_SECONDS)))


@app.on(AccountingRequest)
async def account(request: AccountingRequest) -> AccountingResponse:
    await app.state.accounting.record(request)
    return request.respond()


async def change_rate(user: str, rate: Rate, peers: Peers) -> list[Outcome]:
    """A new rate for every session of a user."""
    async with open_database(DATABASE) as database:
        sessions = Sessions(database, peers)
        return [
            await sessions.change_rate(session, rate, close_unknown=True) for session in await sessions.online(user)
        ]


if __name__ == "__main__":
    if len(sys.argv) != 3 or "/" not in sys.argv[2]:
        sys.exit(__doc__)
    user, down_up = sys.argv[1:]
    down, up = down_up.split("/")
    for outcome in trio.run(change_rate, user, Rate(down=down, up=up), Peers(NASES)):
        print(outcome)
