"""SqlPeers: the NASes of a FreeRADIUS database (its table ``nas``) as a peer source."""

from __future__ import annotations

import logging
from collections.abc import Callable
from ipaddress import ip_network
from typing import TYPE_CHECKING, Final

import trio

from trioradius.errors import ConfigurationError, StoreUnavailable, UnknownPeer
from trioradius.peers import Peers
from trioradius.protocol.peer import COA_PORT, Peer, Tristate
from trioradius.stores.sql.database import Database

if TYPE_CHECKING:
    from trioradius.peers.table import Address
    from trioradius.stores.sql.connection import Connection, Dialect, Row

log = logging.getLogger("trioradius.stores")

_NASES: Final = "SELECT nasname, shortname, type, secret, {} FROM nas ORDER BY id"
_PORT_COLUMN: Final[dict[Dialect, str]] = {
    "sqlite": "SELECT 1 FROM pragma_table_info('nas') WHERE name = 'coaport'",
    "postgresql": "SELECT 1 FROM pg_attribute WHERE attrelid = 'nas'::regclass AND attname = 'coaport'",
}
"""Our own column, which open_database() adds; a database that it may not change goes without."""
_VENDORS: Final = {
    "mikrotik": "mikrotik",
    "huawei": "huawei",
    "h3c": "h3c",
    "zte": "zte",
    "cisco": "cisco",
    "juniper": "juniper",
    "erx": "juniper",
    "nokia": "nokia",
    "alcatel": "nokia",
    "alcatel-lucent": "nokia",
    "redback": "redback",
    "ericsson": "redback",
    "wispr": "wispr",
}
"""The column ``type`` to Peer.vendor, which Rate.attributes() understands; every other type is generic."""


def _nases(connection: Connection) -> list[Row]:
    has_port = connection.rows(_PORT_COLUMN[connection.dialect])
    return connection.rows(_NASES.format("coaport" if has_port else "NULL"))


class SqlPeers:
    """The table ``nas``: ``App(peers=SqlPeers(lambda: app.state))``, where the lifespan yields the database.

    ``nasname`` is an address or a network, of which the longest match wins, ``type`` becomes ``Peer.vendor``, and
    ``coaport``, a column of ours that is NULL for 3799, ``Peer.coa_port``. A row that cannot be used is logged once and
    left out. While the database is away, the NASes that it knew go on.

    What was found is believed for as long as Peers has it (``Peers(SqlPeers(...), lifetime=60, miss_lifetime=10)``);
    ``app.peers.forget()`` makes a change take effect at once.

    Args:
        database: where the table is, or a function that gives it when it is open.
        require_message_authenticator: of every NAS in the table; see Peer.
        limit_proxy_state: likewise.
        fresh_seconds: for how long the table is not read again, however many addresses ask.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        database: Database | Callable[[], Database],
        *,
        require_message_authenticator: Tristate = True,
        limit_proxy_state: Tristate = True,
        fresh_seconds: float = 1.0,
        clock: Callable[[], float] = trio.current_time,
    ) -> None:
        self._given = database
        self._require: Tristate = require_message_authenticator
        self._limit: Tristate = limit_proxy_state
        self._fresh_seconds = fresh_seconds
        self._clock = clock
        self._one_at_a_time = trio.Lock()
        self._read_at = float("-inf")
        self._read_from: Database | None = None
        self._rows: list[Row] | None = None
        self._peers = Peers({})
        self._complained: set[str] = set()

    async def __call__(self, address: Address) -> Peer | None:
        """The NAS at an address, or None.

        Raises:
            StoreUnavailable: the table was never read, and cannot be.
        """
        database = self._given if isinstance(self._given, Database) else self._given()
        async with self._one_at_a_time:
            if database is not self._read_from or self._clock() >= self._read_at + self._fresh_seconds:
                await self._read(database)
        try:
            return await self._peers.find(str(address))
        except UnknownPeer:
            return None

    async def _read(self, database: Database) -> None:
        try:
            rows = await database.read(_nases)
        except StoreUnavailable:
            # The database's own log says that it is away.
            if self._rows is None:
                raise
        else:
            if rows != self._rows:
                self._peers = Peers(self._table(rows))
                self._rows = rows
        self._read_at, self._read_from = self._clock(), database

    def _table(self, rows: list[Row]) -> dict[str, Peer | bytes | str]:
        """Network to peer; of two rows for one network the first wins, as in FreeRADIUS."""
        table: dict[str, Peer | bytes | str] = {}
        for name, short, kind, secret, port in rows:
            try:
                network = str(ip_network(name.strip(), strict=False))
                table.setdefault(network, self._peer(short or name, kind or "", secret or "", port or COA_PORT))
            except ConfigurationError as error:
                self._complain(name, str(error))
            except ValueError:
                self._complain(name, "nasname is neither an IP address nor a network")
        return table

    def _peer(self, name: str, kind: str, secret: str, port: int) -> Peer:
        return Peer(
            secret,
            name,
            vendor=_VENDORS.get(kind.strip().lower(), "generic"),
            coa_port=port,
            require_message_authenticator=self._require,
            limit_proxy_state=self._limit,
        )

    def _complain(self, name: str, why: str) -> None:
        if name not in self._complained:
            self._complained.add(name)
            log.warning("the NAS %s of the table nas cannot be used: %s", name, why)
