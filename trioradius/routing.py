"""Routes: which handler answers which request. A Router collects them; App is one."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias, TypeVar, overload

import attrs

from trioradius.errors import ConfigurationError, MissingAttribute, Replied
from trioradius.protocol.packets import (
    REQUESTS,
    AccessReply,
    AccessRequest,
    AccountingRequest,
    AccountingResponse,
    CoAReply,
    CoARequest,
    DisconnectReply,
    DisconnectRequest,
    Reply,
    Request,
)

Handler: TypeAlias = Callable[[Any], Awaitable[Reply]]
CallNext: TypeAlias = Callable[[Request[Any]], Awaitable[Reply]]
Middleware: TypeAlias = Callable[[Request[Any], CallNext], Awaitable[Reply]]
Condition: TypeAlias = Callable[[Any], bool]

AccessHandler = TypeVar("AccessHandler", bound=Callable[[AccessRequest], Awaitable[AccessReply]])
AccountingHandler = TypeVar("AccountingHandler", bound=Callable[[AccountingRequest], Awaitable[AccountingResponse]])
CoAHandler = TypeVar("CoAHandler", bound=Callable[[CoARequest], Awaitable[CoAReply]])
DisconnectHandler = TypeVar("DisconnectHandler", bound=Callable[[DisconnectRequest], Awaitable[DisconnectReply]])
AnyMiddleware = TypeVar("AnyMiddleware", bound=Middleware)


class NoHandler(Exception):
    """No route took a request; the server answers as its code wants."""


@attrs.frozen
class Route:
    """One row of the table: requests of this class for which every condition holds go to the handler.

    ``middleware`` is that of included routers, which the handler already stands inside of, the outermost first.
    """

    request: type[Request[Any]]
    handler: Handler
    conditions: tuple[Condition, ...] = ()
    realm: str = ""
    middleware: tuple[Middleware, ...] = ()

    @property
    def function(self) -> Handler:
        """The handler as it was registered, without middleware."""
        function: Handler = inspect.unwrap(self.handler)
        return function

    def matches(self, request: Request[Any]) -> bool:
        """Whether this route takes the request; a condition that asks for an absent attribute does not hold."""
        try:
            for condition in self.conditions:
                if not condition(request):
                    return False
        except MissingAttribute:
            return False
        return True

    def __str__(self) -> str:
        return getattr(self.handler, "__qualname__", repr(self.handler))


@attrs.frozen
class InRealm:
    """The condition that ``realm=`` makes."""

    realm: str

    def __call__(self, request: Request[Any]) -> bool:
        """Whether the request is of this realm."""
        return request.realm == self.realm


def by_realm(routes: Sequence[Route]) -> dict[str, tuple[Route, ...]]:
    """The routes that are left for a request of each realm that any of them wants, and under "" for all others.

    They need not ask for the realm any more: so a thousand realms cost a request no more than one.
    """
    places: dict[str, list[int]] = {"": []}
    for place, route in enumerate(routes):
        realms = {condition.realm for condition in route.conditions if isinstance(condition, InRealm)}
        # One that wants two realms, as by two routers, is for nobody.
        if len(realms) < 2:
            places.setdefault(realms.pop() if realms else "", []).append(place)
    left = [_without_realm(route) for route in routes]
    everywhere = places.pop("")
    found = {realm: tuple(left[place] for place in sorted(own + everywhere)) for realm, own in places.items()}
    return {"": tuple(left[place] for place in everywhere), **found}


def _without_realm(route: Route) -> Route:
    return attrs.evolve(route, conditions=tuple(one for one in route.conditions if not isinstance(one, InRealm)))


def chosen_from(routes: Sequence[Route]) -> Handler:
    """What hands a request to the first of these routes that takes it, and raises NoHandler where none does."""
    realms = by_realm(routes)
    everywhere = realms.pop("")
    if not realms and everywhere and not everywhere[0].conditions:
        return everywhere[0].handler

    def choose(request: Request[Any]) -> Awaitable[Reply]:
        for route in realms.get(request.realm, everywhere) if realms else everywhere:
            if not route.conditions or route.matches(request):
                return route.handler(request)
        raise NoHandler

    return choose


class Router:
    """A collection of routes and middleware, one module's concern; ``app.include(router)`` takes it in."""

    def __init__(self) -> None:
        self._routes: list[Route | _Included] = []
        self._middleware: list[Middleware] = []
        self._includers: list[Router] = []

    @overload
    def on(
        self, request: type[AccessRequest], *, when: Callable[[AccessRequest], bool] | None = None, realm: str = ""
    ) -> Callable[[AccessHandler], AccessHandler]: ...
    @overload
    def on(
        self,
        request: type[AccountingRequest],
        *,
        when: Callable[[AccountingRequest], bool] | None = None,
        realm: str = "",
    ) -> Callable[[AccountingHandler], AccountingHandler]: ...
    @overload
    def on(
        self, request: type[CoARequest], *, when: Callable[[CoARequest], bool] | None = None, realm: str = ""
    ) -> Callable[[CoAHandler], CoAHandler]: ...
    @overload
    def on(
        self,
        request: type[DisconnectRequest],
        *,
        when: Callable[[DisconnectRequest], bool] | None = None,
        realm: str = "",
    ) -> Callable[[DisconnectHandler], DisconnectHandler]: ...

    def on(self, request: Any, *, when: Condition | None = None, realm: str = "") -> Any:
        """Register the decorated ``async def`` for a request class; the first registered route that matches wins.

        Args:
            request: AccessRequest, AccountingRequest, CoARequest or DisconnectRequest.
            when: a condition on the request; one that asks for an absent attribute does not hold.
            realm: what must stand after the @ of User-Name, whatever its case.

        Raises:
            ConfigurationError: the class is no such request, or the function no ``async def``.
        """
        if request not in REQUESTS.values() or not request.replies or request.__name__ == "StatusServer":
            raise ConfigurationError(
                f"on() takes AccessRequest, AccountingRequest, CoARequest or DisconnectRequest, not {request!r}"
            )

        def register(handler: Handler) -> Handler:
            _require_async(handler)
            self._routes.append(Route(request, handler, _conditions(when, realm), realm))
            self._changed()
            return handler

        return register

    def middleware(self, function: AnyMiddleware) -> AnyMiddleware:
        """Register ``async def name(request, call_next)`` round every handler of this router, the first outermost."""
        _require_async(function)
        self._middleware.append(function)
        self._changed()
        return function

    def include(self, router: Router, *, when: Condition | None = None, realm: str = "") -> None:
        """Take in another router's routes, here in the order; ``when`` and ``realm`` hold for all of them.

        What is registered in it later belongs to it too.

        Raises:
            ConfigurationError: the router would include itself, at once or by way of others.
        """
        if router._includes(self):
            raise ConfigurationError("a router cannot include itself")
        self._routes.append(_Included(router, _conditions(when, realm), realm))
        router._includers.append(self)
        self._changed()

    @property
    def routes(self) -> tuple[Route, ...]:
        """The table, included routers' routes in their places and inside their middleware."""
        found: list[Route] = []
        for row in self._routes:
            found += [row] if isinstance(row, Route) else row.routes()
        return tuple(found)

    @property
    def middlewares(self) -> tuple[Middleware, ...]:
        """This router's own middleware, the outermost first."""
        return tuple(self._middleware)

    def _includes(self, router: Router) -> bool:
        return router is self or any(isinstance(r, _Included) and r.router._includes(router) for r in self._routes)

    def _changed(self) -> None:
        """Told upwards to the App, which keeps the table ready to use."""
        for router in self._includers:
            router._changed()


@attrs.frozen
class _Included:
    router: Router
    conditions: tuple[Condition, ...]
    realm: str

    def routes(self) -> list[Route]:
        return [
            attrs.evolve(
                route,
                handler=wrapped(self.router._middleware, route.handler),
                conditions=self.conditions + route.conditions,
                realm=route.realm or self.realm,
                middleware=(*self.router.middlewares, *route.middleware),
            )
            for route in self.router.routes
        ]


def wrapped(middleware: list[Middleware], handler: Handler) -> Handler:
    """The handler inside its middleware, which sees a reply also where what the handler awaited has decided it."""
    if middleware:
        handler = _settled(handler)
    for outer in reversed(middleware):
        handler = _around(outer, handler)
    return handler


def _settled(inner: Handler) -> Handler:
    async def call(request: Request[Any]) -> Reply:
        try:
            return await inner(request)
        except Replied as decided:
            return decided.reply
        except ExceptionGroup as group:
            # Raised within a nursery of the handler's own.
            only = _alone(group)
            if not isinstance(only, Replied):
                raise
            return only.reply

    return _named_as(inner, call)


def _alone(group: ExceptionGroup[Exception]) -> Exception:
    """The one exception within groups that hold nothing else; the group where there are several."""
    found: Exception = group
    while isinstance(found, ExceptionGroup) and len(found.exceptions) == 1:
        found = found.exceptions[0]
    return found


def _around(outer: Middleware, inner: Handler) -> Handler:
    async def call(request: Request[Any]) -> Reply:
        return await outer(request, inner)

    return _named_as(inner, call)


def _named_as(inner: Handler, call: Handler) -> Handler:
    call.__qualname__ = getattr(inner, "__qualname__", repr(inner))
    call.__wrapped__ = inner  # type: ignore[attr-defined]
    return call


def _conditions(when: Condition | None, realm: str) -> tuple[Condition, ...]:
    wanted = realm.lower().lstrip("@")
    if realm and not wanted:
        raise ConfigurationError(f"realm={realm!r} names no realm; without realm= a route takes every one")
    in_realm: tuple[Condition, ...] = (InRealm(wanted),) if wanted else ()
    return in_realm + ((when,) if when is not None else ())


def _require_async(function: object) -> None:
    call = None if isinstance(function, type) else getattr(function, "__call__", None)  # noqa: B004
    if not (inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)):
        name = getattr(function, "__qualname__", function)
        raise ConfigurationError(f"{name} must be an async def")
