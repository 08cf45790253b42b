"""One TLS connection of a server: octets in, packets by their Length, replies in the order in which they are ready.

Leader and followers, as over UDP: one task reads, and answers abreast what came together. Where a handler really waits,
it stays with its request, and another one goes on. Requests of which the handlers never wait cost no task, and their
replies leave in one write.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable

import attrs
import trio

from trioradius.errors import DecodeError, RadiusError
from trioradius.protocol.codes import ACCOUNTING_REQUEST
from trioradius.protocol.wire import HEADER, PACKET_MAXIMUM
from trioradius.tls import Context, Data, Event, State
from trioradius.transports.abreast import Answering, Batch
from trioradius.transports.listener import Delayed, DelayedReplies, Places, Service, Turn
from trioradius.transports.secured import CLOSING, refusal
from trioradius.transports.tls_handshake import GOODBYE_SECONDS, Accepted, receive, say_goodbye
from trioradius.transports.tokens import Tokens
from trioradius.transports.turns import BATCH


@attrs.frozen
class Shared:
    """What the connections of a listener have in common."""

    service: Service
    delayed: DelayedReplies
    places: Places


class TLSConnection:
    """One open connection, to its end.

    Args:
        stream: the TCP connection below.
        accepted: what the handshake came to.
        shared: what it shares with others.
        released: called when the socket is closed, which handlers of accounting may outlast.
    """

    def __init__(
        self, stream: trio.SocketStream, accepted: Accepted, shared: Shared, released: Callable[[], None]
    ) -> None:
        self.source = accepted.source
        self._stream = stream
        self._engine = accepted.engine
        self._expires = accepted.expires
        self._settings = accepted.engine.context.settings
        self._shared, self._released = shared, released
        self._service = shared.service
        self._places = Places(self._service.limits.in_flight_per_address)
        self._octets = bytearray()
        self._packets: deque[bytes] = deque()
        self._packet_count = 0
        self._batch: Batch[None] = Batch(lambda error: error.reason in CLOSING)
        self._turns: set[Turn] = set()
        self._tokens = Tokens(accepted.source.profile)
        self._owed = 0
        self._paid = trio.Event()
        self._sending = trio.Lock()
        self._written = trio.Event()
        self._reading = trio.CancelScope()
        self._stopping = self._ended = self._closed = self._broken = False
        self._take_in(accepted.events)

    async def run(self) -> None:
        """Answer requests until the peer closes, or stop() was called and what is under way is done."""
        try:
            async with trio.open_nursery() as writing:
                writing.start_soon(self._write)
                async with trio.open_nursery() as self._nursery:
                    self._nursery.start_soon(self._lead)
                while self._owed and not self._closed:
                    self._paid = trio.Event()
                    await self._paid.wait()
                await self._flush()
                writing.cancel_scope.cancel()
            await self._close()
        finally:
            self._batch.close()

    def stop(self) -> None:
        """Read no more: run() returns when running handlers are done and their replies have left."""
        self._stopping = True
        self._reading.cancel()

    async def recheck(self, context: Context) -> None:
        """Stop where the peer no longer passes, under what a reload has read."""
        caller = await self._service.caller(self.source)
        done = self._engine.done
        if done is None or caller is None:
            return
        fault = refusal(done, caller, context, self.source)
        if fault:
            error = RadiusError(f"after a reload: {fault}", reason="no_longer_admitted")
            self._service.refused(error, self.source)
            self.stop()

    def _pass_on(self) -> None:
        self._nursery.start_soon(self._lead)

    async def _lead(self) -> None:
        """Read and answer until a handler waits, and then stay with its request.

        A turn has a scope of its own, which a handler that leaves one open cannot harm for the others.
        """
        turn = Turn(self._service.limits.handler_seconds)
        try:
            with turn.limit:
                await self._read_and_answer(turn)
        except RuntimeError as error:
            self._service.failed(error, self.source)
            if turn.request is None:
                self._pass_on()
            return
        finally:
            self._turns.discard(turn)
            if turn.request is not None:
                self._places.give()
                self._shared.places.give()
        if turn.request is None:
            if self._ended:
                await self._close()
        elif turn.limit.cancelled_caught and not turn.abandoned:
            self._service.timed_out(self.source)
            self._write_reply(self._service.unanswered(turn.request.octets, self.source))

    async def _read_and_answer(self, turn: Turn) -> None:
        batch = self._batch
        await self._deliver(batch.take())
        while batch or self._packets or await self._more_packets():
            if batch.is_fresh:
                await self._shared.places.room()
                await self._places.room()
            if not batch:
                self._begin()
            waiting = batch.advance()
            if waiting is not None:
                await self._stay(waiting, turn)
                return
            await self._deliver(batch.take())

    def _begin(self) -> None:
        """Begin with the packets that are there, at most a batch."""
        for _ in range(BATCH):
            if not self._packets:
                return
            octets = self._packets.popleft()
            if self._is_new(octets):
                self._tokens.take(octets)
                self._batch.add(Answering(self._service, octets, self.source, None))

    def _is_new(self, octets: bytes) -> bool:
        """Whether a packet's Token is free; a Token that names two packets at once ends the connection."""
        try:
            self._tokens.require_free(octets)
        except RadiusError as error:
            self._discard(error)
            return False
        return True

    async def _stay(self, waiting: Answering[None], turn: Turn) -> None:
        """The handler really waits: somebody else reads. When the connection closes, accounting alone goes on."""
        self._places.take()
        self._shared.places.take()
        if waiting.octets[0] != ACCOUNTING_REQUEST:
            self._turns.add(turn)
        turn.suspended(waiting)
        self._pass_on()
        try:
            await waiting.rest()
        finally:
            if not waiting.is_done:
                self._tokens.give_back(waiting.octets)
        await self._deliver([waiting])

    async def _deliver(self, done: list[Answering[None]]) -> None:
        """Write the replies, in one piece: a record of each would cost as much again.

        Some requests that must not be answered end the connection (RFC 6613 section 2.6.4).
        """
        replies: list[bytes] = []
        for answering in done:
            answer, error = answering.answer, answering.error
            if isinstance(answer, Delayed):
                self._owed += 1
                await self._delay(answer, answering.octets)
                continue
            self._tokens.give_back(answering.octets)
            if error is not None:
                self._discard(error)
            elif answer is not None:
                replies.append(answer)
        self._write_reply(b"".join(replies))

    async def _delay(self, reply: Delayed, octets: bytes) -> None:
        try:
            await self._shared.delayed.add(self._service.fenced(reply, self.source), self)
        except RadiusError as error:
            self._tokens.give_back(octets)
            self._pay()
            self._discard(error)

    def _discard(self, error: RadiusError) -> None:
        self._service.discarded(error, self.source)
        if error.reason in CLOSING:
            self._packets.clear()
            self._ended = True
            self._reading.cancel()

    def deliver(self, reply: bytes) -> None:
        """Send a reply that had to wait; it is dropped where the connection is gone."""
        self._pay()
        self._tokens.give_back(reply)
        self._write_reply(reply)

    def _pay(self) -> None:
        self._owed -= 1
        self._paid.set()

    def _write_reply(self, reply: bytes | None) -> None:
        """Encrypt a reply, or several; what is ready at the same time leaves in one write."""
        if reply and self._engine.state is State.OPEN:
            self._engine.write(reply)
            self._written.set()

    async def _more_packets(self) -> bool:
        """Send what is ready, and read until there is a packet; False where there will be none."""
        if not await self._flush_in_time():
            return False
        idle = trio.current_time() + self._settings.idle_seconds
        with trio.CancelScope(deadline=min(idle, self._expires)) as self._reading:
            while not self._packets and not self._ended and not self._stopping:
                self._take_in(self._engine.feed(await receive(self._stream)))
                self._written.set()
        if not self._packets and not self._ended:
            self._stopping = True
        return bool(self._packets)

    async def _flush_in_time(self) -> bool:
        """A peer that does not take its replies gets no more, and after the idle time is gone."""
        with trio.move_on_after(self._settings.idle_seconds) as limit:
            await self._flush()
        if limit.cancelled_caught:
            self._service.discarded(
                RadiusError("the peer does not read its replies", reason="reply_not_sent"), self.source
            )
            self._ended = True
        return not limit.cancelled_caught

    def _take_in(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Data):
                self._octets += event.octets
            else:
                self._ended = True
        while not self._stopping and len(self._octets) >= 4:
            length = int.from_bytes(self._octets[2:4], "big")
            if not HEADER <= length <= PACKET_MAXIMUM:
                text = f"the Length field says {length} octets; {HEADER} to {PACKET_MAXIMUM} are allowed"
                self._service.discarded(DecodeError(text, reason="length_out_of_range"), self.source)
                self._octets.clear()
                self._ended = True
            if not HEADER <= length <= len(self._octets):
                return
            self._packets.append(bytes(self._octets[:length]))
            del self._octets[:length]
            self._packet_count += 1
            if self._packet_count == self._settings.packets_maximum:
                self.stop()

    async def _write(self) -> None:
        """Send what handlers that had to wait have written."""
        while True:
            await self._written.wait()
            self._written = trio.Event()
            await self._flush()

    async def _flush(self) -> None:
        """Send all ciphertext there is, one task at a time so that records leave in order."""
        async with self._sending:
            while not self._broken and (ciphertext := self._engine.take()):
                self._broken = True  # Half a record is worse than none.
                with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                    await self._stream.send_all(ciphertext)
                    self._broken = False

    async def _close(self) -> None:
        """Cancel the handlers nobody waits for, say close_notify, and close."""
        if self._closed:
            return
        self._closed = True
        self._paid.set()
        for turn in self._turns:
            turn.abandon()
        violated = self._ended and self._engine.state is State.OPEN
        with trio.move_on_after(GOODBYE_SECONDS, shield=True):
            async with self._sending:
                if not self._broken:
                    await say_goodbye(self._stream, self._engine, linger=violated)
        self._stream.socket.close()
        self._released()
