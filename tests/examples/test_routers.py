import logging

import pytest

from examples.routers import accounting, app
from trioradius import AccessAccept, AccessReject, AccessRequest, AccountingRequest, NoResponse
from trioradius.attributes import AcctSessionId, AcctStatusType, ServiceType, SessionTimeout, UserName, UserPassword
from trioradius.testing import AppClient


def asking(user: str, password: str) -> AccessRequest:
    return AccessRequest(UserName(user), UserPassword(password))


async def test_each_realm_has_its_router() -> None:
    client = AppClient(app)
    subscriber = await client.exchange(asking("Alice@Example.NET", "wonderland"))
    assert isinstance(subscriber, AccessAccept)
    assert subscriber[SessionTimeout] == 86_400
    operator = await client.exchange(asking("carol@staff.example.net", "through the looking glass"))
    assert isinstance(operator, AccessAccept)
    assert operator[ServiceType] == ServiceType.ADMINISTRATIVE_USER
    for user in ("alice@staff.example.net", "alice", "alice@elsewhere.example"):
        assert isinstance(await client.exchange(asking(user, "wonderland")), AccessReject)


async def test_middleware_of_a_router_holds_for_that_router_only() -> None:
    app.peers.replace({"127.0.0.0/8": b"testing123"})
    client = AppClient(app, address="127.0.0.9")
    with pytest.raises(NoResponse) as caught:
        await client.exchange(asking("carol@staff.example.net", "through the looking glass"))
    assert caught.value.reason == "not_a_terminal"
    assert isinstance(await client.exchange(asking("alice@example.net", "wonderland")), AccessAccept)


async def test_accounting() -> None:
    client = AppClient(app)
    attributes = AcctSessionId("1"), UserName("alice@example.net")
    await client.exchange(AccountingRequest(AcctStatusType(AcctStatusType.START), *attributes))
    assert accounting.online == {"1": "alice@example.net"}
    await client.exchange(AccountingRequest(AcctStatusType(AcctStatusType.STOP), *attributes))
    assert accounting.online == {}


async def test_middleware_of_the_app_holds_for_every_route(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="examples.routers.timing"):
        await AppClient(app).exchange(asking("alice@example.net", "wonderland"))
    assert "Access-Request -> Access-Accept in" in caplog.text
