"""Provider: what the handlers work with, opened when the server starts and closed when it ends."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Callable
from ipaddress import IPv4Address, IPv6Address

import attrs

from trioradius import Peer, Peers
from trioradius.authentication import Passwords
from trioradius.sessions import Pools, Sessions
from trioradius.stores.sql import Database, SqlAccounting, SqlDecisions, SqlPeers, open_database

from . import schema
from .settings import Settings


@attrs.frozen
class Provider:
    """The state of the app: ``app.state``. ``clock`` gives seconds since 1970.

    ``reporting`` is a second way to the same database, for look-ups so long that no login should wait behind them.
    """

    settings: Settings
    database: Database
    reporting: Database
    nases: SqlPeers
    passwords: Passwords
    decisions: SqlDecisions
    accounting: SqlAccounting
    sessions: Sessions
    pools: Pools
    clock: Callable[[], float]
    warned_of_pap: set[str] = attrs.field(factory=set)
    """Addresses of NASes that the log has warned of."""

    async def nas(self, address: IPv4Address | IPv6Address) -> Peer | None:
        """The NAS at an address: the row of the table ``nas`` that fits best, or None."""
        found = await self.nases(address)
        return None if found is None else attrs.evolve(found, coa_port=self.settings.coa_port)


@contextlib.asynccontextmanager
async def open_provider(
    settings: Settings, peers: Peers | None = None, *, create: bool = True, clock: Callable[[], float] = time.time
) -> AsyncIterator[Provider]:
    """Open the database.

    Args:
        settings: of the provider.
        peers: the app's NASes, for what is sent to them; read from the database where there is no app.
        create: make its tables where they are missing; else they have to be there.
        clock: seconds since 1970.

    Raises:
        StoreUnavailable: the database cannot be reached.
        ConfigurationError: its address cannot be read, or it has no tables.
    """
    if not create:
        schema.require_file(settings.database)
    async with (
        open_database(settings.database) as database,
        open_database(settings.database, create=False, readers=1) as reporting,
    ):
        await (schema.prepare(database) if create else schema.require(database))
        nases = SqlPeers(database, require_message_authenticator=settings.require_message_authenticator)

        async def find(address: IPv4Address | IPv6Address) -> Peer | None:
            return await provider.nas(address)

        provider = Provider(
            settings,
            database,
            reporting,
            nases,
            Passwords(),
            SqlDecisions(database, clock=clock),
            SqlAccounting(database, clock=clock),
            Sessions(database, peers or Peers(find), stale_seconds=settings.stale_seconds, clock=clock),
            Pools(database, clock=clock),
            clock,
        )
        yield provider
