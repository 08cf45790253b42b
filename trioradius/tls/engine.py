"""Engine: one TLS connection as a state machine. Ciphertext goes in, events and ciphertext come out; it does no I/O.

Whoever owns it feeds what arrived, handles the events, and sends what take() returns, after every call.
"""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Iterator
from datetime import datetime
from typing import Final

import attrs
from cryptography import x509
from OpenSSL import SSL

from trioradius.tls import openssl
from trioradius.tls.admission import Admission, Introduction
from trioradius.tls.alpn import NoCommonProtocol
from trioradius.tls.context import Context
from trioradius.tls.events import Closed, Data, Event, Failed, HandshakeDone
from trioradius.tls.identity import PeerCertificate, dns_name, plain_ip

RECORD_MAXIMUM: Final = 16_384
"""Octets of plaintext in a record (RFC 8446 section 5.1)."""
TAKE: Final = 65_536

_BOTH_WAYS: Final[int] = SSL.SENT_SHUTDOWN | SSL.RECEIVED_SHUTDOWN  # type: ignore[assignment,unused-ignore]


class State(enum.Enum):
    """Where a connection stands; the last two are final."""

    HANDSHAKE = enum.auto()
    OPEN = enum.auto()
    CLOSED = enum.auto()
    FAILED = enum.auto()


@attrs.frozen
class Resumption:
    """A session that a later connection of the same context may resume; worth as much as a key."""

    session: SSL.Session = attrs.field(repr=False)
    protocol: bytes


class Engine:
    """One TLS connection; made by server_engine() and client_engine().

    Args:
        context: its context, of one role.
        admission: who may finish the handshake.
        now: the time, for what a certificate that comes back by resumption is worth.
    """

    def __init__(self, context: Context, admission: Admission, *, now: datetime) -> None:
        self.context = context
        self.state = State.HANDSHAKE
        self.done: HandshakeDone | None = None
        """What the handshake came to, once it is done."""
        self._now = now
        self._resumption: Resumption | None = None
        self._introduction = Introduction(admission)
        self._connection = SSL.Connection(context.ssl)
        self._connection.set_app_data(self._introduction)
        if context.role == "server":
            self._connection.set_accept_state()
        else:
            self._connection.set_connect_state()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.context.role} {self.state.name}>"

    def feed(self, ciphertext: bytes) -> list[Event]:
        """What octets from the peer come to; b"" is their end."""
        if self.state in (State.CLOSED, State.FAILED):
            return []
        if ciphertext:
            self._connection.bio_write(ciphertext)
        else:
            self._connection.bio_shutdown()
        return self.advance()

    def advance(self) -> list[Event]:
        """Go on as far as what was fed allows; a client begins with it."""
        return list(self._progress())

    def take(self) -> bytes:
        """The ciphertext that waits to be sent."""
        parts: list[bytes] = []
        with contextlib.suppress(SSL.WantReadError):
            while not parts or len(parts[-1]) == TAKE:
                parts.append(self._connection.bio_read(TAKE))
        return b"".join(parts)

    def write(self, plaintext: bytes) -> None:
        """Encrypt octets. Raises RuntimeError where the connection is not open."""
        if self.state is not State.OPEN:
            raise RuntimeError(f"the connection is not open but {self.state.name}")
        self._connection.sendall(plaintext)

    def close(self) -> None:
        """Say close_notify, and be closed; what the peer still sends is ignored."""
        if self.state is State.OPEN:
            with contextlib.suppress(SSL.Error):
                self._connection.shutdown()
            self._keep_session()
        if self.state is not State.FAILED:
            self.state = State.CLOSED

    def forget(self) -> None:
        """Be closed without a word to the peer, where something else tells it; the session may be resumed."""
        if self.state is State.OPEN:
            self._keep_session()
        if self.state is not State.FAILED:
            self.state = State.CLOSED

    def _keep_session(self) -> None:
        """Without it OpenSSL takes the session for one that broke, and never resumes it."""
        self._connection.set_shutdown(_BOTH_WAYS)

    def resumption(self) -> Resumption | None:
        """What a client's next connection may resume, or None; under TLS 1.3 it comes after the handshake.

        It is void where the engine is dropped without close() or the end of the stream.
        """
        done = self.done
        if done is None or done.certificate is None or not self.context.settings.resumption:
            return None
        session = self._connection.get_session()
        return Resumption(session, done.protocol.encode()) if session is not None else None

    def resume(self, resumption: Resumption) -> None:
        """Try to resume a session, and offer the protocol that it spoke alone (RFC 9765 section 3.5).

        A session of another context is left alone: it was made under other rules.
        """
        with contextlib.suppress(ValueError):
            self._connection.set_session(resumption.session)
            self._resumption = resumption
            if resumption.protocol:
                self._connection.set_alpn_protos([resumption.protocol])

    def ask_for(self, server_name: str) -> None:
        """Send a DNS name as SNI; an IP address has none (RFC 6066 section 3)."""
        if server_name and plain_ip(server_name) is None:
            self._connection.set_tlsext_host_name(dns_name(server_name).encode("ascii"))

    def export(self, label: bytes, length: int, context: bytes | None = None) -> bytes:
        """Keying material of an open connection (RFC 8446 section 7.5), as EAP methods take it."""
        return self._connection.export_keying_material(label, length, context)

    def randoms(self) -> bytes:
        """The random values of both ends, the client's first (RFC 5216 section 2.3)."""
        return (self._connection.client_random() or b"") + (self._connection.server_random() or b"")

    def tls_unique(self) -> bytes:
        """The first Finished message of a TLS 1.2 handshake that is done (RFC 5929 section 3.1).

        It is the client's, unless a session was resumed.
        """
        assert self.done is not None
        if (self.context.role == "client") != self.done.resumed:
            return self._connection.get_finished() or b""
        return self._connection.get_peer_finished() or b""

    @property
    def resumed_session(self) -> bytes:
        """For a server, the name of the session that the client resumed; b"" where it resumed none."""
        done = self.done
        return self._introduction.resumed_session if done is not None and done.resumed else b""

    def session_name(self) -> bytes:
        """For a server, the name by which resumed_session tells it that a client comes back with this session.

        Of several tickets that TLS 1.3 sends it is the last one's: clients use that.
        """
        return openssl.session_name(self._connection)

    def _progress(self) -> Iterator[Event]:
        try:
            if self.state is State.HANDSHAKE:
                self._connection.do_handshake()
                yield self._finish_handshake()
            while self.state is State.OPEN:
                yield Data(self._connection.recv(RECORD_MAXIMUM))
        except SSL.WantReadError:
            return
        except SSL.ZeroReturnError:
            self.close()
            yield Closed(clean=True)
        except (SSL.Error, NoCommonProtocol) as error:
            yield self._fail(error)

    def _finish_handshake(self) -> HandshakeDone | Failed:
        """What the peer has proved. A resumed session runs no callbacks, so that everything is checked again here."""
        resumed = openssl.is_resumed(self._connection)
        try:
            done = self._describe(resumed)
        except ValueError:
            return self._refuse("certificate_refused", "the certificate cannot be read")
        refused = self._fault(done)
        if refused is not None:
            return self._refuse(*refused)
        self.done = done
        self.state = State.OPEN
        return done

    def _describe(self, resumed: bool) -> HandshakeDone:
        connection = self._connection
        certificate = self._certificate()
        protocol = connection.get_alpn_proto_negotiated()
        tls_1_3 = connection.get_protocol_version() == SSL.TLS1_3_VERSION
        name = connection.get_servername()
        cipher = connection.get_cipher_name() or ""
        by_key = certificate is None and self.context.purpose.radius and (resumed if tls_1_3 else "PSK" in cipher)
        return HandshakeDone(
            certificate=certificate,
            chain=self._chain(certificate),
            psk_identity=self._psk_identity() if by_key else "",
            tls_version=connection.get_protocol_version_name(),
            cipher=cipher,
            protocol=protocol.decode("ascii", "replace"),
            radius_version=self.context.radius_version(protocol, tls_1_3),
            resumed=resumed and not by_key,
            server_name=name.decode("ascii", "replace") if name else "",
        )

    def _certificate(self) -> PeerCertificate | None:
        """The peer's own. The verification has read it, unless a session was resumed. Raises ValueError."""
        if self._introduction.certificate is not None:
            return self._introduction.certificate
        found = self._connection.get_peer_certificate(as_cryptography=True)
        return None if found is None else PeerCertificate.read(found)

    def _chain(self, own: PeerCertificate | None) -> tuple[x509.Certificate, ...]:
        """What else the peer sent; of a short connection nobody looks at it again."""
        if own is None or self.context.purpose.many:
            return ()
        chain = self._connection.get_peer_cert_chain(as_cryptography=True) or []
        return tuple(certificate for certificate in chain if certificate != own.certificate)

    def _psk_identity(self) -> str:
        if self.context.role == "server":
            return self._introduction.psk_identity
        psk = self.context.settings.psk
        return psk.identity if psk is not None else ""

    def _fault(self, done: HandshakeDone) -> tuple[str, str] | None:
        """Reason and text where a finished handshake is not good enough."""
        if done.certificate is None:
            enough = done.psk_identity or self._may_be_anonymous
            return None if enough else ("no_certificate", "the peer showed no certificate, and proved no key")
        refusal = self.context.known_fault(done.certificate, self._introduction.admission, self._now)
        if refusal:
            return "certificate_refused", refusal
        if done.resumed and self._resumed_protocol() != done.protocol.encode():
            return "resumption_refused", f"a session that spoke another RADIUS version was resumed as {done.protocol!r}"
        return None

    @property
    def _may_be_anonymous(self) -> bool:
        return self.context.role == "server" and self.context.purpose.client_certificate != "required"

    def _resumed_protocol(self) -> bytes:
        """A session may resume only as the RADIUS version it was made for (RFC 9765 section 3.5)."""
        if self._resumption is not None:
            return self._resumption.protocol
        return self._introduction.resumed_protocol

    def _refuse(self, reason: str, text: str) -> Failed:
        """Give up a handshake that OpenSSL takes for good, and say close_notify."""
        with contextlib.suppress(SSL.Error):
            self._connection.shutdown()
        self.state = State.FAILED
        return Failed(reason, text)

    def _fail(self, error: Exception) -> Closed | Failed:
        opened = self.state is State.OPEN
        self.state = State.FAILED
        if isinstance(error, SSL.SysCallError):
            if not opened:
                return Failed("cut_off", "the peer closed during the handshake")
            self._keep_session()
            self.state = State.CLOSED
            return Closed(clean=False)
        return Failed(*_explain(error, self._introduction))


_REASONS: Final = {
    "peer did not return a certificate": "no_certificate",
    "no application protocol": "no_common_protocol",
    "unsupported protocol": "no_common_version",
    "no shared cipher": "no_common_cipher",
    "unexpected eof while reading": "cut_off",
}
_ALERTS: Final = {
    "no application protocol": "no_common_protocol",
    "protocol version": "no_common_version",
}


def _explain(error: Exception, introduction: Introduction) -> tuple[str, str]:
    """A reason and a text for what OpenSSL, or a callback, gave up for."""
    if isinstance(error, NoCommonProtocol):
        return "no_common_protocol", "the peer offers no RADIUS version that is spoken here (ALPN)"
    if introduction.refusal:
        return "certificate_refused", introduction.refusal
    found = [str(entry[2]) for entry in error.args[0]] if error.args and isinstance(error.args[0], list) else []
    text = next((words for words in found if words), "") or str(error) or "no reason given"
    if " alert " in text:
        words = text.partition(" alert ")[2]
        return _ALERTS.get(words, "peer_alert"), f"the peer gave up: {words}"
    return _REASONS.get(text, "tls_error"), text


def server_engine(context: Context, *, now: datetime, admission: Admission | None = None) -> Engine:
    """An engine for a connection that was accepted; by default the settings alone say who may come in."""
    return Engine(context, context.admission() if admission is None else admission, now=now)


def client_engine(
    context: Context, server_name: str = "", *, now: datetime, resumption: Resumption | None = None
) -> Engine:
    """An engine for a connection to a server, of which the certificate must be for this name or address.

    The settings' server_name goes before the one given here.
    """
    name = context.settings.server_name or server_name
    engine = Engine(context, context.admission(name), now=now)
    engine.ask_for(name)
    if resumption is not None:
        engine.resume(resumption)
    return engine
