"""OnTLS: EAP methods that begin with a TLS handshake, and EAP-TLS, which is little more (RFC 5216, 9190, 9427)."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Final, Protocol

from trioradius.eap.fragments import Answer, Fragment, Fragments
from trioradius.eap.packet import EAPPacket
from trioradius.eap.supplicant.method import Findings, Tunnel
from trioradius.eap.tls_based import keys
from trioradius.eap.tls_based.certificate import COMMITMENT
from trioradius.eap.tls_based.keys import Opened
from trioradius.errors import AuthenticityError, DecodeError
from trioradius.tls import Context, Data, Engine, Failed, HandshakeDone, State

_SERVER_REFUSES: Final = frozenset({"peer_alert", "no_common_version", "no_common_cipher"})
"""Why a handshake fails without a fault of the server's own."""


class Inside(Protocol):
    """What goes on once TLS is open."""

    type: ClassVar[int]
    findings: Findings

    def opened(self, connection: Opened) -> bytes:
        """The handshake is done; what is to be said first."""
        ...

    def receive(self, plaintext: bytes, identifier: int) -> bytes:
        """The answer to what the server said in a Request with this Identifier; b"" for none.

        Raises:
            AuthenticityError: the server has not proved what it must.
            DecodeError: it does not belong here.
        """
        ...


class OnTLS:
    """A method on TLS: a handshake in which the server shows its certificate, and what it is there for.

    Args:
        inside: what goes on once TLS is open.
        context: a client's; it says which servers are believed.
        fragment_size: octets of Type-Data in one Response at most.
        now: the time, for the server's certificate.
    """

    def __init__(self, inside: Inside, context: Context, fragment_size: int, now: datetime) -> None:
        self.type = inside.type
        self.findings = inside.findings
        self._inside = inside
        # Without SNI: a supplicant does not know the server's name from anybody but its own settings.
        self.engine = Engine(context, context.admission(context.settings.server_name), now=now)
        self._fragments = Fragments(fragment_size)
        self._started = False

    @property
    def is_tls_1_3(self) -> bool:
        """Whether TLS 1.3 was negotiated."""
        return self.engine.done is not None and self.engine.done.tls_version == "TLSv1.3"

    def respond(self, request: EAPPacket) -> bytes:
        """The next Type-Data. Raises AuthenticityError and DecodeError."""
        fragment = Fragment.decode(request.data)
        if fragment.start == self._started:
            raise DecodeError("EAP: TLS begins with the Start packet, and has one", reason="eap_unexpected")
        if fragment.start:
            self._started = True
            self.engine.advance()
            return self._fragments.send(self.engine.take())
        turn = self._fragments.receive(fragment)
        if isinstance(turn, Answer):
            return turn.data
        return self._fragments.send(self._exchange(turn.octets, request.identifier))

    def _exchange(self, ciphertext: bytes, identifier: int) -> bytes:
        """What TLS, and whatever is inside, says to the server's octets."""
        said, plaintext = b"", b""
        # To an engine b"" would be the end of the stream; here it is an acknowledgement.
        for event in self.engine.feed(ciphertext) if ciphertext else ():
            if isinstance(event, HandshakeDone):
                said += self._opened(event)
            elif isinstance(event, Data):
                plaintext += event.octets
            elif isinstance(event, Failed):
                self._failed(event)
        if plaintext:
            said += self._inside.receive(plaintext, identifier)
        if said and self.engine.state is State.OPEN:
            self.engine.write(said)
        return self.engine.take()

    def _opened(self, done: HandshakeDone) -> bytes:
        self.findings.tunnel = Tunnel(done.tls_version, done.certificate)
        self.findings.msk = keys.keys(self, self.type).msk
        return self._inside.opened(self)

    def _failed(self, event: Failed) -> None:
        """The alert that tells the server is in take(); what it answers is no longer of interest."""
        if event.reason in _SERVER_REFUSES:
            self.findings.refusal = f"TLS: {event.text}"
        else:
            self.findings.fault = AuthenticityError(f"the EAP server: {event.text}", reason=event.reason)


class TLS:
    """EAP-TLS: both ends show a certificate, and nothing is said inside but the commitment of TLS 1.3."""

    type: ClassVar[int] = keys.TLS

    def __init__(self) -> None:
        self.findings = Findings()
        self._tls_1_3 = False

    def opened(self, connection: Opened) -> bytes:
        """In TLS 1.3 the server has not seen our certificate yet, and has to commit itself (RFC 9190 section 2.5)."""
        self._tls_1_3 = connection.is_tls_1_3
        self.findings.complete = not self._tls_1_3
        return b""

    def receive(self, plaintext: bytes, identifier: int) -> bytes:
        """Raises DecodeError where it is not the commitment."""
        if not self._tls_1_3 or plaintext != COMMITMENT:
            raise DecodeError("EAP-TLS: octets inside TLS that mean nothing", reason="eap_unexpected")
        self.findings.complete = True
        return b""
