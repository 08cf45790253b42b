"""EAP-TLS: both ends prove themselves by certificates (RFC 5216; RFC 9190 for TLS 1.3)."""

from __future__ import annotations

import functools
from datetime import datetime, timedelta
from typing import ClassVar, Final

import attrs

from trioradius.eap.method import Circumstances, Done, Failed, Outcome, Step
from trioradius.eap.packet import EAPPacket
from trioradius.eap.tls_based import keys
from trioradius.eap.tls_based.channel import Arrived, Channel
from trioradius.eap.tls_based.holder import identity, is_named
from trioradius.protocol.credentials import Verdict
from trioradius.tls.context import eap_server_context
from trioradius.tls.identity import PeerCertificate
from trioradius.tls.purpose import Purpose
from trioradius.tls.settings import TLSSettings

COMMITMENT: Final = b"\0"
"""The protected success indication of TLS 1.3: no more handshake messages follow (RFC 9190 section 2.5)."""
SESSIONS_LAST: Final = timedelta(days=1)
"""How long a session may be resumed again and again before everything is proved anew."""


class EAPTLS:
    """EAP-TLS, type 13: a certificate of the user or the machine, and no password.

    The certificate must come from an authority in ``ca`` (or be one of ``fingerprints``), be valid now, and be on no
    list in ``crl``. A session that is resumed has its certificate's dates, revocation and names looked at again, and
    its chain and key once a day, when all sessions end: with TLS 1.3 each resumption gives a new ticket, without end
    (RFC 8446 section 4.6.1).

    Args:
        settings: our certificate and key, the authorities of the users', and so on.
        match_identity: refuse a certificate that does not name who the peer said it is in its
            EAP-Response/Identity; peers that hide it (RFC 9190 section 2.1.4) cannot come in then.

    Raises:
        ConfigurationError: a file or a setting cannot work.
    """

    type: ClassVar[int] = keys.TLS
    name: ClassVar[str] = "EAP-TLS"

    def __init__(self, settings: TLSSettings, *, match_identity: bool = False) -> None:
        self._match_identity = match_identity
        self._context = eap_server_context(settings, Purpose(b"trioradius EAP-TLS", many=True))
        self._renew_at: datetime | None = None

    def __repr__(self) -> str:
        return f"EAPTLS({self._context.settings!r}, match_identity={self._match_identity})"

    @property
    def resumes(self) -> bool:
        """Whether a TLS session may be resumed."""
        return self._context.settings.resumption

    def reload(self) -> None:
        """Read the files anew; conversations under way go on as they began. Raises ConfigurationError."""
        self._context = self._context.reload()

    def start(self, circumstances: Circumstances) -> TLSRun:
        """A new run of it."""
        self._end_old_sessions(circumstances.now)
        admission = self._context.admission()
        if self._match_identity:
            refuses = functools.partial(_misnamed, circumstances.outer_identity)
            admission = attrs.evolve(admission, refuses=refuses)
        return TLSRun(Channel(self._context, circumstances, admission=admission))

    def _end_old_sessions(self, now: datetime) -> None:
        if self._renew_at is None or now >= self._renew_at:
            if self._renew_at is not None:
                self._context = self._context.renewed()
            self._renew_at = now + SESSIONS_LAST


class TLSRun:
    """One run: the handshake, and the peer's acknowledgement of its end."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._outcome: Outcome | None = None

    def begin(self, identifier: int) -> Step:
        """As Method."""
        return self._channel.start()

    def receive(self, response: EAPPacket, identifier: int) -> Step:
        """As Method."""
        progress = self._channel.receive(response.data)
        if not isinstance(progress, Arrived):
            return progress
        if progress.plaintext:
            return Failed("EAP-TLS: the peer sent data where there is nothing to say")
        if progress.opened:
            return self._opened()
        if self._outcome is None or not progress.acknowledges:
            return Failed("EAP-TLS: the peer did not acknowledge the end of the handshake")
        return Done(self._outcome)

    def tell(self, verdict: Verdict, identifier: int) -> Step:
        """As Method; nothing is ever asked."""
        return Failed("EAP-TLS: a verdict on nothing")

    def close(self) -> None:
        """As Method."""
        self._channel.close()

    def _opened(self) -> Step:
        """The peer's Finished was the last message of a TLS 1.2 handshake that resumes; in all others ours is."""
        channel, done = self._channel, self._channel.done
        assert done.certificate is not None  # the context requires one
        derived = keys.keys(channel, EAPTLS.type)
        outcome = Outcome(
            EAPTLS.name,
            identity(done.certificate),
            certificate=done.certificate,
            tls_version=done.tls_version,
            resumed=done.resumed,
            msk=derived.msk,
            session_id=derived.session_id,
            emsk=derived.emsk,
        )
        if done.resumed and not channel.is_tls_1_3:
            return Done(outcome)
        self._outcome = outcome
        return channel.send(COMMITMENT) if channel.is_tls_1_3 else channel.flush()


def _misnamed(name: str, certificate: PeerCertificate) -> str:
    return "" if is_named(certificate, name) else f"the certificate does not name {name!r}"
