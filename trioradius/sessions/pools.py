"""Pools: the addresses and prefixes that Sessions.admit() hands out, and their networks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from ipaddress import ip_network
from typing import TYPE_CHECKING, Final

from trioradius.errors import ConfigurationError
from trioradius.stores.sql import pools
from trioradius.stores.sql.pools import Kind, PoolState

if TYPE_CHECKING:
    from trioradius.stores.sql.connection import Connection
    from trioradius.stores.sql.database import Database

_LOCKS: Final = ("trioradius:pools",)
"""Networks must not overlap, so one machine at a time adds one."""


class Pools:
    """Address pools in a database.

        await pools.add("residential", "100.64.0.0/22")
        await pools.add("residential", "2001:db8:8000::/40", kind=Kind.DELEGATED_PREFIX, length=56)
        ...
        admission = await sessions.admit(request, pool="residential")     one of each

    No address is with two subscribers at once, however many processes and machines hand out. One is taken back when
    its session has ended: by a Stop, a restart of its NAS, or reap(); or when it has not begun in time.

    Args:
        database: where the pools are.
        clock: seconds since 1970.
    """

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    async def add(
        self,
        pool: str,
        network: str,
        *,
        kind: Kind | None = None,
        length: int | None = None,
        exclude: Iterable[str] = (),
    ) -> None:
        """Add a network to a pool, which begins with its first one; adding it again does nothing.

        Args:
            pool: its name.
            network: ``100.64.0.0/22``, of which the first and the last address are left out.
            kind: of IPv6, by default prefixes for links (Framed-IPv6-Prefix).
            length: of the prefixes, 64 by default.
            exclude: as exclude(), in the same transaction.

        Raises:
            ConfigurationError: not a network, one that overlaps another pool's, or too large a one.
        """
        if not pool:
            raise ConfigurationError("a pool wants a name")
        kind = kind or (Kind.ADDRESS if ":" not in network else Kind.IPV6_PREFIX)
        addresses = pools.parts(network, kind, length)
        network, excluded = str(ip_network(network)), list(map(pools.canonical, exclude))

        def work(connection: Connection) -> None:
            pools.exclude(connection, excluded)
            pools.add(connection, pool, kind, network, addresses)

        await self._database.transaction(work, locks=_LOCKS)

    async def remove(self, network: str) -> None:
        """Hand out a network's addresses no more; sessions that have one go on."""
        canonical = pools.canonical(network)
        await self._database.transaction(lambda connection: pools.remove(connection, canonical), locks=_LOCKS)

    async def exclude(self, *addresses: str) -> None:
        """Never hand these addresses or prefixes out: static ones of subscribers, those of routers.

        It does not matter whether a pool has them yet.
        """
        excluded = list(map(pools.canonical, addresses))
        await self._database.transaction(lambda connection: pools.exclude(connection, excluded), locks=_LOCKS)

    async def include(self, *addresses: str) -> None:
        """Undo exclude()."""
        included = list(map(pools.canonical, addresses))
        await self._database.transaction(lambda connection: pools.include(connection, included), locks=_LOCKS)

    async def states(self) -> list[PoolState]:
        """How many addresses of each pool and kind are free, held and excluded."""
        now = int(self._clock())

        def work(connection: Connection) -> list[PoolState]:
            for name in pools.names(connection):
                pools.sweep(connection, name, now)
            return pools.states(connection)

        return await self._database.transaction(work)
