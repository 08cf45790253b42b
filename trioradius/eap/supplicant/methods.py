"""Which method credentials ask for, made ready to run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

import attrs

from trioradius.eap.supplicant import passwords, ttls
from trioradius.eap.supplicant.conversation import Conversation
from trioradius.eap.supplicant.credentials import EAPCredentials
from trioradius.eap.supplicant.method import Method
from trioradius.eap.supplicant.peap import PEAP
from trioradius.eap.supplicant.tls import TLS, Inside, OnTLS
from trioradius.tls import Context, Purpose, TLSSettings, eap_client_context

_PASSWORDS: Final[dict[str, Callable[[str, bytes], Method]]] = {
    "md5": passwords.MD5,
    "gtc": passwords.GTC,
    "mschapv2": passwords.MSCHAPv2,
}
_TTLS: Final[dict[str, Callable[[str, bytes], ttls.Proving]]] = {
    "pap": ttls.PAP,
    "chap": ttls.CHAP,
    "mschap": ttls.MSCHAP,
    "mschapv2": ttls.MSCHAPv2,
}

TUNNEL_OVERHEAD: Final = 100
"""Octets that a tunnel puts round an inner packet: some servers take no inner packet that is in two outer ones."""
_PURPOSE: Final = Purpose(b"trioradius supplicant")


def method_of(credentials: EAPCredentials, now: datetime) -> Method:
    """A new run of the method; ``now`` is the time for the server's certificate.

    Raises:
        ConfigurationError: a file of the TLS settings cannot be used.
    """
    settings = credentials.tls
    outer, _, inner = credentials.method.partition("-")
    if settings is None or outer in _PASSWORDS:
        return _of_password(outer, credentials)
    if outer == "tls":
        return OnTLS(TLS(), _context(settings), credentials.fragment_size, now)
    context = _tunnel_context(settings, inner)
    inside = _inside(outer, inner, credentials, now)
    return OnTLS(inside, context, credentials.fragment_size, now)


def _tunnel_context(settings: TLSSettings, inner: str) -> Context:
    """A certificate that is shown inside the tunnel is not shown outside as well."""
    return _context(attrs.evolve(settings, certificate=None, key=None) if inner == "tls" else settings)


def _context(settings: TLSSettings) -> Context:
    """Sessions are not resumed: every conversation is a whole test of the network."""
    return eap_client_context(attrs.evolve(settings, resumption=False), _PURPOSE)


def _inside(outer: str, inner: str, credentials: EAPCredentials, now: datetime) -> Inside:
    if outer == "peap":
        return PEAP(_conversation(inner, credentials, now))
    if inner in _TTLS:
        return ttls.TTLS(_TTLS[inner](credentials.identity, credentials.password or b""))
    return ttls.TTLS(ttls.InnerEAP(_conversation(inner.removeprefix("eap-"), credentials, now)))


def _conversation(inner: str, credentials: EAPCredentials, now: datetime) -> Conversation:
    """The EAP conversation inside a tunnel."""
    if inner == "tls" and credentials.tls is not None:
        fragment_size = credentials.fragment_size - TUNNEL_OVERHEAD
        method = OnTLS(TLS(), _context(credentials.tls), fragment_size, now)
        return Conversation(credentials.identity, method)
    return Conversation(credentials.identity, _of_password(inner, credentials))


def _of_password(name: str, credentials: EAPCredentials) -> Method:
    return _PASSWORDS[name](credentials.identity, credentials.password or b"")
