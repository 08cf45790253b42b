"""DTLS records as they lie in a datagram (RFC 6347 section 4.1): where one ends, and which kind it is."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

HEADER: Final = struct.Struct("!BHHHIH")
"""Content type, version, epoch, sequence number in two parts, length."""
HANDSHAKE: Final = 22
APPLICATION_DATA: Final = 23
CLIENT_HELLO: Final = 1

_RANDOM: Final = slice(HEADER.size + 12 + 2, HEADER.size + 12 + 2 + 32)
"""After the headers of record and handshake message and the version (RFC 6347 section 4.2.1)."""


def records(octets: bytes) -> Iterator[bytes]:
    """The records in these octets, each with its header; what follows the last whole one is left out."""
    start = 0
    while start + HEADER.size <= len(octets):
        end = start + HEADER.size + HEADER.unpack_from(octets, start)[-1]
        if end > len(octets):
            return
        yield octets[start:end]
        start = end


def is_client_hello(datagram: bytes) -> bool:
    """Whether a datagram begins with a ClientHello that no key protects."""
    if len(datagram) < _RANDOM.stop:
        return False
    kind, _, epoch, *_ = HEADER.unpack_from(datagram)
    return kind == HANDSHAKE and epoch == 0 and datagram[HEADER.size] == CLIENT_HELLO


def client_random(datagram: bytes) -> bytes:
    """What tells one ClientHello from another, and is the same in its retransmissions."""
    return datagram[_RANDOM]


def epoch(datagram: bytes) -> int | None:
    """The epoch of a datagram's first record, or None where it holds none."""
    return int(HEADER.unpack_from(datagram)[2]) if len(datagram) >= HEADER.size else None


def pack(octets: bytes, mtu: int) -> list[bytes]:
    """What a DTLS engine wrote, as datagrams: records of a flight together up to the MTU, each of data by itself."""
    datagrams: list[bytes] = []
    joinable = False
    for record in records(octets):
        data = record[0] == APPLICATION_DATA
        if joinable and not data and len(datagrams[-1]) + len(record) <= mtu:
            datagrams[-1] += record
        else:
            datagrams.append(record)
        joinable = not data
    return datagrams
