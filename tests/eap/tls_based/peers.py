"""A peer on our own engine that says whatever a test wants it to, and the method it talks to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.tls.pki import NOW
from trioradius.eap.fragments import Answer, Fragment, Fragments
from trioradius.eap.method import Ask, Circumstances, Done, Failed, Method, MethodSettings, Outcome, Send, Step
from trioradius.eap.packet import RESPONSE, EAPPacket
from trioradius.protocol.credentials import Cleartext, Verdict
from trioradius.protocol.weigh import weigh
from trioradius.tls import Data, Engine, Purpose, Resumption, State, TLSSettings, client_engine, eap_client_context
from trioradius.tls.context import Context

PASSWORD = b"wonderland"
FIRST = 7


def client(settings: TLSSettings) -> Context:
    return eap_client_context(settings, Purpose(b""))


def weighed(ask: Ask) -> Verdict:
    """Alice's password is known, and nobody else's."""
    return weigh(ask.proof, Cleartext(PASSWORD)) if ask.identity == "alice" else Verdict(False, "unknown user")


class Peer:
    """TLS within EAP as a supplicant speaks it; ``speak`` answers what comes through the tunnel.

    A ``hasty`` one speaks with the message that ends its handshake (RFC 9427 section 3).
    """

    def __init__(
        self,
        context: Context,
        *,
        size: int = 1_000,
        resumption: Resumption | None = None,
        speak: Callable[[Peer, bytes], bytes] = lambda peer, heard: b"",
        hasty: bool = False,
    ) -> None:
        self.engine: Engine = client_engine(context, "localhost", now=NOW, resumption=resumption)
        self.fragments = Fragments(size)
        self.heard: list[bytes] = []
        self.events: list[object] = []
        self._speak = speak
        self._hasty = hasty

    def respond(self, data: bytes) -> bytes:
        """The Type-Data that answers a Request's."""
        fragment = Fragment.decode(data)
        if fragment.start:
            self.engine.advance()
            return self.flush()
        turn = self.fragments.receive(fragment)
        if isinstance(turn, Answer):
            return turn.data
        was_open = self.engine.done is not None
        found = self.engine.feed(turn.octets) if turn.octets else []
        if self.engine.done is not None and not was_open and not self._hasty:
            finished = self.engine.take()
            if finished:
                return self.fragments.send(finished)
        self.events += found
        plaintext = b"".join(event.octets for event in found if isinstance(event, Data))
        self.heard.append(plaintext)
        said = self._speak(self, plaintext) if self.engine.state is State.OPEN else b""
        if said:
            self.engine.write(said)
        return self.flush()

    def flush(self) -> bytes:
        return self.fragments.send(self.engine.take())


class Talk:
    """One run of a method, and the Identifiers that a conversation would give it."""

    def __init__(
        self, settings: MethodSettings, *, identity: str = "anonymous", size: int = 1_015, now: Any = NOW
    ) -> None:
        self.kind = settings.type
        self.circumstances = Circumstances(identity, size, now=now)
        self.method: Method = settings.start(self.circumstances)
        self.identifier = FIRST
        self.sent: list[bytes] = []
        self.step: Step = self.method.begin(self.identifier)

    @property
    def request(self) -> bytes:
        """The Type-Data of the last Request."""
        assert isinstance(self.step, Send), self.step
        return self.step.data

    def answer(self, data: bytes) -> Step:
        """Give it a Response, and the verdict it may ask for."""
        response = EAPPacket(RESPONSE, self.identifier, self.kind, data)
        self.identifier = (self.identifier + 1) % 256
        self.sent.append(data)
        self.step = self.method.receive(response, self.identifier)
        while isinstance(self.step, Ask):
            self.step = self.method.tell(weighed(self.step), self.identifier)
        return self.step

    def with_peer(self, peer: Peer, rounds: int = 500) -> Step:
        """Let both talk until the method is over."""
        while isinstance(self.step, Send):
            rounds -= 1
            assert rounds, "it goes on for ever"
            self.answer(peer.respond(self.step.data))
        self.method.close()
        return self.step

    def until_open(self, peer: Peer) -> None:
        """Let both talk until the peer's Finished has arrived; what the method says to that waits to be answered."""
        while self.method._channel.engine.done is None:  # type: ignore[attr-defined]
            self.answer(peer.respond(self.request))


def outcome(step: Step) -> Outcome:
    assert isinstance(step, Done), step
    return step.outcome


def reason(step: Step) -> str:
    assert isinstance(step, Failed), step
    return step.reason
