"""Peers: longest match, v4-mapped addresses, and an async source behind a bounded cache."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from trioradius import ConfigurationError, Peer, Peers, UnknownPeer
from trioradius.errors import Overload
from trioradius.peers import table
from trioradius.transports.sockets import plain_address

NETWORKS = Peers(
    {
        "0.0.0.0/0": "everybody",
        "10.0.0.0/8": "ten",
        "10.1.0.0/16": "ten-one",
        "10.1.2.3": "one address",
        "::/0": "everybody six",
        "2001:db8::/32": "documents",
        "2001:db8::1": "one six",
        "::ffff:192.0.2.0/120": "mapped",
    }
)


@pytest.mark.trio
@pytest.mark.parametrize(
    ("address", "secret"),
    [
        ("10.1.2.3", b"one address"),
        ("10.1.2.4", b"ten-one"),
        ("10.2.0.1", b"ten"),
        ("11.0.0.1", b"everybody"),
        ("2001:db8::1", b"one six"),
        ("2001:db8::2", b"documents"),
        ("2001:db9::1", b"everybody six"),
        ("192.0.2.200", b"mapped"),
        ("192.0.3.1", b"everybody"),
    ],
)
async def test_the_longest_match_wins(address: str, secret: bytes) -> None:
    for _ in range(2):
        assert (await NETWORKS.find(address)).secret.octets == secret


@pytest.mark.trio
async def test_nobody_else_is_known() -> None:
    peers = Peers({"192.0.2.0/24": "secret", "2001:db8::/64": "secret"})
    for address in ("192.0.3.1", "2001:db8:0:1::", "0.0.0.0", "255.255.255.255", "::"):
        for _ in range(2):
            with pytest.raises(UnknownPeer, match=address) as unknown:
                await peers.find(address)
            assert unknown.value.reason == "unknown_peer"


@pytest.mark.trio
async def test_an_ipv4_number_is_no_ipv6_number() -> None:
    """::c000:201 has the number of 192.0.2.1."""
    with pytest.raises(UnknownPeer):
        await Peers({"192.0.2.1": "secret"}).find("::c000:201")
    with pytest.raises(UnknownPeer):
        await Peers({"::c000:201": "secret"}).find("192.0.2.1")


@pytest.mark.parametrize(
    ("address", "plain"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::1"),
        ("2001:DB8::1", "2001:db8::1"),
    ],
)
def test_what_a_socket_says_is_looked_up_plainly(address: str, plain: str) -> None:
    assert plain_address(address) == plain


@pytest.mark.parametrize(
    "text", ["", "nas.example.org", "10.0.0.300", "10.0.0.1/8", "10.0.0.0/33", "::1/64", "fe80::g"]
)
def test_what_is_no_network_is_a_clear_line(text: str) -> None:
    with pytest.raises(ConfigurationError, match="peers: ") as wrong:
        Peers({text: "a shared secret"})
    assert "a shared secret" not in str(wrong.value)


@pytest.mark.trio
async def test_a_peer_is_called_by_its_name_or_its_entry() -> None:
    peers = Peers({"192.0.2.1": Peer("secret", "office"), "192.0.2.0/24": "secret"})
    assert (await peers.find("192.0.2.1")).name == "office"
    assert (await peers.find("192.0.2.2")).name == "192.0.2.0/24"
    assert sorted(peer.name for peer in peers) == ["192.0.2.0/24", "office"]
    assert len(peers) == 2


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(24, 32)), min_size=1, max_size=8), st.integers(0, 255))
def test_against_a_simple_model(entries: list[tuple[int, int]], asked: int) -> None:
    networks = {f"192.0.2.{host & 256 - (1 << 32 - bits)}/{bits}": bits for host, bits in entries}
    peers = Peers(dict.fromkeys(networks, "secret"))
    address = ip_address(f"192.0.2.{asked}")
    fitting = [text for text in networks if address in table._network(text)]
    found = peers._match(address)
    assert (found.name if found else None) == max(fitting, key=networks.__getitem__, default=None)


@pytest.mark.trio
async def test_a_reload_takes_effect_at_once() -> None:
    peers = Peers({"192.0.2.1": "old", "192.0.2.2": "gone"})
    await peers.find("192.0.2.2")
    peers.replace({"192.0.2.1": "new"})
    assert (await peers.find("192.0.2.1")).secret.octets == b"new"
    with pytest.raises(UnknownPeer):
        await peers.find("192.0.2.2")


class Subscribers:
    """An async source that takes a second, knows 192.0.2.1 and 2001:db8::1, and notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.secret = "first"
        self.fails = False

    async def __call__(self, address: IPv4Address | IPv6Address) -> Peer | None:
        self.asked.append(str(address))
        secret = self.secret
        await trio.sleep(1)
        if self.fails:
            raise OSError("the database is away")
        return Peer(secret) if str(address) in ("192.0.2.1", "2001:db8::1") else None


@pytest.fixture
def source() -> Subscribers:
    return Subscribers()


@pytest.mark.trio
async def test_a_source_is_asked_once_in_its_lifetime(source: Subscribers, autojump_clock: MockClock) -> None:
    peers = Peers(source, lifetime=60, miss_lifetime=10)
    for _ in range(5):
        assert (await peers.find("192.0.2.1")).name == "192.0.2.1"
        await trio.sleep(10)
    assert source.asked == ["192.0.2.1"]
    await trio.sleep(20)
    await peers.find("192.0.2.1")
    assert source.asked == ["192.0.2.1"] * 2


@pytest.mark.trio
async def test_a_miss_is_cached_too_but_shorter(source: Subscribers, autojump_clock: MockClock) -> None:
    peers = Peers(source, lifetime=60, miss_lifetime=10)
    for _ in range(5):
        with pytest.raises(UnknownPeer):
            await peers.find("192.0.2.9")
    assert source.asked == ["192.0.2.9"]
    await trio.sleep(10.5)
    with pytest.raises(UnknownPeer):
        await peers.find("192.0.2.9")
    assert len(source.asked) == 2


@pytest.mark.trio
@pytest.mark.parametrize("address", ["192.0.2.1", "192.0.2.9"])
async def test_many_at_once_ask_once(address: str, source: Subscribers, autojump_clock: MockClock) -> None:
    peers = Peers(source)
    found: list[Peer | None] = []

    async def find() -> None:
        try:
            found.append(await peers.find(address))
        except UnknownPeer:
            found.append(None)

    async with trio.open_nursery() as nursery:
        for _ in range(50):
            nursery.start_soon(find)
    assert source.asked == [address]
    assert len(found) == 50
    assert len(set(map(id, found))) == 1
    assert trio.current_time() < 1.5


@pytest.mark.trio
async def test_one_who_gives_up_does_not_strand_the_others(source: Subscribers, autojump_clock: MockClock) -> None:
    peers = Peers(source)
    async with trio.open_nursery() as nursery:
        with trio.move_on_after(0.5):
            async with trio.open_nursery() as impatient:
                impatient.start_soon(peers.find, "192.0.2.1")
                await wait_all_tasks_blocked()
                nursery.start_soon(peers.find, "192.0.2.1")
    assert len(source.asked) == 2
    assert not peers._asking


@pytest.mark.trio
async def test_settled_when_whoever_waited_has_gone_on(source: Subscribers, autojump_clock: MockClock) -> None:
    """Also whoever asks the source again, since the first to ask it gave up."""
    peers = Peers(source)
    await peers.settled()
    found: list[Peer] = []

    async def find() -> None:
        found.append(await peers.find("192.0.2.1"))

    async with trio.open_nursery() as nursery:
        with trio.move_on_after(0.5):
            async with trio.open_nursery() as impatient:
                impatient.start_soon(find)
                await wait_all_tasks_blocked()
                for _ in range(5):
                    nursery.start_soon(find)
                nursery.start_soon(peers.settled)
        await peers.settled()
        assert len(found) == 5


@pytest.mark.trio
@pytest.mark.parametrize("obeys", [True, False])
async def test_asked_no_more(obeys: bool, autojump_clock: MockClock) -> None:
    """Whoever waits gets no peer, also where the source takes no notice, or was told to forget."""

    async def find(address: object) -> Peer:
        with trio.CancelScope(shield=not obeys):
            await trio.sleep(5)
        return Peer(b"secret")

    peers = Peers(find)
    raised: list[Overload] = []

    async def ask() -> None:
        with pytest.raises(Overload, match="another worker took over") as found:
            await peers.find("192.0.2.1")
        raised.append(found.value)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await wait_all_tasks_blocked()
        peers.forget()
        for _ in range(3):
            nursery.start_soon(ask)
        await wait_all_tasks_blocked()
        peers.ask_no_more()
        await peers.settled()
        assert trio.current_time() == (0 if obeys else 5)
        nursery.start_soon(ask)
    assert [error.reason for error in raised] == ["handed_over"] * 5


@pytest.mark.trio
async def test_a_source_that_fails_is_not_believed(source: Subscribers, autojump_clock: MockClock) -> None:
    peers = Peers(source)
    source.fails = True
    with pytest.raises(OSError, match="away"):
        await peers.find("192.0.2.1")
    source.fails = False
    assert (await peers.find("192.0.2.1")).secret.octets == b"first"


@pytest.mark.trio
@pytest.mark.parametrize("address", ["192.0.2.1", None])
async def test_what_is_forgotten_is_asked_again(
    address: str | None, source: Subscribers, autojump_clock: MockClock
) -> None:
    """Also where the source was being asked at that moment: its answer may be of before."""
    peers = Peers(source)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(peers.find, "192.0.2.1")
        await wait_all_tasks_blocked()
        source.secret = "second"
        peers.forget(address)
    assert (await peers.find("192.0.2.1")).secret.octets == b"second"
    source.secret = "third"
    peers.forget(address)
    assert (await peers.find("192.0.2.1")).secret.octets == b"third"
    assert not peers._asking


@pytest.mark.trio
async def test_a_table_that_replaces_a_source_is_not_overruled_by_its_late_answer(
    source: Subscribers, autojump_clock: MockClock
) -> None:
    peers = Peers(source)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(peers.find, "192.0.2.1")
        await wait_all_tasks_blocked()
        peers.replace({"192.0.2.7": "table"})
    with pytest.raises(UnknownPeer):
        await peers.find("192.0.2.1")


@pytest.mark.trio
@pytest.mark.parametrize("kind", ["source", "table"])
async def test_the_cache_is_bounded(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forged source addresses must not fill the memory."""
    monkeypatch.setattr(table, "CACHE_MAXIMUM", 100)

    async def nobody(address: object) -> None:
        return None

    peers = Peers(nobody) if kind == "source" else Peers({"192.0.2.1": "secret"})
    for number in range(1000):
        with pytest.raises(UnknownPeer):
            await peers.find(str(IPv4Address(number)))
    assert len(peers._cache) <= 100
    assert not peers._asking
