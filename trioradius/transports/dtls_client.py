"""One DTLS session of a client: from the address of a server to RADIUS packets in and out (RFC 7360).

The handshake's own timer repeats its flights; what is lost later is the business of whoever sends requests.
"""

from __future__ import annotations

import contextlib
import math
from datetime import UTC, datetime
from typing import Final

import trio

from trioradius.errors import ConfigurationError
from trioradius.protocol.profile import RADIUS_1_0, Profile
from trioradius.protocol.wire import HEADER, PACKET_MAXIMUM
from trioradius.tls import Context, Data, DatagramEngine, Event, HandshakeDone, datagram_client
from trioradius.tls.datagrams import DATAGRAM_MAXIMUM
from trioradius.transports.dtls import DTLS
from trioradius.transports.lost import ConnectionLost, late, lost, refused, require_another_end, unreachable

TIMER_SLACK: Final = 0.01
"""Seconds beyond OpenSSL's timer, which is rounded, so that it is over when it is looked at."""


class DTLSClientSession:
    """An open DTLS session; made by open_session().

    Args:
        connected: the UDP socket below.
        engine: its engine, the handshake done.
        events: what came along with the end of the handshake.
    """

    is_reliable = False

    def __init__(self, connected: trio.socket.SocketType, engine: DatagramEngine, events: list[Event]) -> None:
        self.profile: Profile = RADIUS_1_0
        self._socket = connected
        self._engine = engine
        self._events = events
        self._written = trio.Event()

    def send(self, octets: bytes) -> None:
        """Make a packet a record, to leave soon. Nothing happens where the session has ended."""
        with contextlib.suppress(RuntimeError):
            self._engine.write(octets)
            self._written.set()

    async def transmit(self) -> None:
        """Send what was encrypted, until cancelled."""
        while True:
            await self._written.wait()
            self._written = trio.Event()
            await _send(self._socket, self._engine)

    async def receive(self) -> list[bytes]:
        """The packets that have come, at least one. Raises ConnectionLost where no further one can."""
        while not (packets := self._unpack()):
            if self._events:
                raise lost(self._events[0])
            with contextlib.suppress(OSError):
                # An ICMP message may be forged and may not last, so the session outlives it.
                self._events = self._engine.feed(await self._socket.recv(DATAGRAM_MAXIMUM))
            self._written.set()
        return packets

    def _unpack(self) -> list[bytes]:
        """The packets among what has come, one a record; those before the end of the session count."""
        packets = []
        while self._events and isinstance(event := self._events[0], Data):
            packets.append(_packet(event.octets))
            del self._events[0]
        return packets

    async def close(self) -> None:
        """Say close_notify and close; done at once where the session has ended."""
        self._engine.close()
        with trio.CancelScope(shield=True):
            await _send(self._socket, self._engine)
        self._socket.close()

    def resumption(self) -> None:
        """Nothing is resumed over DTLS."""


def _packet(record: bytes) -> bytes:
    """A record without what follows the packet: padding (draft-ietf-radext-radiusdtls-bis).

    Raises:
        ConnectionLost: it holds no whole packet.
    """
    length = int.from_bytes(record[2:4], "big")
    if not HEADER <= length <= min(len(record), PACKET_MAXIMUM):
        text = f"the server sent a packet of {length} octets in a record of {len(record)}"
        raise ConnectionLost(text, reason="length_out_of_range")
    return record[:length]


async def open_session(server: DTLS, context: Context) -> DTLSClientSession:
    """Shake hands with a server.

    It proves that it is ``settings.server_name``, or else the host, or that its certificate is pinned.

    Raises:
        ConnectionLost: it cannot be reached, or one end does not trust the other.
    """
    seconds = context.settings.handshake_seconds
    with trio.move_on_after(seconds):
        connected = await _connect(server)
        try:
            require_another_end(connected)
            return await _shake_hands(connected, datagram_client(context, server.host, now=datetime.now(UTC)))
        except BaseException:
            connected.close()
            raise
    raise late(seconds)


async def _connect(server: DTLS) -> trio.socket.SocketType:
    try:
        return await server.connect()
    except ConfigurationError as error:
        raise ConnectionLost(f"it cannot be reached ({error})", reason="unreachable") from None


async def _shake_hands(connected: trio.socket.SocketType, engine: DatagramEngine) -> DTLSClientSession:
    events = engine.advance()
    await _send(connected, engine)
    while not events:
        events = await _next_events(connected, engine)
        await _send(connected, engine)
    done, *more = events
    if not isinstance(done, HandshakeDone):
        raise refused(done, engine)
    return DTLSClientSession(connected, engine, more)


async def _next_events(connected: trio.socket.SocketType, engine: DatagramEngine) -> list[Event]:
    """What the next datagram comes to, or the end of the time that the server has for its flight."""
    timer = engine.timeout()
    with trio.move_on_after(math.inf if timer is None else timer + TIMER_SLACK):
        try:
            return engine.feed(await connected.recv(DATAGRAM_MAXIMUM))
        except OSError as error:
            raise unreachable(error) from None
    return engine.handle_timeout()


async def _send(connected: trio.socket.SocketType, engine: DatagramEngine) -> None:
    """What does not leave is lost, as on any network."""
    for datagram in engine.take_datagrams():
        with contextlib.suppress(OSError):
            await connected.send(datagram)
