"""The beginning of a TLS connection of a server: who it is, and which RADIUS version it will speak."""

from __future__ import annotations

import contextlib
import logging
from datetime import UTC, datetime
from typing import Final

import attrs
import trio

from trioradius.attributes.ietf import ErrorCause, ReplyMessage
from trioradius.errors import RadiusError
from trioradius.peers.callers import Caller
from trioradius.protocol import radius_1_1
from trioradius.protocol.codes import PROTOCOL_ERROR
from trioradius.protocol.peer import Peer
from trioradius.protocol.profile import RADIUS_1_0, RADIUS_1_1
from trioradius.protocol.source import Source
from trioradius.tls import Context, Engine, Event, Failed, HandshakeDone, server_engine
from trioradius.transports.listener import Service

RECEIVE: Final = 16_384
"""Octets read before other tasks get a turn."""
GOODBYE_SECONDS: Final = 1
"""For an alert or close_notify to leave, and to reach a peer that is still sending."""
PROFILES: Final = {"1.0": RADIUS_1_0, "1.1": RADIUS_1_1}

log = logging.getLogger("trioradius.tls")


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
    """A connection that may come in, or None: what was wrong is counted then, and what it is told has been sent.

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
    service.refused(_given_up(limit, seconds), source)
    return None


def _given_up(limit: trio.CancelScope, seconds: float) -> RadiusError:
    if trio.current_time() >= limit.deadline:
        return RadiusError(f"the handshake took longer than {seconds:g} s", reason="handshake_timeout")
    return RadiusError("the oldest of too many handshakes at once", reason="half_open_full")


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
        engine.write(_version_refused())
        raise RadiusError("RADIUS/1.1 is required, and the peer does not offer it by ALPN", reason="version_refused")
    known = attrs.evolve(source, profile=PROFILES[done.radius_version], peer=peer)
    log_handshake(known, peer, done)
    return Accepted(engine, known, more, _expiry(done))


def _version_refused() -> bytes:
    """A Protocol-Error for a peer without ALPN where only RADIUS/1.1 will do (RFC 9765 section 3.3.1)."""
    attributes = ErrorCause(ErrorCause.UNSUPPORTED_EXTENSION).wire(None)
    attributes += ReplyMessage("RADIUS/1.1 is required").wire(None)
    return radius_1_1.sign(PROTOCOL_ERROR, 0, b"", attributes, Peer().secret, prove=False)


def _expiry(done: HandshakeDone) -> float:
    if done.certificate is None:
        return float("inf")
    return trio.current_time() + (done.certificate.not_after - datetime.now(UTC)).total_seconds()


def log_handshake(source: Source, peer: Peer, done: HandshakeDone) -> None:
    """One line for a connection that came in."""
    certificate = done.certificate
    log.info(
        "%s: peer %s connected: %s, %s%s, ALPN %s, RADIUS/%s",
        source,
        peer.name,
        f"PSK {done.psk_identity!r}" if certificate is None else f"certificate {certificate.subject}",
        done.tls_version,
        " resumed" if done.resumed else "",
        done.protocol or "none",
        done.radius_version,
    )


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


def refusal(done: HandshakeDone, caller: Caller, context: Context, source: Source) -> str:
    """Why a peer that was let in would not be now, or ""."""
    fault = ""
    if done.certificate is not None:
        admission = caller.admission(context.admission())
        fault = context.fault(done.certificate, done.chain, admission, datetime.now(UTC))
    if not fault and caller.peer(done.certificate, done.psk_identity) != source.peer:
        fault = "its entry in peers is another one now"
    return fault
