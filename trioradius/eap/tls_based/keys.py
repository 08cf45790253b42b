"""Keys of the EAP methods on TLS: RFC 5216 section 2.3 and RFC 5281 section 8; with TLS 1.3 RFC 9427 section 2.1."""

from __future__ import annotations

from typing import Final, Protocol

import attrs

from trioradius.tls.engine import Engine

TLS: Final = 13
TTLS: Final = 21
PEAP: Final = 25
TEAP: Final = 55
"""The EAP types."""

MSK: Final = 64
"""Octets of the MSK, and of the EMSK after it."""

_LABELS: Final = {TLS: b"client EAP encryption", TTLS: b"ttls keying material", PEAP: b"client EAP encryption"}
"""For TLS 1.2; the older the method, the odder."""
_LABEL_1_3: Final = b"EXPORTER_EAP_TLS_Key_Material"
_METHOD_ID: Final = b"EXPORTER_EAP_TLS_Method-Id"
_CHALLENGE: Final = b"ttls challenge"


@attrs.frozen
class Keys:
    """What a method exports: ``msk`` and ``emsk`` of 64 octets each, and its ``session_id`` (RFC 5247)."""

    msk: bytes = attrs.field(repr=False)
    emsk: bytes = attrs.field(repr=False)
    session_id: bytes = attrs.field(repr=False)


class Opened(Protocol):
    """A connection whose handshake is done: a server's Channel, or a supplicant's OnTLS."""

    @property
    def engine(self) -> Engine:
        """The connection."""
        ...

    @property
    def is_tls_1_3(self) -> bool:
        """Whether the keys are those of RFC 9427, and not of TLS 1.2."""
        ...


def keys(channel: Opened, kind: int) -> Keys:
    """The keys of an open connection, for this EAP type."""
    export, context = channel.engine.export, bytes((kind,))
    if channel.is_tls_1_3:
        material = export(_LABEL_1_3, 2 * MSK, context)
        return Keys(material[:MSK], material[MSK:], context + export(_METHOD_ID, 64, context))
    material = export(_LABELS[kind], 2 * MSK)
    return Keys(material[:MSK], material[MSK:], context + channel.engine.randoms())


def challenge(channel: Opened, length: int) -> bytes:
    """The implicit challenge of TTLS (RFC 5281 section 11.1): neither end can choose it."""
    return channel.engine.export(_CHALLENGE, length)
