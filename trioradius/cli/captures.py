"""Captures: the UDP datagrams in a pcap or pcapng file. Pure functions: octets in, datagrams out.

    capture -> records (time, link type, frame) -> IP packet -> Datagram

What is not UDP over IP is passed over; so are all fragments of an IP packet but the first.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Final, NamedTuple

PCAP: Final = {
    b"\xa1\xb2\xc3\xd4": (">", 1e-6),
    b"\xd4\xc3\xb2\xa1": ("<", 1e-6),
    b"\xa1\xb2\x3c\x4d": (">", 1e-9),
    b"\x4d\x3c\xb2\xa1": ("<", 1e-9),
}
"""Magic number to byte order and seconds of one tick."""
PCAPNG: Final = b"\x0a\x0d\x0d\x0a"

SECTION_HEADER, INTERFACE, SIMPLE_PACKET, ENHANCED_PACKET = 0x0A0D0D0A, 1, 3, 6
TIME_RESOLUTION: Final = 9
"""The option of an interface that says how long a tick is."""

UDP: Final = 17
EXTENSION_HEADERS: Final = frozenset({0, 43, 60})
"""Hop-by-hop options, routing and destination options: next header, then length in units of 8 octets (RFC 8200)."""
FRAGMENT: Final = 44


class CaptureError(ValueError):
    """A capture file that breaks off or contradicts itself."""


class Record(NamedTuple):
    """One frame as it was captured: seconds since 1970, link type, octets."""

    seconds: float
    link_type: int
    frame: bytes


class Datagram(NamedTuple):
    """One UDP datagram: which record of the file, when, from and to which address and port, and what it carries."""

    number: int
    seconds: float
    source: tuple[str, int]
    destination: tuple[str, int]
    payload: bytes


def is_capture(octets: bytes) -> bool:
    """Whether these octets begin like a capture file."""
    return octets[:4] in PCAP or octets[:4] == PCAPNG


def datagrams(octets: bytes) -> Iterator[Datagram]:
    """Every UDP datagram in a capture file, in order. Raises CaptureError, after those before the fault."""
    records = _pcapng(octets) if octets[:4] == PCAPNG else _pcap(octets)
    for number, record in enumerate(records, 1):
        packet = network_packet(record.link_type, record.frame)
        found = _udp(packet) if packet else None
        if found is not None:
            source, destination, payload = found
            yield Datagram(number, record.seconds, source, destination, payload)


def _pcap(octets: bytes) -> Iterator[Record]:
    order, tick = PCAP[octets[:4]]
    if len(octets) < 24:
        raise CaptureError("the file header is cut short")
    # The upper bits may say how long a frame check sequence is.
    (link_type,) = struct.unpack_from(f"{order}I", octets, 20)
    link_type &= 0x0FFF_FFFF
    at, number = 24, 1
    while at < len(octets):
        if len(octets) < at + 16:
            raise CaptureError(f"record {number} is cut short")
        seconds, ticks, length, _ = struct.unpack_from(f"{order}IIII", octets, at)
        if len(octets) < at + 16 + length:
            raise CaptureError(f"record {number} is cut short")
        yield Record(seconds + ticks * tick, link_type, octets[at + 16 : at + 16 + length])
        at, number = at + 16 + length, number + 1


def _pcapng(octets: bytes) -> Iterator[Record]:
    order = "<"
    interfaces: list[tuple[int, float]] = []
    at = 0
    while at < len(octets):
        if octets[at : at + 4] == PCAPNG:
            order, interfaces = _byte_order(octets[at + 8 : at + 12]), []
        kind, body = _block(octets, at, order)
        if kind == INTERFACE:
            interfaces.append(_interface(body, order))
        elif kind in (SIMPLE_PACKET, ENHANCED_PACKET):
            yield _packet(kind, body, order, interfaces)
        at += len(body) + 12


def _byte_order(magic: bytes) -> str:
    if magic not in (b"\x1a\x2b\x3c\x4d", b"\x4d\x3c\x2b\x1a"):
        raise CaptureError("a section header has no byte order")
    return ">" if magic[0] == 0x1A else "<"


def _block(octets: bytes, at: int, order: str) -> tuple[int, bytes]:
    if len(octets) < at + 12:
        raise CaptureError(f"the block at octet {at} is cut short")
    kind, length = struct.unpack_from(f"{order}II", octets, at)
    if length < 12 or length % 4 or len(octets) < at + length:
        raise CaptureError(f"the block at octet {at} is cut short")
    return kind, octets[at + 8 : at + length - 4]


def _interface(body: bytes, order: str) -> tuple[int, float]:
    """Link type, and the seconds of one tick."""
    if len(body) < 8:
        raise CaptureError("an interface description is cut short")
    tick, at = 1e-6, 8
    while at + 4 <= len(body):
        option, length = struct.unpack_from(f"{order}HH", body, at)
        if option == TIME_RESOLUTION and length == 1:
            exponent = body[at + 4]
            tick = 2.0 ** -(exponent & 0x7F) if exponent & 0x80 else 10.0**-exponent
        at += 4 + length + -length % 4
    (link_type,) = struct.unpack_from(f"{order}H", body)
    return link_type, tick


def _packet(kind: int, body: bytes, order: str, interfaces: list[tuple[int, float]]) -> Record:
    fixed = 20 if kind == ENHANCED_PACKET else 4
    if len(body) < fixed:
        raise CaptureError("a packet block is cut short")
    words = struct.unpack_from(f"{order}{fixed // 4}I", body)
    interface, high, low, length = words[:4] if kind == ENHANCED_PACKET else (0, 0, 0, words[0])
    if interface >= len(interfaces):
        raise CaptureError(f"a packet came by interface {interface}, which no block describes")
    link_type, tick = interfaces[interface]
    return Record(((high << 32) + low) * tick, link_type, body[fixed : fixed + length])


def network_packet(link_type: int, frame: bytes) -> bytes | None:
    """The IP packet within a frame; None where there is none, or the link type is unknown."""
    strip = _LINKS.get(link_type)
    return strip(frame) if strip else None


def _ethernet(frame: bytes) -> bytes | None:
    return _by_ethertype(frame, 12)


def _by_ethertype(frame: bytes, at: int) -> bytes | None:
    """What follows an EtherType, past VLAN tags (IEEE 802.1Q and 802.1ad)."""
    while frame[at : at + 2] in (b"\x81\x00", b"\x88\xa8", b"\x91\x00"):
        at += 4
    return frame[at + 2 :] if frame[at : at + 2] in (b"\x08\x00", b"\x86\xdd") else None


def _cooked(frame: bytes) -> bytes | None:
    return _by_ethertype(frame, 14)


def _cooked_2(frame: bytes) -> bytes | None:
    return frame[20:] if frame[:2] in (b"\x08\x00", b"\x86\xdd") else None


def _loopback(frame: bytes) -> bytes:
    """The address family in front is the capturing machine's own; the IP version says the same."""
    return frame[4:]


_LINKS: Final[dict[int, Callable[[bytes], bytes | None]]] = {
    0: _loopback,
    1: _ethernet,
    12: bytes,
    14: bytes,
    101: bytes,
    108: _loopback,
    113: _cooked,
    228: bytes,
    229: bytes,
    276: _cooked_2,
}
"""Link types (tcpdump.org/linktypes.html): loopback, Ethernet, raw IP and Linux cooked captures."""


def _udp(packet: bytes) -> tuple[tuple[str, int], tuple[str, int], bytes] | None:
    version = packet[0] >> 4
    found = _ipv4(packet) if version == 4 else _ipv6(packet) if version == 6 else None
    if found is None:
        return None
    source, destination, segment = found
    if len(segment) < 8:
        return None
    source_port, destination_port, length = struct.unpack_from("!HHH", segment)
    return (source, source_port), (destination, destination_port), segment[8 : max(length, 8)]


def _ipv4(packet: bytes) -> tuple[str, str, bytes] | None:
    if len(packet) < 20 or packet[9] != UDP or (packet[6] << 8 | packet[7]) & 0x1FFF:
        return None
    header, total = (packet[0] & 0x0F) * 4, packet[2] << 8 | packet[3]
    # A total length of 0 is left by segmentation offload.
    return str(ip_address(packet[12:16])), str(ip_address(packet[16:20])), packet[header : total or None]


def _ipv6(packet: bytes) -> tuple[str, str, bytes] | None:
    if len(packet) < 40:
        return None
    source, destination = str(ip_address(packet[8:24])), str(ip_address(packet[24:40]))
    following, rest = packet[6], packet[40 : 40 + (packet[4] << 8 | packet[5])]
    while following in EXTENSION_HEADERS and len(rest) >= 8:
        following, rest = rest[0], rest[(rest[1] + 1) * 8 :]
    if following == FRAGMENT and len(rest) >= 8 and not (rest[2] << 8 | rest[3]) & 0xFFF8:
        following, rest = rest[0], rest[8:]
    return (source, destination, rest) if following == UDP else None
