"""Which RADIUS version a connection speaks: ALPN as RFC 9765 section 3.3 uses it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

RadiusVersion: TypeAlias = Literal["1.0", "1.1"]
TLSVersion: TypeAlias = Literal["1.2", "1.3"]

PROTOCOLS: Final[dict[RadiusVersion, bytes]] = {"1.1": b"radius/1.1", "1.0": b"radius/1.0"}
"""ALPN protocol names (RFC 9765 section 3.1), the highest version first."""
NEEDS_TLS_1_3: Final = frozenset({PROTOCOLS["1.1"]})
"""RADIUS/1.1 without TLS 1.3 must not be negotiated (RFC 9765 section 3.4)."""


class NoCommonProtocol(Exception):
    """The peer sent ALPN, and nothing in it is ours: alert no_application_protocol (RFC 9765 section 3.3)."""


def offered(versions: Sequence[RadiusVersion], highest: TLSVersion) -> tuple[bytes, ...]:
    """The protocol names to offer where this TLS version is the highest; none means no ALPN at all."""
    names = tuple(name for version, name in PROTOCOLS.items() if version in versions)
    return names if highest == "1.3" else tuple(name for name in names if name not in NEEDS_TLS_1_3)


def choose(ours: Sequence[bytes], theirs: Sequence[bytes], tls_1_3: bool) -> bytes:
    """The highest version both ends offer. Raises NoCommonProtocol."""
    for name in ours:
        if name in theirs and (tls_1_3 or name not in NEEDS_TLS_1_3):
            return name
    raise NoCommonProtocol


def radius_version(protocol: bytes, versions: Sequence[RadiusVersion], tls_1_3: bool) -> RadiusVersion | None:
    """The version that a negotiated protocol means, b"" being a peer without ALPN; None where it must be refused.

    A peer without ALPN speaks historic RADIUS/TLS, which is 1.0, unless only 1.1 is configured here
    (RFC 9765 section 3.3).
    """
    if not protocol:
        return None if tuple(versions) == ("1.1",) else "1.0"
    for version, name in PROTOCOLS.items():
        if name == protocol and version in versions and (tls_1_3 or name not in NEEDS_TLS_1_3):
            return version
    return None
