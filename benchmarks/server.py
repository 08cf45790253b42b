"""The server under test: 10,000 users, PAP checked, three reply attributes, duplicate detection; accounting counted."""

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

USERS = {f"user{number}": f"pass{number}" for number in range(10_000)}

app = App(peers={"127.0.0.1": b"testing123"})


@app.on(AccessRequest)
async def authenticate(request: AccessRequest) -> AccessAccept | AccessReject:
    password = USERS.get(request[UserName])
    if password is None or not request.verify_password(password):
        return request.reject()
    return request.accept(ReplyMessage("Hello"), SessionTimeout(3600), FramedIPAddress("10.0.0.1"))


@app.on(AccountingRequest)
async def account(request: AccountingRequest) -> AccountingResponse:
    return request.respond()


async def main() -> None:
    await serve(app, UDP("127.0.0.1", int(sys.argv[1]), accepts=[AccessRequest, AccountingRequest]))


if __name__ == "__main__":
    trio.run(main)
