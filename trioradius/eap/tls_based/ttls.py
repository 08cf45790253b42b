"""EAP-TTLS version 0: a TLS tunnel, and in it AVPs that prove a user (RFC 5281; RFC 9427 for TLS 1.3)."""

from __future__ import annotations

import functools
from collections.abc import Collection, Sequence
from typing import ClassVar

from trioradius.eap.gtc import EAPGTC
from trioradius.eap.md5 import EAPMD5
from trioradius.eap.method import Ask, Circumstances, Done, Failed, MethodSettings, Outcome, Step, reload
from trioradius.eap.mschapv2 import EAPMSCHAPv2
from trioradius.eap.packet import EAPPacket
from trioradius.eap.tls_based import avps, keys
from trioradius.eap.tls_based.avps import DiameterAVP
from trioradius.eap.tls_based.certificate import COMMITMENT
from trioradius.eap.tls_based.channel import Arrived
from trioradius.eap.tls_based.inner import Inner, InnerStep
from trioradius.eap.tls_based.passwords import EAP_MESSAGE, Shown, allowed, mschapv2_success, shown, values
from trioradius.eap.tls_based.tunnel import TunnelSettings
from trioradius.errors import DecodeError
from trioradius.protocol.credentials import Verdict
from trioradius.protocol.proofs import MSCHAPv2
from trioradius.tls.purpose import ClientCertificate
from trioradius.tls.settings import TLSSettings


class EAPTTLS:
    """EAP-TTLS, type 21: the server proves itself by a certificate, and the user by a password within the tunnel.

    Args:
        settings: our certificate and key; authorities only where clients show certificates, too.
        methods: the EAP methods that may be spoken in the tunnel, best first; by default MSCHAPv2, GTC and MD5.
        plain: whether the user may prove himself in the tunnel without EAP; or those of "PAP", "CHAP", "MS-CHAP" and
            "MS-CHAPv2" by which he may.
        client_certificate: "none", "optional" or "required" of the machine, beside the user's proof.
        resumption: let a TLS session that is resumed stand for the user who was proved in it, for an hour at most: the
            password is not asked for again.

    Raises:
        ConfigurationError: a file or a setting cannot work.
    """

    type: ClassVar[int] = keys.TTLS
    name: ClassVar[str] = "EAP-TTLS"

    def __init__(
        self,
        settings: TLSSettings,
        *methods: MethodSettings,
        plain: bool | Collection[str] = True,
        client_certificate: ClientCertificate = "none",
        resumption: bool = False,
    ) -> None:
        self._methods = methods or (EAPMSCHAPv2(), EAPGTC(), EAPMD5())
        self._plain = allowed(plain)
        self._tunnel = TunnelSettings(self.type, self.name, settings, client_certificate, resumption)

    def __repr__(self) -> str:
        return f"EAPTTLS({self._tunnel.settings!r})"

    def reload(self) -> None:
        """Read the files anew; conversations under way go on as they began. Raises ConfigurationError."""
        self._tunnel.reload()
        reload(self._methods)

    def start(self, circumstances: Circumstances) -> TTLSRun:
        """A new run of it."""
        return TTLSRun(self._tunnel, circumstances, self._methods, self._plain)


class TTLSRun:
    """One run: the handshake, what proves the user, and the last word where the server has one.

    The peer speaks first in the tunnel: either AVPs that are a proof, or the identity of an inner EAP conversation.
    """

    def __init__(
        self,
        tunnel: TunnelSettings,
        circumstances: Circumstances,
        methods: Sequence[MethodSettings],
        plain: Collection[str],
    ) -> None:
        self._tunnel = tunnel
        self._circumstances = circumstances
        self._channel = tunnel.open(circumstances)
        self._inner = Inner(methods, tunnel.within(circumstances))
        self._has_inner = False
        self._plain = plain
        self._shown: Shown | None = None
        self._outcome: Outcome | None = None

    def begin(self, identifier: int) -> Step:
        """As Method."""
        return self._channel.start()

    def receive(self, response: EAPPacket, identifier: int) -> Step:
        """As Method."""
        progress = self._channel.receive(response.data)
        if not isinstance(progress, Arrived):
            return progress
        if self._outcome is not None:
            return self._end(progress)
        if progress.plaintext:
            return self._take(progress.plaintext)
        return self._opened() if progress.opened else Failed("EAP-TTLS: the peer proves nothing in the tunnel")

    def tell(self, verdict: Verdict, identifier: int) -> Step:
        """As Method."""
        if self._shown is None:
            return self._carry(self._inner.tell(verdict, self._inner_identifier))
        if not verdict.fits:
            return Failed(f"EAP-TTLS: {self._shown.name}: {verdict.reason}")
        outcome = self._tunnel.proved(self._channel, Outcome(self._shown.name, self._shown.identity))
        if not isinstance(self._shown.proof, MSCHAPv2):
            return self._tunnel.finish(self._channel, self._circumstances, outcome)
        self._outcome = outcome
        return self._channel.send(mschapv2_success(self._shown.identifier, verdict.authenticator_response).encode())

    def close(self) -> None:
        """As Method."""
        self._inner.close()
        self._channel.close()

    def _opened(self) -> Step:
        """Let the peer begin, or be done where the session stands for its user (RFC 9427 section 4)."""
        user = self._tunnel.returning(self._channel, self._circumstances)
        if user is None:
            return self._channel.flush()
        outcome = self._tunnel.returned(self._channel, user)
        if not self._channel.is_tls_1_3:
            return Done(outcome)
        self._outcome = outcome
        return self._channel.send(COMMITMENT)

    def _take(self, plaintext: bytes) -> Step:
        try:
            found = values(avps.decode(plaintext))
            if EAP_MESSAGE in found or self._has_inner:
                return self._take_inner(EAPPacket.decode(found.get(EAP_MESSAGE, b"")))
            challenge = functools.partial(keys.challenge, self._channel)
            self._shown = shown(found, challenge, self._plain)
        except DecodeError as error:
            return Failed(str(error))
        return Ask(self._shown.identity, self._shown.proof)

    def _take_inner(self, packet: EAPPacket) -> Step:
        """The first one answers a Request for the identity that was never sent (RFC 5281 section 11.2.1)."""
        self._has_inner = True
        self._inner_identifier = (packet.identifier + 1) % 256
        return self._carry(self._inner.receive(packet, self._inner_identifier))

    def _carry(self, step: InnerStep) -> Step:
        if isinstance(step, EAPPacket):
            _, code = EAP_MESSAGE
            return self._channel.send(DiameterAVP(code, step.encode()).encode())
        if isinstance(step, Done):
            outcome = self._tunnel.proved(self._channel, step.outcome)
            return self._tunnel.finish(self._channel, self._circumstances, outcome)
        return step

    def _end(self, progress: Arrived) -> Step:
        """The peer has taken notice of our last word."""
        if self._outcome is None or not progress.acknowledges:
            return Failed("EAP-TTLS: the peer goes on where it has only to take notice")
        return self._tunnel.finish(self._channel, self._circumstances, self._outcome)
