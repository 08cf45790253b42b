from __future__ import annotations

import logging
import pathlib
import sqlite3
import threading
from collections.abc import Sequence

import pytest
import trio
import trio.testing

from tests.interop import postgres
from trioradius.errors import ConfigurationError, StoreRefused, StoreUnavailable
from trioradius.stores.sql import Connection, Database, open_database
from trioradius.stores.sql import writer as writer_module
from trioradius.stores.sql.readers import BATCH

ADD = "INSERT INTO radcheck (username, attribute, value) VALUES (?, ?, ?)"
NAMES = "SELECT username FROM radcheck ORDER BY username"


def add(connection: Connection, rows: Sequence[tuple[object, ...]]) -> None:
    connection.run_many(ADD, rows)


def files(folder: pathlib.Path) -> list[pathlib.Path]:
    return [*folder.iterdir()]


async def names(database: Database) -> list[str]:
    return [row[0] for row in await database.rows(NAMES)]


async def test_a_file_that_is_not_there_is_not_made_unasked(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ConfigurationError, match=r"typo\.db does not exist"):
        async with open_database(tmp_path / "typo.db", create=False):
            pass
    assert files(tmp_path) == []


async def test_what_is_written_can_be_read_and_outlives_the_block(where: str) -> None:
    async with open_database(where) as database:
        await database.write(add, ("alice", "Cleartext-Password", "50% of 'it'?"))
        assert await database.rows("SELECT value, '?' FROM radcheck WHERE username = ?", "alice") == [
            ("50% of 'it'?", "?")
        ]
    async with open_database(where) as database:
        assert await names(database) == ["alice"]


async def test_many_rows_share_a_commit(where: str) -> None:
    """Group commit: what waits while one COMMIT is under way goes into the next one together."""
    batches: list[int] = []

    def counted(connection: Connection, rows: Sequence[tuple[object, ...]]) -> None:
        batches.append(len(rows))
        add(connection, rows)

    async with open_database(where) as database, trio.open_nursery() as nursery:
        for number in range(300):
            nursery.start_soon(database.write, counted, (f"user{number:03}", "", ""))
    assert sum(batches) == 300
    assert len(batches) <= 3


async def test_a_row_the_database_refuses_fails_alone(where: str) -> None:
    refused: list[int] = []

    async def write(database: Database, number: int) -> None:
        try:
            await database.write(add, (None if number in (17, 63) else f"user{number:03}", "", ""))
        except StoreRefused as error:
            assert error.reason == "store_refused"
            refused.append(number)

    async with open_database(where) as database:
        async with trio.open_nursery() as nursery:
            for number in range(100):
                nursery.start_soon(write, database, number)
        assert sorted(refused) == [17, 63]
        assert len(await names(database)) == 98


async def test_a_transaction_returns_what_it_decided_and_undoes_what_failed(where: str) -> None:
    def decide(connection: Connection) -> int:
        connection.run(ADD, "alice", "", "")
        return len(connection.rows(NAMES))

    def fail(connection: Connection) -> None:
        connection.run(ADD, "mallory", "", "")
        raise LookupError("no place left")

    async with open_database(where) as database:
        assert await database.transaction(decide) == 1
        with pytest.raises(LookupError, match="no place left"):
            await database.transaction(fail)
        assert await database.transaction(decide) == 2
        assert await names(database) == ["alice", "alice"]


async def test_two_machines_do_not_both_take_the_last_place(where: str) -> None:
    """Read, decide, write: with the same lock, only so many get through, whoever asks at once."""

    def take(connection: Connection) -> bool:
        if len(connection.rows("SELECT 1 FROM radcheck WHERE username = ?", "alice")) >= 3:
            return False
        connection.run(ADD, "alice", "", "")
        return True

    taken: list[bool] = []

    async def login(database: Database) -> None:
        taken.append(await database.transaction(take, locks=["user:alice", "pool:home"]))

    async with open_database(where) as one, open_database(where) as other, trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(login, one)
            nursery.start_soon(login, other)
    assert taken.count(True) == 3
    assert len(taken) == 40


async def test_several_look_ups_cost_one_hop(where: str) -> None:
    def look_up(connection: Connection) -> tuple[int, int, str]:
        user = len(connection.rows("SELECT 1 FROM radcheck"))
        return user, len(connection.rows("SELECT 1 FROM radreply")), threading.current_thread().name

    async with open_database(where) as database:
        users, replies, thread = await database.read(look_up)
    assert (users, replies) == (0, 0)
    assert thread != threading.current_thread().name


async def test_look_ups_of_many_are_all_answered(where: str) -> None:
    found: list[int] = []

    async def look_up(database: Database, number: int) -> None:
        found.append(int((await database.rows("SELECT CAST(? AS INTEGER)", number))[0][0]))

    async with open_database(where, readers=3) as database, trio.open_nursery() as nursery:
        for number in range(200):
            nursery.start_soon(look_up, database, number)
    assert sorted(found) == list(range(200))


async def test_a_reader_cannot_write(where: str) -> None:
    async with open_database(where) as database:
        with pytest.raises((StoreRefused, StoreUnavailable)):
            await database.read(lambda connection: connection.run(ADD, "alice", "", ""))
        assert await names(database) == []


async def test_a_wrong_statement_is_its_authors_alone(where: str) -> None:
    async with open_database(where) as database:
        with pytest.raises(StoreRefused, match="refused a look-up"):
            await database.rows("SELECT nothing FROM nowhere")
        with pytest.raises(ZeroDivisionError):
            await database.read(lambda connection: 1 // 0)
        assert await names(database) == []


async def test_the_refused_value_is_not_in_the_text(where: str) -> None:
    async with open_database(where) as database:
        with pytest.raises(StoreRefused) as caught:
            await database.transaction(
                lambda connection: connection.run("INSERT INTO nas (nasname, secret) VALUES (?, ?)", None, "hush")
            )
    assert "hush" not in str(caught.value)


async def test_a_full_queue_refuses_at_once(where: str) -> None:
    held = threading.Event()
    refused = 0

    async def write(database: Database) -> None:
        nonlocal refused
        try:
            await database.write(add, ("bob", "", ""))
        except StoreUnavailable as error:
            assert error.reason == "store_overload"
            refused += 1

    async with open_database(where, queue=10) as database:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(database.transaction, lambda connection: held.wait(10))
            await trio.testing.wait_all_tasks_blocked(0.05)
            for _ in range(15):
                nursery.start_soon(write, database)
            await trio.testing.wait_all_tasks_blocked(0.05)
            assert refused == 5
            held.set()
        assert len(await names(database)) == 10


async def test_a_full_queue_of_look_ups_refuses_at_once(where: str) -> None:
    held = threading.Event()
    async with open_database(where, queue=2, readers=1) as database, trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(database.read, lambda connection: held.wait(10))
            await trio.testing.wait_all_tasks_blocked(0.02)
        with pytest.raises(StoreUnavailable) as caught:
            await database.rows(NAMES)
        held.set()
    assert caught.value.reason == "store_overload"


async def test_a_caller_that_gave_up_leaves_its_row_but_no_transaction(where: str) -> None:
    held = threading.Event()
    async with open_database(where) as database:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(database.transaction, lambda connection: held.wait(10))
            await trio.testing.wait_all_tasks_blocked(0.05)
            with trio.move_on_after(0.05):
                async with trio.open_nursery() as waiting:
                    waiting.start_soon(database.write, add, ("alice", "", ""))
                    waiting.start_soon(database.transaction, lambda connection: connection.run(ADD, "mallory", "", ""))
            held.set()
        await database.write(add, ("bob", "", ""))
        assert await names(database) == ["alice", "bob"]


async def test_a_look_up_that_nobody_waits_for_is_not_made(where: str) -> None:
    held = threading.Event()
    asked: list[str] = []
    async with open_database(where, readers=1) as database, trio.open_nursery() as nursery:
        nursery.start_soon(database.read, lambda connection: held.wait(10))
        await trio.testing.wait_all_tasks_blocked(0.05)
        with trio.move_on_after(0.05):
            await database.read(lambda connection: asked.append("never"))
        held.set()
    assert asked == []


async def test_what_was_accepted_is_written_before_the_block_is_left(where: str) -> None:
    """The server is told to stop while a record waits behind a COMMIT: it is written, in spite of the cancellation."""
    held = threading.Event()
    with trio.CancelScope() as scope:
        async with open_database(where) as database, trio.open_nursery() as nursery:
            nursery.start_soon(database.transaction, lambda connection: held.wait(10))
            nursery.start_soon(database.write, add, ("alice", "", ""))
            await trio.testing.wait_all_tasks_blocked(0.05)
            scope.cancel()
            held.set()
    assert scope.cancelled_caught
    async with open_database(where) as database:
        assert await names(database) == ["alice"]
    with pytest.raises(StoreUnavailable):
        await database.write(add, ("late", "", ""))


async def test_a_database_that_was_left_answers_nobody_and_keeps_nobody_waiting(where: str) -> None:
    """Neither who asks afterwards, nor who was waiting, nor whose look-up a reader had taken."""
    go_on, results = threading.Event(), list[str]()

    def wait(connection: Connection) -> str:
        go_on.wait(10)
        return "answered"

    async def look_up(database: Database) -> None:
        try:
            results.append(await database.read(wait))
        except StoreUnavailable:
            results.append("refused")

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery, open_database(where, readers=1) as database:
            for _ in range(100):
                nursery.start_soon(look_up, database)
            await trio.testing.wait_all_tasks_blocked()
            go_on.set()
        await look_up(database)
    assert len(results) == 101
    assert results[-1] == "refused"
    assert results.count("refused") >= 100 - BATCH


async def test_an_exception_of_the_block_is_not_wrapped(where: str) -> None:
    with pytest.raises(KeyError, match="mine"):
        async with open_database(where):
            raise KeyError("mine")


async def test_a_locked_database_is_waited_for_and_told_of_once(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("trioradius.stores.sql.sqlite.BUSY_SECONDS", 0.05)
    path = tmp_path / "radius.db"
    async with open_database(path) as database:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(database.write, add, ("alice", "", ""))
            await trio.sleep(0.3)
            assert await names(database) == [], "readers go on while a writer holds the file"
            other.execute("ROLLBACK")
        assert await names(database) == ["alice"]
        other.close()
    told = [record for record in caplog.records if "cannot be written" in record.message]
    assert len(told) == 1
    assert "database is locked" in told[0].message
    assert any("is written again" in record.message for record in caplog.records)


async def test_a_database_that_stays_locked_gives_up_and_recovers_by_itself(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("trioradius.stores.sql.sqlite.BUSY_SECONDS", 0.01)
    monkeypatch.setattr(writer_module, "PAUSES", (0.01, 0.01))
    monkeypatch.setattr("trioradius.stores.sql.trouble.LOOK_AGAIN", 0.2)
    path = tmp_path / "radius.db"
    async with open_database(path) as database:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        for _ in range(3):
            with pytest.raises(StoreUnavailable) as caught:
                await database.write(add, ("lost", "", ""))
            assert caught.value.reason == "store_unavailable"
        other.execute("ROLLBACK")
        other.close()
        with pytest.raises(StoreUnavailable):
            await database.write(add, ("lost", "", ""))
        await trio.sleep(0.25)
        await database.write(add, ("alice", "", ""))
        assert await names(database) == ["alice"]
    assert sum("cannot be written" in record.message for record in caplog.records) == 1


async def test_a_full_disk_is_no_acknowledgement(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "PAUSES", (0.01,))
    monkeypatch.setattr("trioradius.stores.sql.trouble.LOOK_AGAIN", 0.01)
    async with open_database(tmp_path / "radius.db") as database:
        pages = int((await database.rows("PRAGMA page_count"))[0][0])
        kept = 0

        def fill(connection: Connection, rows: Sequence[tuple[object, ...]]) -> None:
            connection.rows(f"PRAGMA max_page_count = {pages + 4}")
            add(connection, rows)

        with pytest.raises(StoreUnavailable):
            for number in range(100):
                await database.write(fill, (f"user{number}", "", "x" * 2000))
                kept += 1
        assert 0 < kept < 50
        assert len(await names(database)) == kept
        await trio.sleep(0.02)
        await database.write(add, ("small", "", "x" * 2000))
        assert len(await names(database)) == kept + 1


async def test_postgresql_that_is_stopped_and_started_again(caplog: pytest.LogCaptureFixture) -> None:
    with postgres.running() as cluster:
        async with open_database(cluster.create_database()) as database:
            await database.write(add, ("before", "", ""))
            assert await names(database) == ["before"]
            await trio.to_thread.run_sync(cluster.stop)
            with pytest.raises(StoreUnavailable):
                await database.write(add, ("lost", "", ""))
            with pytest.raises(StoreUnavailable):
                await names(database)
            await trio.to_thread.run_sync(cluster.start)
            await trio.sleep(0.6)
            await database.write(add, ("after", "", ""))
            assert await names(database) == ["after", "before"]
            # Restarted between two uses, the connections that were kept are dead, and nobody notices.
            await trio.to_thread.run_sync(cluster.stop)
            await trio.to_thread.run_sync(cluster.start)
            assert await names(database) == ["after", "before"]
            await database.write(add, ("again", "", ""))
    told = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len([record for record in told if "cannot be written" in record.message]) == 2
    assert "radius@" not in caplog.text


async def test_what_open_database_refuses(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="positive queue"):
        async with open_database(tmp_path / "x.db", queue=0):
            pass
    with pytest.raises(ConfigurationError, match="URL cannot be read") as caught:
        async with open_database("postgresql://radius:hush@[host/name"):
            pass
    assert "hush" not in str(caught.value)
    with pytest.raises(StoreUnavailable, match="cannot be opened"):
        async with open_database(tmp_path / "missing" / "x.db"):
            pass
    with pytest.raises(StoreUnavailable, match="cannot be opened"):
        async with open_database(f"postgresql://radius@/x?host={tmp_path}"):
            pass
    monkeypatch.setitem(__import__("sys").modules, "trioradius.stores.sql.postgres", None)
    with pytest.raises(ConfigurationError, match=r"trioradius\[postgres\]"):
        async with open_database("postgresql://radius@/x"):
            pass


DIES_AT_COMMIT = """
    CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER dies AFTER INSERT ON radcheck
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die()"""


async def test_what_may_have_been_committed_is_not_done_again(cluster: postgres.Cluster) -> None:
    """The connection is lost while COMMIT is under way: nobody knows whether it happened, and nobody is told it did."""
    begun: list[str] = []

    def write(connection: Connection) -> None:
        begun.append("begun")
        connection.run(ADD, "alice", "", "")

    async with open_database(cluster.create_database()) as database:
        await database.transaction(lambda connection: connection.run_script(DIES_AT_COMMIT))
        with pytest.raises(StoreUnavailable):
            await database.transaction(write)
    assert begun == ["begun"]


async def test_what_was_not_committed_is_tried_again(cluster: postgres.Cluster) -> None:
    """The connection is lost before COMMIT: the work is done once more, on a new one."""
    begun: list[str] = []

    def write(connection: Connection) -> None:
        begun.append("begun")
        if len(begun) == 1:
            connection.rows("SELECT pg_terminate_backend(pg_backend_pid())")
        connection.run(ADD, "alice", "", "")

    async with open_database(cluster.create_database()) as database:
        await database.transaction(write)
        assert await names(database) == ["alice"]
    assert len(begun) == 2
