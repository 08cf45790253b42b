"""Middleware: how long each request took."""

import logging
from typing import Any

import trio

from trioradius import CallNext, Reply, Request

log = logging.getLogger(__name__)


async def log_duration(request: Request[Any], call_next: CallNext) -> Reply:
    begun = trio.current_time()
    reply = await call_next(request)
    log.info("%s -> %s in %.1f ms", request.name, reply.name, 1000 * (trio.current_time() - begun))
    return reply
