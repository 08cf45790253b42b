"""Our own server on free loopback ports, for as long as a block lasts."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import trio

from trioradius import UDP, App, serve


@contextlib.asynccontextmanager
async def serving(app: App[Any], *listeners: UDP) -> AsyncIterator[list[tuple[str, int]]]:
    """Serve an app; yields its bound addresses. Without listeners it is one of 127.0.0.1 that takes everything."""
    async with trio.open_nursery() as nursery:
        yield await nursery.start(serve, app, *(listeners or (UDP("127.0.0.1", 0),)))
        nursery.cancel_scope.cancel()
