"""Callers: who connects by TLS or DTLS, known by certificate, by PSK identity, or by address where an entry says so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_address, ip_network
from typing import Final, TypeAlias, get_args

import attrs

from trioradius.errors import ConfigurationError
from trioradius.protocol.peer import RADSEC, Peer
from trioradius.protocol.secret import Secret
from trioradius.tls import Admission, Identity, PeerCertificate, PreSharedKey, TLSSettings
from trioradius.tls.identity import Kind

Identities: TypeAlias = Mapping[Identity, Peer]

SECRETS: Final = {"tls": RADSEC, "dtls": Secret(b"radius/dtls")}
"""Of peers that have none of their own (RFC 6614 section 2.3, RFC 7360 section 2.1)."""


def is_identity(text: str) -> bool:
    """Whether a key of a table is no address: ``dns:nas.example.org`` is one, ``2001:db8::1`` is not."""
    return text.partition(":")[0] in get_args(Kind)


def identities(entries: Mapping[str, Peer]) -> dict[Identity, Peer]:
    """Peers by what they are known by.

    Raises:
        ConfigurationError: an identity that is none, or a PSK that does not fit.
    """
    found = {}
    for text, peer in entries.items():
        identity = Identity.parse(text)
        if peer.psk is not None:
            if identity.kind != "psk":
                raise ConfigurationError(f"peers: {text!r} has a psk, which only an entry for psk:IDENTITY may have")
            PreSharedKey(identity.value, peer.psk)
        found[identity] = peer
    return found


def require_distinct(known: Identities, peers: Iterable[Peer], settings: TLSSettings | None = None) -> None:
    """Raises ConfigurationError where a PSK, of an entry or of the settings, is also a shared secret (RFC 9813)."""
    secrets = [peer.secret.octets for peer in peers]
    keys = [PreSharedKey(identity.value, peer.psk) for identity, peer in known.items() if peer.psk is not None]
    if settings is not None and settings.psk is not None:
        keys.append(settings.psk)
    for key in keys:
        key.require_distinct(secrets)


@attrs.define(eq=False)
class Caller:
    """Whoever connects from one address; made by ``Peers.caller()``.

    ``by_address`` is the entry for the address, where it has ``tls=True``. ``is_stranger`` becomes True when a
    certificate that was good, or a PSK identity, turned out to be nobody's.
    """

    _identities: Identities
    _address: str
    _transport: str
    _by_address: Peer | None
    is_stranger: bool = False

    def admission(self, settings: Admission) -> Admission:
        """What the settings decide, narrowed to the peers that are known."""

        def pinned(fingerprint: str) -> bool:
            known = settings.pinned is not None and settings.pinned(fingerprint)
            return known or self._find(Identity("sha256", fingerprint)) is not None

        def refuses(certificate: PeerCertificate) -> str:
            return settings.refuses(certificate) or self._refuses(certificate)

        def key_of(identity: str) -> bytes | None:
            return self._key(identity, settings.key_of(identity))

        pins = settings.pinned is not None or any(identity.kind == "sha256" for identity in self._identities)
        return Admission(pinned if pins else None, refuses, key_of)

    def peer(self, certificate: PeerCertificate | None, psk_identity: str) -> Peer | None:
        """Who it is, by the most particular identity that has an entry, then by address."""
        proved = (Identity("psk", psk_identity),) if certificate is None else certificate.identities
        known = next((found for identity in proved if (found := self._find(identity)) is not None), self._by_address)
        if known is not None and known.secret is RADSEC and self._transport in SECRETS:
            return attrs.evolve(known, secret=SECRETS[self._transport])
        return known

    def _find(self, identity: Identity) -> Peer | None:
        """The entry of an identity, where it may come from this address (RFC 9813: looked at before its PSK is)."""
        found = self._identities.get(identity)
        return found if found is not None and _may_come_from(found, self._address) else None

    def _refuses(self, certificate: PeerCertificate) -> str:
        if self.peer(certificate, "") is not None:
            return ""
        self.is_stranger = True
        names = ", ".join(f"{kind}:{value}" for kind, value in certificate.identities)
        return f"no entry of peers knows this certificate, by its address or as one of {names}"

    def _key(self, identity: str, from_settings: bytes | None) -> bytes | None:
        peer = self.peer(None, identity)
        if peer is None:
            self.is_stranger = True
            return None
        return peer.psk or from_settings


def _may_come_from(peer: Peer, address: str) -> bool:
    return not peer.addresses or any(ip_address(address) in ip_network(text) for text in peer.addresses)
