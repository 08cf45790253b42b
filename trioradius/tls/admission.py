"""Admission: what the owner of one connection decides while its handshake is under way."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from trioradius.tls.identity import PeerCertificate


def nobody(identity: str) -> None:
    """No PSK identity is known."""


def unrefused(certificate: PeerCertificate) -> str:
    """Every certificate that is valid may come in."""
    return ""


@attrs.frozen
class Admission:
    """Who may finish a handshake.

    ``pinned`` tells of a SHA-256 fingerprint whether it is trusted without an authority, and is None where none is;
    ``refuses`` says in a line why a certificate may not come in, "" where it may; ``key_of`` has the key for a PSK
    identity, or None. Whoever makes it for a connection has looked at the peer's address before (RFC 9813).
    """

    pinned: Callable[[str], bool] | None = None
    refuses: Callable[[PeerCertificate], str] = unrefused
    key_of: Callable[[str], bytes | None] = nobody


@attrs.define
class Introduction:
    """What one handshake has learned of its peer; the callbacks of a context write into it.

    ``fault`` is OpenSSL's number for the first thing wrong with the chain, which a fingerprint may outweigh.
    ``resumed_protocol`` is what a session that a client resumes was made for, ``resumed_session`` its name.
    ``certificate`` is the peer's own, once its chain was looked at.
    ``cookies`` are those of a DTLS client's address: the first is sent, any is taken.
    """

    admission: Admission
    fault: int = 0
    refusal: str = ""
    psk_identity: str = ""
    resumed_protocol: bytes = b""
    resumed_session: bytes = b""
    cookies: tuple[bytes, ...] = ()
    certificate: PeerCertificate | None = None
