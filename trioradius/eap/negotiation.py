"""Negotiation: which method a server proposes, and what a peer that refuses one asks for (RFC 3748 section 5.3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import attrs

from trioradius.eap.method import MethodSettings
from trioradius.eap.packet import EXPANDED, NAK, EAPPacket

_ENTRY: Final = 8
"""Octets of a type in an Expanded Nak: 254, three of Vendor-Id, four of Vendor-Type (RFC 3748 section 5.3.2)."""
_IETF: Final = bytes(3)
"""The Vendor-Id of types that have a plain number as well."""


def plain(packet: EAPPacket) -> EAPPacket:
    """The packet with a plain Type where it has an expanded one of Vendor-Id 0, which means the same (section 5.7)."""
    if packet.type != EXPANDED or packet.data[:3] != _IETF or len(packet.data) < _ENTRY - 1:
        return packet
    number = int.from_bytes(packet.data[3:7], "big")
    if number >= EXPANDED:
        return packet
    data = packet.data[7:]
    if number == NAK:
        data = bytes(filter(None, map(_plain_type, _entries(data))))
    return attrs.evolve(packet, type=number, data=data)


def _entries(data: bytes) -> Iterable[bytes]:
    return [data[at : at + _ENTRY] for at in range(0, len(data), _ENTRY)]


def _plain_type(entry: bytes) -> int:
    """The plain Type of an entry; 0, which asks for nothing, for a vendor's."""
    number = int.from_bytes(entry[4:], "big")
    return number if entry[:4] == bytes((EXPANDED,)) + _IETF and len(entry) == _ENTRY and number < EXPANDED else 0


class Negotiation:
    """The methods of one conversation, in the server's order, each proposed once at most."""

    def __init__(self, methods: Sequence[MethodSettings]) -> None:
        self._left = list(methods)

    def first(self) -> MethodSettings | None:
        """What the server likes best; None where it has no method at all."""
        return self._take(self._left[:1])

    def among(self, types: bytes) -> MethodSettings | None:
        """The server's best of those that a Nak asks for and that were not proposed yet.

        A type that the server does not offer is nothing to it: a peer cannot choose its own proof.
        """
        return self._take([method for method in self._left if method.type in types])

    def _take(self, choice: list[MethodSettings]) -> MethodSettings | None:
        if not choice:
            return None
        self._left.remove(choice[0])
        return choice[0]
