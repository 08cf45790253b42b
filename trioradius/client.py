"""The client: many exchanges at once with one server, over UDP, TLS or DTLS.

What identifies a packet on its way, and when it is sent again, is in channels.py (UDP) and link.py (TLS and DTLS).
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from typing import Final, TypeAlias

import trio

from trioradius.attributes.attribute import AVP
from trioradius.attributes.dictionary import Dictionary
from trioradius.channels import Channels
from trioradius.connections import Connections
from trioradius.eap.supplicant import EAPCredentials
from trioradius.errors import ConfigurationError, NoResponse
from trioradius.protocol.packet import Named
from trioradius.protocol.packets import ProtocolError, Request
from trioradius.protocol.peer import Peer
from trioradius.protocol.profile import Profile
from trioradius.protocol.secret import Secret
from trioradius.retransmission import Retransmission
from trioradius.supplicant import EAPResult, authenticate
from trioradius.transports import DTLS, TLS, UDP
from trioradius.way import R, Terms, Way

Server: TypeAlias = UDP | TLS | DTLS

SECRETS: Final[dict[type[Server], bytes]] = {TLS: b"radsec", DTLS: b"radius/dtls"}
"""The shared secret where none is given (RFC 6614 section 2.3, RFC 7360 section 2.1)."""


class Client:
    """Exchanges packets with one server; made by open_client()."""

    def __init__(self, server: Server, way: Way, counters: Counter[str]) -> None:
        self.counters = counters
        """Replies that were thrown away, and what the network refused, by reason."""
        self._server = server
        self._way = way

    @property
    def profile(self) -> Profile:
        """The RADIUS version spoken; over TLS what the newest connection negotiated, and 1.0 before the first."""
        return self._way.profile

    async def connect(self) -> None:
        """Be sure of a socket or a connection, so that ``profile`` tells what was negotiated.

        exchange() does it where it needs to.

        Raises:
            NoResponse: the server cannot be reached, or one end does not trust the other.
            VersionRefused: only RADIUS/1.1 is offered, and the server does not speak it.
        """
        await self._way.connect()

    async def exchange(self, request: Request[R]) -> R:
        """Send a request and return the reply that proves it is from the server.

        Over UDP and DTLS it is retransmitted unchanged (RFC 5080 section 2.2.1); an Accounting-Request with
        Acct-Delay-Time counts that up and takes a new Identifier each time (RFC 2866 section 5.2). A reply without
        proof is counted, and over UDP ignored; over TLS and DTLS it ends the connection. Over TLS a request is sent
        once; over TLS and DTLS once more where the connection dies before the reply.

        Raises:
            NoResponse: the schedule ran out, or the server answered Protocol-Error, which is then its ``reply``.
                ``reason`` is the commonest one for which replies to this request were thrown away, or over TLS and DTLS
                why the connection ended or could not be made.
            VersionRefused: only RADIUS/1.1 is offered, and the server does not speak it.
            EncodeError: the request does not fit RADIUS.
            ConfigurationError: it needs a further socket, and none can be opened.
            trio.ClosedResourceError: the client's block has ended.
        """
        reply = await self._way.exchange(request)
        if isinstance(reply, ProtocolError):
            text = f"{self._server.host} port {self._server.port} cannot answer: {reply}"
            raise NoResponse(text, reason="protocol_error", reply=reply)
        return reply

    async def authenticate(self, credentials: EAPCredentials, *attributes: AVP | Named) -> EAPResult:
        """Hold an EAP conversation (RFC 3579) to its end, as a NAS and its supplicant hold it together.

        Every Access-Request carries these attributes, by which a server knows a network: NAS-Port-Type,
        Called-Station-Id and so on. User-Name is the outer identity, unless the attributes have another.

        Raises:
            AuthenticityError: the server has not proved who it is, contradicts itself, or does not come to an end; so
                an Access-Accept was worth nothing. ``reason`` says what was wrong.
            DecodeError: the server's EAP makes no sense.
            ConfigurationError: a TLS file cannot be used; a password, or what the conversation sets, among the
                attributes.
            NoResponse: and whatever else exchange() raises.
        """
        return await authenticate(self.exchange, credentials, *attributes)


@contextlib.asynccontextmanager
async def open_client(
    server: Server,
    *,
    secret: bytes | str | None = None,
    retransmission: Retransmission | None = None,
    require_message_authenticator: bool | None = None,
    prove_dynamic: bool = False,
    dictionary: Dictionary | None = None,
) -> AsyncIterator[Client]:
    """A client of one server: ``async with open_client(UDP("192.0.2.1"), secret=...) as client``.

    A TLS or DTLS client connects when the first exchange needs it, and again when one finds the connection gone, with
    certificates and lists read again where a file has changed; it never falls back to UDP. What is still under way
    when the block ends gets trio.ClosedResourceError.

    Args:
        server: its address and port; ``source_address`` of it is where to send from.
        secret: the secret shared with it; over TLS "radsec" by default, over DTLS "radius/dtls".
        retransmission: when to send again and when to give up; RFC 5080's schedule by default. Over TLS only its
            ``duration`` counts.
        require_message_authenticator: discard Access-Accept, -Reject, -Challenge and Protocol-Error without
            Message-Authenticator; by default over UDP. False there only for a server that cannot send it: such replies
            can be forged (BlastRADIUS).
        prove_dynamic: put Message-Authenticator in CoA-Request and Disconnect-Request too.
        dictionary: what attributes of replies are called.

    Raises:
        ConfigurationError: the secret is empty, a file of the TLS settings cannot be used, or for UDP the secret is
            missing, the server's name does not resolve, or its network cannot be reached.
    """
    terms = Terms(
        _secret(server, secret),
        retransmission or Retransmission(),
        isinstance(server, UDP) if require_message_authenticator is None else require_message_authenticator,
        prove_dynamic,
        dictionary or Dictionary.bundled(),
    )
    async with _running(server, terms) as client:
        yield client


@contextlib.asynccontextmanager
async def _running(server: Server, terms: Terms) -> AsyncIterator[Client]:
    counters: Counter[str] = Counter()
    receiving = contextlib.AsyncExitStack()
    try:
        nursery = await receiving.enter_async_context(trio.open_nursery())
        way = _way(server, terms, counters, nursery)
        receiving.callback(way.close)
        if isinstance(server, UDP):
            # So that a wrong address shows at once.
            await way.connect()
        yield Client(server, way, counters)
    finally:
        # Closed so, the nursery does not see what the block raised, and cannot put it into an ExceptionGroup.
        await receiving.aclose()


def _way(server: Server, terms: Terms, counters: Counter[str], nursery: trio.Nursery) -> Way:
    if isinstance(server, UDP):
        return Channels(server, terms, counters, nursery)
    return Connections(server, terms, counters, nursery)


def _secret(server: Server, secret: bytes | str | None) -> Secret:
    given = SECRETS.get(type(server)) if secret is None else secret
    if given is None:
        raise ConfigurationError("UDP needs the secret shared with the server: open_client(UDP(...), secret=...)")
    found = Peer(given).secret
    if not isinstance(server, UDP) and server.settings.psk is not None:
        server.settings.psk.require_distinct([found.octets])
    return found


def send(
    server: Server,
    request: Request[R],
    *,
    secret: bytes | str | None = None,
    retransmission: Retransmission | None = None,
    require_message_authenticator: bool | None = None,
    prove_dynamic: bool = False,
    dictionary: Dictionary | None = None,
) -> R:
    """Send one request and return its reply, for programs that are not Trio programs. Blocks.

    Raises:
        RuntimeError: called within a Trio program, which open_client() is for.
        RadiusError: as open_client() and Client.exchange().
    """

    async def exchange() -> R:
        async with open_client(
            server,
            secret=secret,
            retransmission=retransmission,
            require_message_authenticator=require_message_authenticator,
            prove_dynamic=prove_dynamic,
            dictionary=dictionary,
        ) as client:
            return await client.exchange(request)

    _require_no_trio("send")
    return trio.run(exchange)


def send_eap(
    server: Server,
    credentials: EAPCredentials,
    *attributes: AVP | Named,
    secret: bytes | str | None = None,
    retransmission: Retransmission | None = None,
    require_message_authenticator: bool | None = None,
) -> EAPResult:
    """Hold one EAP conversation and return what it came to, for programs that are not Trio programs. Blocks.

    Raises:
        RuntimeError: called within a Trio program, which open_client() is for.
        RadiusError: as open_client() and Client.authenticate().
    """

    async def converse() -> EAPResult:
        async with open_client(
            server,
            secret=secret,
            retransmission=retransmission,
            require_message_authenticator=require_message_authenticator,
        ) as client:
            return await client.authenticate(credentials, *attributes)

    _require_no_trio("send_eap")
    return trio.run(converse)


def _require_no_trio(name: str) -> None:
    if trio.lowlevel.in_trio_run():
        raise RuntimeError(f"{name}() blocks; within a Trio program use `async with open_client(...) as client`")
