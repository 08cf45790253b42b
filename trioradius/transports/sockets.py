"""Datagram sockets: binding them, and answering from the very address that was asked."""

from __future__ import annotations

import functools
import socket
import struct
import sys
from collections.abc import Callable, Sequence
from ipaddress import IPv6Address
from typing import Any, Final, TypeAlias

import attrs
import trio

from trioradius.errors import ConfigurationError

DATAGRAM_MAXIMUM: Final = 4_097
"""One octet more than RADIUS allows, so that a longer datagram is seen to be one."""

Destination: TypeAlias = tuple[Any, ...]
"""Where a reply goes: a socket address, or one and the packet information that names the address which was asked."""
Receive: TypeAlias = Callable[[], tuple[bytes, Destination]]
"""One datagram, and where its reply goes. Raises BlockingIOError where there is none."""
Send: TypeAlias = Callable[[bytes, Destination], object]
SendAlike: TypeAlias = Callable[[Sequence[bytes], Destination], object]
"""Several datagrams of one length to one destination, in one call. Raises OSError where none of them was sent."""
Ancillary: TypeAlias = list[tuple[int, int, bytes]]

_IP_PKTINFO: Final = getattr(socket, "IP_PKTINFO", 8)
_SOL_UDP: Final = 17
_UDP_SEGMENT: Final = 103
"""Linux, udp(7): the kernel cuts what it is given into datagrams of this length; a quarter of the cost."""
_IPV4_INFO: Final = struct.Struct("=i4s4s")
_IPV6_INFO: Final = struct.Struct("=16si")


async def open_datagram_socket(
    host: str, port: int, receive_buffer: int, *, shared: bool = False, name: str = "UDP"
) -> socket.socket:
    """A bound, non-blocking UDP socket; "::" takes IPv4 as well, and means 0.0.0.0 where there is no IPv6.

    ``shared`` lets further sockets bind the same address (SO_REUSEPORT). ``name`` is for the error: what the socket is
    opened for.

    Raises:
        ConfigurationError: the name does not resolve, or the address cannot be bound.
    """
    try:
        family, address = await _resolve(host, port)
        return _bound(family, address, receive_buffer, shared=shared)
    except (OSError, UnicodeError) as error:
        if host == "::" and not _has_ipv6():
            return await open_datagram_socket("0.0.0.0", port, receive_buffer, shared=shared, name=name)
        problem = getattr(error, "strerror", None) or "not a host name"
        raise ConfigurationError(f"{name} {host} port {port} cannot be bound: {problem}") from None


async def connect_datagram_socket(host: str, port: int, source_address: str | None) -> trio.socket.SocketType:
    """A UDP socket connected to a server, so that datagrams of others never reach it.

    Raises:
        ConfigurationError: a name does not resolve, or the source address is not ours.
    """
    family, address = await _server_address(host, port, source_address)
    opened = trio.socket.socket(family, socket.SOCK_DGRAM)
    try:
        if source_address is not None:
            await opened.bind((source_address, 0))
        await opened.connect(address)
    except OSError as error:
        opened.close()
        raise ConfigurationError(
            f"{host} port {port} from {source_address or 'any address'} cannot be reached: {error.strerror or error}"
        ) from None
    except BaseException:
        opened.close()
        raise
    return opened


async def _server_address(host: str, port: int, source_address: str | None) -> tuple[int, tuple[Any, ...]]:
    """The first address of the server, of the source address's family where there is one."""
    family = socket.AF_UNSPEC
    if source_address is not None:
        family = socket.AF_INET6 if ":" in source_address else socket.AF_INET
    try:
        found = await trio.socket.getaddrinfo(host, port, family, socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        problem = getattr(error, "strerror", None) or "not a host name"
        where = f"{host} from {source_address}" if source_address else host
        raise ConfigurationError(f"{where} cannot be reached by UDP: {problem}") from None
    return found[0][0], found[0][4]


async def _resolve(host: str, port: int) -> tuple[int, tuple[Any, ...]]:
    found = await trio.socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE)
    return found[0][0], found[0][4]


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def _bound(family: int, address: tuple[Any, ...], receive_buffer: int, *, shared: bool) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_DGRAM)
    try:
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, receive_buffer)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shared)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, address[0] != "::")
        opened.bind(address)
    except BaseException:
        opened.close()
        raise
    return opened


@attrs.frozen
class Datagrams:
    """How to read and write a socket; ``send_alike`` is None where the kernel cannot."""

    receive: Receive
    send: Send
    send_alike: SendAlike | None


def datagrams(bound: socket.socket, longest: int = DATAGRAM_MAXIMUM) -> Datagrams:
    """How to read and write this socket; with IP_PKTINFO only where it is bound to every address (RFC 3542).

    Of a datagram that is longer than ``longest`` octets the rest is lost.
    """
    host = bound.getsockname()[0]
    if host == "0.0.0.0":
        bound.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        return _wildcard(bound, _ipv4_reply, longest)
    if host == "::":
        bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        return _wildcard(bound, _ipv6_reply, longest)

    def send_alike(replies: Sequence[bytes], destination: Destination) -> int:
        return bound.sendmsg(replies, _cut_into(len(replies[0])), 0, destination)

    receive = functools.partial(bound.recvfrom, longest)
    return Datagrams(receive, bound.sendto, send_alike if _can_segment(bound) else None)


def _wildcard(bound: socket.socket, reply_information: Callable[[bytes], Ancillary], longest: int) -> Datagrams:
    space = socket.CMSG_SPACE(_IPV6_INFO.size)

    def receive() -> tuple[bytes, Destination]:
        octets, ancillary, _, address = bound.recvmsg(longest, space)
        return octets, (address, ancillary[0][2] if ancillary else b"")

    def send(octets: bytes, destination: Destination) -> int:
        address, information = destination
        return bound.sendmsg((octets,), reply_information(information) if information else (), 0, address)

    def send_alike(replies: Sequence[bytes], destination: Destination) -> int:
        address, information = destination
        asked = reply_information(information) if information else []
        return bound.sendmsg(replies, asked + _cut_into(len(replies[0])), 0, address)

    return Datagrams(receive, send, send_alike if _can_segment(bound) else None)


def _can_segment(bound: socket.socket) -> bool:
    """A kernel that does not know the option would send one datagram of everything."""
    try:
        bound.getsockopt(_SOL_UDP, _UDP_SEGMENT)
    except OSError:
        return False
    return True


@functools.lru_cache(maxsize=DATAGRAM_MAXIMUM)
def _cut_into(octets: int) -> Ancillary:
    return [(_SOL_UDP, _UDP_SEGMENT, octets.to_bytes(2, sys.byteorder))]


@functools.lru_cache(maxsize=1_024)
def _ipv4_reply(information: bytes) -> Ancillary:
    """The address the datagram came to becomes the source of the reply; the kernel chooses the interface."""
    _, _, asked = _IPV4_INFO.unpack(information)
    return [(socket.IPPROTO_IP, _IP_PKTINFO, _IPV4_INFO.pack(0, asked, bytes(4)))]


@functools.lru_cache(maxsize=1_024)
def _ipv6_reply(information: bytes) -> Ancillary:
    """As for IPv4; a link-local address means nothing without its interface."""
    asked, interface = _IPV6_INFO.unpack(information)
    if asked[:2] != b"\xfe\x80":
        interface = 0
    return [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, _IPV6_INFO.pack(asked, interface))]


def address_of(destination: Destination) -> tuple[str, int]:
    """The IP address, as plain text, and port of whoever gets the reply."""
    address = destination[0] if isinstance(destination[0], tuple) else destination
    return plain_address(address[0]), address[1]


def plain_address(address: str) -> str:
    """An address as text, IPv4 where it was v4-mapped, and without a scope."""
    if ":" not in address:
        return address
    found = IPv6Address(address.partition("%")[0])
    return str(found.ipv4_mapped or found)
