"""One TLS connection of a client: from the address of a server to RADIUS packets in and out (RFC 6614, RFC 9765)."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import Final

import trio

from trioradius.errors import VersionRefused
from trioradius.protocol.profile import Profile
from trioradius.protocol.wire import HEADER, PACKET_MAXIMUM
from trioradius.tls import Context, Data, Engine, Event, HandshakeDone, Resumption, client_engine
from trioradius.transports.lost import ConnectionLost, late, lost, refused, require_another_end, unreachable
from trioradius.transports.secured import PROFILES, version_refused
from trioradius.transports.tls import TLS

RECEIVE: Final = 65_536
GOODBYE_SECONDS: Final = 1
"""For close_notify to leave; a peer that does not read gets none."""


class TLSClientConnection:
    """An open TLS connection; made by open_connection().

    Args:
        stream: the TCP connection below.
        engine: its engine, the handshake done.
        events: what came along with the end of the handshake.
    """

    is_reliable = True

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
            raise lost(self._events[0])

    def resumption(self) -> Resumption | None:
        """What the next connection may resume, once this one is closed."""
        return self._engine.resumption()

    async def close(self) -> None:
        """Say close_notify and close; done at once where the connection has ended."""
        self._engine.close()
        with trio.move_on_after(GOODBYE_SECONDS, shield=True), contextlib.suppress(ConnectionLost):
            await _send(self._stream, self._engine)
        await trio.aclose_forcefully(self._stream)


async def open_connection(server: TLS, context: Context, resumption: Resumption | None = None) -> TLSClientConnection:
    """Connect to a server and shake hands.

    The server proves that it is ``settings.server_name``, or else the host, or that its certificate is pinned; also
    where an earlier session is resumed.

    Raises:
        ConnectionLost: it cannot be reached, or one end does not trust the other.
        VersionRefused: only RADIUS/1.1 is offered, and the server does not speak it.
    """
    seconds = context.settings.handshake_seconds
    with trio.move_on_after(seconds):
        stream = await _connect(server)
        try:
            require_another_end(stream.socket)
            engine = client_engine(context, server.host, now=datetime.now(UTC), resumption=resumption)
            return await _shake_hands(stream, engine)
        except BaseException:
            await trio.aclose_forcefully(stream)
            raise
    raise late(seconds)


async def _connect(server: TLS) -> trio.SocketStream:
    try:
        return await trio.open_tcp_stream(server.host, server.port, local_address=server.source_address)
    except (OSError, ValueError) as error:
        raise unreachable(_cause(error)) from None


async def _shake_hands(stream: trio.SocketStream, engine: Engine) -> TLSClientConnection:
    events = engine.advance()
    await _send(stream, engine)
    while not events:
        events = engine.feed(await _receive(stream))
        await _send(stream, engine)
    done, *more = events
    if not isinstance(done, HandshakeDone):
        raise refused(done, engine)
    if done.radius_version is None:
        await _refuse(stream, engine)
        raise VersionRefused("the server speaks RADIUS/1.0, and only 1.1 is offered", reason="version_refused")
    return TLSClientConnection(stream, engine, more, PROFILES[done.radius_version])


async def _refuse(stream: trio.SocketStream, engine: Engine) -> None:
    """Say why, and hear the server out for a moment, lest a reset overtake that (RFC 9765 section 3.3.1)."""
    engine.write(version_refused())
    engine.close()
    await _send(stream, engine)
    with trio.move_on_after(GOODBYE_SECONDS), contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        await stream.send_eof()
        while await _receive(stream):
            pass


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
