"""The client: many exchanges at once over one server address, each retransmitted until it is answered.

An Identifier is one octet, so a socket carries 256 requests; more open further sockets (RFC 2865 section 2.5).
"""

from __future__ import annotations

import contextlib
import functools
import logging
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Final, Generic, TypeVar

import trio

from trioradius.attributes.dictionary import Dictionary
from trioradius.attributes.ietf import AcctDelayTime
from trioradius.errors import AuthenticityError, DecodeError, NoResponse
from trioradius.protocol.exchange import Sent
from trioradius.protocol.packets import AccountingRequest, ProtocolError, Reply, Request
from trioradius.protocol.peer import Peer
from trioradius.protocol.profile import RADIUS_1_0, Profile
from trioradius.protocol.secret import Secret
from trioradius.retransmission import Retransmission
from trioradius.transports import UDP
from trioradius.transports.sockets import DATAGRAM_MAXIMUM

R = TypeVar("R", bound=Reply)

SOCKETS_MAXIMUM: Final = 64
"""So 16,384 exchanges at once; further ones wait for a place."""

log = logging.getLogger("trioradius.client")


class Client:
    """Exchanges packets with one server; made by open_client()."""

    def __init__(
        self,
        server: UDP,
        secret: Secret,
        *,
        retransmission: Retransmission,
        require_message_authenticator: bool,
        prove_dynamic: bool,
        dictionary: Dictionary,
        nursery: trio.Nursery,
    ) -> None:
        self.profile: Profile = RADIUS_1_0
        """The RADIUS version spoken."""
        self.counters: Counter[str] = Counter()
        """Replies that were thrown away, by reason."""
        self._server = server
        self._retransmission = retransmission
        self._dictionary = dictionary
        self._nursery = nursery
        self._channels: list[_Channel] = []
        self._places = trio.Semaphore(SOCKETS_MAXIMUM * 256)
        self._opening = trio.Lock()
        self._make = functools.partial(
            Sent.make,
            secret=secret,
            profile=self.profile,
            prove=prove_dynamic,
            require_message_authenticator=require_message_authenticator,
        )

    async def exchange(self, request: Request[R]) -> R:
        """Send a request and return the reply that proves it is from the server.

        It is retransmitted unchanged (RFC 5080 section 2.2.1); an Accounting-Request with Acct-Delay-Time counts that
        up and takes a new Identifier each time (RFC 2866 section 5.2). A reply without proof is counted, and ignored.

        Raises:
            NoResponse: the schedule ran out, or the server answered Protocol-Error.
            EncodeError: the request does not fit RADIUS.
        """
        answer = _Answer[R]()
        begun = trio.current_time()
        async with self._places:
            with contextlib.ExitStack() as held:
                sent: Sent[R] | None = None
                for wait in self._retransmission.waits():
                    if sent is None or _counts_delay(request):
                        channel = await self._channel()
                        sent = held.enter_context(
                            channel.sending(_delayed(request, trio.current_time() - begun), answer, self._make)
                        )
                    await channel.send(sent.octets)
                    with trio.move_on_after(wait):
                        return await answer.wait()
        raise NoResponse(f"no acceptable reply from {self._server.host} port {self._server.port}{self._why()}")

    def _why(self) -> str:
        """The commonest fault among the replies that were thrown away, as a hint."""
        return f" ({self.counters.most_common(1)[0][0]})" if self.counters else ""

    async def _channel(self) -> _Channel:
        """A socket with a free Identifier; a new one where all are taken."""
        async with self._opening:
            for channel in self._channels:
                if channel.free:
                    return channel
            channel = _Channel(await self._server.connect(), self._dictionary, self.counters)
            self._channels.append(channel)
            self._nursery.start_soon(channel.receive)
            return channel

    async def connect(self) -> None:
        """Open the first socket, so that a wrong address shows at once; open_client() does it."""
        await self._channel()

    def close(self) -> None:
        """Close the sockets; open_client() does it."""
        for channel in self._channels:
            channel.close()


class _Answer(Generic[R]):
    """The place where the one good reply arrives, under whichever Identifier."""

    def __init__(self) -> None:
        self._arrived = trio.Event()
        self._reply: R | ProtocolError | None = None

    def give(self, reply: R | ProtocolError) -> None:
        self._reply = reply
        self._arrived.set()

    async def wait(self) -> R:
        await self._arrived.wait()
        if isinstance(self._reply, ProtocolError):
            raise NoResponse(f"the server cannot answer: {self._reply}", reason="protocol_error")
        return self._reply  # type: ignore[return-value]


class _Channel:
    """One connected socket and its 256 Identifiers, each of which rests as long as it can."""

    def __init__(self, connected: trio.socket.SocketType, dictionary: Dictionary, counters: Counter[str]) -> None:
        self.free = deque(range(256))
        self._socket = connected
        self._dictionary = dictionary
        self._counters = counters
        self._waiting: dict[int, tuple[Sent[Any], _Answer[Any]]] = {}

    @contextlib.contextmanager
    def sending(self, request: Request[R], answer: _Answer[R], make: Callable[..., Sent[R]]) -> Iterator[Sent[R]]:
        """A request under an Identifier of its own, until the block ends; a reply after that is ignored."""
        identifier = self.free.popleft()
        try:
            sent = make(request, identifier)
            self._waiting[identifier] = sent, answer
            yield sent
        finally:
            self._waiting.pop(identifier, None)
            self.free.append(identifier)

    async def send(self, octets: bytes) -> None:
        """Send, or behave like a network that lost it: an unreachable server is found out by waiting."""
        try:
            await self._socket.send(octets)
        except OSError as error:
            self._counters[f"not sent: {error.strerror}"] += 1

    async def receive(self) -> None:
        """Hand each datagram to whoever waits for its Identifier; what proves nothing is counted and ignored."""
        while True:
            try:
                octets = await self._socket.recv(DATAGRAM_MAXIMUM)
            except OSError as error:
                self._counters[f"{error.strerror}"] += 1
                continue
            waiting = self._waiting.get(octets[1]) if len(octets) > 1 else None
            if waiting is None:
                self._counters["unmatched"] += 1
                continue
            sent, answer = waiting
            try:
                answer.give(sent.read_reply(octets, self._dictionary))
            except (AuthenticityError, DecodeError) as error:
                # A discarded reply neither stops nor shifts the timers (RFC 5080 section 2.2.1).
                # One line a reason, lest a flood of forged replies fill the log; the counters have the rest.
                level = logging.DEBUG if self._counters[error.reason] else logging.WARNING
                log.log(level, "a reply was discarded: %s", error)
                self._counters[error.reason] += 1

    def close(self) -> None:
        self._socket.close()


def _counts_delay(request: Request[Any]) -> bool:
    return isinstance(request, AccountingRequest) and AcctDelayTime in request


def _delayed(request: Request[R], seconds: float) -> Request[R]:
    """The request with Acct-Delay-Time grown by the time spent trying (RFC 2866 section 5.2)."""
    if seconds < 1 or not _counts_delay(request):
        return request
    delay = AcctDelayTime(request[AcctDelayTime] + int(seconds))
    return type(request)(*(delay if avp.attribute.key == delay.attribute.key else avp for avp in request.avps))


@contextlib.asynccontextmanager
async def open_client(
    server: UDP,
    *,
    secret: bytes | str,
    retransmission: Retransmission | None = None,
    require_message_authenticator: bool = True,
    prove_dynamic: bool = False,
    dictionary: Dictionary | None = None,
) -> AsyncIterator[Client]:
    """A client of one server: ``async with open_client(UDP("192.0.2.1"), secret=...) as client``.

    Args:
        server: its address and port; ``source_address`` of it is where to send from.
        secret: the secret shared with it.
        retransmission: when to send again and when to give up; RFC 5080's schedule by default.
        require_message_authenticator: discard Access-Accept, -Reject and -Challenge without Message-Authenticator.
            False only for a server that cannot send it: such replies can be forged (BlastRADIUS).
        prove_dynamic: put Message-Authenticator in CoA-Request and Disconnect-Request too.
        dictionary: what attributes of replies are called.

    Raises:
        ConfigurationError: the secret is empty, or the server's name does not resolve.
    """
    failure: BaseException | None = None
    async with trio.open_nursery() as nursery:
        client = Client(
            server,
            Peer(secret).secret,
            retransmission=retransmission or Retransmission(),
            require_message_authenticator=require_message_authenticator,
            prove_dynamic=prove_dynamic,
            dictionary=dictionary or Dictionary.bundled(),
            nursery=nursery,
        )
        try:
            await client.connect()
            yield client
        except BaseException as error:
            # Raised again outside of the nursery, which would put it into a group.
            failure = error
        finally:
            nursery.cancel_scope.cancel()
            client.close()
    if failure is not None:
        raise failure


def send(
    server: UDP,
    request: Request[R],
    *,
    secret: bytes | str,
    retransmission: Retransmission | None = None,
    require_message_authenticator: bool = True,
) -> R:
    """Send one request and return its reply, for programs that are not Trio programs. Blocks; raises as exchange()."""

    async def exchange() -> R:
        async with open_client(
            server,
            secret=secret,
            retransmission=retransmission,
            require_message_authenticator=require_message_authenticator,
        ) as client:
            return await client.exchange(request)

    return trio.run(exchange)
