"""What an engine reports: small values, in the order in which things happened."""

from __future__ import annotations

from typing import TypeAlias

import attrs
from cryptography import x509

from trioradius.tls.alpn import RadiusVersion
from trioradius.tls.identity import PeerCertificate


@attrs.frozen
class HandshakeDone:
    """The peer has proved who it is: by ``certificate``, or where that is None by ``psk_identity``.

    ``chain`` are the further certificates that the peer sent, none after a resumption or within EAP. ``protocol`` is
    the ALPN name, "" where there was none. ``radius_version`` is None where RADIUS/1.1 is required here and the peer
    does not speak it: the owner closes, and may say so in a Protocol-Error before (RFC 9765 section 3.3.1).
    ``server_name`` is what a client asked for by SNI.
    """

    certificate: PeerCertificate | None
    chain: tuple[x509.Certificate, ...] = attrs.field(repr=False)
    psk_identity: str
    tls_version: str
    cipher: str
    protocol: str
    radius_version: RadiusVersion | None
    resumed: bool
    server_name: str


@attrs.frozen
class Data:
    """Octets of the peer's application; from a DTLS engine, those of one record."""

    octets: bytes = attrs.field(repr=False)


@attrs.frozen
class Closed:
    """The peer is gone: ``clean`` after close_notify, else it may have been cut off (RFC 8446 section 6.1)."""

    clean: bool


@attrs.frozen
class Failed:
    """The connection cannot go on. The alert that tells the peer is in take(), to be sent before closing.

    ``reason`` is one word for a counter: certificate_refused, no_certificate, no_common_protocol,
    no_common_version, no_common_cipher, resumption_refused, cut_off, peer_alert or tls_error.
    ``text`` says it in words.
    """

    reason: str
    text: str


Event: TypeAlias = HandshakeDone | Data | Closed | Failed
