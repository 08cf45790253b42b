"""App: what to answer. It holds routes and settings, and does nothing by itself; server.py does."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar

from trio_util import AsyncValue

from trioradius.attributes.dictionary import Dictionary
from trioradius.errors import ConfigurationError
from trioradius.peers import MemoryLearned, Peers, PeerSource
from trioradius.peers.policy import Learned
from trioradius.peers.table import PeerTable
from trioradius.protocol.packets import Reply, Request
from trioradius.routing import AnyMiddleware, Handler, Middleware, NoHandler, Router, chosen_from, wrapped
from trioradius.stores import DedupStore, MemoryDedupStore
from trioradius.transports.listener import Limits

if TYPE_CHECKING:
    import typing_extensions

    State = typing_extensions.TypeVar("State", default=Any)
else:
    State = TypeVar("State")
Lifespan: TypeAlias = "Callable[[App[Any]], AsyncGenerator[Any]]"
AnyReload = TypeVar("AnyReload", bound=Callable[[], object])
AnyLifespan = TypeVar("AnyLifespan", bound="Callable[[App[Any]], AsyncGenerator[Any]]")


class Counters(Counter[str]):
    """A Counter that counts at the speed of a dict; Counter's own ``del`` costs every ``+=`` a look-up of methods."""

    __setitem__ = dict.__setitem__
    __delitem__ = dict.__delitem__  # type: ignore[assignment]


class App(Router, Generic[State]):
    """A RADIUS application: peers, routes, and the rules that hold for all of them.

    Args:
        peers: address or network to Peer or secret; or an async source; or a Peers made ready.
        dedup: where replies live for repeats (RFC 5080 section 2.2.2), by default a MemoryDedupStore; None switches
            duplicate detection off.
        dictionary: what attributes are called; the bundled one by default.
        limits: how much at once, and how long.
        reject_delay: seconds before an Access-Reject leaves, with a tenth of jitter; 0 to 10
            (draft-ietf-radext-deprecating-radius).
        event_timestamp_window: seconds that Event-Timestamp of CoA-Request and Disconnect-Request may be off
            (RFC 5176 section 6.3).
        learned: what "auto" learned about each NAS; FileLearned keeps it over restarts.

    Raises:
        ConfigurationError: a setting that cannot work.
    """

    def __init__(
        self,
        peers: Peers | PeerTable | PeerSource,
        *,
        dedup: DedupStore | Literal["memory"] | None = "memory",
        dictionary: Dictionary | None = None,
        limits: Limits | None = None,
        reject_delay: float = 1.0,
        event_timestamp_window: float = 300,
        learned: Learned | None = None,
    ) -> None:
        super().__init__()
        if not 0 <= reject_delay <= 10:
            raise ConfigurationError(f"reject_delay is 0 to 10 seconds, not {reject_delay}")
        self.peers = peers if isinstance(peers, Peers) else Peers(peers)
        self.dedup = MemoryDedupStore() if dedup == "memory" else dedup
        self.dictionary = dictionary or Dictionary.bundled()
        self.limits = limits or Limits()
        self.reject_delay = reject_delay
        self.event_timestamp_window = event_timestamp_window
        self.learned: Learned = MemoryLearned() if learned is None else learned
        self.counters: Counter[str] = Counters()
        """Packets by name, and discarded ones by reason as ``discarded.REASON``."""
        self.in_flight: Counter[str] = Counter()
        """Requests whose handlers wait for something now, by the NAS's address."""
        self.state: State
        """What the lifespan yielded; there while the app is served."""
        self.lifespans: list[Lifespan] = []
        self.reloads: list[Callable[[], object]] = []
        self.elected = AsyncValue(True)
        """Whether this process does what must be done once, as reaping: of several workers one is elected."""
        self._gates: list[Middleware] = []
        self._table: dict[type[Request[Any]], Handler] = {}
        self._entrance: Handler | None = None

    def lifespan(self, function: AnyLifespan) -> AnyLifespan:
        """Register an async generator function: what it yields is ``app.state`` while the app is served.

        It takes the app; what follows its yield runs when the server ends. With several, each sees the state of those
        before it, and the last one that yields something sets it.

        Raises:
            ConfigurationError: the function is no ``async def`` with a yield.
        """
        if not inspect.isasyncgenfunction(function):
            name = getattr(function, "__qualname__", function)
            raise ConfigurationError(f"{name} must be an async def with one yield, and no context manager yet")
        self.lifespans.append(function)
        return function

    def on_reload(self, function: AnyReload) -> AnyReload:
        """Register a function that reads its files again when the server is told to (SIGHUP), as ``eap.reload``.

        One that raises ConfigurationError leaves its files as they were, and the log says so.
        """
        self.reloads.append(function)
        return function

    def outermost(self, function: AnyMiddleware) -> AnyMiddleware:
        """Register a middleware outside of all others, whenever they are registered."""
        self._gates.append(function)
        self._changed()
        return function

    def dispatch(self, request: Request[Any]) -> Awaitable[Any]:
        """What the first route that matches returns, to be awaited, through all middleware. Raises NoHandler.

        A reply, if the handler is right.
        """
        return (self._entrance or self._open())(request)

    def _changed(self) -> None:
        super()._changed()
        self._entrance = None

    def _open(self) -> Handler:
        """Sort the routes by request class and realm and wrap them in the middleware, once after every change."""
        routes = self.routes
        kinds = {route.request for route in routes}
        self._table = {kind: chosen_from([route for route in routes if route.request is kind]) for kind in kinds}
        self._entrance = wrapped([*self._gates, *self._middleware], self._route)
        return self._entrance

    def _route(self, request: Request[Any]) -> Awaitable[Reply]:
        handler = self._table.get(type(request))
        if handler is None:
            raise NoHandler
        return handler(request)
