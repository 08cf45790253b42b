"""One source address, one worker: real datagrams through the kernel's choice."""

from __future__ import annotations

import contextlib
import socket
from collections import defaultdict

import pytest

from trioradius import TLS, UDP, ConfigurationError
from trioradius.workers.steering import by_source_address, open_sockets, steer

COUNT = 4
IPV6_FREEBIND = 78
SO_LOCK_FILTER = 44


def datagrams_by_address(opened: list[socket.socket], sent: dict[str, int]) -> dict[bytes, set[int]]:
    """Which sockets the datagrams of each address came to; each was sent from several ports."""
    port = opened[0].getsockname()[1]
    for address, times in sent.items():
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        for _ in range(times):
            with socket.socket(family, socket.SOCK_DGRAM) as sender:
                if family == socket.AF_INET6:
                    # Addresses that this machine does not have, of which it has only one.
                    sender.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
                sender.bind((address, 0))
                sender.sendto(address.encode(), ("::1" if ":" in address else "127.0.0.1", port))
    found: dict[bytes, set[int]] = defaultdict(set)
    for place, one in enumerate(opened):
        with contextlib.suppress(BlockingIOError):
            while True:
                found[one.recv(100)].add(place)
    return found


IPV4 = ("127.0.1.{}", "127.0.{}.1", "127.{}.0.1")
IPV6 = ("2001:db8::{:x}", "2001:db8:0:{:x}::1", "2001:db8:{:x}::1")


@pytest.mark.parametrize("step", [1, 4])
@pytest.mark.parametrize(
    ("host", "networks"), [("0.0.0.0", IPV4), ("127.0.0.1", IPV4), ("::", (*IPV4, *IPV6)), ("::1", IPV6)]
)
async def test_one_address_stays_with_one_socket_and_many_spread(
    host: str, networks: tuple[str, ...], step: int
) -> None:
    """Whichever octet of their addresses makes the difference, and by whatever step."""
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(one) for one in await open_sockets(UDP(host, 0), COUNT)]
        assert len({one.getsockname() for one in opened}) == 1
        for network in networks:
            addresses = dict.fromkeys([network.format(number * step) for number in range(1, 61)], 5)
            found = datagrams_by_address(opened, addresses)
            assert len(found) == len(addresses)
            assert {len(places) for places in found.values()} == {1}
            shares = [sum(places == {place} for places in found.values()) for place in range(COUNT)]
            assert min(shares) >= 5, network


async def test_a_dead_workers_socket_keeps_its_share() -> None:
    """The supervisor holds every socket, so that nothing moves when a worker has gone."""
    opened = await open_sockets(UDP("127.0.0.1", 0), COUNT)
    addresses = {f"127.0.1.{last}": 2 for last in range(1, 20)}
    before = datagrams_by_address(opened, addresses)
    with contextlib.closing(opened[2].dup()):
        assert datagrams_by_address(opened, addresses) == before
    for one in opened:
        one.close()


async def test_connections_spread() -> None:
    opened = await open_sockets(TLS("127.0.0.1", 0), COUNT)
    with contextlib.ExitStack() as stack:
        for one in opened:
            stack.enter_context(one)
        for _ in range(80):
            stack.enter_context(socket.create_connection(opened[0].getsockname()))
        shares = []
        for one in opened:
            shares.append(0)
            with contextlib.suppress(BlockingIOError):
                while True:
                    stack.enter_context(one.accept()[0])
                    shares[-1] += 1
    assert sum(shares) == 80
    assert min(shares) > 0


async def test_the_kernel_may_refuse() -> None:
    [opened] = await open_sockets(UDP("127.0.0.1", 0), 1)
    with opened:
        assert steer(opened, 1)
        opened.setsockopt(socket.SOL_SOCKET, SO_LOCK_FILTER, 1)
        assert not steer(opened, 1)


async def test_an_address_that_is_taken() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(ConfigurationError, match="cannot be bound"):
            await open_sockets(UDP(*taken.getsockname()), 2)


async def test_what_was_opened_is_closed_where_the_rest_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[socket.socket] = []
    first = UDP.open

    async def once(listener: UDP, *, shared: bool = False) -> socket.socket:
        if opened:
            raise ConfigurationError("no more")
        opened.append(await first(listener, shared=shared))
        return opened[0]

    monkeypatch.setattr(UDP, "open", once)
    with pytest.raises(ConfigurationError, match="no more"):
        await open_sockets(UDP("127.0.0.1", 0), 2)
    assert opened[0].fileno() == -1


def test_the_program_is_short_and_ends() -> None:
    program = by_source_address(3)
    assert len(program) < 32
    assert program[-1][0] == 0x16
