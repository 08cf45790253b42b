"""SqlPeers: the table nas as a peer source."""

from __future__ import annotations

import logging
import pathlib
import sqlite3
from collections.abc import AsyncIterator
from ipaddress import ip_address

import pytest

from trioradius import App, Peer, Peers, UnknownPeer
from trioradius.errors import StoreUnavailable
from trioradius.stores.sql.database import Database, open_database
from trioradius.stores.sql.peers import SqlPeers

TABLE = """
CREATE TABLE nas (
    id INTEGER PRIMARY KEY, nasname TEXT NOT NULL, shortname TEXT, type TEXT, ports INTEGER, secret TEXT,
    server TEXT, community TEXT, description TEXT
)
"""


class NASes:
    """The table, and a clock that a test moves."""

    def __init__(self, path: pathlib.Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute(TABLE)
        self.now = 100.0

    def add(
        self, name: str, secret: str | None = "testing123", *, short: str | None = None, kind: str | None = ""
    ) -> None:
        self.connection.execute(
            "INSERT INTO nas (nasname, secret, shortname, type) VALUES (?, ?, ?, ?)", (name, secret, short, kind)
        )

    def clock(self) -> float:
        return self.now


@pytest.fixture
def nases(tmp_path: pathlib.Path) -> NASes:
    return NASes(tmp_path / "radius.db")


@pytest.fixture
async def database(nases: NASes, tmp_path: pathlib.Path) -> AsyncIterator[Database]:
    async with open_database(tmp_path / "radius.db", create=False) as opened:
        yield opened
    nases.connection.close()


@pytest.fixture
def source(database: Database, nases: NASes) -> SqlPeers:
    return SqlPeers(database, clock=nases.clock)


async def find(source: SqlPeers, address: str) -> Peer | None:
    return await source(ip_address(address))


async def test_a_row_is_a_peer(nases: NASes, source: SqlPeers) -> None:
    nases.add("192.0.2.7", "s3cret", short="bras7", kind="Mikrotik")
    peer = await find(source, "192.0.2.7")
    assert peer is not None
    assert (peer.secret.octets, peer.name, peer.vendor) == (b"s3cret", "bras7", "mikrotik")
    assert peer.require_message_authenticator is True
    assert await find(source, "192.0.2.8") is None


async def test_the_port_for_coa_is_a_column_of_ours(nases: NASes, database: Database) -> None:
    nases.add("192.0.2.7")
    without = await find(SqlPeers(database), "192.0.2.7")
    nases.connection.execute("ALTER TABLE nas ADD COLUMN coaport int")
    nases.add("192.0.2.8")
    nases.connection.execute("UPDATE nas SET coaport = 1700 WHERE nasname = '192.0.2.8'")
    source = SqlPeers(database)
    other = [await find(source, address) for address in ("192.0.2.7", "192.0.2.8")]
    assert [peer.coa_port for peer in (without, *other) if peer] == [3799, 3799, 1700]


async def test_networks_the_longest_match_wins(nases: NASes, source: SqlPeers) -> None:
    for name in ("10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "2001:DB8::/32", "10.2.0.1/16", " 10.3.0.0/16 "):
        nases.add(name)
    names = {
        "10.9.9.9": "10.0.0.0/8",
        "10.1.9.9": "10.1.0.0/16",
        "10.1.2.3": "10.1.2.3",
        "10.2.7.7": "10.2.0.1/16",
        "10.3.7.7": " 10.3.0.0/16 ",
        "2001:db8::7": "2001:DB8::/32",
    }
    for address, name in names.items():
        peer = await find(source, address)
        assert peer is not None
        assert peer.name == name
    assert await find(source, "2001:db9::7") is None


@pytest.mark.parametrize(
    ("kind", "vendor"),
    [
        ("mikrotik", "mikrotik"),
        (" Cisco ", "cisco"),
        ("huawei", "huawei"),
        ("erx", "juniper"),
        ("alcatel", "nokia"),
        ("ericsson", "redback"),
        ("other", "generic"),
        ("generic", "generic"),
        ("usrhiper", "generic"),
        ("", "generic"),
        (None, "generic"),
    ],
)
async def test_the_type_is_the_vendor(kind: str | None, vendor: str, nases: NASes, source: SqlPeers) -> None:
    nases.add("192.0.2.7", kind=kind)
    peer = await find(source, "192.0.2.7")
    assert peer is not None
    assert peer.vendor == vendor


async def test_rules_for_the_whole_table(nases: NASes, database: Database) -> None:
    nases.add("192.0.2.7")
    source = SqlPeers(database, require_message_authenticator=False, limit_proxy_state=False)
    peer = await find(source, "192.0.2.7")
    assert peer is not None
    assert (peer.require_message_authenticator, peer.limit_proxy_state) == (False, False)


async def test_rows_that_cannot_be_used_are_said_once(
    nases: NASes, source: SqlPeers, caplog: pytest.LogCaptureFixture
) -> None:
    nases.add("nas7.example.org")
    nases.add("192.0.2.7", "")
    nases.add("192.0.2.8", None)
    nases.add("192.0.2.9")
    assert await find(source, "192.0.2.7") is None
    assert await find(source, "192.0.2.9") is not None
    nases.add("192.0.2.10")
    nases.now += 5
    assert await find(source, "192.0.2.10") is not None
    lines = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert lines == [
        "the NAS nas7.example.org of the table nas cannot be used: nasname is neither an IP address nor a network",
        "the NAS 192.0.2.7 of the table nas cannot be used: a shared secret must be text or bytes, and not empty",
        "the NAS 192.0.2.8 of the table nas cannot be used: a shared secret must be text or bytes, and not empty",
    ]


async def test_of_two_rows_the_first_counts(nases: NASes, source: SqlPeers) -> None:
    nases.add("192.0.2.7", "first")
    nases.add("192.0.2.7/32", "second")
    peer = await find(source, "192.0.2.7")
    assert peer is not None
    assert peer.secret.octets == b"first"


async def test_the_table_is_read_again_when_it_is_not_fresh(nases: NASes, source: SqlPeers) -> None:
    assert await find(source, "192.0.2.7") is None
    nases.now += 1
    assert await find(source, "192.0.2.7") is None
    nases.add("192.0.2.7")
    nases.now += 0.9
    assert await find(source, "192.0.2.7") is None
    nases.now += 0.1
    assert await find(source, "192.0.2.7") is not None
    nases.connection.execute("DELETE FROM nas")
    nases.now += 1
    assert await find(source, "192.0.2.7") is None


async def test_another_database_is_read_at_once(nases: NASes, database: Database, tmp_path: pathlib.Path) -> None:
    other = NASes(tmp_path / "other.db")
    other.add("192.0.2.7")
    async with open_database(tmp_path / "other.db", create=False) as opened:
        places = [database]
        source = SqlPeers(lambda: places[-1], clock=nases.clock)
        assert await find(source, "192.0.2.7") is None
        places.append(opened)
        assert await find(source, "192.0.2.7") is not None
    other.connection.close()


class Away:
    """A database that is away."""

    async def read(self, work: object) -> list[object]:
        raise StoreUnavailable("away")


async def test_while_the_database_is_away_what_it_knew_goes_on(nases: NASes, database: Database) -> None:
    nases.add("192.0.2.7")
    places: list[object] = [database]
    source = SqlPeers(lambda: places[-1], clock=nases.clock)  # type: ignore[arg-type, return-value]
    places.append(Away())
    with pytest.raises(StoreUnavailable):
        await find(source, "192.0.2.7")
    places.pop()
    assert await find(source, "192.0.2.7") is not None
    places.append(Away())
    nases.now += 100
    assert await find(source, "192.0.2.7") is not None
    assert await find(source, "192.0.2.8") is None


async def test_in_an_app_forget_makes_a_change_take_effect(nases: NASes, database: Database) -> None:
    app: App[Database] = App(peers=Peers(SqlPeers(lambda: app.state, fresh_seconds=0), lifetime=60))
    app.state = database
    with pytest.raises(UnknownPeer, match=r"unknown NAS: 192\.0\.2\.7"):
        await app.peers.find("192.0.2.7")
    nases.add("192.0.2.7", kind="mikrotik")
    with pytest.raises(UnknownPeer):
        await app.peers.find("192.0.2.7")
    app.peers.forget("192.0.2.7")
    assert (await app.peers.find("192.0.2.7")).vendor == "mikrotik"
