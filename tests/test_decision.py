"""Which requests a listener takes, and what decides where no handler did. The rows of the table are in test_server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.nas import PEERS, octets_of
from trioradius import (
    AccessAccept,
    AccessReject,
    AccessRequest,
    AccountingRequest,
    AccountingResponse,
    App,
    CoARequest,
    DecodeError,
    Discard,
    DisconnectRequest,
    MissingAttribute,
    Reply,
    Request,
    StatusServer,
)
from trioradius.app import NoHandler
from trioradius.decision import decide, request_class
from trioradius.protocol.profile import RADIUS_1_0
from trioradius.protocol.source import Source


def listening(*accepts: int) -> Source:
    return Source("127.0.0.1", 1024, "udp", RADIUS_1_0, frozenset(accepts))


@pytest.mark.parametrize("kind", [AccessRequest, AccountingRequest, CoARequest, DisconnectRequest])
def test_what_a_listener_takes(kind: type[Request[Any]]) -> None:
    message = RADIUS_1_0.decode(octets_of(kind()))
    assert request_class(message, listening(kind.code)) is kind
    if kind in (CoARequest, DisconnectRequest):
        assert request_class(message, listening(1)) is kind, "for its NAK"
    else:
        with pytest.raises(DecodeError, match=f"does not take {kind.name}") as refused:
            request_class(message, listening(40, 43))
        assert refused.value.reason == "not_accepted"


@pytest.mark.parametrize("accepts", [{1}, {4}, {40, 43}, {1, 4, 40, 43}])
async def test_status_server_is_taken_everywhere(accepts: set[int]) -> None:
    source = listening(*accepts)
    assert request_class(RADIUS_1_0.decode(octets_of(StatusServer())), source) is StatusServer
    reply, keep = await decide(App(PEERS), StatusServer(), source)
    assert type(reply) is (AccountingResponse if accepts == {4} else AccessAccept)
    assert not keep


async def decided(request: Request[Any], act: Callable[[], Any]) -> tuple[Reply, bool]:
    app: App[Any] = App(PEERS)

    @app.middleware
    async def decide_here(request: Request[Any], _: object) -> Any:
        return act()

    return await decide(app, request, listening(1, 4, 40, 43))


def raising(error: Exception) -> Callable[[], Any]:
    def act() -> Any:
        raise error

    return act


async def test_what_the_app_answers_is_kept_and_a_default_is_not() -> None:
    assert await decided(AccessRequest(), AccessAccept) == (AccessAccept(), True)
    assert await decided(AccessRequest(), raising(NoHandler())) == (AccessReject(), False)
    assert await decided(AccessRequest(), raising(MissingAttribute("Class"))) == (AccessReject(), True)


@pytest.mark.parametrize(
    "error, why",
    [
        (MissingAttribute("Class"), "Class is not in the packet"),
        (ExceptionGroup("", [MissingAttribute("Class")]), "Class is not in the packet"),
        (
            ExceptionGroup("", [ExceptionGroup("", [MissingAttribute("Class"), Discard("")])]),
            "Class is not in the packet",
        ),
        (ExceptionGroup("", [NoHandler()]), "no handler takes it"),
    ],
)
async def test_a_verdict_within_groups(error: Exception, why: str) -> None:
    reply, _ = await decided(AccessRequest(), raising(error))
    assert reply.reason == why


@pytest.mark.parametrize("beside", [ValueError(), ExceptionGroup("", [ValueError()])])
async def test_a_verdict_beside_a_fault_is_a_fault(beside: Exception) -> None:
    error = ExceptionGroup("", [ExceptionGroup("", [MissingAttribute("Class"), beside])])
    with pytest.raises(ExceptionGroup) as raised:
        await decided(AccessRequest(), raising(error))
    assert raised.value is error


async def test_a_discard_keeps_its_words() -> None:
    why = Discard("why", reason="a_reason")
    with pytest.raises(Discard) as raised:
        await decided(AccessRequest(), raising(ExceptionGroup("", [why])))
    assert raised.value is why


@pytest.mark.parametrize("reply", [None, AccountingResponse(), AccessRequest(), "Access-Accept"])
async def test_what_is_no_reply_to_it_is_a_fault(reply: object) -> None:
    with pytest.raises(TypeError, match=r"a handler answered Access-Request with"):
        await decided(AccessRequest(), lambda: reply)
