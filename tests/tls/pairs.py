"""Two engines that talk to each other in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import attrs

from trioradius.tls import (
    Admission,
    Context,
    Data,
    Engine,
    Event,
    Failed,
    HandshakeDone,
    Resumption,
    TLSSettings,
    client_context,
    client_engine,
    server_context,
    server_engine,
)

from .pki import NOW

E = TypeVar("E")


@attrs.define
class Pair:
    """A client and a server, and what each has reported so far."""

    client: Engine
    server: Engine
    client_events: list[Event] = attrs.field(factory=list)
    server_events: list[Event] = attrs.field(factory=list)

    def pump(self, pieces: Callable[[bytes], Iterator[bytes]] = lambda octets: iter((octets,))) -> Pair:
        """Carry ciphertext both ways until nobody has more to say."""
        while True:
            to_server, to_client = self.client.take(), self.server.take()
            for piece in pieces(to_server) if to_server else ():
                self.server_events += self.server.feed(piece)
            for piece in pieces(to_client) if to_client else ():
                self.client_events += self.client.feed(piece)
            if not to_server and not to_client:
                return self

    @property
    def failures(self) -> tuple[str, str]:
        """Why each end failed: client, server; "" where it did not."""
        return _failure(self.client_events), _failure(self.server_events)

    @property
    def texts(self) -> str:
        return " / ".join(e.text for e in self.client_events + self.server_events if isinstance(e, Failed))


def _failure(events: list[Event]) -> str:
    return next((event.reason for event in events if isinstance(event, Failed)), "")


def data(events: list[Event]) -> bytes:
    """All application data among events."""
    return b"".join(event.octets for event in events if isinstance(event, Data))


def connect(
    server: TLSSettings | Context,
    client: TLSSettings | Context,
    *,
    name: str = "localhost",
    admission: Admission | None = None,
    resumption: Resumption | None = None,
    pieces: Callable[[bytes], Iterator[bytes]] = lambda octets: iter((octets,)),
) -> Pair:
    """A handshake between a server and a client of these settings, as far as it goes."""
    serving = server if isinstance(server, Context) else server_context(server)
    asking = client if isinstance(client, Context) else client_context(client)
    pair = Pair(
        client_engine(asking, name, now=NOW, resumption=resumption),
        server_engine(serving, now=NOW, admission=admission),
    )
    pair.client_events += pair.client.advance()
    return pair.pump(pieces)


def done(engine: Engine) -> HandshakeDone:
    assert engine.done is not None, engine
    return engine.done
