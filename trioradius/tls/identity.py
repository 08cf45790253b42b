"""What a peer certificate says about its holder, and whether that is who was meant.

Names come from subjectAltName alone, never from the common name (RFC 9525).
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, Literal, NamedTuple, TypeAlias, get_args

import attrs
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from trioradius.errors import ConfigurationError

Kind: TypeAlias = Literal["sha256", "serial", "dns", "ip", "uri", "realm", "psk"]

NAI_REALM: Final = x509.ObjectIdentifier("1.3.6.1.5.5.7.8.8")
"""id-on-naiRealm (RFC 7585 section 2.2)."""
PRINCIPAL_NAME: Final = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
"""Microsoft's user principal name, in certificates of users."""
_UTF8_STRING: Final = 0x0C
_FINGERPRINT: Final = re.compile(
    r"(?:sha-?256(?: fingerprint)?[:=/]?\s*)?((?:[0-9a-f]{2}[: -]?){31}[0-9a-f]{2})", re.IGNORECASE
)


def fingerprint(text: str) -> str:
    """A SHA-256 fingerprint in any usual spelling, as 64 lower-case hexadecimal digits.

    Raises:
        ConfigurationError: it is not one.
    """
    found = _FINGERPRINT.fullmatch(text.strip())
    if found is None:
        raise ConfigurationError(
            f"{text!r} is not a SHA-256 fingerprint; 64 hexadecimal digits are, with or without colons"
        )
    return re.sub("[^0-9a-f]", "", found[1].lower())


def dns_name(text: str) -> str:
    """A DNS name as certificates write it: lower case, A-labels, no dot at the end. Raises ConfigurationError."""
    name = text.strip().removesuffix(".").lower()
    if name.isascii():
        return name
    try:
        return name.encode("idna").decode()
    except UnicodeError:
        raise ConfigurationError(f"{text!r} is not a DNS name") from None


def dns_matches(pattern: str, name: str) -> bool:
    """Whether a DNS name in a certificate stands for this name (RFC 9525 section 6.3).

    A wildcard is the whole first label, stands for exactly one label, and never for a whole top-level domain.
    """
    pattern, name = pattern.removesuffix(".").lower(), dns_name(name)
    if "*" not in pattern:
        return pattern == name
    first, _, parent = pattern.partition(".")
    label, _, domain = name.partition(".")
    return first == "*" and "*" not in parent and "." in parent and bool(label) and parent == domain


def plain_ip(text: str) -> IPv4Address | IPv6Address | None:
    """An IP address, or None where the text is not one."""
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        return None


class Identity(NamedTuple):
    """One thing that a peer can be known by, in the one spelling in which it is compared.

    ``serial`` is the issuer as RFC 4514 writes it, a slash and the serial number in hexadecimal digits.
    """

    kind: Kind
    value: str

    @classmethod
    def parse(cls, text: str) -> Identity:
        """From ``dns:nas.example.org``, ``ip:192.0.2.1``, ``sha256:AB:CD...`` and so on. Raises ConfigurationError."""
        kind, _, value = text.partition(":")
        if kind not in get_args(Kind) or not value.strip():
            raise ConfigurationError(
                f"{text!r} is not an identity, which begins with one of {', '.join(get_args(Kind))} and a colon"
            )
        return cls(kind, _SPELLING[kind](value.strip()) if kind in _SPELLING else value.strip())  # type: ignore[arg-type]


def _ip(text: str) -> str:
    found = plain_ip(text)
    if found is None:
        raise ConfigurationError(f"{text!r} is not an IP address")
    return str(found)


def _serial(text: str) -> str:
    issuer, separator, number = text.rpartition("/")
    digits = number.replace(":", "").replace(" ", "").lower().removeprefix("0x").lstrip("0")
    if not separator or not re.fullmatch("[0-9a-f]+", digits or "-"):
        raise ConfigurationError(f"{text!r} is not an issuer, a slash and a serial number in hexadecimal digits")
    try:
        return f"{x509.Name.from_rfc4514_string(issuer).rfc4514_string()}/{digits}"
    except ValueError:
        raise ConfigurationError(f"{issuer!r} is not an issuer as RFC 4514 writes it, CN=... first") from None


_SPELLING: Final = {
    "sha256": fingerprint,
    "serial": _serial,
    "dns": dns_name,
    "ip": _ip,
    "realm": str.lower,
}


@attrs.frozen
class PeerCertificate:
    """The end-entity certificate a peer proved to hold.

    ``dns``, ``ip``, ``uri``, ``realms``, ``email`` and ``principals`` (user principal names) are its subjectAltName;
    ``fingerprint`` is SHA-256 in lower-case hexadecimal digits.
    """

    serial: int
    fingerprint: str
    not_before: datetime
    not_after: datetime
    dns: tuple[str, ...]
    ip: tuple[IPv4Address | IPv6Address, ...]
    uri: tuple[str, ...]
    realms: tuple[str, ...]
    email: tuple[str, ...]
    principals: tuple[str, ...]
    certificate: x509.Certificate = attrs.field(repr=False, eq=False)

    @classmethod
    def read(cls, certificate: x509.Certificate) -> PeerCertificate:
        """Raises ValueError where the certificate cannot be parsed."""
        names = _alternative_names(certificate)
        _ = certificate.subject, certificate.issuer  # parsed here, so that nobody else meets the ValueError
        return cls(
            serial=certificate.serial_number,
            fingerprint=hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest(),
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
            dns=tuple(name.lower().removesuffix(".") for name in names.get_values_for_type(x509.DNSName)),
            ip=tuple(
                address
                for address in names.get_values_for_type(x509.IPAddress)
                if isinstance(address, (IPv4Address, IPv6Address))
            ),
            uri=tuple(names.get_values_for_type(x509.UniformResourceIdentifier)),
            realms=tuple(realm.lower() for realm in _other_names(names, NAI_REALM)),
            email=tuple(names.get_values_for_type(x509.RFC822Name)),
            principals=_other_names(names, PRINCIPAL_NAME),
            certificate=certificate,
        )

    @property
    def subject(self) -> str:
        """The holder's name as RFC 4514 text, for the log only."""
        return self.certificate.subject.rfc4514_string()

    @property
    def issuer(self) -> str:
        """The issuer's name as RFC 4514 text."""
        return self.certificate.issuer.rfc4514_string()

    @property
    def identities(self) -> tuple[Identity, ...]:
        """All it may be known by, the most particular first; a wildcard is nobody's own name."""
        return (
            Identity("sha256", self.fingerprint),
            Identity("serial", f"{self.issuer}/{self.serial:x}"),
            *(Identity("dns", name) for name in self.dns if "*" not in name),
            *(Identity("ip", str(address)) for address in self.ip),
            *(Identity("uri", uri) for uri in self.uri),
            *(Identity("realm", realm) for realm in self.realms if "*" not in realm),
        )

    def is_for(self, name: str) -> bool:
        """Whether it is for this host: an IP address exactly, a DNS name as RFC 9525 section 6.3 has it."""
        address = plain_ip(name)
        if address is not None:
            return address in self.ip
        return any(dns_matches(pattern, name) for pattern in self.dns)

    def is_for_realm(self, realm: str) -> bool:
        """Whether an NAIRealm in it covers this realm (RFC 7585 section 2.2: a wildcard is the whole first label)."""
        return any(dns_matches(pattern, realm) for pattern in self.realms)

    def validity_fault(self, now: datetime) -> str:
        """Why it is not valid at this time, or ""."""
        if now < self.not_before:
            return "the certificate is not yet valid"
        return "the certificate has expired" if now > self.not_after else ""


def _alternative_names(certificate: x509.Certificate) -> x509.SubjectAlternativeName:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return x509.SubjectAlternativeName([])
    except (x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise ValueError(str(error)) from None


def _other_names(names: x509.SubjectAlternativeName, kind: x509.ObjectIdentifier) -> tuple[str, ...]:
    others = names.get_values_for_type(x509.OtherName)
    return tuple(text for other in others if other.type_id == kind and (text := _utf8_string(other.value)))


def _utf8_string(der: bytes) -> str:
    """A short DER UTF8String as text, "" for anything else."""
    if len(der) < 2 or der[0] != _UTF8_STRING or der[1] > 127 or len(der) != 2 + der[1]:
        return ""
    return der[2:].decode("utf-8", "replace")
