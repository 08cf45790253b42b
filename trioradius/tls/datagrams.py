"""DTLS: an engine for one session, and the door at which a listener learns that an address is real.

The timers of OpenSSL run on real time, whatever clock the owner has.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Hashable
from datetime import datetime
from typing import Final, TypeAlias

from OpenSSL import SSL

from trioradius.tls import openssl
from trioradius.tls.admission import Admission
from trioradius.tls.context import Context
from trioradius.tls.engine import Engine, State
from trioradius.tls.events import Event
from trioradius.tls.records import pack

MTU: Final = 1_200
"""Octets of a datagram in a handshake, which pass everywhere; a RADIUS packet stays whole, and IP may fragment it."""
DATAGRAM_MAXIMUM: Final = 16_384
"""OpenSSL reads so much at once, and a longer datagram would end inside a record."""
COOKIE_SECONDS: Final = 60
"""How long a cookie secret is used; the one before it is still taken (RFC 6347 section 4.2.1)."""

AdmissionFor: TypeAlias = Callable[[Hashable], Admission | None]


class DatagramEngine(Engine):
    """One DTLS session; every datagram is fed by itself, and every packet is written by itself."""

    def __init__(self, context: Context, admission: Admission, *, now: datetime, mtu: int = MTU) -> None:
        super().__init__(context, admission, now=now)
        self._mtu = mtu
        self._connection.set_ciphertext_mtu(mtu)

    def feed(self, ciphertext: bytes) -> list[Event]:
        """What a datagram comes to; a record that does not decrypt is ignored, as is an empty datagram."""
        return super().feed(ciphertext) if 0 < len(ciphertext) <= DATAGRAM_MAXIMUM else []

    def take_datagrams(self) -> list[bytes]:
        """The datagrams that wait to be sent, in order."""
        return pack(self.take(), self._mtu)

    def timeout(self) -> float | None:
        """Seconds until handle_timeout() is due, None where nothing waits for an answer."""
        return self._connection.DTLSv1_get_timeout() if self.state in (State.HANDSHAKE, State.OPEN) else None

    def listen(self, datagram: bytes, cookies: tuple[bytes, ...]) -> tuple[bool, list[bytes]]:
        """Whether a ClientHello carries one of these cookies; and what to send back, without which it goes nowhere."""
        self._introduction.cookies = cookies
        self._connection.bio_write(datagram)
        return openssl.listen(self._connection), self.take_datagrams()

    def meet(self, admission: Admission, now: datetime) -> None:
        """Say who may come in, once the address is real."""
        self._introduction.admission = admission
        self._now = now

    def handle_timeout(self) -> list[Event]:
        """Where it is due, write the last flight once more, or after too many times give up."""
        if self.state in (State.CLOSED, State.FAILED):
            return []
        try:
            self._connection.DTLSv1_handle_timeout()
        except SSL.Error as error:
            return [self._fail(error)]
        return []


class Door:
    """Where a ClientHello must first show that its address is real; costs no memory for each of them.

    Args:
        context: a server's, for datagrams.
        admission_for: who may come in from an address, None for nobody; it is not asked before the address has proved
            real.
    """

    def __init__(self, context: Context, admission_for: AdmissionFor) -> None:
        self.context = context
        self._admission_for = admission_for
        self._secrets = (secrets.token_bytes(32), secrets.token_bytes(32))
        self._rotated = float("-inf")
        self._waiting: DatagramEngine | None = None

    def with_context(self, context: Context) -> Door:
        """A door for this context that knows the cookies of this one."""
        door = Door(context, self._admission_for)
        door._secrets, door._rotated = self._secrets, self._rotated
        return door

    def knock(
        self, datagram: bytes, address: Hashable, *, seconds: float, now: datetime
    ) -> tuple[DatagramEngine | None, list[bytes]]:
        """An engine that has taken this ClientHello in, or None; and the datagrams to send back.

        Args:
            datagram: what is_client_hello() says yes to.
            address: where it came from.
            seconds: a clock that only goes forward.
            now: the time of day.
        """
        self._rotate(seconds)
        engine = self._waiting or DatagramEngine(self.context, Admission(), now=now)
        real, answers = engine.listen(datagram, self._cookies(address))
        # What listened once without success has kept nothing of it, and serves the next one.
        self._waiting = None if real else engine
        if not real:
            return None, answers
        admission = self._admission_for(address)
        if admission is None:
            return None, []
        engine.meet(admission, now)
        return engine, answers

    def _rotate(self, seconds: float) -> None:
        if seconds - self._rotated >= COOKIE_SECONDS:
            self._secrets = secrets.token_bytes(32), self._secrets[0]
            self._rotated = seconds

    def _cookies(self, address: Hashable) -> tuple[bytes, ...]:
        """What this address must send back: the first is sent, any is taken."""
        return tuple(hmac.digest(secret, repr(address).encode(), "sha256") for secret in self._secrets)


def datagram_client(context: Context, server_name: str = "", *, now: datetime, mtu: int = MTU) -> DatagramEngine:
    """An engine for a session with a server, of which the certificate must be for this name or address.

    The settings' server_name goes before the one given here.
    """
    name = context.settings.server_name or server_name
    engine = DatagramEngine(context, context.admission(name), now=now, mtu=mtu)
    engine.ask_for(name)
    return engine
