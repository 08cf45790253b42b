"""Capture files: formats, link types, IP headers, and files that break off."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioradius.cli.captures import CaptureError, Datagram, datagrams, is_capture

from . import frames
from .frames import CLIENT, CLIENT_6, SERVER, SERVER_6, ethernet, ipv4, ipv6, pcap

PACKET = ipv4(CLIENT, SERVER, b"payload")
PACKET_6 = ipv6(CLIENT_6, SERVER_6, b"payload")
FOUND = Datagram(1, 1_700_000_000.5, CLIENT, SERVER, b"payload")
FOUND_6 = Datagram(1, 1_700_000_000.5, CLIENT_6, SERVER_6, b"payload")


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("magic", "ticks"), [(0xA1B2C3D4, 500_000), (0xA1B23C4D, 500_000_000)])
def test_pcap(order: str, magic: int, ticks: int) -> None:
    octets = pcap(ethernet(PACKET), order=order, magic=magic, ticks=ticks)
    assert is_capture(octets)
    assert list(datagrams(octets)) == [FOUND]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("resolution", "ticks"), [(None, 1_700_000_000_500_000), (9, 1_700_000_000_500_000_000), (0x81, 3_400_000_001)]
)
def test_pcapng(order: str, resolution: int | None, ticks: int) -> None:
    octets = frames.section(order) + frames.interface(order=order, resolution=resolution)
    octets += frames.block(5, bytes(8), order) + frames.enhanced(ethernet(PACKET), order, ticks)
    assert is_capture(octets)
    assert list(datagrams(octets)) == [FOUND]


def test_pcapng_simple_packets_and_a_second_section() -> None:
    octets = frames.section() + frames.interface() + frames.simple(ethernet(PACKET))
    octets += frames.section(">") + frames.interface(101, ">") + frames.enhanced(PACKET_6, ">")
    first, second = datagrams(octets)
    assert first == FOUND._replace(seconds=0)
    assert second == FOUND_6._replace(number=2)


@pytest.mark.parametrize("packet", [PACKET, PACKET_6], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize(
    ("link_type", "header"),
    [
        (0, b"\2\0\0\0"),
        (108, b"\0\0\0\2"),
        (12, b""),
        (14, b""),
        (101, b""),
        (0x1000_0065, b""),
        (113, bytes(14) + b"TT"),
        (276, b"TT" + bytes(18)),
        (1, bytes(12) + b"TT"),
        (1, bytes(12) + b"\x81\x00\x00\x05TT"),
        (1, bytes(12) + b"\x88\xa8\x00\x05\x81\x00\x00\x06TT"),
    ],
)
def test_link_types(link_type: int, header: bytes, packet: bytes) -> None:
    found = FOUND if packet is PACKET else FOUND_6
    header = header.replace(b"TT", b"\x08\x00" if packet is PACKET else b"\x86\xdd")
    assert list(datagrams(pcap(header + packet, link_type=link_type))) == [found]


def test_ipv6_extension_headers() -> None:
    options = bytes((60, 0)) + bytes(6) + bytes((17, 1)) + bytes(14)
    fragment = bytes((17, 0, 0, 1)) + bytes(4)
    octets = pcap(
        ipv6(CLIENT_6, SERVER_6, b"payload", extensions=options, following=0),
        ipv6(CLIENT_6, SERVER_6, b"payload", extensions=fragment, following=44),
        link_type=101,
    )
    assert [found.payload for found in datagrams(octets)] == [b"payload", b"payload"]


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\x45",
        ipv4(CLIENT, SERVER, b"", protocol=6),
        ipv4(CLIENT, SERVER, b"", fragment=5),
        ipv4(CLIENT, SERVER, b"")[:27],
        PACKET_6[:39],
        ipv6(CLIENT_6, SERVER_6, b"", following=58),
        ipv6(CLIENT_6, SERVER_6, b"", extensions=bytes((17, 0, 0, 9)) + bytes(4), following=44),
        b"\x55" + bytes(60),
    ],
)
def test_what_is_no_udp_is_passed_over(frame: bytes) -> None:
    octets = pcap(frame, PACKET, link_type=101)
    assert [found.number for found in datagrams(octets)] == [2]


def test_other_frames_are_passed_over() -> None:
    assert list(datagrams(pcap(bytes(12) + b"\x08\x06" + bytes(30)))) == []
    assert list(datagrams(pcap(PACKET, link_type=9999))) == []


@pytest.mark.parametrize(
    ("octets", "complaint"),
    [
        (pcap()[:20], "the file header is cut short"),
        (pcap(PACKET, link_type=101)[:-1], "record 1 is cut short"),
        (pcap(PACKET, link_type=101) + b"\0", "record 2 is cut short"),
        (frames.section()[:9], "a section header has no byte order"),
        (frames.section() + b"\1", "the block at octet 28 is cut short"),
        (frames.section() + frames.interface()[:-4], "the block at octet 28 is cut short"),
        (frames.section() + frames.block(1, b"1234"), "an interface description is cut short"),
        (frames.section() + frames.interface() + frames.block(6, b"1234"), "a packet block is cut short"),
        (frames.section() + frames.enhanced(PACKET), "a packet came by interface 0, which no block describes"),
    ],
)
def test_files_that_break_off(octets: bytes, complaint: str) -> None:
    with pytest.raises(CaptureError, match=complaint):
        list(datagrams(octets))


def test_what_came_before_the_fault_is_found() -> None:
    found = datagrams(pcap(PACKET, PACKET, link_type=101)[:-1])
    assert next(found) == FOUND


@given(st.data())
def test_damaged_files_raise_nothing_else(data: st.DataObject) -> None:
    whole = data.draw(
        st.sampled_from(
            [
                pcap(ethernet(PACKET), ethernet(PACKET_6)),
                pcap(PACKET_6, PACKET, link_type=101, order=">"),
                frames.section() + frames.interface(resolution=6) + frames.enhanced(ethernet(PACKET)),
            ]
        )
    )
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(4, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(CaptureError):
        list(datagrams(bytes(damaged[: data.draw(st.integers(4, len(whole)))])))
