"""Which handler answers which request, and what stands around it."""

from __future__ import annotations

import functools
from collections.abc import Awaitable
from typing import Any

import pytest

from tests.nas import PEERS
from trioradius import (
    AccessAccept,
    AccessReject,
    AccessRequest,
    AccountingRequest,
    AccountingResponse,
    App,
    CallNext,
    CoARequest,
    ConfigurationError,
    DisconnectRequest,
    Replied,
    Reply,
    Request,
    Router,
    StatusServer,
)
from trioradius.app import NoHandler
from trioradius.attributes.ietf import AcctStatusType, NASPort, ReplyMessage, UserName
from trioradius.routing import Condition, Middleware


def app_of(*routers: Router, **settings: Any) -> App[Any]:
    app: App[Any] = App(PEERS)
    for router in routers:
        app.include(router, **settings)
    return app


def route(router: Router, name: str, **settings: Any) -> None:
    """A route whose handler says its name."""

    @router.on(AccessRequest, **settings)
    async def handle(request: AccessRequest) -> AccessAccept:
        return request.accept(ReplyMessage(name))


async def answer(app: App[Any], request: Request[Any]) -> str:
    """All that the handler and middleware said, in order; '' where no route matches."""
    try:
        return " ".join((await app.dispatch(request)).all(ReplyMessage))
    except NoHandler:
        return ""


def saying(name: str) -> Middleware:
    """Middleware that adds its name to the reply on the way out."""

    async def say(request: Request[Any], call_next: CallNext) -> Reply:
        return (await call_next(request)).with_attributes(ReplyMessage(name))

    return say


async def test_the_first_that_matches_wins() -> None:
    app = app_of()
    route(app, "narrow", when=lambda request: request[NASPort] == 1)
    route(app, "wide")
    route(app, "never")
    assert await answer(app, AccessRequest(NASPort(1))) == "narrow"
    assert await answer(app, AccessRequest(NASPort(2))) == "wide"
    assert await answer(app, AccessRequest()) == "wide", "a condition on an absent attribute does not hold"
    assert await answer(app, AccountingRequest()) == ""


async def test_a_condition_that_fails_is_a_fault() -> None:
    app = app_of()
    route(app, "never", when=lambda request: 1 / 0 > 0)
    with pytest.raises(ZeroDivisionError):
        await app.dispatch(AccessRequest())


@pytest.mark.parametrize(
    "user, found",
    [
        ("alice@example.org", "ours"),
        ("alice@EXAMPLE.Org", "ours"),
        ("alice@example.com@example.org", "ours"),
        ("@example.org", "ours"),
        ("alice@example.org@example.com", ""),
        ("alice@sub.example.org", ""),
        ("alice@notexample.org", ""),
        ("example.org", ""),
        ("example.org\\alice", ""),
        ("alice@", ""),
        ("alice", ""),
    ],
)
@pytest.mark.parametrize("realm", ["example.org", "Example.ORG", "@example.org"])
async def test_realms(user: str, found: str, realm: str) -> None:
    app = app_of()
    route(app, "ours", realm=realm)
    assert await answer(app, AccessRequest(UserName(user))) == found
    assert await answer(app, AccessRequest()) == ""


async def test_many_realms_and_routes_for_all_between_them_keep_their_order() -> None:
    app, asked = app_of(), []

    def asking(name: str) -> Condition:
        return lambda request: bool(asked.append(name)) or NASPort in request

    route(app, "first", realm="one.example", when=asking("first"))
    route(app, "port 7", when=lambda request: request[NASPort] == 7)
    for number in range(50):
        route(app, f"of {number}", realm=f"{number}.example", when=asking(f"{number}"))
    route(app, "second", realm="one.example")
    route(app, "last")
    for user, port, found in [
        ("alice@one.example", (NASPort(7),), "first"),
        ("alice@one.example", (), "second"),
        ("alice@33.example", (NASPort(7),), "port 7"),
        ("alice@33.example", (NASPort(8),), "of 33"),
        ("alice@33.example", (), "last"),
        ("alice@elsewhere.example", (NASPort(7),), "port 7"),
        ("alice", (), "last"),
    ]:
        assert await answer(app, AccessRequest(UserName(user), *port)) == found
    assert asked == ["first", "first", "33", "33"], "a route of another realm is not even asked"


async def test_a_realm_within_another_is_never() -> None:
    router = Router()
    route(router, "both", realm="one.example")
    app = app_of(router, realm="two.example")
    route(app, "two", realm="two.example")
    assert await answer(app, AccessRequest(UserName("alice@one.example"))) == ""
    assert await answer(app, AccessRequest(UserName("alice@two.example"))) == "two"


@pytest.mark.parametrize("realm", ["@", "@@"])
def test_a_realm_that_names_none(realm: str) -> None:
    with pytest.raises(ConfigurationError, match="names no realm"):
        route(Router(), "all of them", realm=realm)
    with pytest.raises(ConfigurationError, match="names no realm"):
        app_of(Router(), realm=realm)


async def test_an_included_router_stands_in_its_place() -> None:
    app, router = app_of(), Router()
    route(app, "first", when=lambda request: request[NASPort] == 1)
    app.include(router, when=lambda request: NASPort in request, realm="example.org")
    route(app, "last")
    route(router, "included", when=lambda request: request[NASPort] > 0)
    alice = UserName("alice@example.org")
    assert await answer(app, AccessRequest(alice, NASPort(1))) == "first"
    assert await answer(app, AccessRequest(alice, NASPort(2))) == "included"
    assert await answer(app, AccessRequest(alice, NASPort(0))) == "last"
    assert await answer(app, AccessRequest(alice)) == "last"
    assert await answer(app, AccessRequest(UserName("alice"), NASPort(2))) == "last"


async def test_middleware_is_around_what_its_router_has_and_includes() -> None:
    outer, inner = Router(), Router()
    app = app_of(outer)
    outer.include(inner)
    for router, name in ((app, "app"), (outer, "outer"), (inner, "inner")):
        router.middleware(saying(f"{name}1"))
        router.middleware(saying(f"{name}2"))
    for number, router in enumerate((app, outer, inner)):
        route(router, str(number), when=lambda request, number=number: request[NASPort] == number)
    assert await answer(app, AccessRequest(NASPort(0))) == "0 app2 app1"
    assert await answer(app, AccessRequest(NASPort(1))) == "1 outer2 outer1 app2 app1"
    assert await answer(app, AccessRequest(NASPort(2))) == "2 inner2 inner1 outer2 outer1 app2 app1"
    assert [len(row.middleware) for row in app.routes] == [4, 2, 0]


async def test_what_is_registered_in_an_included_router_later_counts_too() -> None:
    """Also after the first packet, and two routers down."""
    outer, inner = Router(), Router()
    app = app_of(outer)
    outer.include(inner)
    assert await answer(app, AccessRequest()) == ""
    route(inner, "late")
    assert await answer(app, AccessRequest()) == "late"
    inner.middleware(saying("later"))
    assert await answer(app, AccessRequest()) == "late later"


async def test_one_router_in_two_apps() -> None:
    router = Router()
    one, two = app_of(router), app_of(router, realm="example.org")
    route(router, "shared")
    assert await answer(one, AccessRequest()) == "shared"
    assert await answer(two, AccessRequest()) == ""
    assert await answer(two, AccessRequest(UserName("alice@example.org"))) == "shared"


def test_a_router_cannot_include_itself() -> None:
    one, two, three = Router(), Router(), Router()
    one.include(two)
    two.include(three)
    for inner, outer in ((one, one), (one, two), (one, three)):
        with pytest.raises(ConfigurationError, match="cannot include itself"):
            outer.include(inner)
    one.include(three)


async def test_middleware_may_answer_change_and_catch() -> None:
    app = app_of()

    @app.middleware
    async def guard(request: Request[Any], call_next: CallNext) -> Reply:
        if UserName not in request:
            return AccessReject(ReplyMessage("who?"))
        try:
            return (await call_next(request)).with_attributes(ReplyMessage("changed"))
        except NoHandler:
            return AccessReject(ReplyMessage("nobody"))

    route(app, "handled", realm="example.org")
    assert await answer(app, AccessRequest()) == "who?"
    assert await answer(app, AccessRequest(UserName("alice"))) == "nobody"
    assert await answer(app, AccessRequest(UserName("alice@example.org"))) == "handled changed"


@pytest.mark.parametrize("depth", [0, 1, 2])
async def test_middleware_sees_a_reply_that_was_raised(depth: int) -> None:
    """Also from within nurseries of the handler's own."""
    app: App[Any] = App(PEERS)
    seen: list[Reply] = []

    @app.middleware
    async def look(request: Request[Any], call_next: CallNext) -> Reply:
        seen.append(await call_next(request))
        return seen[-1]

    @app.on(AccessRequest)
    async def decided(request: AccessRequest) -> AccessAccept:
        error: Exception = Replied(request.reject(reason="decided"))
        for _ in range(depth):
            error = ExceptionGroup("a nursery's", [error])
        raise error

    reply = await app.dispatch(AccessRequest())
    assert isinstance(reply, AccessReject) and reply.reason == "decided"
    assert seen == [reply]
    assert app.routes[0].function is decided


@pytest.mark.parametrize("error", [KeyError("x"), ExceptionGroup("", [Replied(AccessReject()), KeyError("x")])])
async def test_middleware_sees_other_errors_as_they_are(error: Exception) -> None:
    app: App[Any] = App(PEERS)

    @app.middleware
    async def look(request: Request[Any], call_next: CallNext) -> Reply:
        with pytest.raises(type(error)) as raised:
            await call_next(request)
        assert raised.value is error
        return AccessAccept()

    @app.on(AccessRequest)
    async def fails(request: AccessRequest) -> AccessAccept:
        raise error

    assert isinstance(await app.dispatch(AccessRequest()), AccessAccept)


async def test_with_attributes_keeps_the_kind_and_the_reason() -> None:
    reply = AccessRequest().reject(reason="why").with_attributes(ReplyMessage("no"))
    assert (type(reply), reply.reason, reply[ReplyMessage]) == (AccessReject, "why", "no")


def test_decorators_return_the_function() -> None:
    async def handle(request: AccessRequest) -> AccessAccept:
        return request.accept()

    async def around(request: Request[Any], call_next: CallNext) -> Reply:
        return await call_next(request)

    router = Router()
    assert router.on(AccessRequest)(handle) is handle
    assert router.middleware(around) is around
    assert router.middlewares == (around,)


def test_the_table() -> None:
    router = Router()

    @router.on(AccountingRequest, when=lambda request: request[AcctStatusType] == AcctStatusType.START)
    async def start(request: AccountingRequest) -> AccountingResponse:
        return request.respond()

    app = app_of(router, realm="Example.org")
    route(app, "second", realm="example.com")
    first, second = app.routes
    assert (first.request, first.function, first.realm, len(first.conditions)) == (
        AccountingRequest,
        start,
        "Example.org",
        2,
    )
    assert str(first).endswith("start")
    assert (second.request, second.realm, len(second.conditions)) == (AccessRequest, "example.com", 1)


class Callable:
    """A handler with state."""

    async def __call__(self, request: AccessRequest) -> AccessAccept:
        return request.accept(ReplyMessage("called"))


async def partly(word: str, request: AccessRequest) -> AccessAccept:
    return request.accept(ReplyMessage(word))


@pytest.mark.parametrize("handler, word", [(Callable(), "called"), (functools.partial(partly, "partly"), "partly")])
async def test_whatever_is_async_may_handle(handler: Any, word: str) -> None:
    app = app_of()
    app.on(AccessRequest)(handler)
    app.middleware(saying("around"))
    assert await answer(app, AccessRequest()) == f"{word} around"
    assert str(app.routes[0])


def synchronous(request: Any, call_next: Any = None) -> Any: ...


@pytest.mark.parametrize("function", [synchronous, lambda request: None, Callable, 7, functools.partial(synchronous)])
def test_what_is_not_async_is_refused(function: Any) -> None:
    for decorate in (Router().on(AccessRequest), Router().middleware):
        with pytest.raises(ConfigurationError, match="must be an async def"):
            decorate(function)


@pytest.mark.parametrize(
    "kind", [StatusServer, Request, AccessAccept, AccessRequest(), "Access-Request", 1, None, synchronous]
)
def test_what_is_no_request_class_is_refused(kind: Any) -> None:
    with pytest.raises(
        ConfigurationError, match="AccessRequest, AccountingRequest, CoARequest or DisconnectRequest, not"
    ):
        Router().on(kind)


@pytest.mark.parametrize("kind", [AccessRequest, AccountingRequest, CoARequest, DisconnectRequest])
async def test_dispatch_returns_an_awaitable(kind: Any) -> None:
    app = app_of()

    @app.on(kind)
    async def handle(request: Any) -> Any:
        return "whatever"

    coming = app.dispatch(kind())
    assert isinstance(coming, Awaitable)
    assert await coming == "whatever"
