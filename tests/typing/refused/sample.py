"""What type checkers must refuse: every line marked ``refused``, and no other; never run."""

from trioradius import AccessRequest, AccountingRequest, AccountingResponse, App, Client, CoAACK, CoARequest, Reply
from trioradius.attributes import FramedIPAddress, ReplyMessage, SessionTimeout, UserName

app = App(peers={"127.0.0.1": b"testing123"})


@app.on(AccessRequest)  # refused
async def wrong_reply(request: AccessRequest) -> AccountingResponse:
    return AccountingResponse()


@app.on(AccountingRequest)  # refused
async def wrong_request(request: AccessRequest) -> AccountingResponse:
    return AccountingResponse()


@app.on(CoARequest)  # refused
def not_async(request: CoARequest) -> CoAACK:
    return request.ack()


@app.on(AccessRequest)  # refused
async def too_wide(request: AccessRequest) -> Reply:
    return request.accept()


@app.on(AccountingRequest)  # refused
async def may_be_nothing(request: AccountingRequest) -> AccountingResponse | None:
    return None


SessionTimeout("one hour")  # refused
ReplyMessage(7)  # refused
FramedIPAddress(1.5)  # refused
SessionTimeout(5).octets = b""  # refused


async def client(client: Client) -> None:
    name: int = (await client.exchange(AccountingRequest()))[UserName]  # refused
    reply: CoAACK = await client.exchange(AccountingRequest())  # refused
    print(name, reply)
