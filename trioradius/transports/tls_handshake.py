"""The beginning of a TLS connection of a server: who it is, and which RADIUS version it will speak."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import Final

import attrs
import trio

from trioradius.errors import RadiusError
from trioradius.peers.callers import Caller
from trioradius.protocol.source import Source
from trioradius.tls import Context, Engine, Event, Failed, HandshakeDone, server_engine
from trioradius.transports.listener import Service
from trioradius.transports.secured import PROFILES, log_handshake, version_refused

RECEIVE: Final = 16_384
"""Octets read before other tasks get a turn."""
GOODBYE_SECONDS: Final = 1
"""For an alert or close_notify to leave, and to reach a peer that is still sending."""


@attrs.frozen
class Accepted:
    """A connection that may come in.

    ``events`` came along with the end of the handshake. ``expires`` is when its certificate does, by Trio's clock.
    """

    engine: Engine
    source: Source
    events: list[Event]
    expires: float


async def shake_hands(
    stream: trio.SocketStream, source: Source, context: Context, service: Service, limit: trio.CancelScope
) -> Accepted | None:
    """A connection that may come in, or None.

    What was wrong is counted then, and what the peer is told has been sent; but for a ``limit`` that somebody else
    cancelled, who knows why.

    Args:
        stream: as it was accepted.
        source: where it comes from.
        context: a server's.
        service: knows who may come in.
        limit: given up where this is cancelled.
    """
    seconds = context.settings.handshake_seconds
    limit.deadline = trio.current_time() + seconds
    with limit:
        caller = await service.caller(source)
        if caller is None:
            return None
        admission = caller.admission(context.admission())
        engine = server_engine(context, now=datetime.now(UTC), admission=admission)
        try:
            return await _accepted(engine, await _first_events(stream, engine), caller, source)
        except RadiusError as error:
            service.refused(error, source)
        await say_goodbye(stream, engine, linger=True)
        return None
    if trio.current_time() >= limit.deadline:
        text = f"the handshake took longer than {seconds:g} s"
        service.refused(RadiusError(text, reason="handshake_timeout"), source)
    return None


async def _first_events(stream: trio.SocketStream, engine: Engine) -> list[Event]:
    """What the handshake comes to."""
    events: list[Event] = []
    while not events:
        events = engine.feed(await receive(stream))
        with contextlib.suppress(trio.BrokenResourceError):
            await stream.send_all(engine.take())
    return events


async def _accepted(engine: Engine, events: list[Event], caller: Caller, source: Source) -> Accepted:
    """Raises RadiusError where the peer may not come in."""
    done, *more = events
    if not isinstance(done, HandshakeDone):
        reason, text = (done.reason, done.text) if isinstance(done, Failed) else ("cut_off", "the peer closed")
        raise RadiusError(text, reason="unknown_peer" if caller.is_stranger else reason)
    peer = caller.peer(done.certificate, done.psk_identity)
    if peer is None:
        raise RadiusError("no entry of peers knows this identity", reason="unknown_peer")
    if done.radius_version is None:
        engine.write(version_refused())
        raise RadiusError("RADIUS/1.1 is required, and the peer does not offer it by ALPN", reason="version_refused")
    known = attrs.evolve(source, profile=PROFILES[done.radius_version], peer=peer)
    log_handshake(known, peer, done)
    return Accepted(engine, known, more, _expiry(done))


def _expiry(done: HandshakeDone) -> float:
    if done.certificate is None:
        return float("inf")
    return trio.current_time() + (done.certificate.not_after - datetime.now(UTC)).total_seconds()


async def receive(stream: trio.SocketStream) -> bytes:
    """What has come, b"" at the end, however it came about."""
    try:
        return await stream.receive_some(RECEIVE)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        return b""


async def say_goodbye(stream: trio.SocketStream, engine: Engine, *, linger: bool) -> None:
    """Send close_notify, where an alert was not the last word, and close.

    A peer that is still sending would get a reset in place of it: ``linger`` hears it out for a moment.
    """
    engine.close()
    with trio.move_on_after(GOODBYE_SECONDS, shield=True), contextlib.suppress(trio.BrokenResourceError):
        await stream.send_all(engine.take())
        await stream.send_eof()
        while linger and await receive(stream):
            pass
    stream.socket.close()
