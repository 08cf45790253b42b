import pathlib
from collections.abc import AsyncIterator

import pytest
import trio

from examples.sessions import app, change_rate
from trioradius import (
    UDP,
    AccessAccept,
    AccessReject,
    AccessRequest,
    AccountingRequest,
    App,
    CoAACK,
    CoANAK,
    CoARequest,
    Peer,
    Peers,
    serve,
)
from trioradius.attributes import (
    AcctInterimInterval,
    AcctSessionId,
    AcctStatusType,
    CallingStationId,
    ErrorCause,
    FramedIPAddress,
    NASIPAddress,
    UserName,
    UserPassword,
)
from trioradius.attributes.rates import Rate
from trioradius.sessions import Acknowledged, Refused
from trioradius.testing import AppClient

NAS = NASIPAddress("127.0.0.1")


@pytest.fixture
async def client(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AppClient]:
    monkeypatch.chdir(tmp_path)
    async with AppClient(app) as client:
        yield client


def login(caller: str, password: str = "wonderland") -> AccessRequest:
    return AccessRequest(UserName("alice"), UserPassword(password), NAS, CallingStationId(caller))


def record(status: int) -> AccountingRequest:
    return AccountingRequest(AcctStatusType(status), AcctSessionId("1"), UserName("alice"), NAS, CallingStationId("a"))


async def test_one_session_at_a_time_with_an_address(client: AppClient) -> None:
    assert isinstance(await client.exchange(login("a", "wrong")), AccessReject)
    accepted = await client.exchange(login("a"))
    assert isinstance(accepted, AccessAccept)
    assert str(accepted[FramedIPAddress]) == "100.64.0.2"
    assert accepted["Mikrotik-Rate-Limit"] == "5000k/20000k"
    assert 60 <= accepted[AcctInterimInterval] <= 72
    assert isinstance(await client.exchange(login("b")), AccessReject)
    for status in (AcctStatusType.START, AcctStatusType.STOP):
        await client.exchange(record(status))
    assert isinstance(await client.exchange(login("b")), AccessAccept)


async def test_the_rate_of_a_session_is_changed(client: AppClient) -> None:
    """The NAS knows one of two sessions."""
    nas: App[None] = App(peers={"127.0.0.1": b"testing123"})
    rates: list[object] = []

    @nas.on(CoARequest)
    async def change(request: CoARequest) -> CoAACK | CoANAK:
        if request[AcctSessionId] != "1":
            return request.nak(ErrorCause.SESSION_CONTEXT_NOT_FOUND)
        rates.append(request["Mikrotik-Rate-Limit"])
        return request.ack()

    await client.exchange(record(AcctStatusType.START))
    lost = record(AcctStatusType.START)
    await client.exchange(
        AccountingRequest(*(AcctSessionId("2") if n == 1 else avp for n, avp in enumerate(lost.avps)))
    )
    async with trio.open_nursery() as nursery:
        [address] = await nursery.start(serve, nas, UDP("127.0.0.1", 0))
        peers = Peers({"127.0.0.1": Peer(b"testing123", vendor="mikrotik", coa_port=address[1])})
        changed, refused = await change_rate("alice", Rate(down="50M", up="10M"), peers)
        nursery.cancel_scope.cancel()
    assert isinstance(changed, Acknowledged)
    assert isinstance(refused, Refused)
    assert rates == ["10000k/50000k"]
    assert [session.id for session in await app.state.sessions.online("alice")] == ["1"]
