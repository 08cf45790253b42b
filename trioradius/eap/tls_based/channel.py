"""Channel: TLS within EAP packets, as a server runs it (RFC 5216 section 2.1); what all methods on TLS share."""

from __future__ import annotations

from typing import TypeAlias

import attrs

from trioradius.eap.fragments import Answer, Fragment, Fragments
from trioradius.eap.method import Circumstances, Failed, Send
from trioradius.errors import DecodeError
from trioradius.tls import events
from trioradius.tls.admission import Admission
from trioradius.tls.context import Context
from trioradius.tls.engine import Engine, State, server_engine
from trioradius.tls.events import HandshakeDone


@attrs.frozen
class Arrived:
    """The handshake is done, and a message of the peer is whole.

    ``opened``: the handshake was finished by this very message. ``plaintext`` is what came through TLS with it;
    ``acknowledges`` says that there was nothing in it at all: so a peer takes notice (RFC 5216 section 2.1.1).
    """

    opened: bool
    plaintext: bytes = attrs.field(repr=False)
    acknowledges: bool


Progress: TypeAlias = Send | Failed | Arrived


class Channel:
    """One TLS connection of one conversation.

    Args:
        context: the server's, made once for all conversations.
        circumstances: of the method's run.
        version: of the method, in the flags of each packet.
        admission: who may finish the handshake; by default whoever the context's settings take.
    """

    def __init__(
        self,
        context: Context,
        circumstances: Circumstances,
        *,
        version: int = 0,
        admission: Admission | None = None,
    ) -> None:
        self._engine: Engine = server_engine(context, now=circumstances.now, admission=admission)
        self._fragments = Fragments(circumstances.fragment_size, version=version)
        self._failure = ""

    @property
    def engine(self) -> Engine:
        """For keys, and what the handshake came to."""
        return self._engine

    @property
    def done(self) -> HandshakeDone:
        """What the handshake came to; after Arrived alone."""
        assert self._engine.done is not None
        return self._engine.done

    @property
    def is_tls_1_3(self) -> bool:
        """Whether the keys are those of RFC 9427, and not of TLS 1.2."""
        return self.done.tls_version == "TLSv1.3"

    def start(self) -> Send:
        """The Request that begins the method."""
        return Send(Fragment(start=True, version=self._fragments.version).encode())

    def receive(self, data: bytes) -> Progress:
        """What follows from the Type-Data of a Response: Send and Failed are the method's next step as they are."""
        if self._failure:
            # RFC 5216 section 2.1.3: the alert has arrived, whatever the peer answers to it.
            return Failed(self._failure)
        try:
            fragment = Fragment.decode(data)
            turn = self._fragments.receive(fragment)
        except DecodeError as error:
            return Failed(str(error))
        if isinstance(turn, Answer):
            return Send(turn.data)
        return self._feed(turn.octets)

    def write(self, plaintext: bytes) -> None:
        """Encrypt octets, for flush() to send."""
        self._engine.write(plaintext)

    def flush(self) -> Send:
        """What TLS has to say, or an acknowledgement where it has nothing."""
        return Send(self._fragments.send(self._engine.take()))

    def send(self, plaintext: bytes) -> Send:
        """write() and flush()."""
        self.write(plaintext)
        return self.flush()

    def close(self) -> None:
        """Let the session be resumed, and the connection go."""
        self._engine.forget()

    def _feed(self, message: bytes) -> Progress:
        if not message:
            return self._acknowledged()
        was_open = self._engine.state is State.OPEN
        found = self._engine.feed(message)
        for event in found:
            if isinstance(event, events.Failed):
                return self._fail(event.text)
            if isinstance(event, events.Closed):
                return self._fail("the peer closed the TLS connection")
        if self._engine.state is State.OPEN:
            plaintext = b"".join(event.octets for event in found if isinstance(event, events.Data))
            return Arrived(not was_open, plaintext, acknowledges=False)
        answer = self._engine.take()
        return Send(self._fragments.send(answer)) if answer else Failed("TLS: the peer stopped within a message")

    def _acknowledged(self) -> Progress:
        if self._engine.state is State.OPEN:
            return Arrived(opened=False, plaintext=b"", acknowledges=True)
        return Failed("TLS: the peer stopped in the middle of the handshake")

    def _fail(self, text: str) -> Send | Failed:
        """Tell the peer by an alert, where there is one, and fail once it has answered (RFC 5216 section 2.1.3)."""
        alert = self._engine.take()
        if not alert:
            return Failed(f"TLS: {text}")
        self._failure = f"TLS: {text}"
        return Send(self._fragments.send(alert))
