"""Peers from a database: a NAS is looked up when its first packet comes, and the answer is believed for a while."""

import sqlite3
from contextlib import closing
from ipaddress import IPv4Address, IPv6Address

import trio

from trioradius import AccessAccept, AccessReject, AccessRequest, App, Peer, Peers
from trioradius.attributes import UserName

DATABASE = "nas.db"


def read(address: str) -> tuple[str, str] | None:
    with closing(sqlite3.connect(DATABASE)) as connection, connection:
        found: tuple[str, str] | None = connection.execute(
            "SELECT secret, name FROM nas WHERE address = ?", (address,)
        ).fetchone()
    return found


async def find(address: IPv4Address | IPv6Address) -> Peer | None:
    """Called once for each address, then again when its lifetime is over; None means that we do not know it."""
    row = await trio.to_thread.run_sync(read, str(address))
    return None if row is None else Peer(row[0], name=row[1])


peers = Peers(find, lifetime=60, miss_lifetime=10)
app = App(peers)


def write(address: str, secret: str, name: str) -> None:
    with closing(sqlite3.connect(DATABASE)) as connection, connection:
        connection.execute("CREATE TABLE IF NOT EXISTS nas (address TEXT PRIMARY KEY, secret TEXT, name TEXT)")
        connection.execute("REPLACE INTO nas VALUES (?, ?, ?)", (address, secret, name))


async def change(address: str, secret: str, name: str) -> None:
    """Add a NAS or change its secret. Forgetting what was cached makes it take effect at once."""
    await trio.to_thread.run_sync(write, address, secret, name)
    peers.forget(address)


@app.on(AccessRequest)
async def authenticate(request: AccessRequest) -> AccessAccept | AccessReject:
    if request[UserName] == "alice" and request.verify_password("wonderland"):
        return request.accept()
    return request.reject()
