"""What type checkers must accept; never run."""

from ipaddress import IPv4Address
from typing import assert_never, assert_type

from trioradius import (
    AVP,
    AccessAccept,
    AccessChallenge,
    AccessReject,
    AccessRequest,
    AccountingRequest,
    AccountingResponse,
    App,
    CallNext,
    Client,
    CoAACK,
    CoANAK,
    CoARequest,
    DisconnectACK,
    DisconnectRequest,
    EAPCredentials,
    Reply,
    Request,
    Router,
    StatusServer,
)
from trioradius.attributes import (
    AcctStatusType,
    ErrorCause,
    EventTimestamp,
    FramedIPAddress,
    FramedMTU,
    ReplyMessage,
    SessionTimeout,
    TunnelType,
    UserName,
)

app = App(peers={"127.0.0.1": b"testing123"})
router = Router()


@app.on(AccessRequest)
async def narrow(request: AccessRequest) -> AccessAccept:
    assert_type(request[UserName], str)
    assert_type(request.get(FramedMTU), int | None)
    assert_type(request.all(ReplyMessage), tuple[str, ...])
    return request.accept(SessionTimeout(3600), FramedIPAddress("10.0.0.1"), FramedIPAddress(IPv4Address("10.0.0.1")))


@router.on(AccessRequest, when=lambda request: request[UserName] == "alice", realm="example.org")
async def wide(request: AccessRequest) -> AccessAccept | AccessReject | AccessChallenge:
    return request.challenge(TunnelType(TunnelType.VLAN, tag=1), ("Reply-Message", "more"))


@app.on(AccountingRequest, when=lambda request: request[AcctStatusType] == AcctStatusType.START)
async def start(request: AccountingRequest) -> AccountingResponse:
    return request.respond()


@app.on(CoARequest)
async def change(request: CoARequest) -> CoAACK | CoANAK:
    return request.nak(ErrorCause.SESSION_CONTEXT_NOT_FOUND)


@app.on(DisconnectRequest)
async def end(request: DisconnectRequest) -> DisconnectACK:
    return request.ack()


@app.middleware
async def timed(request: Request[Reply], call_next: CallNext) -> Reply:
    return await call_next(request)


avp: AVP = EventTimestamp(1_700_000_000)


async def exhaustive(client: Client) -> str:
    reply = await client.exchange(AccessRequest(UserName("alice")))
    match reply:
        case AccessAccept():
            return "accept"
        case AccessReject():
            return "reject"
        case AccessChallenge():
            return "challenge"
        case _:
            assert_never(reply)


async def others(client: Client) -> None:
    assert_type(await client.exchange(AccountingRequest()), AccountingResponse)
    assert_type(await client.exchange(StatusServer()), AccessAccept | AccountingResponse)
    assert_type(await client.exchange(CoARequest()), CoAACK | CoANAK)


async def supplicant(client: Client) -> str:
    """Challenges do not surface, so that two cases exhaust what comes of a conversation."""
    result = await client.authenticate(EAPCredentials(method="md5", identity="alice", password="wonderland"))
    match result.reply:
        case AccessAccept():
            return "accept"
        case AccessReject():
            return "reject"
        case _:
            assert_never(result.reply)
