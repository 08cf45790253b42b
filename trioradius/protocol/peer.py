"""Peer: one entry of the table of who may talk to us."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from ipaddress import ip_network
from typing import Any, Final, Literal, TypeAlias

import attrs

from trioradius.errors import ConfigurationError
from trioradius.protocol.secret import Secret

Tristate: TypeAlias = bool | Literal["auto"]

SECRET_ADVISED: Final = 12
"""Octets; shorter secrets are warned of (draft-ietf-radext-deprecating-radius, Shared Secrets)."""
COA_PORT: Final = 3799
"""Where a NAS takes CoA-Request and Disconnect-Request (RFC 5176 section 2.3)."""
RADSEC: Final = Secret(b"radsec")
"""The secret of peers that have none of their own, which only TLS may carry (RFC 6614 section 2.3)."""


def _secret(value: bytes | str | Secret) -> Secret:
    if isinstance(value, Secret):
        return value
    octets = value.encode() if isinstance(value, str) else value
    if not isinstance(octets, bytes) or not octets:
        raise ConfigurationError("a shared secret must be text or bytes, and not empty")
    return Secret(octets)


def _flag(value: Any) -> Any:
    """A bool for what a database has instead of one."""
    return bool(value) if value in (0, 1) else value


def _bool(_: object, attribute: attrs.Attribute[bool], value: object) -> None:
    if not isinstance(value, bool):
        raise ConfigurationError(f"{attribute.name} is True or False, not {value!r}")


def _tristate(_: object, attribute: attrs.Attribute[Tristate], value: object) -> None:
    if value not in (True, False, "auto"):
        raise ConfigurationError(f"{attribute.name} is True, False or 'auto', not {value!r}")


def _zoned(_: object, attribute: attrs.Attribute[datetime | None], value: datetime | None) -> None:
    if value is not None and value.tzinfo is None:
        raise ConfigurationError(f"{attribute.name} wants a timezone, as in 2027-01-31T00:00:00+00:00")


def _port(_: object, attribute: attrs.Attribute[int], value: object) -> None:
    if not isinstance(value, int) or not 1 <= value <= 65_535:
        raise ConfigurationError(f"{attribute.name} is 1 to 65535, not {value!r}")


def _texts(value: str | Iterable[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _networks(_: object, attribute: attrs.Attribute[tuple[str, ...]], value: tuple[str, ...]) -> None:
    for text in value:
        try:
            ip_network(text)
        except ValueError as error:
            raise ConfigurationError(f"{attribute.name}: {text!r} is not an IP address or network: {error}") from None


def _learns(peer: Peer) -> bool:
    return "auto" in (peer.require_message_authenticator, peer.limit_proxy_state)


@attrs.frozen
class Peer:
    """Who may talk to us, and under which rules.

    Args:
        secret: the shared secret, in no repr; 24 random octets are advised, ``trioradius secret`` makes them. Only a
            peer of TLS or DTLS may do without, and then has what their RFCs say ("radsec", "radius/dtls").
        name: for logs and counters; the address where none is given.
        require_message_authenticator: on UDP, drop Access-Requests without Message-Authenticator. True by default
            (BlastRADIUS); False for a NAS that cannot send it; "auto" to learn it for each address, see auto_until.
        limit_proxy_state: on UDP, drop Access-Requests that carry Proxy-State but no Message-Authenticator. Read only
            where the former lets a packet through without one; "auto" to learn it for each address.
        auto_until: the end of the migration window, timezone included. "auto" may learn to do without
            Message-Authenticator only until then; to require it, it learns at any time, from one verified packet.
        allow_ms_chap: take MS-CHAP over UDP; False drops it
            (draft-ietf-radext-deprecating-radius, Do Not Use MS-CHAP).
        require_event_timestamp: drop CoA-Request and Disconnect-Request without Event-Timestamp (RFC 5176 section 6.3).
        vendor: the dictionary's name of the NAS's vendor, for code that picks attributes by it.
        coa_port: where it takes CoA-Request and Disconnect-Request (RFC 5176 section 2.3); Cisco's is 1700 by default.
        tls: of an entry for an address or network: it speaks TLS or DTLS, where any certificate that is trusted will
            do, and over UDP is refused. Entries for an identity need no such word.
        psk: of an entry for ``psk:IDENTITY``: its key, 16 octets or more (RFC 9813); in no repr.
        addresses: of an entry for an identity: the networks that it may come from, all where none is given; they are
            looked at before its PSK is (RFC 9813).
    """

    secret: Secret = attrs.field(default=RADSEC, converter=_secret, repr=False)
    name: str = ""
    require_message_authenticator: Tristate = attrs.field(
        default=True, kw_only=True, converter=_flag, validator=_tristate
    )
    limit_proxy_state: Tristate = attrs.field(default=True, kw_only=True, converter=_flag, validator=_tristate)
    auto_until: datetime | None = attrs.field(default=None, kw_only=True, validator=_zoned)
    allow_ms_chap: bool = attrs.field(default=True, kw_only=True, converter=_flag, validator=_bool)
    require_event_timestamp: bool = attrs.field(default=False, kw_only=True, converter=_flag, validator=_bool)
    vendor: str = attrs.field(default="", kw_only=True)
    coa_port: int = attrs.field(default=COA_PORT, kw_only=True, validator=_port)
    tls: bool = attrs.field(default=False, kw_only=True, converter=_flag, validator=_bool)
    psk: bytes | None = attrs.field(default=None, kw_only=True, repr=False)
    addresses: tuple[str, ...] = attrs.field(default=(), kw_only=True, converter=_texts, validator=_networks)
    learns: bool = attrs.field(init=False, repr=False, default=attrs.Factory(_learns, takes_self=True))
    """Whether a rule of this peer is "auto"."""
    warned: set[str] = attrs.field(init=False, repr=False, eq=False, factory=set)
    """What the log has warned of already, which is done once."""

    @property
    def weaknesses(self) -> tuple[str, ...]:
        """What a careful operator would mend, as lines for a log."""
        if self.secret is not RADSEC and len(self.secret.octets) <= SECRET_ADVISED:
            return (f"peer {self.name}: the secret has {len(self.secret.octets)} octets; 24 random ones are advised",)
        return ()
