"""TLSSettings: what an operator may say about TLS and DTLS. Files are read only when a context is made of them."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias, get_args

import attrs

from trioradius.errors import ConfigurationError
from trioradius.tls.alpn import PROTOCOLS, RadiusVersion, TLSVersion
from trioradius.tls.credentials import Credentials
from trioradius.tls.identity import fingerprint
from trioradius.tls.psk import PreSharedKey

StrPath: TypeAlias = str | os.PathLike[str]

CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20"
"""Forward secrecy and authenticated encryption alone (RFC 9325 section 4.2); for TLS 1.2, 1.3 has no others."""
HANDSHAKE_SECONDS: Final = 5
IDLE_SECONDS: Final = 900
"""draft-ietf-radext-radiusdtls-bis calls 30 to 60 seconds unreasonable."""


def _path(value: StrPath | None) -> pathlib.Path | None:
    return None if value is None else pathlib.Path(value)


def _paths(value: StrPath | Iterable[StrPath] | None) -> tuple[pathlib.Path, ...]:
    if value is None:
        return ()
    if isinstance(value, (str, os.PathLike)):
        return (pathlib.Path(value),)
    return tuple(pathlib.Path(file) for file in value)


def _password(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value


def _fingerprints(value: str | Iterable[str]) -> tuple[str, ...]:
    return tuple(fingerprint(text) for text in ((value,) if isinstance(value, str) else value))


def _tls_version(_: object, attribute: attrs.Attribute[TLSVersion], value: TLSVersion) -> None:
    if value not in get_args(TLSVersion):
        raise ConfigurationError(f'{attribute.name} is "1.2" or "1.3", not {value!r}')


def _positive(_: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is not None and value <= 0:
        raise ConfigurationError(f"{attribute.name} must be more than 0, not {value!r}")


@attrs.frozen(kw_only=True)
class TLSSettings:
    """How to speak TLS and DTLS, as a server or as a client.

    Args:
        certificate: a PEM file with our certificate and after it the intermediate ones.
        key: a PEM file with its private key; key_password opens it.
        ca: PEM files with the authorities that are trusted. Nothing else is, never the system's.
        crl: PEM files with revocation lists; given one, every authority of a chain must have a valid one.
        ocsp: a file with the OCSP response about our own certificate, in DER, stapled for clients that ask for one;
            whoever renews it makes the server reload.
        server_name: for a client, the DNS name or IP address that the server's subjectAltName must hold, and that is
            asked for by SNI; by default the host it connects to.
        fingerprints: SHA-256, in any usual spelling. For a client, the server's certificate must be one of these, and
            needs no authority and no name; for a server, these need no authority.
        hosts: for a server, a certificate and a key for each DNS name that clients may ask for by SNI instead.
        psk: an identity and its key; for a server, one that it takes.
        minimum_version: the lowest TLS version; "1.3" where only RADIUS/1.1 is offered.
        maximum_version: the highest one; DTLS is 1.2 whatever it says.
        ciphers: for TLS 1.2, as OpenSSL spells them.
        versions: the RADIUS versions offered, "1.0, 1.1", "1.1" or "1.0"; None is the historic handshake without ALPN.
        resumption: issue session tickets, and use them. What a certificate is allowed is checked again each time.
        handshake_seconds: a handshake that takes longer is given up.
        idle_seconds: a connection without packets is closed then.
        packets_maximum: a connection is closed after so many packets; None sets no bound.
        connections_maximum: at once on a listener; connections_per_address: of one address.
        half_open_maximum: handshakes under way at once.

    Raises:
        ConfigurationError: a setting that cannot work.
    """

    certificate: pathlib.Path | None = attrs.field(default=None, converter=_path)
    key: pathlib.Path | None = attrs.field(default=None, converter=_path)
    key_password: bytes | None = attrs.field(default=None, converter=_password, repr=False)
    ca: tuple[pathlib.Path, ...] = attrs.field(default=None, converter=_paths)
    crl: tuple[pathlib.Path, ...] = attrs.field(default=None, converter=_paths)
    ocsp: pathlib.Path | None = attrs.field(default=None, converter=_path)
    server_name: str = ""
    fingerprints: tuple[str, ...] = attrs.field(default=(), converter=_fingerprints)
    hosts: Mapping[str, tuple[StrPath, StrPath]] = attrs.field(factory=dict)
    psk: PreSharedKey | None = None
    minimum_version: TLSVersion = attrs.field(default="1.2", validator=_tls_version)
    maximum_version: TLSVersion = attrs.field(default="1.3", validator=_tls_version)
    ciphers: str = CIPHERS
    versions: str | None = "1.0, 1.1"
    resumption: bool = True
    handshake_seconds: float = attrs.field(default=HANDSHAKE_SECONDS, validator=_positive)
    idle_seconds: float = attrs.field(default=IDLE_SECONDS, validator=_positive)
    packets_maximum: int | None = attrs.field(default=None, validator=_positive)
    connections_maximum: int = attrs.field(default=4_096, validator=_positive)
    connections_per_address: int = attrs.field(default=64, validator=_positive)
    half_open_maximum: int = attrs.field(default=1_000, validator=_positive)

    def __attrs_post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            given, missing = ("key", "certificate") if self.certificate is None else ("certificate", "key")
            raise ConfigurationError(f"{given}: {getattr(self, given)} is given without a {missing}")
        if self.minimum_version > self.maximum_version:
            raise ConfigurationError("minimum_version is 1.3 and maximum_version 1.2")
        if self.offered == ("1.1",) and self.maximum_version == "1.2":
            raise ConfigurationError('versions "1.1" needs TLS 1.3, and maximum_version is "1.2"')

    @property
    def offered(self) -> tuple[RadiusVersion, ...] | None:
        """The RADIUS versions offered, or None for no ALPN. Raises ConfigurationError."""
        if self.versions is None:
            return None
        given = {part.strip() for part in self.versions.split(",")}
        if not given <= set(PROTOCOLS):
            raise ConfigurationError(f'versions is "1.0, 1.1", "1.1", "1.0" or None, not {self.versions!r}')
        return tuple(version for version in ("1.0", "1.1") if version in given)

    @property
    def lowest(self) -> TLSVersion:
        """The lowest TLS version spoken (RFC 9765 section 3.4: RADIUS/1.1 alone needs 1.3)."""
        return "1.3" if self.offered == ("1.1",) else self.minimum_version

    def for_host(self, name: str) -> TLSSettings:
        """The same with the certificate of one of the hosts."""
        certificate, key = self.hosts[name]
        return attrs.evolve(self, certificate=certificate, key=key, ocsp=None, hosts={})

    def read(self) -> Credentials:
        """What the files hold now. Raises ConfigurationError."""
        return Credentials.read(self)
