"""AppClient: the server's own path without a socket."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.nas import PEERS
from trioradius import (
    AccessAccept,
    AccessReject,
    AccessReply,
    AccessRequest,
    AccountingRequest,
    AccountingResponse,
    App,
    Discard,
    Limits,
    NoResponse,
    StatusServer,
    UnknownPeer,
)
from trioradius.attributes.ietf import ReplyMessage, UserName, UserPassword
from trioradius.testing import AppClient


@pytest.fixture
def app() -> App[Any]:
    app: App[Any] = App(PEERS, limits=Limits(handler_seconds=3))

    @app.on(AccessRequest)
    async def handle(request: AccessRequest) -> AccessReply:
        match request[UserName]:
            case "slow":
                await trio.sleep_forever()
            case "broken":
                raise ValueError
            case "silent":
                raise Discard("not to be told", reason="a_reason")
        if request.get(UserPassword) == "wonderland":
            return request.accept(ReplyMessage("welcome"))
        return request.reject(ReplyMessage("no"))

    return app


async def test_octets_go_both_ways(app: App[Any]) -> None:
    """The password is hidden on the way, and a reject does not wait."""
    client = AppClient(app)
    accept = await client.exchange(AccessRequest(UserName("alice"), UserPassword("wonderland")))
    assert (type(accept), accept[ReplyMessage]) == (AccessAccept, "welcome")
    reject = await client.exchange(AccessRequest(UserName("alice"), UserPassword("another")))
    assert (type(reject), reject[ReplyMessage]) == (AccessReject, "no")
    assert isinstance(await client.exchange(StatusServer()), AccessAccept)
    assert app.counters == {
        "Access-Request": 2,
        "Status-Server": 1,
        "Access-Accept": 2,
        "Access-Reject": 1,
    }


async def test_more_exchanges_than_identifiers(app: App[Any]) -> None:
    client = AppClient(app)
    for _ in range(300):
        assert await client.exchange(AccessRequest(UserName("alice")))
    assert app.counters["Access-Reject"] == 300


@pytest.mark.parametrize(
    "user, text, reason",
    [
        ("broken", "its handler failed or took too long", "NoResponse"),
        ("slow", "its handler failed or took too long", "NoResponse"),
        ("silent", "discarded: not to be told", "a_reason"),
    ],
)
async def test_silence_says_why(app: App[Any], user: str, text: str, reason: str, autojump_clock: MockClock) -> None:
    with pytest.raises(NoResponse, match=text) as silence:
        await AppClient(app).exchange(AccessRequest(UserName(user)))
    assert silence.value.reason == reason


async def test_the_time_limit_is_counted_and_logged_as_on_a_server(
    app: App[Any], autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(NoResponse):
        await AppClient(app).exchange(AccessRequest(UserName("slow")))
    assert trio.current_time() == pytest.approx(3)
    assert app.counters["handler_timed_out"] == 1
    assert "took longer than 3 s" in caplog.text
    assert not app.in_flight


async def test_no_handler_for_accounting_is_silence_with_a_reason(app: App[Any]) -> None:
    with pytest.raises(NoResponse, match="Accounting-Request: no handler takes it"):
        await AppClient(app).exchange(AccountingRequest())


async def test_an_unknown_address(app: App[Any]) -> None:
    with pytest.raises(UnknownPeer, match=r"192\.0\.2\.1"):
        await AppClient(app, address="192.0.2.1").exchange(AccessRequest())


async def test_other_secrets_by_address() -> None:
    app: App[Any] = App({"192.0.2.1": b"one secret for this NAS", "192.0.2.2": b"and another for that one"})

    @app.on(AccessRequest)
    async def say_who(request: AccessRequest) -> AccessAccept:
        assert request.peer is not None and request.source is not None
        return request.accept(ReplyMessage(f"{request.peer.name} {request.source.address} {request[UserPassword]}"))

    for address in ("192.0.2.1", "192.0.2.2"):
        reply = await AppClient(app, address=address).exchange(AccessRequest(UserPassword("wonderland")))
        assert reply[ReplyMessage] == f"{address} {address} wonderland"


async def test_the_lifespan_runs_round_the_block(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    app: App[str] = App(PEERS)
    events = []

    @app.lifespan
    async def resources(app: App[str]) -> AsyncGenerator[str]:
        events.append("entered")
        try:
            yield "state"
        finally:
            events.append("left")

    @app.on(AccountingRequest)
    async def handle(request: AccountingRequest) -> AccountingResponse:
        events.append(app.state)
        return request.respond()

    async with AppClient(app) as client:
        await client.exchange(AccountingRequest())
    assert events == ["entered", "state", "left"]
    with pytest.raises(ValueError, match="why"):
        async with AppClient(app):
            raise ValueError("why")
    assert events[3:] == ["entered", "left"]
