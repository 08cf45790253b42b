"""EAPCredentials: what a supplicant shows, and whom it believes."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

import attrs

from trioradius.errors import ConfigurationError
from trioradius.tls.settings import TLSSettings

EAPMethod: TypeAlias = Literal[
    "md5",
    "gtc",
    "mschapv2",
    "tls",
    "peap-mschapv2",
    "peap-gtc",
    "peap-md5",
    "peap-tls",
    "ttls-pap",
    "ttls-chap",
    "ttls-mschap",
    "ttls-mschapv2",
    "ttls-eap-mschapv2",
    "ttls-eap-gtc",
    "ttls-eap-md5",
]
"""An EAP method; what stands before the first hyphen is the tunnel, and behind it what is proved within."""
EAP_METHODS: Final[tuple[str, ...]] = get_args(EAPMethod)

_SHOWING_A_CERTIFICATE: Final = ("tls", "peap-tls")
_WITHOUT_TLS: Final = ("md5", "gtc", "mschapv2")
FRAGMENT_MINIMUM: Final = 200
FRAGMENT_MAXIMUM: Final = 3_000
"""Octets; a RADIUS packet has 4,096 at most, and other attributes beside EAP-Message."""


def needs_tls(method: str) -> bool:
    """Whether a method begins with TLS, and so needs to know which servers to believe."""
    return method in EAP_METHODS and method not in _WITHOUT_TLS


def needs_certificate(method: str) -> bool:
    """Whether a method proves the user by a certificate."""
    return method in _SHOWING_A_CERTIFICATE


def _password(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value


def _is_text(octets: bytes) -> bool:
    try:
        octets.decode()
    except UnicodeDecodeError:
        return False
    return True


@attrs.frozen(kw_only=True)
class EAPCredentials:
    """What a supplicant shows, and whom it believes.

    Args:
        method: the one method that it speaks, such as "peap-mschapv2"; EAP_METHODS lists them.
        identity: the user; within a tunnel, where there is one.
        password: text is sent as UTF-8, and hashed by MS-CHAP as UTF-16.
        anonymous_identity: what is said outside the tunnel instead of the identity, such as "anonymous@example.org"
            (RFC 7542 section 2.4: the realm stays, so that proxies find the way).
        tls: for the methods on TLS: the authorities that may have signed the server's certificate and the
            ``server_name`` that its subjectAltName must hold, or its fingerprints; for "tls" and "peap-tls" also our
            certificate and key. Its settings about RADIUS and connections do not count here.
        fragment_size: octets of TLS in one Response at most (RFC 5216 section 2.1.5).
        rounds_maximum: Access-Requests after which a conversation is given up.
        require_keys: refuse an Access-Accept that lacks the MS-MPPE keys which the method has agreed on; a wireless
            network cannot do without them, a wired one can.

    Raises:
        ConfigurationError: something is missing, or cannot work.
    """

    method: EAPMethod
    identity: str
    password: bytes | None = attrs.field(default=None, converter=_password, repr=False)
    anonymous_identity: str = ""
    tls: TLSSettings | None = None
    fragment_size: int = 1_020
    rounds_maximum: int = 50
    require_keys: bool = True

    def __attrs_post_init__(self) -> None:
        fault = self._fault() or self._tls_fault()
        if fault:
            raise ConfigurationError(fault)

    @property
    def outer_identity(self) -> str:
        """What is said in the clear; User-Name of the requests, too."""
        return self.anonymous_identity or self.identity

    def _fault(self) -> str:
        if self.method not in EAP_METHODS:
            return f"there is no EAP method {self.method!r}; there are {', '.join(EAP_METHODS)}"
        if not self.identity:
            return f"EAP {self.method} needs an identity: who the user is"
        if self.password is None and not needs_certificate(self.method):
            return f"EAP {self.method} needs a password"
        if "mschap" in self.method and not _is_text(self.password or b""):
            return f"EAP {self.method} hashes the password as text, and this one is not UTF-8"
        if self.anonymous_identity and self.method in (*_WITHOUT_TLS, "tls"):
            return f"EAP {self.method} has no tunnel in which an identity could hide; anonymous_identity is for those"
        if not FRAGMENT_MINIMUM <= self.fragment_size <= FRAGMENT_MAXIMUM:
            return f"fragment_size is {FRAGMENT_MINIMUM} to {FRAGMENT_MAXIMUM} octets, not {self.fragment_size}"
        return "" if self.rounds_maximum > 0 else "rounds_maximum must be more than 0"

    def _tls_fault(self) -> str:
        """Without the server's name any certificate of its authority would do, also that of a stolen laptop."""
        if not needs_tls(self.method):
            return ""
        tls = self.tls
        if tls is None or not (tls.ca or tls.fingerprints):
            return f"EAP {self.method} needs a ca that the server's certificate is from, or its fingerprint"
        if not (tls.server_name or tls.fingerprints):
            return f"EAP {self.method} needs the server_name that the server's certificate is for, or its fingerprint"
        if tls.certificate is None and needs_certificate(self.method):
            return f"EAP {self.method} needs a certificate and its key"
        return ""
