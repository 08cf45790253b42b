from __future__ import annotations

import contextlib
import pathlib
import sqlite3

import psycopg
import pytest
import trio

from tests.interop import postgres
from trioradius.errors import ConfigurationError
from trioradius.stores.sql import open_database
from trioradius.stores.sql.schema import STEPS

FREERADIUS = pathlib.Path("/etc/freeradius/3.0/mods-config/sql/main")
TABLES = (
    "radacct",
    "radcheck",
    "radreply",
    "radgroupcheck",
    "radgroupreply",
    "radusergroup",
    "radpostauth",
    "nas",
    "nasreload",
)
OURS = {("radpostauth", "reason"), ("nas", "coaport")}
"""Columns that FreeRADIUS does not have."""


def sqlite_columns(path: pathlib.Path) -> dict[tuple[str, str], tuple[object, ...]]:
    """(table, column) to type, NOT NULL, default and place in the primary key; the spelling of NULL does not matter."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return {
            (table, row[1]): (row[2], row[3], None if row[4] in (None, "NULL") else row[4], row[5])
            for table in TABLES
            for row in connection.execute(f"PRAGMA table_info({table})")
        }


def postgres_columns(url: str) -> dict[tuple[str, str], tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return {
            (row[0], row[1]): row[2:]
            for row in connection.execute(
                "SELECT table_name, column_name, data_type, character_maximum_length, is_nullable, column_default"
                " FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE 'trioradius_%'"
            )
        }


def make_as_freeradius(where: str) -> None:
    """The database that Debian's schema file makes."""
    if where.startswith("postgresql"):
        with psycopg.connect(where, autocommit=True) as connection:
            connection.execute((FREERADIUS / "postgresql" / "schema.sql").read_text())  # type: ignore[call-overload]
    else:
        with contextlib.closing(sqlite3.connect(where)) as connection:
            connection.executescript((FREERADIUS / "sqlite" / "schema.sql").read_text())


async def test_our_sqlite_tables_are_those_of_freeradius(tmp_path: pathlib.Path) -> None:
    make_as_freeradius(str(tmp_path / "theirs.db"))
    async with open_database(tmp_path / "ours.db"):
        pass
    ours, theirs = sqlite_columns(tmp_path / "ours.db"), sqlite_columns(tmp_path / "theirs.db")
    assert {key: value for key, value in ours.items() if key not in OURS} == theirs
    assert set(ours) - set(theirs) == OURS


async def test_our_postgresql_tables_are_those_of_freeradius(cluster: postgres.Cluster) -> None:
    made, ours = cluster.create_database(), cluster.create_database()
    make_as_freeradius(made)
    async with open_database(ours):
        pass
    assert {key: value for key, value in postgres_columns(ours).items() if key not in OURS} == postgres_columns(made)


async def test_a_database_of_freeradius_is_taken_with_its_rows(where: str) -> None:
    make_as_freeradius(where)
    async with open_database(where, create=False) as database:
        await database.transaction(
            lambda connection: connection.run(
                "INSERT INTO radusergroup (username, groupname) VALUES (?, ?)", "alice", "staff"
            )
        )
    for _ in range(2):
        async with open_database(where) as database:
            assert await database.rows("SELECT groupname FROM radusergroup") == [("staff",)]
            assert await database.rows("SELECT version FROM trioradius_schema") == [(len(STEPS),)]
            assert await database.rows("SELECT reason FROM radpostauth") == []


async def test_tables_of_a_newer_trioradius_are_refused(where: str) -> None:
    async with open_database(where) as database:
        await database.transaction(lambda connection: connection.run("UPDATE trioradius_schema SET version = 99"))
    for create in (True, False):
        with pytest.raises(ConfigurationError, match=f"version 99, and this trioradius knows up to {len(STEPS)}"):
            async with open_database(where, create=create):
                pass


async def test_a_database_is_left_as_it_is_where_that_is_wanted(tmp_path: pathlib.Path) -> None:
    empty = await trio.Path(tmp_path / "empty.db").absolute()
    await empty.touch()
    async with open_database(empty, create=False) as database:
        assert await database.rows("SELECT name FROM sqlite_master") == []


async def test_a_file_that_another_process_just_makes_is_waited_for(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite gives up the switch to WAL at once where another connection has the lock for writing."""
    path = tmp_path / "new.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr("trioradius.stores.sql.sqlite.time.sleep", lambda _: other.execute("COMMIT"))
        async with open_database(path) as database:
            assert await database.rows("PRAGMA journal_mode") == [("wal",)]
        assert not other.in_transaction


async def test_several_processes_may_open_a_new_database_at_once(where: str) -> None:
    async def use() -> None:
        async with open_database(where) as database:
            assert await database.rows("SELECT version FROM trioradius_schema") == [(len(STEPS),)]

    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(use)
