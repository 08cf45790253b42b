"""Lifespan: what the app opens when it starts, keeps as app.state, and closes when it ends."""

import hashlib
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from hmac import compare_digest
from pathlib import Path

import trio

from trioradius import AccessAccept, AccessReject, AccessRequest, App
from trioradius.attributes import UserName, UserPassword

USERS = Path("users.json")
"""As in {"alice": {"salt": "00ff", "hash": "..."}}, both in hexadecimal; see hashed()."""


@dataclass
class Users:
    hashes: dict[str, tuple[bytes, bytes]]

    @classmethod
    def read(cls) -> "Users":
        users = json.loads(USERS.read_text())
        return cls({name: (bytes.fromhex(user["salt"]), bytes.fromhex(user["hash"])) for name, user in users.items()})


def hashed(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=16_384, r=8, p=1)


async def read_again(users: Users) -> None:
    """A background task of the app: it takes a changed file within a minute."""
    while True:
        await trio.sleep(60)
        users.hashes = (await trio.to_thread.run_sync(Users.read)).hashes


app: App[Users] = App(peers={"127.0.0.1": b"testing123"})


@app.lifespan
async def users(app: App[Users]) -> AsyncGenerator[Users]:
    users = await trio.to_thread.run_sync(Users.read)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(read_again, users)
        yield users
        nursery.cancel_scope.cancel()


@app.on(AccessRequest)
async def authenticate(request: AccessRequest) -> AccessAccept | AccessReject:
    salt, kept = app.state.hashes.get(request[UserName], (b"", b""))
    # scrypt takes tens of milliseconds, so it runs in a thread.
    given = await trio.to_thread.run_sync(hashed, request[UserPassword], salt)
    return request.accept() if compare_digest(given, kept) else request.reject(reason="unknown user or wrong password")
