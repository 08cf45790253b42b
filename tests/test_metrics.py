"""The counters over HTTP, as Prometheus reads them."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import AsyncIterator

import pytest
import trio

from trioradius import ConfigurationError
from trioradius.metrics import serve_metrics

COUNTERS = Counter({"Access-Request": 3, "discarded.unknown_peer": 2, "tls.connections_full": 1, "handler_failed": 4})


@pytest.fixture
async def place(nursery: trio.Nursery) -> AsyncIterator[tuple[str, int]]:
    yield await nursery.start(serve_metrics, "127.0.0.1", 0, lambda: COUNTERS)
    nursery.cancel_scope.cancel()


async def fetch(place: tuple[str, int], request: bytes) -> tuple[bytes, bytes]:
    """The head and the body of what comes back."""
    async with await trio.open_tcp_stream(*place) as stream:
        await stream.send_all(request)
        octets = b"".join([part async for part in stream])
    head, _, body = octets.partition(b"\r\n\r\n")
    return head, body


async def test_counters_by_name_and_reason(place: tuple[str, int]) -> None:
    head, body = await fetch(place, b"GET /metrics?x=1 HTTP/1.1\r\nHost: a\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"text/plain; version=0.0.4" in head
    lines = [line for line in body.decode().splitlines() if not line.startswith("#")]
    assert lines == [
        'trioradius_packets_total{packet="Access-Request"} 3.0',
        'trioradius_discarded_total{reason="unknown_peer"} 2.0',
        'trioradius_refused_total{reason="connections_full",transport="tls"} 1.0',
        'trioradius_events_total{event="handler_failed"} 4.0',
    ]


@pytest.mark.parametrize(
    ("request_line", "status"),
    [(b"HEAD /metrics", b"200"), (b"GET /", b"404"), (b"POST /metrics", b"405")],
)
async def test_what_else_is_asked(place: tuple[str, int], request_line: bytes, status: bytes) -> None:
    head, body = await fetch(place, request_line + b" HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
    assert head.split()[1] == status
    assert body == (b"" if status == b"200" else b"the counters are at /metrics\n")


@pytest.mark.parametrize("octets", [b"\x16\x03\x01\x00\xa5\r\n\r\n", b"GET", b""])
async def test_what_is_no_http_is_closed(place: tuple[str, int], octets: bytes) -> None:
    async with await trio.open_tcp_stream(*place) as stream:
        await stream.send_all(octets)
        await stream.send_eof()
        assert [part async for part in stream] == []
    assert (await fetch(place, b"GET /metrics HTTP/1.0\r\n\r\n"))[0].startswith(b"HTTP/1.1 200 ")


async def test_a_silent_visitor_is_left(place: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trioradius.metrics.REQUEST_SECONDS", 0.05)
    async with await trio.open_tcp_stream(*place) as stream:
        assert [part async for part in stream] == []


async def test_an_address_that_is_taken(place: tuple[str, int]) -> None:
    with pytest.raises(ConfigurationError, match=f"metrics on 127.0.0.1 port {place[1]}: "):
        await serve_metrics(*place, lambda: COUNTERS)


@pytest.mark.parametrize("missing", ["h11", "prometheus_client"])
async def test_without_the_extra(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ConfigurationError, match=r"pip install 'trioradius\[metrics\]'"):
        await serve_metrics("127.0.0.1", 0, lambda: COUNTERS)
