"""Certificates for development: an authority, a server and a client, marked so that nobody takes them for real ones."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Final

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from trioradius.errors import ConfigurationError
from trioradius.tls.identity import plain_ip

MARK: Final = "for development only"
SERVER_NAMES: Final = ("localhost", "radsec-server", "127.0.0.1", "::1")
CLIENT_NAMES: Final = ("radsec-client", "localhost", "127.0.0.1", "::1")
VALID_DAYS: Final = 365
BACKDATED: Final = timedelta(hours=1)
"""For machines whose clocks differ a little."""


@attrs.frozen
class Issued:
    """A certificate, its private key, and whoever can issue more with it where it is an authority."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = attrs.field(repr=False)

    @property
    def certificate_pem(self) -> bytes:
        """The certificate in PEM."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The private key in PEM, not encrypted."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def make_authority(
    now: datetime, *, name: str = "trioradius CA", days: float = VALID_DAYS, issuer: Issued | None = None
) -> Issued:
    """An authority of its own, or one under another."""
    key = ec.generate_private_key(ec.SECP256R1())
    usage = _key_usage(key_cert_sign=True, crl_sign=True)
    builder = _builder(_marked(name), key, now, days, issuer)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    builder = builder.add_extension(usage, critical=True)
    return Issued(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


def make_certificate(
    now: datetime,
    name: str,
    alternatives: Iterable[str | x509.GeneralName] = (),
    *,
    issuer: Issued | None = None,
    server: bool = True,
    client: bool = True,
    days: float = VALID_DAYS,
) -> Issued:
    """A certificate for TLS, self-signed where no issuer is given.

    ``alternatives`` are its subjectAltName: DNS names and IP addresses as text, anything else as it is.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    uses = [ExtendedKeyUsageOID.SERVER_AUTH] * server + [ExtendedKeyUsageOID.CLIENT_AUTH] * client
    names = [_general_name(alternative) for alternative in alternatives]
    builder = _builder(_marked(name), key, now, days, issuer)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_key_usage(digital_signature=True), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return Issued(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


def make_revocation_list(
    now: datetime, authority: Issued, revoked: Iterable[Issued] = (), *, days: float = 30
) -> bytes:
    """A revocation list of an authority, in PEM."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(now - BACKDATED)
        .next_update(now + timedelta(days=days))
        .add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
    )
    for issued in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(issued.certificate.serial_number)
        builder = builder.add_revoked_certificate(entry.revocation_date(now - BACKDATED).build())
    return builder.sign(authority.key, hashes.SHA256()).public_bytes(Encoding.PEM)


def write_development_certificates(
    folder: pathlib.Path, now: datetime, *, names: Iterable[str] = ()
) -> list[pathlib.Path]:
    """Write ca.pem, ca.key, server.pem, server.key, client.pem and client.key; keys are for their owner's eyes.

    Args:
        folder: made where it does not exist.
        now: the time from which they are valid.
        names: further DNS names and IP addresses of the server.

    Raises:
        ConfigurationError: a file exists already, or cannot be written.
    """
    _require_free([folder / f"{stem}.{ending}" for stem in ("ca", "server", "client") for ending in ("pem", "key")])
    authority = make_authority(now)
    made = {
        "ca": authority,
        "server": make_certificate(now, "radsec-server", (*SERVER_NAMES, *names), issuer=authority, client=False),
        "client": make_certificate(now, "radsec-client", CLIENT_NAMES, issuer=authority, server=False),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [path for stem, issued in made.items() for path in _write(folder, stem, issued)]
    except OSError as error:
        raise ConfigurationError(f"{error.filename} cannot be written: {error.strerror}") from None


def _require_free(paths: Iterable[pathlib.Path]) -> None:
    for path in paths:
        if path.exists():
            raise ConfigurationError(f"{path} exists already, and is left as it is")


def _write(folder: pathlib.Path, stem: str, issued: Issued) -> tuple[pathlib.Path, pathlib.Path]:
    return (
        _create(folder / f"{stem}.pem", issued.certificate_pem, 0o644),
        _create(folder / f"{stem}.key", issued.key_pem, 0o600),
    )


def _create(path: pathlib.Path, octets: bytes, mode: int) -> pathlib.Path:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(octets)
    return path


def _marked(name: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, MARK), x509.NameAttribute(NameOID.COMMON_NAME, name)]
    )


def _builder(
    subject: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, days: float, issuer: Issued | None
) -> x509.CertificateBuilder:
    signer = issuer.key if issuer else key
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )


def _key_usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(alternative: str | x509.GeneralName) -> x509.GeneralName:
    if isinstance(alternative, x509.GeneralName):
        return alternative
    return x509.IPAddress(ip_address(alternative)) if plain_ip(alternative) else x509.DNSName(alternative)
