"""The app under test, run by ``trioradius run server:app``.

10,000 users, PAP checked, three reply attributes, duplicate detection as it comes.
"""

from trioradius import (
    AccessAccept,
    AccessReject,
    AccessRequest,
    AccountingRequest,
    AccountingResponse,
    App,
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
