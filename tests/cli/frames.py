"""Capture files and frames, made here so that nothing has to be recorded."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address

CLIENT, SERVER = ("192.0.2.1", 40_000), ("192.0.2.2", 1812)
CLIENT_6, SERVER_6 = ("2001:db8::1", 40_000), ("2001:db8::2", 1812)

End = tuple[str, int]


def udp(source: End, destination: End, payload: bytes) -> bytes:
    return struct.pack("!HHHH", source[1], destination[1], 8 + len(payload), 0) + payload


def ipv4(source: End, destination: End, payload: bytes, *, protocol: int = 17, fragment: int = 0) -> bytes:
    segment = udp(source, destination, payload)
    ends = IPv4Address(source[0]).packed + IPv4Address(destination[0]).packed
    return (
        struct.pack("!BBHHHBBH", 0x46, 0, 24 + len(segment), 1, fragment, 64, protocol, 0) + ends + bytes(4) + segment
    )


def ipv6(source: End, destination: End, payload: bytes, *, extensions: bytes = b"", following: int = 17) -> bytes:
    segment = extensions + udp(source, destination, payload)
    ends = IPv6Address(source[0]).packed + IPv6Address(destination[0]).packed
    return struct.pack("!IHBB", 6 << 28, len(segment), following, 64) + ends + segment


def ethernet(packet: bytes, *, vlan: bytes = b"") -> bytes:
    kind = b"\x08\x00" if packet[0] >> 4 == 4 else b"\x86\xdd"
    # Short frames are padded to 60 octets, which the IP header's length leaves out.
    return (bytes(12) + vlan + kind + packet).ljust(60, b"\xee")


def pcap(*frames: bytes, link_type: int = 1, order: str = "<", magic: int = 0xA1B2C3D4, ticks: int = 500_000) -> bytes:
    octets = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 65_535, link_type)
    for at, frame in enumerate(frames):
        octets += struct.pack(f"{order}IIII", 1_700_000_000 + at, ticks, len(frame), len(frame)) + frame
    return octets


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += bytes(-len(body) % 4)
    length = struct.pack(f"{order}I", 12 + len(body))
    return struct.pack(f"{order}I", kind) + length + body + length


def section(order: str = "<") -> bytes:
    return block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(link_type: int = 1, order: str = "<", resolution: int | None = None) -> bytes:
    options = b"" if resolution is None else struct.pack(f"{order}HHB3xHH", 9, 1, resolution, 0, 0)
    return block(1, struct.pack(f"{order}HHI", link_type, 0, 0) + options, order)


def enhanced(frame: bytes, order: str = "<", ticks: int = 1_700_000_000_500_000, number: int = 0) -> bytes:
    fields = (number, ticks >> 32, ticks & 0xFFFF_FFFF, len(frame), len(frame))
    return block(6, struct.pack(f"{order}5I", *fields) + frame, order)


def simple(frame: bytes, order: str = "<") -> bytes:
    return block(3, struct.pack(f"{order}I", len(frame)) + frame, order)
