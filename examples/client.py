"""A client: authenticate, account, change a session, ask whether the server is there.

python -m examples.client, while a server on this machine takes them all.
"""

import trio

from trioradius import (
    UDP,
    AccessAccept,
    AccessChallenge,
    AccessReject,
    AccessRequest,
    AccountingRequest,
    Client,
    CoAACK,
    CoANAK,
    CoARequest,
    NoResponse,
    StatusServer,
    open_client,
)
from trioradius.attributes import (
    AcctSessionId,
    AcctStatusType,
    ErrorCause,
    NASIdentifier,
    ReplyMessage,
    SessionTimeout,
    UserName,
    UserPassword,
)

SECRET = b"testing123"
NAS = NASIdentifier("example-nas")


async def is_alive(client: Client) -> bool:
    try:
        await client.exchange(StatusServer(NAS))
    except NoResponse:
        return False
    return True


async def authenticate(client: Client, user: str, password: str) -> str:
    reply = await client.exchange(AccessRequest(UserName(user), UserPassword(password), NAS))
    match reply:
        case AccessAccept():
            return f"accepted: {reply.get(ReplyMessage)}"
        case AccessReject():
            return "rejected"
        case AccessChallenge():
            return f"asked for more: {reply.get(ReplyMessage)}"


async def account_start(client: Client, user: str, session: str) -> None:
    """Return when the server has the record; raise NoResponse where it may not have it."""
    await client.exchange(
        AccountingRequest(AcctStatusType(AcctStatusType.START), AcctSessionId(session), UserName(user), NAS)
    )


async def change_timeout(client: Client, session: str, seconds: int) -> str:
    reply = await client.exchange(CoARequest(AcctSessionId(session), SessionTimeout(seconds)))
    match reply:
        case CoAACK():
            return "changed"
        case CoANAK():
            return f"refused: {reply.get(ErrorCause)}"


async def main(host: str = "127.0.0.1") -> None:
    async with open_client(UDP(host, 1812), secret=SECRET) as client:
        print("alive" if await is_alive(client) else "no answer")
        print(await authenticate(client, "alice", "wonderland"))
    async with open_client(UDP(host, 1813), secret=SECRET) as client:
        await account_start(client, "alice", "0000001A")
    async with open_client(UDP(host, 3799), secret=SECRET) as client:
        print(await change_timeout(client, "0000001A", 600))


if __name__ == "__main__":
    try:
        trio.run(main)
    except NoResponse as error:
        print(error)
