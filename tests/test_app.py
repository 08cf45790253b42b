"""App: settings that cannot work, lifespans, and the entrance that every request takes."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import pytest

from tests.nas import PEERS
from trioradius import (
    AccessAccept,
    AccessReject,
    AccessRequest,
    App,
    CallNext,
    ConfigurationError,
    Limits,
    MemoryDedupStore,
    Peers,
    Reply,
    Request,
)
from trioradius.app import NoHandler
from trioradius.server import running


class Fault(Exception):
    """What middleware or a lifespan raises."""


def test_what_it_has_by_default() -> None:
    app: App[Any] = App(PEERS)
    assert isinstance(app.dedup, MemoryDedupStore)
    assert app.limits == Limits()
    assert (app.reject_delay, app.event_timestamp_window) == (1, 300)
    assert App(PEERS, dedup=None).dedup is None
    peers = Peers(PEERS)
    assert App(peers).peers is peers


@pytest.mark.parametrize("seconds", [-1, 10.5, float("nan"), float("inf")])
def test_a_reject_delay_that_cannot_work(seconds: float) -> None:
    with pytest.raises(ConfigurationError, match="reject_delay is 0 to 10 seconds"):
        App(PEERS, reject_delay=seconds)


async def test_dispatch_without_routes() -> None:
    with pytest.raises(NoHandler):
        await App(PEERS).dispatch(AccessRequest())


async def test_a_route_added_while_serving_counts_from_then_on() -> None:
    app: App[Any] = App(PEERS)
    with pytest.raises(NoHandler):
        await app.dispatch(AccessRequest())

    @app.on(AccessRequest)
    async def handle(request: AccessRequest) -> AccessAccept:
        return request.accept()

    assert await app.dispatch(AccessRequest()) == AccessAccept()

    @app.middleware
    async def refuse(request: Request[Any], call_next: CallNext) -> Reply:
        return AccessReject()

    assert await app.dispatch(AccessRequest()) == AccessReject()


async def test_an_error_of_middleware_goes_out() -> None:
    app: App[Any] = App(PEERS)

    @app.middleware
    async def fail(request: Request[Any], call_next: CallNext) -> Reply:
        raise Fault

    with pytest.raises(Fault):
        await app.dispatch(AccessRequest())


# Lifespans.


async def test_each_lifespan_sees_the_state_before_it() -> None:
    app: App[str] = App(PEERS)

    @app.lifespan
    async def one(app: App[str]) -> AsyncGenerator[str]:
        assert not hasattr(app, "state")
        yield "one"

    @app.lifespan
    async def silent(app: App[str]) -> AsyncGenerator[None]:
        assert app.state == "one"
        yield

    @app.lifespan
    async def two(app: App[str]) -> AsyncGenerator[str]:
        assert app.state == "one"
        yield "two"

    async with running(app):
        assert app.state == "two"


async def test_an_error_at_entering_leaves_those_that_were_entered() -> None:
    app: App[Any] = App(PEERS)
    left = []

    @app.lifespan
    async def first(app: App[Any]) -> AsyncGenerator[None]:
        try:
            yield
        finally:
            left.append("first")

    @app.lifespan
    async def second(app: App[Any]) -> AsyncGenerator[None]:
        raise Fault
        yield

    with pytest.raises(Fault):
        async with running(app):
            raise AssertionError
    assert left == ["first"]


def test_the_lifespan_decorator_returns_the_function() -> None:
    async def lifespan(app: App[Any]) -> AsyncGenerator[None]:
        yield

    assert App(PEERS).lifespan(lifespan) is lifespan


async def plain(app: App[Any]) -> None: ...


@contextlib.asynccontextmanager
async def managed(app: App[Any]) -> AsyncIterator[None]:
    yield


def generator(app: App[Any]) -> Any:
    yield


@pytest.mark.parametrize("function", [plain, managed, generator, 7])
def test_what_is_no_lifespan(function: Any) -> None:
    with pytest.raises(ConfigurationError, match="must be an async def with one yield"):
        App(PEERS).lifespan(function)
