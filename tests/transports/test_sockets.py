"""Datagram sockets: what can be bound, and which address a reply leaves from."""

from __future__ import annotations

import contextlib
import socket
import sys

import pytest

from trioradius import ConfigurationError
from trioradius.transports import sockets
from trioradius.transports.sockets import (
    address_of,
    connect_datagram_socket,
    datagrams,
    open_datagram_socket,
    plain_address,
)

FAMILIES = {"127.0.0.1": socket.AF_INET, "127.0.0.9": socket.AF_INET, "::1": socket.AF_INET6}


@pytest.mark.parametrize(
    "address, plain",
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("fe80::1%25", "fe80::1"),
        ("::1", "::1"),
    ],
)
def test_plain_address(address: str, plain: str) -> None:
    assert plain_address(address) == plain


def test_address_of() -> None:
    assert address_of(("192.0.2.1", 9)) == ("192.0.2.1", 9)
    assert address_of((("::ffff:192.0.2.1", 9, 0, 0), b"information")) == ("192.0.2.1", 9)


@pytest.mark.parametrize("host, asked", [("0.0.0.0", "127.0.0.9"), ("::", "127.0.0.9"), ("::", "::1"), ("::1", "::1")])
async def test_a_reply_leaves_from_the_address_that_was_asked(host: str, asked: str) -> None:
    with (
        await open_datagram_socket(host, 0, 1 << 16) as bound,
        socket.socket(FAMILIES[asked], socket.SOCK_DGRAM) as nas,
    ):
        ways = datagrams(bound)
        with pytest.raises(BlockingIOError):
            ways.receive()
        nas.settimeout(30)
        nas.bind(("127.0.0.1" if "." in asked else "::1", 0))
        nas.sendto(b"request", (asked, bound.getsockname()[1]))
        octets, destination = ways.receive()
        assert octets == b"request"
        assert address_of(destination) == nas.getsockname()[:2]
        ways.send(b"reply", destination)
        octets, source = nas.recvfrom(100)
        assert (octets, source[0]) == (b"reply", asked)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux cuts datagrams")
@pytest.mark.parametrize(
    "host, asked",
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.9"), ("::", "127.0.0.9"), ("::", "::1"), ("::1", "::1")],
)
async def test_replies_of_one_length_leave_in_one_call(host: str, asked: str) -> None:
    with (
        await open_datagram_socket(host, 0, 1 << 16) as bound,
        socket.socket(FAMILIES[asked], socket.SOCK_DGRAM) as nas,
    ):
        ways = datagrams(bound)
        assert ways.send_alike is not None
        nas.settimeout(30)
        nas.sendto(b"request", (asked, bound.getsockname()[1]))
        _, destination = ways.receive()
        ways.send_alike([b"one", b"two", b"six"], destination)
        told = [nas.recvfrom(100) for _ in range(3)]
        assert [octets for octets, _ in told] == [b"one", b"two", b"six"]
        assert {source[:2] for _, source in told} == {(asked, bound.getsockname()[1])}
        with pytest.raises(OSError):
            ways.send_alike([bytes(4_000)] * 60, destination)
        nas.settimeout(0)
        with pytest.raises(BlockingIOError):
            nas.recv(100)


async def test_a_kernel_that_cannot_cut_datagrams() -> None:
    """As Linux before 4.18, and others."""

    class Older(socket.socket):
        def getsockopt(self, *arguments: int) -> int:  # type: ignore[override]
            raise OSError(92, "Protocol not available")

    with Older(type=socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        assert datagrams(bound).send_alike is None


async def test_one_octet_too_many_is_seen() -> None:
    with await open_datagram_socket("127.0.0.1", 0, 1 << 16) as bound, socket.socket(type=socket.SOCK_DGRAM) as nas:
        nas.sendto(bytes(5_000), bound.getsockname())
        octets, _ = datagrams(bound).receive()
        assert len(octets) == 4_097


async def test_without_ipv6_every_address_is_every_ipv4_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine whose kernel has none: asking for such a socket fails."""

    class OnlyIPv4(socket.socket):
        def __init__(self, family: int = socket.AF_INET, *arguments: int) -> None:
            if family == socket.AF_INET6:
                raise OSError(97, "Address family not supported by protocol")
            super().__init__(family, *arguments)

    monkeypatch.setattr(sockets.socket, "socket", OnlyIPv4)
    with await open_datagram_socket("::", 0, 1 << 16) as bound:
        assert bound.getsockname()[0] == "0.0.0.0"
    with pytest.raises(ConfigurationError, match="Address family not supported"):
        await open_datagram_socket("::1", 0, 1 << 16)


@pytest.mark.parametrize(
    "host, why", [("192.0.2.1", "Cannot assign"), ("no.such.host.invalid", "no.such.host.invalid")]
)
async def test_an_address_that_cannot_be_bound_is_one_line(host: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why) as refused:
        await open_datagram_socket(host, 18_120, 1 << 16)
    assert "\n" not in str(refused.value)
    assert "18120" in str(refused.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "::", "0.0.0.0"])
async def test_a_port_that_is_taken(host: str) -> None:
    """Also "::", which must not fall back where it is only taken."""
    with (
        await open_datagram_socket(host, 0, 1 << 16) as taken,
        pytest.raises(ConfigurationError, match="Address already in use"),
    ):
        await open_datagram_socket(host, taken.getsockname()[1], 1 << 16)


async def test_connecting() -> None:
    with await open_datagram_socket("127.0.0.1", 0, 1 << 16) as server:
        for source in (None, "127.0.0.5"):
            with await connect_datagram_socket("127.0.0.1", server.getsockname()[1], source) as connected:
                await connected.send(b"octets")
                assert server.recvfrom(10) == (b"octets", connected.getsockname())
                assert connected.getsockname()[0] == source or source is None


@pytest.mark.parametrize(
    "host, source", [("no.such.host.invalid", None), ("127.0.0.1", "192.0.2.1"), ("::1", "127.0.0.1")]
)
async def test_a_server_that_cannot_be_reached_is_one_line(host: str, source: str | None) -> None:
    with pytest.raises(ConfigurationError, match="cannot be reached") as refused:
        await connect_datagram_socket(host, 1812, source)
    assert "\n" not in str(refused.value)
    assert source is None or source in str(refused.value)


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux")
async def test_a_listener_for_one_ipv6_address_takes_no_ipv4() -> None:
    with contextlib.ExitStack() as opened:
        six = opened.enter_context(await open_datagram_socket("::1", 0, 1 << 16))
        assert six.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1
        both = opened.enter_context(await open_datagram_socket("::", 0, 1 << 16))
        assert both.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 0


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example"])
async def test_what_cannot_be_a_host_name(host: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be bound"):
        await open_datagram_socket(host, 0, 1 << 16)
    with pytest.raises(ConfigurationError, match="cannot be reached"):
        await connect_datagram_socket(host, 1812, None)


async def test_the_source_address_decides_the_family() -> None:
    with await connect_datagram_socket("localhost", 1812, "127.0.0.1") as connected:
        assert connected.getpeername() == ("127.0.0.1", 1812)
