"""A provider with a NAS of every kind, two resellers, and plans that the tests know."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import datetime

import attrs
import trio

from examples.isp import make_app
from examples.isp.provider import Provider
from examples.isp.settings import Settings
from examples.isp.simulated_nas import SimulatedNAS
from examples.isp.watch import Watch
from tests.interop.radclient import SECRET
from trioradius import UDP, AccessReply, AccessRequest, App, serve
from trioradius.protocol.packets import AccountingRequest
from trioradius.stores.sql import Connection, Database, Row
from trioradius.testing import AppClient

NOON = datetime(2026, 11, 21, 12).timestamp()
KINDS = ("mikrotik", "generic", "cisco", "huawei", "h3c", "zte", "juniper", "nokia", "redback", "wispr")
NASES = {kind: f"127.0.0.{number}" for number, kind in enumerate(KINDS, start=1)}
"""The simulated NAS answers at each of these addresses."""
ROWS = """
INSERT INTO isp_reseller (name, active) VALUES ('open', 1);
INSERT INTO isp_reseller (name, active) VALUES ('closed', 0);
INSERT INTO isp_plan (name, rate_up, rate_down, policy, pool, ipv6_pool, delegated_pool)
    VALUES ('gold', '1.2M', '2M', 'GOLD', 'pool4', 'pool6', 'poolpd');
INSERT INTO isp_plan (name, rate_up, rate_down, policy, quota_octets)
    VALUES ('fair', '5M', '20M', 'FAIR', 300000000000);
INSERT INTO isp_tier VALUES ('fair', 1, 100000000000, '1M', '5M', 'POLICY_FUP_TIER_1');
INSERT INTO isp_tier VALUES ('fair', 2, 200000000000, '512k', '2000k', 'POLICY_FUP_TIER_2');
INSERT INTO isp_plan (name, policy, sessions) VALUES ('unlimited', 'OPEN', 0);
INSERT INTO isp_subscriber (name, password, plan, reseller, expiry_date)
    VALUES ('alice', 'wonderland', 'gold', 'open', '2026-11-21');
INSERT INTO isp_subscriber (name, password, plan) VALUES ('fred', 'fairness', 'fair');
INSERT INTO isp_subscriber (name, password, plan) VALUES ('ulla', 'boundless', 'unlimited');
INSERT INTO isp_subscriber (name, password, plan, expiry_date) VALUES ('xavier', 'past', 'gold', '2026-11-20');
INSERT INTO isp_subscriber (name, password, plan, active) VALUES ('ivan', 'idle', 'gold', 0);
INSERT INTO isp_subscriber (name, password, plan, reseller) VALUES ('rita', 'resold', 'gold', 'closed');
INSERT INTO isp_subscriber (name, password, plan) VALUES ('nora', '{NT}548b56e6c78405d6f4ec475e7589e956', 'gold');
INSERT INTO isp_subscriber (name, password, plan, address, ipv6_prefix, delegated_prefix)
    VALUES ('stan', 'static', 'gold', '100.64.0.7', '2001:db8:7::/64', '2001:db8:100::/56');
INSERT INTO isp_subscriber (name, password, plan, expiry_date) VALUES ('brooke', 'broken', 'gold', 'soon');
"""
SECOND = f"INSERT INTO nas (nasname, shortname, type, secret) VALUES (?, ?, ?, '{SECRET}')"


@attrs.define
class Clock:
    """Seconds since 1970, as a test sets them."""

    now: float = NOON

    def __call__(self) -> float:
        return self.now


@attrs.define
class Site:
    """A provider that is being served, and what a test looks at."""

    app: App[Provider]
    address: tuple[str, int]
    nas: SimulatedNAS
    clock: Clock

    @property
    def database(self) -> Database:
        return self.app.state.database

    async def login(self, *avps: object, kind: str = "mikrotik") -> AccessReply:
        """What a login gets that comes by the NAS of a kind."""
        return await AppClient(self.app, address=NASES[kind]).exchange(AccessRequest(*avps))  # type: ignore[arg-type]

    async def record(self, *avps: object, kind: str = "mikrotik") -> None:
        """A record of accounting, acknowledged."""
        await AppClient(self.app, address=NASES[kind]).exchange(AccountingRequest(*avps))  # type: ignore[arg-type]

    async def run(self, statement: str, *values: object) -> None:
        await self.database.transaction(lambda connection: connection.run(statement, *values))

    async def decisions(self) -> list[Row]:
        """User, reply and reason of the rows of radpostauth, and that no password is in them."""
        rows = await self.database.rows("SELECT username, reply, reason, pass FROM radpostauth ORDER BY id")
        assert {row[3] for row in rows} <= {""}
        return [row[:3] for row in rows]

    async def watch(self) -> None:
        """One look of the watch."""
        await Watch(self.app.state).look()


@contextlib.asynccontextmanager
async def serving(where: str, **settings: object) -> AsyncIterator[Site]:
    clock, nas = Clock(), SimulatedNAS(SECRET, set(), say=lambda *_: None)
    nas.app.event_timestamp_window = 10 * 365 * 86_400  # the clock of these tests stands still
    async with trio.open_nursery() as nursery:
        [(_, coa_port)] = await nursery.start(serve, nas.app, UDP("0.0.0.0", 0))
        given = Settings(where, coa_port=coa_port, **{"watch_seconds": 3600, **settings})  # type: ignore[arg-type]
        app = make_app(lambda: given, clock=clock)
        app.reject_delay = 0
        [address] = await nursery.start(serve, app, UDP("127.0.0.1", 0))
        yield Site(app, address, nas, clock)
        nursery.cancel_scope.cancel()


async def fill(site: Site) -> None:
    def rows(connection: Connection) -> None:
        connection.run_script(ROWS)
        connection.run_many(SECOND, [(address, kind, kind) for kind, address in NASES.items()])

    await site.database.transaction(rows)
