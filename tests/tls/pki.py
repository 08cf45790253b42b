"""An authority for one test run, and every kind of certificate that a peer may show."""

from __future__ import annotations

import pathlib
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from trioradius.tls import TLSSettings
from trioradius.tls.certificates import Issued, make_authority, make_certificate, make_revocation_list

NOW = datetime.now(UTC)


class PKI:
    """Files of certificates in a folder, by name."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.authority = make_authority(NOW)
        self.issued: dict[str, Issued] = {}
        (folder / "ca.pem").write_bytes(self.authority.certificate_pem)
        self.issue("server", "localhost", "127.0.0.1", client=False)
        self.issue("client", "nas.example.org", "192.0.2.1", server=False)
        self.issue("expired", "nas.example.org", now=NOW - timedelta(days=400))
        self.issue("unborn", "nas.example.org", now=NOW + timedelta(days=2))
        self.issue("revoked", "revoked.example.org")
        self.issue("other", "other.example.org")
        self.issue("selfsigned", "localhost", issuer=None)
        self.issue("stranger", "nas.example.org", issuer=make_authority(NOW, name="stranger CA"))
        middle = make_authority(NOW, name="middle CA", issuer=self.authority)
        self.issue("deep", "deep.example.org", issuer=middle)
        (folder / "deep.pem").write_bytes(self.issued["deep"].certificate_pem + middle.certificate_pem)
        revoked = make_revocation_list(NOW, self.authority, [self.issued["revoked"]])
        (folder / "crl.pem").write_bytes(revoked)

    def issue(
        self, stem: str, *names: str, now: datetime = NOW, issuer: Issued | str | None = "", **options: Any
    ) -> Issued:
        """A certificate of this authority, unless another issuer or none is given."""
        signer = self.authority if isinstance(issuer, str) else issuer
        made = self.issued[stem] = make_certificate(now, stem, names, issuer=signer, **options)
        (self.folder / f"{stem}.pem").write_bytes(made.certificate_pem)
        (self.folder / f"{stem}.key").write_bytes(made.key_pem)
        return made

    def issue_malformed(self, names: bytes) -> None:
        """A certificate whose subjectAltName holds these octets."""
        alternative = x509.UnrecognizedExtension(x509.SubjectAlternativeName.oid, names)
        plain, key = self.issue("malformed").certificate, self.issued["malformed"].key
        begins, ends = plain.not_valid_before_utc, plain.not_valid_after_utc
        builder = x509.CertificateBuilder(
            plain.issuer, plain.subject, key.public_key(), plain.serial_number, begins, ends
        )
        made = Issued(builder.add_extension(alternative, critical=False).sign(self.authority.key, hashes.SHA256()), key)
        self.issued["malformed"] = made
        (self.folder / "malformed.pem").write_bytes(made.certificate_pem)

    def settings(self, stem: str, **changes: Any) -> TLSSettings:
        """Settings that show this certificate and trust the authority."""
        given: dict[str, Any] = {
            "certificate": self.folder / f"{stem}.pem",
            "key": self.folder / f"{stem}.key",
            "ca": self.folder / "ca.pem",
        }
        return TLSSettings(**(given | changes))

    def fingerprint(self, stem: str) -> str:
        """SHA-256 as `openssl x509 -fingerprint` writes it."""
        return self.issued[stem].certificate.fingerprint(hashes.SHA256()).hex(":").upper()
