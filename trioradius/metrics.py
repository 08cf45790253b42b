"""Metrics: an app's counters for Prometheus, over HTTP. Wants the extra ``metrics``."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final

import trio

from trioradius.errors import ConfigurationError
from trioradius.protocol.packets import PACKETS

if TYPE_CHECKING:
    import h11
    from prometheus_client import Metric

CONNECTIONS_MAXIMUM: Final = 16
"""At once; a scraper needs one."""
REQUEST_SECONDS: Final = 10.0
"""For a request to arrive and its reply to leave."""
_PACKETS: Final = frozenset(packet.name for packet in PACKETS.values())
_PATH: Final = b"/metrics"

log = logging.getLogger("trioradius.metrics")

Read = Callable[[], Mapping[str, int]]
"""The counters as they are now."""


async def serve_metrics(
    host: str,
    port: int,
    read: Read,
    *,
    task_status: trio.TaskStatus[tuple[str, int]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve ``GET /metrics`` until cancelled; ``nursery.start`` returns the bound address.

    There is no authentication: bind it to an address that only the scraper reaches.

    Args:
        host: the address to bind.
        port: 0 takes a free one.
        read: the counters, as ``lambda: app.counters``.

    Raises:
        ConfigurationError: the extra is not installed, or the address cannot be bound.
    """
    render = _renderer(read)
    try:
        listeners = await trio.open_tcp_listeners(port, host=host)
    except OSError as error:
        raise ConfigurationError(f"metrics on {host} port {port}: {error.strerror or error}") from None
    places = trio.CapacityLimiter(CONNECTIONS_MAXIMUM)

    async def answer(stream: trio.SocketStream) -> None:
        async with stream, places:
            with trio.move_on_after(REQUEST_SECONDS):
                await _answer(stream, render)

    async with trio.open_nursery() as nursery:
        await nursery.start(trio.serve_listeners, answer, listeners)
        task_status.started(listeners[0].socket.getsockname()[:2])


async def _answer(stream: trio.SocketStream, render: Callable[[], bytes]) -> None:
    """One request a connection, which is all that a scraper asks."""
    import h11

    connection = h11.Connection(h11.SERVER)
    try:
        request = await _request(stream, connection)
        if request is not None:
            for event in _reply(request, render):
                await stream.send_all(connection.send(event) or b"")
    except (h11.RemoteProtocolError, trio.BrokenResourceError):
        return


async def _request(stream: trio.SocketStream, connection: h11.Connection) -> h11.Request | None:
    import h11

    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await stream.receive_some())
        elif isinstance(event, h11.Request):
            return event
        else:
            return None


def _reply(request: h11.Request, render: Callable[[], bytes]) -> list[h11.Response | h11.Data | h11.EndOfMessage]:
    import h11

    found = request.target.partition(b"?")[0] == _PATH
    allowed = request.method in (b"GET", b"HEAD")
    status = 200 if found and allowed else 404 if not found else 405
    body = render() if status == 200 else b"the counters are at /metrics\n"
    headers = [("Content-Type", _TYPE), ("Content-Length", str(len(body))), ("Connection", "close")]
    return [
        h11.Response(status_code=status, headers=headers),
        h11.Data(data=b"" if request.method == b"HEAD" else body),
        h11.EndOfMessage(),
    ]


_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


def _renderer(read: Read) -> Callable[[], bytes]:
    """What renders the counters. Raises ConfigurationError where the extra is not installed."""
    try:
        import h11 as _  # noqa: F401
        from prometheus_client import CollectorRegistry, generate_latest
        from prometheus_client.registry import Collector
    except ImportError:
        raise ConfigurationError("metrics want an extra: pip install 'trioradius[metrics]'") from None

    class Counters(Collector):
        def collect(self) -> Iterable[Metric]:
            return _families(read())

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Counters())
    return lambda: generate_latest(registry)


def _families(counters: Mapping[str, int]) -> list[Metric]:
    """Packets by name, what was discarded or refused by reason, and all else that is counted by its name."""
    from prometheus_client.core import CounterMetricFamily

    packets = CounterMetricFamily("trioradius_packets", "Packets taken and sent.", labels=["packet"])
    discarded = CounterMetricFamily("trioradius_discarded", "Packets discarded.", labels=["reason"])
    refused = CounterMetricFamily("trioradius_refused", "Connections refused.", labels=["transport", "reason"])
    events = CounterMetricFamily("trioradius_events", "All else that is counted.", labels=["event"])
    for name, count in sorted(counters.items()):
        what, _, reason = name.partition(".")
        if what == "discarded":
            discarded.add_metric([reason], count)
        elif reason:
            refused.add_metric([what, reason], count)
        else:
            (packets if name in _PACKETS else events).add_metric([name], count)
    return [packets, discarded, refused, events]
