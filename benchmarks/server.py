"""The server under test: 10,000 users, PAP checked, three reply attributes, duplicate detection; accounting counted."""

import gc
import sys

import trio

from trioradius import (
    UDP,
    AccessAccept,
    AccessReject,
    AccessRequest,
    AccountingRequest,
    AccountingResponse,
    App,
    serve,
)
from trioradius.attributes import FramedIPAddress, ReplyMessage, SessionTimeout, UserName

USERS = {
    f"user{number}": (
        f"pass{number}",
        (ReplyMessage("Hello"), SessionTimeout(3600), FramedIPAddress(f"10.0.{number >> 8}.{number & 255}")),
    )
    for number in range(10_000)
}
"""Passwords, and reply attributes prepared at the start, as FreeRADIUS prepares its users file."""

app = App(peers={"127.0.0.1": b"testing123"})


@app.on(AccessRequest)
async def authenticate(request: AccessRequest) -> AccessAccept | AccessReject:
    password, attributes = USERS.get(request[UserName], ("", ()))
    if password and request.verify_password(password):
        return request.accept(*attributes)
    return request.reject()


@app.on(AccountingRequest)
async def account(request: AccountingRequest) -> AccountingResponse:
    return request.respond()


async def main() -> None:
    gc.freeze()
    await serve(app, UDP("127.0.0.1", int(sys.argv[1]), accepts=[AccessRequest, AccountingRequest]))


if __name__ == "__main__":
    trio.run(main)
