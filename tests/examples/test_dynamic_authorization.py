from collections.abc import Iterator

import pytest

from examples import dynamic_authorization
from examples.dynamic_authorization import Session, app
from trioradius import CoAACK, CoANAK, CoARequest, DisconnectACK, DisconnectNAK, DisconnectRequest
from trioradius.attributes import AcctSessionId, ErrorCause, FilterId, SessionTimeout
from trioradius.testing import AppClient


@pytest.fixture(autouse=True)
def session() -> Iterator[Session]:
    alice = Session("alice", timeout=3600)
    dynamic_authorization.sessions["1"] = alice
    yield alice
    dynamic_authorization.sessions.pop("1", None)


async def test_a_session_is_changed(session: Session) -> None:
    reply = await AppClient(app).exchange(CoARequest(AcctSessionId("1"), SessionTimeout(60)))
    assert isinstance(reply, CoAACK)
    assert session.timeout == 60


async def test_what_cannot_be_changed_is_refused() -> None:
    client = AppClient(app)
    for request, cause in (
        (CoARequest(AcctSessionId("2"), SessionTimeout(60)), ErrorCause.SESSION_CONTEXT_NOT_FOUND),
        (CoARequest(AcctSessionId("1"), FilterId("slow")), ErrorCause.UNSUPPORTED_ATTRIBUTE),
        (CoARequest(SessionTimeout(60)), ErrorCause.MISSING_ATTRIBUTE),
    ):
        reply = await client.exchange(request)
        assert isinstance(reply, CoANAK)
        assert reply[ErrorCause] == cause


async def test_a_session_ends_once() -> None:
    client = AppClient(app)
    assert isinstance(await client.exchange(DisconnectRequest(AcctSessionId("1"))), DisconnectACK)
    again = await client.exchange(DisconnectRequest(AcctSessionId("1")))
    assert isinstance(again, DisconnectNAK)
    assert again[ErrorCause] == ErrorCause.SESSION_CONTEXT_NOT_FOUND
