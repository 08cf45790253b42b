"""One TLS connection of a client: from the address of a server to RADIUS packets in and out (RFC 6614, RFC 9765)."""

from __future__ import annotations

import contextlib
import os
from datetime import UTC, datetime
from typing import Final

import trio

from trioradius.errors import RadiusError, VersionRefused
from trioradius.protocol.profile import RADIUS_1_0, RADIUS_1_1, Profile
from trioradius.protocol.wire import HEADER, PACKET_MAXIMUM
from trioradius.tls import Closed, Context, Data, Engine, Event, Failed, HandshakeDone, client_engine
from trioradius.transports.tls import TLS

PROFILES: Final = {"1.0": RADIUS_1_0, "1.1": RADIUS_1_1}
RECEIVE: Final = 65_536
GOODBYE_SECONDS: Final = 1
"""For close_notify to leave; a peer that does not read gets none."""
LASTING: Final = frozenset(
    {"certificate_refused", "no_certificate", "no_common_protocol", "no_common_version", "no_common_cipher"}
)
"""Reasons that a further attempt a moment later would meet again."""
_NO_COMMON_VERSION: Final = frozenset({"no_common_protocol", "no_common_version"})


class ConnectionLost(RadiusError):
    """A connection cannot be made, or has ended; ``reason`` and text say why."""

    @property
    def lasting(self) -> bool:
        """Whether a further attempt would end the same way."""
        return self.reason in LASTING


class Connection:
    """An open TLS connection; made by open_connection().

    Args:
        stream: the TCP connection below.
        engine: its engine, the handshake done.
        events: what came along with the end of the handshake.
    """

    def __init__(self, stream: trio.SocketStream, engine: Engine, events: list[Event], profile: Profile) -> None:
        self.profile = profile
        self._stream = stream
        self._engine = engine
        self._events = events
        self._octets = bytearray()
        self._written = trio.Event()

    def send(self, octets: bytes) -> None:
        """Encrypt a packet, to leave with what else there is. Nothing happens where the connection has ended."""
        with contextlib.suppress(RuntimeError):
            self._engine.write(octets)
            self._written.set()

    async def transmit(self) -> None:
        """Send what was encrypted, until cancelled. Raises ConnectionLost."""
        while True:
            await self._written.wait()
            self._written = trio.Event()
            await _send(self._stream, self._engine)

    async def receive(self) -> list[bytes]:
        """The packets that have come, at least one. Raises ConnectionLost where no further one can."""
        while not (packets := self._unpack()):
            self._require_more()
            self._events = self._engine.feed(await _receive(self._stream))
            self._written.set()
        return packets

    def _unpack(self) -> list[bytes]:
        """The whole packets among what has come; those before the end of the connection count."""
        while self._events and isinstance(event := self._events[0], Data):
            del self._events[0]
            self._octets += event.octets
        packets = []
        while HEADER <= (length := self._length()) <= min(len(self._octets), PACKET_MAXIMUM):
            packets.append(bytes(self._octets[:length]))
            del self._octets[:length]
        return packets

    def _length(self) -> int:
        """Of the packet that is coming; the least where that is not known yet."""
        return int.from_bytes(self._octets[2:4], "big") if len(self._octets) >= 4 else HEADER

    def _require_more(self) -> None:
        """After a wrong length nobody knows where a packet begins (RFC 6613 section 2.6.4)."""
        if not HEADER <= self._length() <= PACKET_MAXIMUM:
            raise ConnectionLost(f"the server sent a packet of {self._length()} octets", reason="length_out_of_range")
        if self._events:
            raise _lost(self._events[0])

    async def close(self) -> None:
        """Say close_notify and close; done at once where the connection has ended."""
        self._engine.close()
        with trio.move_on_after(GOODBYE_SECONDS, shield=True), contextlib.suppress(ConnectionLost):
            await _send(self._stream, self._engine)
        await trio.aclose_forcefully(self._stream)


async def open_connection(server: TLS, context: Context) -> Connection:
    """Connect to a server and shake hands.

    The server proves that it is ``settings.server_name``, or else the host, or that its certificate is pinned.

    Raises:
        ConnectionLost: it cannot be reached, or one end does not trust the other.
        VersionRefused: only RADIUS/1.1 is offered, and the server does not speak it.
    """
    seconds = context.settings.handshake_seconds
    with trio.move_on_after(seconds):
        stream = await _connect(server)
        try:
            return await _shake_hands(stream, client_engine(context, server.host, now=datetime.now(UTC)))
        except BaseException:
            await trio.aclose_forcefully(stream)
            raise
    raise ConnectionLost(f"the handshake took longer than {seconds} seconds", reason="handshake_timeout")


async def _connect(server: TLS) -> trio.SocketStream:
    try:
        return await trio.open_tcp_stream(server.host, server.port, local_address=server.source_address)
    except (OSError, ValueError) as error:
        cause = _cause(error)
        known = "nothing listens there" if isinstance(cause, ConnectionRefusedError) else "it cannot be reached"
        text = _words(cause)
        raise ConnectionLost(f"{known} ({text})", reason=text.lower().replace(" ", "_")) from None


async def _shake_hands(stream: trio.SocketStream, engine: Engine) -> Connection:
    events = engine.advance()
    await _send(stream, engine)
    while not events:
        events = engine.feed(await _receive(stream))
        await _send(stream, engine)
    done, *more = events
    if not isinstance(done, HandshakeDone):
        raise _refused(done, engine)
    if done.radius_version is None:
        engine.close()
        await _send(stream, engine)
        raise VersionRefused("the server speaks RADIUS/1.0, and only 1.1 is offered", reason="version_refused")
    return Connection(stream, engine, more, PROFILES[done.radius_version])


def _refused(event: Event, engine: Engine) -> RadiusError:
    """Why there is no handshake; where only RADIUS/1.1 is offered, it may be that."""
    lost = _lost(event)
    if engine.context.settings.offered == ("1.1",) and lost.reason in _NO_COMMON_VERSION:
        return VersionRefused(f"only RADIUS/1.1 is offered: {lost}", reason="version_refused")
    return lost


def _lost(event: Event) -> ConnectionLost:
    match event:
        case Failed():
            return ConnectionLost(f"TLS failed: {event.text}", reason=event.reason)
        case Closed(clean=True):
            return ConnectionLost("the server closed the connection", reason="closed")
        case _:
            return ConnectionLost("the connection broke", reason="cut_off")


async def _send(stream: trio.SocketStream, engine: Engine) -> None:
    octets = engine.take()
    try:
        if octets:
            await stream.send_all(octets)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        # What the peer said before, such as an alert, is still to be read, and says more.
        return


async def _receive(stream: trio.SocketStream) -> bytes:
    """What the peer sent; a reset is an end without close_notify."""
    try:
        return bytes(await stream.receive_some(RECEIVE))
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        return b""


def _cause(error: Exception) -> BaseException:
    """What happened at the first of the addresses that Trio tried."""
    cause = error.__cause__
    return cause.exceptions[0] if isinstance(cause, BaseExceptionGroup) else cause or error


def _words(error: BaseException) -> str:
    """Of the operating system, without Trio's address before them; a resolver's errors have numbers below zero."""
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno) if error.errno > 0 else str(error.strerror)
    return str(error)
