"""PEAP version 0: a TLS tunnel, and in it an EAP method (draft-kamath-pppext-peapv0, [MS-PEAP]; RFC 9427)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import ClassVar, Literal, TypeAlias

import attrs

from trioradius.eap.gtc import EAPGTC
from trioradius.eap.md5 import EAPMD5
from trioradius.eap.method import Circumstances, Done, Failed, MethodSettings, Outcome, Step, reload
from trioradius.eap.mschapv2 import EAPMSCHAPv2
from trioradius.eap.packet import REQUEST, RESPONSE, EAPPacket
from trioradius.eap.tls_based import extensions, keys
from trioradius.eap.tls_based.channel import Arrived
from trioradius.eap.tls_based.extensions import CRYPTOBINDING, EXTENSIONS, RESULT, CompoundKeys
from trioradius.eap.tls_based.inner import Inner, InnerStep
from trioradius.eap.tls_based.tunnel import TunnelSettings
from trioradius.errors import ConfigurationError, DecodeError
from trioradius.protocol.credentials import Verdict
from trioradius.tls.purpose import ClientCertificate
from trioradius.tls.settings import TLSSettings

CryptoBinding: TypeAlias = Literal["none", "optional", "required"]


class PEAP:
    """PEAP, type 25: the server proves itself by a certificate, and the user by another method within the tunnel.

    Args:
        settings: our certificate and key; authorities only where clients show certificates, too.
        methods: the methods that may be spoken in the tunnel, best first; by default MSCHAPv2 and GTC.
        client_certificate: "none", "optional" or "required" of the machine, beside the user's proof.
        crypto_binding: have the peer prove that its tunnel ends where the inner method does: "optional" takes peers
            that do not know of it, "required" keeps out whoever relays an inner method into a tunnel of his own.
        resumption: let a TLS session that is resumed stand for the user who was proved in it, for an hour at most: the
            password is not asked for again.

    Raises:
        ConfigurationError: a file or a setting cannot work.
    """

    type: ClassVar[int] = keys.PEAP
    name: ClassVar[str] = "PEAP"

    def __init__(
        self,
        settings: TLSSettings,
        *methods: MethodSettings,
        client_certificate: ClientCertificate = "none",
        crypto_binding: CryptoBinding = "optional",
        resumption: bool = False,
    ) -> None:
        if crypto_binding == "required" and any(method.type == EAPMD5.type for method in methods):
            raise ConfigurationError(
                "crypto_binding: MD5 has no keys to bind to the tunnel, and whoever relays it could come in; "
                "leave out EAPMD5, or require no binding"
            )
        self._methods = methods or (EAPMSCHAPv2(), EAPGTC())
        self._crypto_binding: CryptoBinding = crypto_binding
        self._tunnel = TunnelSettings(self.type, self.name, settings, client_certificate, resumption)

    def __repr__(self) -> str:
        return f"PEAP({self._tunnel.settings!r}, crypto_binding={self._crypto_binding!r})"

    def reload(self) -> None:
        """Read the files anew; conversations under way go on as they began. Raises ConfigurationError."""
        self._tunnel.reload()
        reload(self._methods)

    def start(self, circumstances: Circumstances) -> PEAPRun:
        """A new run of it."""
        return PEAPRun(self._tunnel, circumstances, self._methods, self._crypto_binding)


class PEAPRun:
    """One run: the handshake, the inner method, and the result that both ends agree on."""

    def __init__(
        self,
        tunnel: TunnelSettings,
        circumstances: Circumstances,
        methods: Sequence[MethodSettings],
        crypto_binding: CryptoBinding,
    ) -> None:
        self._tunnel = tunnel
        self._circumstances = circumstances
        self._channel = tunnel.open(circumstances)
        self._inner = Inner(methods, tunnel.within(circumstances))
        self._has_inner = False
        self._crypto_binding = crypto_binding
        self._compound: CompoundKeys | None = None
        self._verdict: Outcome | Failed | None = None

    def begin(self, identifier: int) -> Step:
        """As Method."""
        return self._channel.start()

    def receive(self, response: EAPPacket, identifier: int) -> Step:
        """As Method."""
        progress = self._channel.receive(response.data)
        if not isinstance(progress, Arrived):
            return progress
        if progress.opened and progress.plaintext:
            return Failed("PEAP: the peer speaks in the tunnel before it is asked")
        if progress.opened:
            return self._opened(identifier)
        if not self._has_inner and self._verdict is None and progress.acknowledges:
            return self._ask_identity(identifier)
        if not progress.plaintext:
            return Failed("PEAP: the peer has nothing to say where an answer belongs")
        return self._take(progress.plaintext, response.identifier, identifier)

    def tell(self, verdict: Verdict, identifier: int) -> Step:
        """As Method."""
        return self._carry(self._inner.tell(verdict, identifier), identifier)

    def close(self) -> None:
        """As Method."""
        self._inner.close()
        self._channel.close()

    def _opened(self, identifier: int) -> Step:
        """A TLS 1.2 handshake ends with our Finished, unless it resumes a session: the peer acknowledges that first."""
        user = self._tunnel.returning(self._channel, self._circumstances)
        if user is not None:
            return self._conclude(self._tunnel.returned(self._channel, user), None, identifier)
        if not self._channel.is_tls_1_3 and not self._channel.done.resumed:
            return self._channel.flush()
        return self._ask_identity(identifier)

    def _ask_identity(self, identifier: int) -> Step:
        self._has_inner = True
        return self._carry(self._inner.begin(identifier), identifier)

    def _take(self, plaintext: bytes, answered: int, identifier: int) -> Step:
        try:
            packet = _packet(plaintext, answered)
            if self._verdict is not None:
                return self._agree(packet)
        except DecodeError as error:
            return Failed(str(error))
        return self._carry(self._inner.receive(packet, identifier), identifier)

    def _carry(self, step: InnerStep, identifier: int) -> Step:
        match step:
            case EAPPacket():
                # PEAPv0 leaves out the header of inner packets (draft-kamath-pppext-peapv0 section 1.1).
                return self._channel.send(bytes((step.type,)) + step.data)
            case Done():
                outcome = self._tunnel.proved(self._channel, step.outcome)
                return self._conclude(outcome, step.outcome.msk, identifier)
            case Failed():
                self._verdict = step
                return self._say(extensions.result(False), identifier)
        return step

    def _conclude(self, outcome: Outcome, inner_key: bytes | None, identifier: int) -> Step:
        """Say that the user is proved, and have the peer say the same."""
        self._verdict = outcome
        tlvs = extensions.result(True)
        if self._crypto_binding != "none":
            self._compound = CompoundKeys.derive(outcome.msk, inner_key)
            tlvs += extensions.binding(self._compound, secrets.token_bytes(extensions.NONCE))
        return self._say(tlvs, identifier)

    def _say(self, tlvs: bytes, identifier: int) -> Step:
        """Extensions keep their header ([MS-PEAP] section 3.1.5.6)."""
        return self._channel.send(EAPPacket(REQUEST, identifier, EXTENSIONS, tlvs).encode())

    def _agree(self, packet: EAPPacket) -> Step:
        """What the peer makes of our result. Raises DecodeError."""
        if isinstance(self._verdict, Failed):
            return self._verdict
        assert self._verdict is not None
        if packet.type != EXTENSIONS:
            return Failed("PEAP: the peer did not confirm the result")
        tlvs = extensions.decode(packet.data)
        if tlvs.get(RESULT) != extensions.SUCCESS.to_bytes(2, "big"):
            return Failed("PEAP: the peer does not take it for a success")
        return self._bind(self._verdict, tlvs.get(CRYPTOBINDING))

    def _bind(self, outcome: Outcome, value: bytes | None) -> Step:
        if self._crypto_binding == "required" and value is None:
            return Failed("PEAP: the peer sent no crypto-binding")
        if self._compound is not None and value is not None:
            if not extensions.is_bound(self._compound, value):
                return Failed("PEAP: the crypto-binding does not fit: inner method and tunnel end at different places")
            outcome = attrs.evolve(outcome, msk=self._compound.msk)
        return self._tunnel.finish(self._channel, self._circumstances, outcome)


def _packet(plaintext: bytes, identifier: int) -> EAPPacket:
    """An inner Response, whose header may be missing. Raises DecodeError."""
    if plaintext[0] == RESPONSE and int.from_bytes(plaintext[2:4], "big") == len(plaintext):
        return EAPPacket.decode(plaintext)
    return EAPPacket(RESPONSE, identifier, plaintext[0], plaintext[1:])
