"""UserLookups: who asks while others wait shares their query."""

from __future__ import annotations

import pathlib
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest
import trio
import trio.testing

from trioradius.stores.sql import rows as module
from trioradius.stores.sql.database import Database, open_database
from trioradius.stores.sql.rows import BATCH, Rows, UserLookups, UserRows

TABLES = """
CREATE TABLE radcheck (id INTEGER PRIMARY KEY, username TEXT, attribute TEXT, op TEXT, value TEXT);
CREATE TABLE radreply (id INTEGER PRIMARY KEY, username TEXT, attribute TEXT, op TEXT, value TEXT);
CREATE TABLE radgroupcheck (id INTEGER PRIMARY KEY, groupname TEXT, attribute TEXT, op TEXT, value TEXT);
CREATE TABLE radgroupreply (id INTEGER PRIMARY KEY, groupname TEXT, attribute TEXT, op TEXT, value TEXT);
CREATE TABLE radusergroup (id INTEGER PRIMARY KEY, username TEXT, groupname TEXT, priority INTEGER);
INSERT INTO radcheck VALUES (2, 'alice', 'Cleartext-Password', ':=', 'wonderland'), (1, 'alice', 'NAS-Port', '==', '1');
INSERT INTO radcheck VALUES (3, 'bob', 'Cleartext-Password', ':=', 'builder');
INSERT INTO radreply VALUES (1, 'bob', 'Filter-Id', '=', 'x');
INSERT INTO radusergroup VALUES (1, 'alice', 'late', 2), (2, 'alice', 'early', 1), (3, 'bob', 'late', 1);
INSERT INTO radgroupcheck VALUES (1, 'late', 'NAS-Port', '==', '2');
INSERT INTO radgroupreply VALUES (1, 'late', 'Filter-Id', '=', 'late'), (2, 'late', 'Port-Limit', '=', '1');
"""
NAS_PORT = ("NAS-Port", "==", "1")
ALICE = UserRows(
    check=[NAS_PORT, ("Cleartext-Password", ":=", "wonderland")],
    groups=["early", "late"],
    of_group={
        "early": Rows(),
        "late": Rows(check=[("NAS-Port", "==", "2")], reply=[("Filter-Id", "=", "late"), ("Port-Limit", "=", "1")]),
    },
)


@pytest.fixture
async def database(tmp_path: pathlib.Path) -> AsyncIterator[Database]:
    import sqlite3

    connection = sqlite3.connect(tmp_path / "radius.db")
    connection.executescript(TABLES)
    connection.close()
    async with open_database(tmp_path / "radius.db", create=False) as opened:
        yield opened


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """The names of every batch that was read."""
    batches: list[set[str]] = []

    def read_users(connection: Any, names: Iterable[str]) -> dict[str, UserRows]:
        batches.append(set(names))
        return read(connection, batches[-1])

    read = module.read_users
    monkeypatch.setattr(module, "read_users", read_users)
    return batches


async def test_all_rows_of_a_user_in_order(database: Database) -> None:
    assert await UserLookups(database).find("alice") == ALICE


async def test_nobody(database: Database) -> None:
    assert await UserLookups(database).find("nobody") == UserRows()


async def test_a_column_that_ignores_case_costs_nobody_his_rows(tmp_path: pathlib.Path) -> None:
    """The rows of "alice" are not those of "ALICE", whom somebody may ask for in the same batch."""
    import sqlite3

    connection = sqlite3.connect(tmp_path / "nocase.db")
    connection.executescript(TABLES.replace("name TEXT", "name TEXT COLLATE NOCASE"))
    connection.execute("UPDATE radusergroup SET groupname = 'LATE' WHERE username = 'bob'")
    connection.commit()
    connection.close()
    async with open_database(tmp_path / "nocase.db", create=False) as database:
        found = await database.read(lambda opened: module.read_users(opened, ["ALICE", "bob"]))
        alice = await database.read(lambda opened: module.read_users(opened, ["ALICE", "alice"]))
    assert alice == {"ALICE": UserRows(), "alice": ALICE}
    assert found["ALICE"] == UserRows()
    assert found["bob"].check == [("Cleartext-Password", ":=", "builder")]
    assert found["bob"].of_group == {"LATE": Rows()}


async def test_those_who_wait_share_queries(database: Database, asked: list[set[str]]) -> None:
    lookups = UserLookups(database)
    found: dict[int, UserRows] = {}

    async def find(number: int) -> None:
        found[number] = await lookups.find(("alice", "bob")[number % 2] if number < 50 else f"user{number}")

    async with trio.open_nursery() as nursery:
        for number in range(BATCH * 2):
            nursery.start_soon(find, number)
    assert len(asked) <= 6
    assert all(sum(f"user{number}" in names for names in asked) == 1 for number in range(50, BATCH * 2))
    assert all(found[number] == ALICE for number in range(0, 50, 2))
    assert all(found[number].reply == [("Filter-Id", "=", "x")] for number in range(1, 50, 2))
    assert all(found[number] == UserRows() for number in range(50, BATCH * 2))
    assert not lookups._waiting


async def test_one_that_was_cancelled_costs_the_others_nothing(database: Database) -> None:
    lookups = UserLookups(database)
    found: list[UserRows] = []

    async def find() -> None:
        found.append(await lookups.find("alice"))

    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(find)
        with trio.CancelScope() as scope:
            scope.cancel()
            await lookups.find("bob")
    assert found == [ALICE] * 10
    assert not lookups._waiting


class Held:
    """A database whose answers are held back until a test says so."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.go_on = trio.Event()

    async def read(self, work: Any) -> Any:
        await self.go_on.wait()
        return await self._database.read(work)


@pytest.mark.parametrize("cancelled", [{0}, {1}, {0, 1}, {0, 2, 4}, set(range(10))])
async def test_whoever_is_cancelled_the_others_are_found(
    cancelled: set[int], database: Database, asked: list[set[str]]
) -> None:
    held = Held(database)
    lookups = UserLookups(held)  # type: ignore[arg-type]
    scopes = [trio.CancelScope() for _ in range(10)]
    found: set[int] = set()

    async def find(number: int) -> None:
        with scopes[number]:
            assert await lookups.find("alice") == ALICE
            found.add(number)

    async with trio.open_nursery() as nursery:
        for number in range(10):
            nursery.start_soon(find, number)
        await trio.testing.wait_all_tasks_blocked()
        for number in cancelled:
            scopes[number].cancel()
        await trio.testing.wait_all_tasks_blocked()
        held.go_on.set()
    assert found == set(range(10)) - cancelled
    assert not lookups._waiting
    assert await lookups.find("alice") == ALICE
    assert len(asked) <= 3


async def test_what_fails_for_one_batch_is_read_again(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    lookups = UserLookups(database)
    tried: list[set[str]] = []

    def read_users(connection: Any, names: set[str]) -> dict[str, UserRows]:
        tried.append(names)
        if len(tried) == 1:
            raise RuntimeError
        return read(connection, names)

    read = module.read_users
    monkeypatch.setattr(module, "read_users", read_users)
    found: list[object] = []

    async def find(name: str) -> None:
        try:
            found.append(await lookups.find(name))
        except RuntimeError as error:
            found.append(error)

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(find, "alice")
    assert sum(isinstance(one, RuntimeError) for one in found) == 1
    assert found.count(ALICE) == 2


def test_rows_are_in_no_repr() -> None:
    assert "wonderland" not in repr(ALICE)
