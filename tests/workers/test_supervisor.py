"""Supervision of real processes, small programs that keep to the line between supervisor and worker and note all."""

from __future__ import annotations

import os
import pathlib
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
import trio

from trioradius import UDP, ConfigurationError
from trioradius.workers import NotStarted, Supervisor, open_supervisor

WORKER = """#!{python} -S
import json, os, pathlib, signal, socket, sys, time

invited = json.loads(os.environ["TRIORADIUS_WORKER"])
line = socket.socket(fileno=invited["control"])
slot, number = invited["slot"], invited["id"]
running = True


def tell(kind, **fields):
    line.send(json.dumps({{"is": kind, **fields}}).encode())


def note(*what):
    with open("notes", "a") as notes:
        print(*what, slot, number, os.getpid(), file=notes)


def end(*_):
    global running
    running = False
    line.shutdown(socket.SHUT_RD)


def until(name):
    while not pathlib.Path(name).exists():
        time.sleep(0.01)


note("started")
{before}
signal.signal(signal.SIGTERM, end)
signal.signal(signal.SIGHUP, lambda *_: note("reloaded"))
tell("ready")
{after}
while running and (octets := line.recv(100_000)):
    message = json.loads(octets)
    note(message["is"])
    if message["is"] == "hand over":
        tell("handed over")
        end()
note("ended")
"""
Write = Callable[..., None]


@pytest.fixture
def write(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes the worker's program, with lines of its own before and after it says that it is ready."""
    monkeypatch.chdir(tmp_path)

    def write(before: str = "", after: str = "") -> None:
        new = tmp_path / "new"
        new.write_text(WORKER.format(python=sys.executable, before=before, after=after))
        new.chmod(0o700)
        new.replace(tmp_path / "worker")

    write()
    return write


def opened(count: int) -> AbstractAsyncContextManager[Supervisor]:
    return open_supervisor([os.path.abspath("worker")], [UDP("127.0.0.1", 0)], count, grace_seconds=0)


@asynccontextmanager
async def supervised(count: int = 2) -> AsyncIterator[Supervisor]:
    async with opened(count) as supervisor:
        await supervisor.start(count)
        yield supervisor


def noted_lines() -> list[tuple[str, int, int, int]]:
    """All that was noted so far, with slot, number and process of each worker."""
    notes = pathlib.Path("notes")
    found = [line.rsplit(" ", 3) for line in notes.read_text().splitlines()] if notes.exists() else []
    return [(what, int(slot), int(number), int(process)) for what, slot, number, process in found]


def notes(kind: str) -> list[tuple[int, int, int]]:
    """Slot, number and process of each worker that noted this, in order."""
    return [worker[1:] for worker in noted_lines() if worker[0] == kind]


async def noted(kind: str, count: int) -> list[tuple[int, int, int]]:
    """The same, once there are so many."""
    await eventually(lambda: len(notes(kind)) >= count)
    return notes(kind)


async def eventually(holds: Callable[[], bool], seconds: float = 30) -> None:
    with trio.fail_after(seconds):
        while not holds():  # noqa: ASYNC110 - what other processes do
            await trio.sleep(0.01)


def touch(name: str) -> None:
    pathlib.Path(name).touch()


def waits(caplog: pytest.LogCaptureFixture, slot: int) -> list[float]:
    """The seconds that the supervisor said it waits before it fills this place."""
    said = re.compile(rf"worker {slot} .*; its place is filled again in ([0-9.]+) s")
    return [float(found[1]) for message in caplog.messages if (found := said.match(message))]


async def test_they_read_only_when_all_are_ready(write: Write) -> None:
    write(before="if slot: until('open')")
    async with opened(3) as supervisor:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(supervisor.start, 3)
            await noted("started", 3)
            assert notes("go") == []
            touch("open")
        assert [slot for slot, _, _ in sorted(await noted("go", 3))] == [0, 1, 2]
        assert len(set(supervisor.process_ids)) == 3
    assert len(notes("ended")) == 3


async def test_a_crash_in_a_row_costs_twice_the_wait_and_siblings_never_notice(
    write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    async with supervised(3) as supervisor:
        first, second, third = supervisor.process_ids
        write(after="if slot == 1: sys.exit(9)")
        os.kill(second, signal.SIGKILL)
        await noted("started", 3 + 4)
        assert waits(caplog, 1)[:4] == [0.1, 0.1, 0.2, 0.4]
        assert "ended by status 9" in caplog.text
        # The next wait is one of 1.6 s, in which another worker's place is filled all the same.
        await eventually(lambda: 1.6 in waits(caplog, 1))
        os.kill(third, signal.SIGKILL)
        await noted("started", 3 + 6)
        assert notes("started")[-1][0] == 2
        assert supervisor.process_ids[0] == first
        assert [process for slot, _, process in notes("started") if slot == 0] == [first]


async def test_who_was_killed_while_serving_is_no_crash_in_a_row(
    write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    async with supervised(1):
        for kills in range(1, 5):
            os.kill((await noted("go", kills))[-1][2], signal.SIGKILL)
        await noted("go", 5)
    assert waits(caplog, 0) == [0.1] * 4


async def test_a_place_is_filled_although_a_child_of_the_worker_lives_on(write: Write) -> None:
    """A process that a worker forked holds its end of the line."""
    write(after="if os.fork() == 0:\n    note('forked')\n    time.sleep(60)")
    async with supervised(1) as supervisor:
        [(_, _, forked)] = await noted("forked", 1)
        await noted("go", 1)
        try:
            write()
            os.kill(supervisor.process_ids[0], signal.SIGKILL)
            with trio.fail_after(30):
                await noted("go", 2)
        finally:
            os.kill(forked, signal.SIGKILL)


async def test_sighup_reaches_all_and_does_not_kill_who_is_starting(write: Write) -> None:
    async with supervised() as supervisor:
        supervisor.reload()
        assert {slot for slot, _, _ in await noted("reloaded", 2)} == {0, 1}
        write(before="until('open')")
        os.kill(supervisor.process_ids[1], signal.SIGKILL)
        await noted("started", 3)
        supervisor.reload()
        assert [slot for slot, _, _ in await noted("reloaded", 3)][2] == 0
        touch("open")
        # It may have read its files before they changed, and so reads them again.
        _, number, _ = (await noted("reloaded", 4))[3]
        assert number == notes("started")[-1][1]
        assert len(notes("started")) == 3


async def test_a_rolling_restart_replaces_one_after_another(write: Write, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    async with supervised() as supervisor:
        before = supervisor.process_ids
        await noted("go", 2)
        await supervisor.replace_all()
        assert len({*supervisor.process_ids, *before}) == 4
        assert [process for _, _, process in notes("hand over")] == before
        steps = [(what, slot) for what, slot, _, _ in noted_lines()[4:] if what != "ended"]
        assert steps == [(step, slot) for slot in (0, 1) for step in ("started", "hand over", "go")]
    assert caplog.messages == ["all workers replaced"]


async def test_more_calls_than_one_are_one_more_restart(write: Write) -> None:
    async with supervised(1) as supervisor:
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(supervisor.replace_all)
                await trio.testing.wait_all_tasks_blocked()
        assert len(notes("started")) == 3


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("sys.exit(3)", "", "ended by status 3 before it was ready: the workers stay as they are"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "", "ended by SIGSEGV before it was ready: the workers stay as"),
    ],
)
async def test_what_cannot_begin_replaces_nobody(
    write: Write, caplog: pytest.LogCaptureFixture, before: str, after: str, says: str
) -> None:
    async with supervised() as supervisor:
        there = supervisor.process_ids
        write(before=before, after=after)
        await supervisor.replace_all()
        assert supervisor.process_ids == there
        assert notes("hand over") == []
        assert says in caplog.messages[0]
        write()
        await supervisor.replace_all()
        assert not {*there} & {*supervisor.process_ids}


async def test_what_does_not_last_replaces_one_only(write: Write, caplog: pytest.LogCaptureFixture) -> None:
    async with supervised() as supervisor:
        first, second = supervisor.process_ids
        write(after="if number == 3: sys.exit(7)")
        await supervisor.replace_all()
        assert supervisor.process_ids[1] == second
        assert [process for _, _, process in notes("hand over")] == [first]
        assert "ended by status 7 as soon as it served: the other workers stay as they are" in caplog.text
        assert (await noted("go", 3))[-1][0] == 0


async def test_a_restart_does_not_wait_for_one_that_crashes_again_and_again(write: Write) -> None:
    async with supervised(1) as supervisor:
        write(before="sys.exit(1)")
        os.kill(supervisor.process_ids[0], signal.SIGKILL)
        await noted("started", 6)
        write()
        # The wait is one of 1.6 s.
        await supervisor.replace_all()
        serving = supervisor.process_ids
        await trio.sleep(1.7)
        assert supervisor.process_ids == serving
        assert len(notes("started")) == 7, "once more, not twice"


async def test_a_worker_that_hangs_is_killed(
    write: Write, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a restart by the supervisor's patience, and at the end by the grace period and as much more."""
    monkeypatch.setattr("trioradius.workers.supervisor.LATE_SECONDS", 0.3)
    write(after="signal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(3600)")
    async with supervised(1) as supervisor:
        stuck = supervisor.process_ids[0]
        ended = os.pidfd_open(stuck)
        with trio.fail_after(30):
            await supervisor.replace_all()
            await trio.lowlevel.wait_readable(ended)
        assert f"worker 0 (process {stuck}) does not hand over, and is killed" in caplog.messages
        with trio.fail_after(30):
            await supervisor.stop()
        assert notes("ended") == []
        os.close(ended)


async def test_a_lifespan_that_hangs_is_cut_off(
    write: Write, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trioradius.workers.supervisor.READY_SECONDS", 0.5)
    async with supervised(1) as supervisor:
        [there] = supervisor.process_ids
        write(before="time.sleep(3600)")
        await supervisor.replace_all()
        assert supervisor.process_ids == [there]
    assert "is not ready after 0.5 s, and is killed; does a lifespan hang?" in caplog.messages[0]
    assert "the workers stay as they are" in caplog.messages[1]


async def test_a_system_without_room_for_a_process(
    write: Write, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trioradius.workers.supervisor.AGAIN_SECONDS", 0.1)
    async with supervised(1) as supervisor:
        await noted("go", 1)
        os.rename("worker", "away")
        await supervisor.replace_all()
        assert caplog.messages == [
            "worker 0 cannot be started: No such file or directory; the workers stay as they are"
        ]
        os.kill(supervisor.process_ids[0], signal.SIGKILL)
        refused = "worker 0 cannot be started: No such file or directory; tried again in 0.1 s"
        await eventually(lambda: refused in caplog.messages)
        os.rename("away", "worker")
        await noted("go", 2)
    os.rename("worker", "away")
    with pytest.raises(ExceptionGroup) as raised:
        async with supervised(1):
            raise AssertionError("it began")
    assert raised.group_contains(ConfigurationError, match="worker 0 cannot be started: No such file or directory")


async def test_one_that_never_begins_is_said(write: Write) -> None:
    write(before="if slot: sys.exit(4)")
    with pytest.raises(ExceptionGroup) as raised:
        async with supervised(3):
            raise AssertionError("it began")
    assert raised.group_contains(NotStarted, match=r"worker \d \(process \d+\) ended by status 4 before it was ready")
    assert [slot for slot, _, _ in notes("ended")] == [0]


async def test_the_counters_of_those_that_are_gone_count(write: Write) -> None:
    write(after='tell("counters", values={"Access-Request": 3 + slot})')
    async with supervised() as supervisor:

        def counted() -> int:
            return supervisor.counters["Access-Request"]

        await eventually(lambda: counted() == 7)
        os.kill(supervisor.process_ids[1], signal.SIGKILL)
        await eventually(lambda: counted() == 11)
        await supervisor.replace_all()
        await eventually(lambda: counted() == 18)


async def test_the_folder_goes_with_the_supervisor(write: Write) -> None:
    write(after='note(invited["folder"])')
    async with supervised(1):
        await noted("go", 1)
        [(folder, _, _, _)] = [line for line in noted_lines() if line[0].startswith("/")]
        assert os.stat(folder).st_mode & 0o777 == 0o700
    with pytest.raises(FileNotFoundError):
        os.stat(folder)


@pytest.mark.parametrize(
    ("folder", "says"),
    [
        ("nothing", "no folder for workers: No such file or directory; set TMPDIR to one to write to"),
        ("a" * 100, "is too long a path for sockets: set TMPDIR to a shorter one"),
    ],
)
async def test_a_temporary_folder_that_will_not_do(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, folder: str, says: str
) -> None:
    os.mkdir(tmp_path / ("a" * 100))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / folder))
    with pytest.raises(ConfigurationError, match=says):
        async with opened(1):
            raise AssertionError("it began")
    assert os.listdir(tmp_path / ("a" * 100)) == []
