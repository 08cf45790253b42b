"""Steering: which worker a datagram goes to. One source address always meets the same one.

The workers' sockets share an address (SO_REUSEPORT), and a classic BPF program, which the kernel runs for each
datagram, picks one by the source address alone. Left to itself the kernel would mix in the source port, and scatter
the packets of one NAS over all workers: duplicates would not be seen and EAP conversations would fall apart.
"""

from __future__ import annotations

import ctypes
import logging
import socket
import struct
from typing import Final, TypeAlias

import attrs

from trioradius.server import Listener
from trioradius.transports import TLS

SO_ATTACH_REUSEPORT_CBPF: Final = getattr(socket, "SO_ATTACH_REUSEPORT_CBPF", 51)

Instruction: TypeAlias = tuple[int, int, int, int]
"""Operation, jump if true, jump if false, operand (linux/filter.h)."""

_NETWORK_HEADER: Final = 0xFFF0_0000
"""SKF_NET_OFF: offsets from here are into the IP header."""
_LOAD_OCTET, _LOAD_WORD = 0x30, 0x20
_SHIFT_RIGHT, _MULTIPLY, _MODULO, _XOR_X = 0x74, 0x24, 0x94, 0xAC
_JUMP, _JUMP_IF_EQUAL, _KEEP_IN_X, _RETURN = 0x05, 0x15, 0x07, 0x16
_GOLDEN_RATIO: Final = 2_654_435_761
"""Of 2**32: multiplying by it spreads neighbouring addresses over the high bits."""

log = logging.getLogger("trioradius.workers")


async def open_sockets(listener: Listener, count: int) -> list[socket.socket]:
    """One socket a worker, all bound to the listener's address.

    Raises:
        ConfigurationError: the address cannot be bound.
    """
    opened = [await listener.open(shared=True)]
    # A free port, where one was asked for, is the same for all.
    again = attrs.evolve(listener, port=opened[0].getsockname()[1])
    try:
        while len(opened) < count:
            opened.append(await again.open(shared=True))
    except BaseException:
        for one in opened:
            one.close()
        raise
    if not isinstance(listener, TLS) and not steer(opened[0], count):
        log.warning("the kernel refuses to steer datagrams by source address; a NAS may meet several workers")
    return opened


def steer(opened: socket.socket, count: int) -> bool:
    """Have the kernel pick among ``count`` sockets that share this one's address; whether it may."""
    program = [struct.pack("HBBI", *instruction) for instruction in by_source_address(count)]
    octets = ctypes.create_string_buffer(b"".join(program))
    try:
        opened.setsockopt(
            socket.SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, struct.pack("HP", len(program), ctypes.addressof(octets))
        )
    except OSError:
        return False
    return True


def by_source_address(count: int) -> list[Instruction]:
    """A program that returns a number below ``count`` for the source address of a datagram, IPv4 or IPv6.

    An IPv4 datagram has its IPv4 header also at a socket of both families, so that a NAS stays with its worker.
    """
    ipv4 = [_load(12)]
    ipv6 = [_load(8)]
    for offset in (12, 16, 20):
        ipv6 += [(_KEEP_IN_X, 0, 0, 0), _load(offset), (_XOR_X, 0, 0, 0)]
    version: list[Instruction] = [(_LOAD_OCTET, 0, 0, _NETWORK_HEADER), (_SHIFT_RIGHT, 0, 0, 4)]
    branch: list[Instruction] = [(_JUMP_IF_EQUAL, len(ipv4) + 1, 0, 6)]
    pick: list[Instruction] = [
        # Its upper half into its lower one, for sites that differ in their first octets alone.
        (_KEEP_IN_X, 0, 0, 0),
        (_SHIFT_RIGHT, 0, 0, 16),
        (_XOR_X, 0, 0, 0),
        (_MULTIPLY, 0, 0, _GOLDEN_RATIO),
        (_SHIFT_RIGHT, 0, 0, 16),
        (_MODULO, 0, 0, count),
        (_RETURN, 0, 0, 0),
    ]
    return [*version, *branch, *ipv4, (_JUMP, 0, 0, len(ipv6)), *ipv6, *pick]


def _load(offset: int) -> Instruction:
    return _LOAD_WORD, 0, 0, _NETWORK_HEADER + offset
