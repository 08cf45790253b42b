"""Peers: the table by identity, address and network, longest match first, or an async source behind a cache."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias

import attrs
import trio

from trioradius.errors import ConfigurationError, Overload, UnknownPeer
from trioradius.peers.callers import Caller, Identities, identities, is_identity, require_distinct
from trioradius.protocol.peer import RADSEC, Peer
from trioradius.tls import TLSSettings

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network
PeerSource: TypeAlias = Callable[[Address], Awaitable[Peer | None]]
"""``async def find(address)``: the peer, or None where there is none. Asked only for what is not cached."""
PeerTable: TypeAlias = Mapping[str, Peer | bytes | str]
Tables: TypeAlias = dict[tuple[int, int], dict[int, Peer]]
"""Address family and prefix length, the longest first, to the bits of the prefix to the peer."""
Cache: TypeAlias = dict[str, tuple[Peer, float]]
"""Address to the peer found, and until when that is believed."""

CACHE_MAXIMUM: Final = 65_536
"""Addresses remembered, found and not found; forged source addresses must not fill the memory."""
ASKING_MAXIMUM: Final = 64
"""Addresses that a source is asked for at once; forged ones must not take every worker."""


class Peers:
    """Who may talk to us.

    Args:
        entries: a mapping of address or network to Peer or secret, or an async source. Over TLS and DTLS a peer is
            known by an identity (``dns:nas.example.org``, ``ip:``, ``uri:``, ``realm:``, ``serial:``, ``sha256:``,
            ``psk:``); by an address only where its entry has ``tls=True``.
        lifetime: seconds that a source's answer is believed.
        miss_lifetime: seconds that a source's None is believed.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        entries: PeerTable | PeerSource,
        *,
        lifetime: float = 60,
        miss_lifetime: float = 10,
        clock: Callable[[], float] = trio.current_time,
    ) -> None:
        self._source = entries if callable(entries) else None
        self._own, self._own_identities = _read({} if callable(entries) else entries)
        self._over: Tables = {}
        self._over_identities: Identities = {}
        self._networks, self._identities = self._own, self._own_identities
        self._lifetime, self._miss_lifetime = lifetime, miss_lifetime
        self._clock = clock
        self._cache: Cache = {}
        self._missed: dict[str, float] = {}
        self._asking: dict[str, trio.Event] = {}
        self._asks: dict[trio.Event, trio.CancelScope] = {}
        """Those under way, also where their answers are not wanted any more."""
        self._asks_no_more = False
        require_distinct(self._identities, self)

    async def find(self, address: str) -> Peer:
        """The peer for an IP address given as text.

        Raises:
            UnknownPeer: there is none.
        """
        found = self.at_hand(address)
        if found is None and not self._is_missed(address):
            found = await self._look_up(address)
        if found is None:
            raise UnknownPeer(f"unknown NAS: {address}; give it an entry in peers", reason="unknown_peer")
        return found

    async def caller(self, address: str, transport: str) -> Caller:
        """What is known of whoever connects from an address by "tls" or "dtls"."""
        found = None
        with contextlib.suppress(UnknownPeer):
            found = await self.find(address)
        return Caller(self._identities, address, transport, found if found is not None and found.tls else None)

    def require_fit(self, settings: TLSSettings) -> None:
        """Raises ConfigurationError where a server of these settings could serve nobody, or its PSK is a secret."""
        require_distinct({}, self, settings)
        keys = settings.psk is not None or any(peer.psk is not None for peer in self._identities.values())
        if settings.certificate is None and not keys:
            raise ConfigurationError("a TLS server needs a certificate and its key, or a PSK")

    def at_hand(self, address: str) -> Peer | None:
        """The peer for an address where that is known without waiting; None says nothing."""
        kept = self._cache.get(address)
        if kept is None or (self._source is not None and kept[1] < self._clock()):
            return None
        return kept[0]

    async def settled(self) -> None:
        """Wait until the source is not being asked, and whoever waited for it has gone on."""
        await trio.lowlevel.checkpoint()
        while self._asks:
            await next(iter(self._asks)).wait()
            await trio.lowlevel.checkpoint()

    def ask_no_more(self) -> None:
        """Give up what the source is asked, as somebody else serves from now on: find() then raises Overload."""
        self._asks_no_more = True
        for scope in self._asks.values():
            scope.cancel()

    def _is_missed(self, address: str) -> bool:
        until = self._missed.get(address)
        return until is not None and (self._source is None or until >= self._clock())

    def forget(self, address: str | None = None) -> None:
        """Forget what is cached for an address, or everything, so that the source is asked again."""
        if address is None:
            self._clear()
        else:
            self._cache.pop(address, None)
            self._missed.pop(address, None)
            self._asking.pop(address, None)

    def replace(self, entries: PeerTable) -> None:
        """Take a new table at once, as a reload does; packets under way finish with the old one."""
        own, known = _read(entries)
        require_distinct(known, [*_all(own), *known.values()])
        self._own, self._own_identities = own, known
        self._source = None
        self._settle()

    def overlay(self, entries: PeerTable) -> None:
        """Lay entries over the table or source, in place of an earlier overlay.

        They win over an entry for the same network, and over a source; of networks within each other the longest
        match wins, as ever.
        """
        over, known = _read(entries)
        require_distinct(known, [*_all(over), *known.values(), *self])
        self._over, self._over_identities = over, known
        self._settle()

    @property
    def has_source(self) -> bool:
        """Whether an async source is asked for the peers that no entry covers."""
        return self._source is not None

    def _settle(self) -> None:
        lengths = sorted({*self._own, *self._over}, key=lambda key: -key[1])
        self._networks = {key: self._own.get(key, {}) | self._over.get(key, {}) for key in lengths}
        self._identities = {**self._own_identities, **self._over_identities}
        self._clear()

    def _clear(self) -> None:
        self._cache, self._missed, self._asking = {}, {}, {}

    def __iter__(self) -> Iterator[Peer]:
        return iter([*_all(self._networks), *self._identities.values()])

    def __len__(self) -> int:
        return sum(map(len, self._networks.values())) + len(self._identities)

    async def _look_up(self, address: str) -> Peer | None:
        """The table's answer, or the source's, which is asked once however many packets wait for it."""
        while address in self._asking:
            await self._asking[address].wait()
            if (known := self.at_hand(address)) is not None or self._is_missed(address):
                return known
        matched = self._match(ip_address(address))
        if matched is not None or self._source is None:
            return self._keep(address, matched)
        return await self._ask(self._source, address)

    async def _ask(self, source: PeerSource, address: str) -> Peer | None:
        if len(self._asking) >= ASKING_MAXIMUM:
            raise Overload(
                f"the peer source is being asked for {ASKING_MAXIMUM} addresses already", reason="peer_source_overload"
            )
        asked = self._asking[address] = trio.Event()
        scope = self._asks[asked] = trio.CancelScope()
        try:
            found = await self._answer(source, address, scope)
            peer = found and _named(found, address)
            if peer is not None:
                _require_secret(peer, address)
            # Forgotten or replaced meanwhile: good for this packet, but the next one asks again.
            return self._keep(address, peer) if self._asking.get(address) is asked else peer
        finally:
            del self._asks[asked]
            if self._asking.get(address) is asked:
                del self._asking[address]
            asked.set()

    async def _answer(self, source: PeerSource, address: str, scope: trio.CancelScope) -> Peer | None:
        found = None
        if not self._asks_no_more:
            with scope:
                found = await source(ip_address(address))
        if self._asks_no_more:
            raise Overload(
                "another worker took over while the peer was looked up; a repeat reaches that one", reason="handed_over"
            )
        return found

    def _keep(self, address: str, peer: Peer | None) -> Peer | None:
        for kept in (self._cache, self._missed):
            if len(kept) >= CACHE_MAXIMUM:
                kept.clear()
        if peer is None:
            self._missed[address] = self._clock() + self._miss_lifetime
        else:
            self._cache[address] = peer, self._clock() + self._lifetime
        return peer

    def _match(self, address: Address) -> Peer | None:
        number = int(address)
        for (version, length), table in self._networks.items():
            if version == address.version and (peer := table.get(number >> (address.max_prefixlen - length))):
                return peer
        return None


def _read(entries: PeerTable) -> tuple[Tables, Identities]:
    """A table's entries for networks and for identities. Raises ConfigurationError."""
    peers = {
        str(text): _named(entry if isinstance(entry, Peer) else Peer(entry), str(text))
        for text, entry in entries.items()
    }
    known = {text: peer for text, peer in peers.items() if is_identity(text)}
    return _by_length({text: peer for text, peer in peers.items() if text not in known}), identities(known)


def _require_secret(peer: Peer, text: str) -> None:
    if peer.secret is RADSEC and not peer.tls:
        raise ConfigurationError(f"peers: {text!r} has no secret; only a peer of TLS may do without (tls=True)")


def _all(tables: Tables) -> list[Peer]:
    return [peer for table in tables.values() for peer in table.values()]


def _by_length(peers: Mapping[str, Peer]) -> Tables:
    tables: Tables = {}
    for text, peer in peers.items():
        network = _network(text)
        _require_secret(peer, text)
        if peer.psk is not None:
            raise ConfigurationError(f"peers: {text!r} has a psk, which only an entry for psk:IDENTITY may have")
        bits = int(network.network_address) >> (network.max_prefixlen - network.prefixlen)
        tables.setdefault((network.version, network.prefixlen), {})[bits] = peer
    return dict(sorted(tables.items(), key=lambda item: -item[0][1]))


def _network(text: str) -> Network:
    try:
        network = ip_network(text)
    except ValueError as error:
        raise ConfigurationError(f"peers: {text!r} is not an IP address or network: {error}") from None
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    if mapped is not None and network.prefixlen >= 96:
        return IPv4Network((mapped, network.prefixlen - 96))
    return network


def _named(peer: Peer, name: str) -> Peer:
    return peer if peer.name else attrs.evolve(peer, name=name)
