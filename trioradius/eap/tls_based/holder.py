"""Who holds a certificate: the names by which EAP-TLS knows a peer (RFC 5216 section 5.2)."""

from __future__ import annotations

from typing import Final

from cryptography.x509.oid import NameOID

from trioradius.tls.identity import PeerCertificate

_MACHINE: Final = "host/"


def names(certificate: PeerCertificate) -> tuple[str, ...]:
    """All names that it gives its holder, the most telling first.

    They are those of its subjectAltName; a certificate without any has the common name of its subject, and where
    there is none the subject as a whole.
    """
    alternative = (
        *certificate.principals,
        *certificate.email,
        *certificate.dns,
        *certificate.uri,
        *map(str, certificate.ip),
    )
    if alternative:
        return alternative
    common = certificate.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return (str(common[0].value),) if common else (certificate.subject,)


def identity(certificate: PeerCertificate) -> str:
    """The name that tells best who it is."""
    return names(certificate)[0]


def is_named(certificate: PeerCertificate, name: str) -> bool:
    """Whether it names this user, or this machine, which Windows calls ``host/`` and its DNS name.

    The case of letters does not count.
    """
    known = {text.casefold() for text in names(certificate)}
    folded = name.casefold()
    return folded in known or (folded.startswith(_MACHINE) and folded.removeprefix(_MACHINE) in certificate.dns)
