"""Pre-shared keys, as RFC 9813 wants them for RADIUS."""

from __future__ import annotations

import hmac
import unicodedata
from collections.abc import Iterable
from typing import Final

import attrs

from trioradius.errors import ConfigurationError

KEY_MINIMUM: Final = 16
"""Octets (RFC 9813); 32 random ones are advised."""
KEY_MAXIMUM: Final = 256
"""Octets that OpenSSL takes in every version."""
IDENTITY_MAXIMUM: Final = 1_024
"""Octets; RFC 9813 asks for at least 128. Under TLS 1.2 OpenSSL carries no more than 256."""


def identity_fault(identity: str) -> str:
    """What is wrong with a PSK identity, or "" (RFC 9813: UTF-8 text without control characters)."""
    if not identity:
        return "is empty"
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in identity):
        return "has control characters"
    if len(identity.encode()) > IDENTITY_MAXIMUM:
        return f"is longer than {IDENTITY_MAXIMUM} octets"
    return ""


def read_identity(octets: bytes) -> str | None:
    """A PSK identity from the wire as text, or None where it cannot be one."""
    if len(octets) > IDENTITY_MAXIMUM:
        return None
    try:
        identity = octets.decode()
    except UnicodeDecodeError:
        return None
    return None if identity_fault(identity) else identity


def _identity(_: object, __: object, value: str) -> None:
    fault = identity_fault(value)
    if fault:
        raise ConfigurationError(f"the PSK identity {fault}")


def _key(_: object, __: object, value: bytes) -> None:
    if not isinstance(value, bytes) or not value:
        raise ConfigurationError("the PSK is empty")
    if not KEY_MINIMUM <= len(value) <= KEY_MAXIMUM:
        raise ConfigurationError(
            f"the PSK has {len(value)} octets; {KEY_MINIMUM} to {KEY_MAXIMUM} are allowed (RFC 9813), 32 are advised"
        )


@attrs.frozen
class PreSharedKey:
    """An identity and the key that proves it; the key is in no repr.

    Raises:
        ConfigurationError: the identity or the key is not what RFC 9813 allows.
    """

    identity: str = attrs.field(validator=_identity)
    key: bytes = attrs.field(repr=False, validator=_key)

    @classmethod
    def from_hex(cls, identity: str, digits: str) -> PreSharedKey:
        """A key written as hexadecimal digits. Raises ConfigurationError."""
        try:
            return cls(identity, bytes.fromhex(digits))
        except ConfigurationError:
            raise
        except ValueError:
            raise ConfigurationError("the PSK is not hexadecimal digits; from_text() takes text") from None

    @classmethod
    def from_text(cls, identity: str, text: str) -> PreSharedKey:
        """A key written as text, of which the UTF-8 octets count. Raises ConfigurationError."""
        return cls(identity, text.encode())

    def require_distinct(self, secrets: Iterable[bytes]) -> None:
        """Raises ConfigurationError where the key is also a RADIUS shared secret (RFC 9813)."""
        if any(hmac.compare_digest(self.key, secret) for secret in secrets):
            raise ConfigurationError(
                f"the PSK of {self.identity!r} is also a shared secret; whoever knows one must not learn the other"
            )
