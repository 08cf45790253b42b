"""FreeRADIUS's sql module and SqlUsers on one database: the same answers to the same requests."""

from __future__ import annotations

import pathlib
from collections.abc import AsyncIterator, Iterator
from ipaddress import ip_address

import psycopg
import pytest

from trioradius import UDP, AccessAccept, AccessReject, AccessRequest, App, Reply, open_client
from trioradius.stores.sql import Database, open_database
from trioradius.stores.sql.peers import SqlPeers
from trioradius.stores.sql.users import SqlUsers
from trioradius.testing import AppClient

from .freeradius_sql import SCHEMAS, make_database, running_sql
from .postgres import Cluster
from .radclient import SECRET
from .sql_cases import BELOW, CASES, EXPIRING, GROUPS, Case

PROFILES = {"everybody": "of-everybody", "profile": "plain"}
UNSEEN = ("Message-Authenticator", "MS-CHAP-MPPE-Keys", "MS-MPPE-Encryption-Policy", "MS-MPPE-Encryption-Types")
"""What FreeRADIUS was told not to send, and what no two replies have in common."""


ITEMS = "INSERT INTO {} ({}, attribute, op, value) VALUES (?, ?, ?, ?)"
MEMBERS = "INSERT INTO radusergroup (username, groupname, priority) VALUES (?, ?, ?)"
NASES = "INSERT INTO nas (nasname, shortname, type, secret) VALUES (?, ?, ?, ?)"


def statements() -> Iterator[tuple[str, list[tuple[object, ...]]]]:
    """All cases, as statements and rows."""
    for case in (*CASES, *EXPIRING, BELOW):
        yield ITEMS.format("radcheck", "username"), [(case.user, *row) for row in case.check]
        yield ITEMS.format("radreply", "username"), [(case.user, *row) for row in case.reply]
        yield MEMBERS, [(case.user, *group) for group in case.groups]
    for name, (check, reply) in GROUPS.items():
        yield ITEMS.format("radgroupcheck", "groupname"), [(name, *row) for row in check]
        yield ITEMS.format("radgroupreply", "groupname"), [(name, *row) for row in reply]
    yield MEMBERS, [(name, group, 1) for name, group in PROFILES.items()]
    yield NASES, [("10.1.0.0/16", "bras1", "mikrotik", "first"), ("10.1.2.3", "bras2", "other", "second")]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Where the SQLite database of all cases is."""
    path = tmp_path_factory.mktemp("freeradius_sql")
    database = make_database(path / "radius.db")
    for statement, rows in statements():
        database.executemany(statement, rows)
    database.commit()
    database.close()
    return path


@pytest.fixture(scope="module")
def url(cluster: Cluster) -> str:
    """The PostgreSQL database of all cases."""
    url = cluster.create_database()
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute((SCHEMAS / "postgresql" / "schema.sql").read_bytes())
        for statement, rows in statements():
            cursor.executemany(statement.replace("?", "%s").encode(), rows)
    return url


@pytest.fixture(scope="module")
def freeradius_address(directory: pathlib.Path) -> Iterator[tuple[str, int]]:
    with running_sql(directory) as address:
        yield address


def answering(database: Database) -> AppClient:
    """An app on a database."""
    users = SqlUsers(database, default_profile="everybody")
    app = App(peers={"127.0.0.1": SECRET}, reject_delay=0)

    @app.on(AccessRequest)
    async def authenticate(request: AccessRequest) -> AccessAccept | AccessReject:
        return await users.authenticate(request)

    return AppClient(app)


@pytest.fixture
async def ours(directory: pathlib.Path) -> AsyncIterator[AppClient]:
    async with open_database(directory / "radius.db", create=False) as database:
        yield answering(database)


def outcome(reply: Reply) -> tuple[str, list[str]]:
    """What the NAS does with it; a rejection tells more or less."""
    if isinstance(reply, AccessReject):
        return reply.name, []
    return reply.name, [repr(avp) for avp in reply.avps if avp.name not in UNSEEN]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_both_give_the_same_answer(case: Case, freeradius_address: tuple[str, int], ours: AppClient) -> None:
    server = UDP(*freeradius_address)
    async with open_client(server, secret=SECRET, require_message_authenticator=False) as freeradius:
        theirs = outcome(await freeradius.exchange(case.asked()))
    assert outcome(await ours.exchange(case.asked())) == theirs


@pytest.mark.parametrize("case", EXPIRING, ids=lambda case: case.name)
async def test_both_give_the_time_that_is_left(
    case: Case, freeradius_address: tuple[str, int], ours: AppClient
) -> None:
    """A second may pass between the two."""
    server = UDP(*freeradius_address)
    async with open_client(server, secret=SECRET, require_message_authenticator=False) as freeradius:
        theirs = await freeradius.exchange(case.asked())
    mine = await ours.exchange(case.asked())
    assert (mine.name, len(mine.all("Session-Timeout"))) == ("Access-Accept", 1)
    assert 0 <= theirs["Session-Timeout"] - mine["Session-Timeout"] <= 2


async def test_a_value_within_its_bound_stays_alone(ours: AppClient) -> None:
    """A NAS that got Session-Timeout twice would choose one of them."""
    assert outcome(await ours.exchange(BELOW.asked())) == (
        "Access-Accept",
        ["Session-Timeout = 9", "Idle-Timeout = 500"],
    )


async def test_postgresql_gives_what_sqlite_gives(url: str, ours: AppClient) -> None:
    """As a whole, since a PostgreSQL takes a while to be opened."""
    async with open_database(url, create=False) as database:
        other = answering(database)
        for case in (*CASES, BELOW):
            asked = case.asked()
            assert outcome(await other.exchange(asked)) == outcome(await ours.exchange(asked)), case.name


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_the_nases_of_both_schemas(kind: str, directory: pathlib.Path, url: str) -> None:
    async with open_database(directory / "radius.db" if kind == "sqlite" else url, create=False) as database:
        source = SqlPeers(database)
        found = [await source(ip_address(address)) for address in ("10.1.7.7", "10.1.2.3", "10.2.0.1")]
    assert [peer and (peer.name, peer.vendor, peer.secret.octets) for peer in found] == [
        ("bras1", "mikrotik", b"first"),
        ("bras2", "generic", b"second"),
        None,
    ]


def test_the_cases_have_names_of_their_own() -> None:
    assert len({case.user for case in CASES}) == len(CASES)
