"""Certificates, keys and revocation lists read from PEM files, checked against each other."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import attrs
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509 import ocsp

from trioradius.errors import ConfigurationError

if TYPE_CHECKING:
    from trioradius.tls.settings import TLSSettings

PrivateKey: TypeAlias = (
    rsa.RSAPrivateKey
    | ec.EllipticCurvePrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
    | dsa.DSAPrivateKey
)
T = TypeVar("T")

_CRL_BEGIN = b"-----BEGIN X509 CRL-----"
_CRL_END = b"-----END X509 CRL-----"


@attrs.frozen
class Credentials:
    """What settings name, as it was in the files at one moment.

    ``chain`` begins with our own certificate; ``ca`` is the whole trust base; ``ocsp`` is a response in DER, or b"".
    """

    chain: tuple[x509.Certificate, ...]
    key: PrivateKey | None = attrs.field(repr=False)
    ca: tuple[x509.Certificate, ...]
    crls: tuple[x509.CertificateRevocationList, ...]
    ocsp: bytes = b""
    revoked: Mapping[x509.Name, frozenset[int]] = attrs.field(init=False, repr=False)
    """Serial numbers by issuer: looking one up in a long list itself takes milliseconds."""

    def __attrs_post_init__(self) -> None:
        found: dict[x509.Name, frozenset[int]] = {}
        for crl in self.crls:
            found[crl.issuer] = found.get(crl.issuer, frozenset()).union(entry.serial_number for entry in crl)
        object.__setattr__(self, "revoked", found)

    @classmethod
    def read(cls, settings: TLSSettings) -> Credentials:
        """Raises ConfigurationError, in one line that names the setting and the file."""
        chain: tuple[x509.Certificate, ...] = ()
        key = None
        if settings.certificate is not None and settings.key is not None:
            chain = _certificates("certificate", settings.certificate)
            key = _private_key(settings.key, settings.key_password)
            _require_fit(chain[0], settings.certificate, key, settings.key)
        ca = tuple(found for file in settings.ca for found in _certificates("ca", file))
        crls = tuple(found for file in settings.crl for found in _revocation_lists(file))
        stapled = b"" if settings.ocsp is None else _ocsp_response(settings.ocsp, chain)
        return cls(chain, key, ca, crls, stapled)

    def leading(self) -> tuple[x509.Certificate, ...]:
        """The intermediate certificates in ``ca`` that lead from ours to its authority.

        They are what a peer must be shown where ``certificate`` has ours alone; the authority itself it has to know
        (RFC 8446 section 4.4.2).
        """
        left = [authority for authority in self.ca if authority.subject != authority.issuer]
        found = [self.chain[0]]
        while issuers := [authority for authority in left if _is_issued(found[-1], authority)]:
            found.append(issuers[0])
            left.remove(issuers[0])
        return tuple(found[1:])

    def is_revoked(self, certificate: x509.Certificate) -> bool:
        """Whether a revocation list of its issuer names it."""
        return bool(self.revoked) and certificate.serial_number in self.revoked.get(certificate.issuer, ())


def _is_issued(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Whether this authority has signed it; another one may have the same name."""
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _read(setting: str, file: pathlib.Path, parse: Callable[[bytes], T], wanted: str) -> T:
    try:
        return parse(file.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"{setting}: {file} cannot be read: {error.strerror or error}") from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ConfigurationError(f"{setting}: {file} holds no {wanted}") from None


def _certificates(setting: str, file: pathlib.Path) -> tuple[x509.Certificate, ...]:
    return tuple(_read(setting, file, x509.load_pem_x509_certificates, "certificate in PEM"))


def _revocation_lists(file: pathlib.Path) -> list[x509.CertificateRevocationList]:
    return _read("crl", file, _parse_revocation_lists, "certificate revocation list in PEM")


def _parse_revocation_lists(octets: bytes) -> list[x509.CertificateRevocationList]:
    parts = octets.split(_CRL_BEGIN)[1:]
    if not parts:
        raise ValueError
    return [x509.load_pem_x509_crl(_CRL_BEGIN + part.partition(_CRL_END)[0] + _CRL_END + b"\n") for part in parts]


def _ocsp_response(file: pathlib.Path, chain: tuple[x509.Certificate, ...]) -> bytes:
    octets = _read("ocsp", file, bytes, "OCSP response")
    response = _read("ocsp", file, lambda octets: ocsp.load_der_ocsp_response(octets), "OCSP response in DER")
    if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        raise ConfigurationError(f"ocsp: {file} holds no status, but the answer {response.response_status.name}")
    if not chain or response.serial_number != chain[0].serial_number:
        raise ConfigurationError(f"ocsp: {file} is not about our own certificate")
    return octets


def _private_key(file: pathlib.Path, password: bytes | None) -> PrivateKey:
    """No word of the parser's goes on: it may quote what it read."""
    octets = _read("key", file, bytes, "private key")
    encrypted = b"ENCRYPTED" in octets
    if encrypted and password is None:
        raise ConfigurationError(f"key: {file} is encrypted, and key_password is not given")
    wanted = "private key in PEM that key_password opens" if encrypted else "private key in PEM"
    found = _read("key", file, lambda octets: load_pem_private_key(octets, password if encrypted else None), wanted)
    if not isinstance(found, PrivateKey):
        raise ConfigurationError(f"key: {file} holds a kind of key that TLS cannot use")
    return found


def _require_fit(
    certificate: x509.Certificate, certificate_file: pathlib.Path, key: PrivateKey, file: pathlib.Path
) -> None:
    public = [
        part.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        for part in (certificate.public_key(), key.public_key())
    ]
    if public[0] != public[1]:
        raise ConfigurationError(f"key: {file} does not fit the certificate in {certificate_file}")
