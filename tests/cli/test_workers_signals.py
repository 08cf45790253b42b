"""``trioradius run --workers`` and its signals: reload, drain, restart, ends of all kinds; and what systemd hears."""

from __future__ import annotations

import contextlib
import os
import pathlib
import select
import signal
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing

import pytest
import trio

from tests.nas import Port, octets_of
from trioradius import AccessRequest
from trioradius.attributes import UserName
from trioradius.workers.supervisor import LATE_SECONDS

from .conftest import SECRET, Program, Start
from .nases import (
    ADDRESSES,
    APP,
    PLACE,
    WAITING,
    Handled,
    begun,
    children,
    end,
    eventually,
    worker_of_each,
)

GRACE = 3


@pytest.fixture
def served(start: Start, folder: pathlib.Path) -> Program:
    """The app, on three workers."""
    (folder / "several.py").write_text(APP)
    return start("run", "several:app", *PLACE)


@pytest.fixture
def waiting(start: Start, folder: pathlib.Path) -> Program:
    """The app whose handlers wait for the file ``go``, on three workers, with some seconds of grace."""
    text = WAITING.replace("import AccessRequest, App", "import AccessRequest, App, Limits")
    (folder / "several.py").write_text(
        text.replace("reject_delay", f"limits=Limits(grace_seconds={GRACE}), reject_delay")
    )
    return start("run", "several:app", *PLACE)


async def test_sighup_reaches_every_worker(start: Start, folder: pathlib.Path) -> None:
    (folder / "several.py").write_text(APP.replace('"127.0.0.0/8": b"testing123", ', ""))
    peers = folder / "peers.toml"
    peers.write_text('[peers."127.0.0.0/8"]\nsecret = "a first secret of many octets"\n')
    program = start("run", "several:app", *PLACE, "--peers", "peers.toml")
    port = begun(program)
    peers.write_text(f'[peers."127.0.0.0/8"]\nsecret = "{SECRET}"\n')
    program.signal(signal.SIGHUP)
    for _ in range(3):
        program.wait_for("peers read again")
    found = await worker_of_each(port, ADDRESSES)
    assert len(set.union(*found.values())) == 3
    end(program)


async def test_sighups_from_the_first_moment_on(start: Start, folder: pathlib.Path) -> None:
    (folder / "several.py").write_text(APP)
    program = start("run", "several:app", *PLACE)
    await eventually(lambda: bool(children(program)))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.to_thread.run_sync, program.wait_for, "3 workers")
        while len(Handled.read(folder).workers if (folder / "handled").exists() else ()) < 3:
            program.signal(signal.SIGHUP)
            await trio.sleep(0.02)
    end(program)
    assert "ended by" not in program.output


async def test_sigterm_lets_all_workers_answer_what_they_have_read(waiting: Program, folder: pathlib.Path) -> None:
    port = begun(waiting)
    async with AsyncExitStack() as stack:
        ports = [stack.enter_context(closing(Port(("127.0.0.1", port), address))) for address in ADDRESSES]
        for one in ports:
            await one.send(octets_of(AccessRequest(UserName("alice")), SECRET.encode()))
        await eventually(lambda: len(Handled.read(folder).requests) == len(ADDRESSES))
        waiting.signal(signal.SIGTERM)
        for _ in range(3):
            await trio.to_thread.run_sync(waiting.wait_for, "SIGTERM: answering what is under way")
        (folder / "go").touch()
        with trio.fail_after(10):
            for one in ports:
                await one.receive()
    assert waiting.status() == 0
    assert len({worker for [worker] in Handled.read(folder).requests.values()}) == 3


async def test_sigterm_waits_no_longer_than_the_grace_period(waiting: Program, folder: pathlib.Path) -> None:
    port = begun(waiting)
    with closing(Port(("127.0.0.1", port))) as nas:
        await nas.send(octets_of(AccessRequest(UserName("alice")), SECRET.encode()))
        await eventually(lambda: len(Handled.read(folder).requests) == 1)
        waiting.signal(signal.SIGTERM)
        before = trio.current_time()
        await trio.to_thread.run_sync(waiting.status)
        assert GRACE <= trio.current_time() - before < GRACE + LATE_SECONDS
    assert waiting.status() == 0


async def test_a_second_sigint_ends_all_at_once(waiting: Program, folder: pathlib.Path) -> None:
    port = begun(waiting)
    workers = children(waiting)
    with closing(Port(("127.0.0.1", port))) as nas:
        await nas.send(octets_of(AccessRequest(UserName("alice")), SECRET.encode()))
        await eventually(lambda: len(Handled.read(folder).requests) == 1)
        waiting.signal(signal.SIGINT)
        await trio.to_thread.run_sync(waiting.wait_for, "SIGINT: the workers answer what is under way")
        before = trio.current_time()
        waiting.signal(signal.SIGINT)
        await trio.to_thread.run_sync(waiting.status)
        assert trio.current_time() - before < GRACE
    assert children(waiting) == []
    for worker in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(worker, 0)


@pytest.mark.parametrize("busy", [False, True])
async def test_a_killed_supervisor_leaves_no_orphan(waiting: Program, folder: pathlib.Path, busy: bool) -> None:
    port = begun(waiting)
    workers = children(waiting)
    assert len(workers) == 3
    watched = [os.pidfd_open(worker) for worker in workers]
    with closing(Port(("127.0.0.1", port))) as nas:
        if busy:
            await nas.send(octets_of(AccessRequest(UserName("alice")), SECRET.encode()))
            await eventually(lambda: len(Handled.read(folder).requests) == 1)
        waiting.process.kill()
        waiting.status()
        for descriptor in watched:
            assert select.select([descriptor], [], [], 5)[0]
            os.close(descriptor)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", port))


async def test_a_supervisor_killed_at_the_start_leaves_no_orphan(start: Start, folder: pathlib.Path) -> None:
    (folder / "several.py").write_text(APP)
    program = start("run", "several:app", *PLACE)
    await eventually(lambda: bool(children(program)))
    [first] = children(program)
    watched = os.pidfd_open(first)
    program.process.kill()
    await trio.to_thread.run_sync(program.status)
    assert select.select([watched], [], [], 5)[0]
    os.close(watched)


async def test_signals_to_the_wrong_process(served: Program) -> None:
    """SIGUSR2 to each and every process, as pkill sends it, is a rolling restart."""
    begun(served)
    before = children(served)
    for process in (*before, served.process.pid):
        os.kill(process, signal.SIGUSR2)
    await trio.to_thread.run_sync(served.wait_for, "all workers replaced")
    assert len({*children(served), *before}) == 6
    end(served)
    assert "ended by" not in served.output


def test_a_rolling_restart_without_workers(start: Start, hello: str) -> None:
    server = start("run", hello, "--udp", "127.0.0.1:0")
    server.port()
    server.signal(signal.SIGUSR2)
    server.wait_for("WARNING SIGUSR2 restarts workers, and there are none: start with --workers N")
    server.signal(signal.SIGTERM)
    assert server.status() == 0


@contextlib.contextmanager
def systemd(folder: pathlib.Path) -> Iterator[socket.socket]:
    """What systemd listens at."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(folder / "notify"))
        listening.settimeout(60)
        yield listening


def test_systemd_hears_of_the_supervisor_alone(start: Start, folder: pathlib.Path) -> None:
    (folder / "several.py").write_text(APP)
    with systemd(folder) as heard:
        program = start("run", "several:app", *PLACE, NOTIFY_SOCKET=str(folder / "notify"))
        assert heard.recv(1000) == b"READY=1\nSTATUS=3 workers"
        assert len(Handled.read(folder).workers) == 3
        program.signal(signal.SIGHUP)
        assert heard.recv(1000).startswith(b"RELOADING=1\n")
        assert heard.recv(1000) == b"READY=1\nSTATUS=3 workers"
        program.signal(signal.SIGUSR2)
        begun(program)
        program.wait_for("all workers replaced")
        end(program)
        assert heard.recv(1000) == b"STOPPING=1"
        heard.setblocking(False)
        with pytest.raises(BlockingIOError):
            heard.recv(1000)


def test_systemd_hears_of_a_server_without_workers(start: Start, hello: str, folder: pathlib.Path) -> None:
    with systemd(folder) as heard:
        server = start("run", hello, "--udp", "127.0.0.1:0", NOTIFY_SOCKET=str(folder / "notify"))
        assert heard.recv(1000) == b"READY=1\nSTATUS=serving"
        server.signal(signal.SIGHUP)
        assert heard.recv(1000).startswith(b"RELOADING=1\n")
        assert heard.recv(1000) == b"READY=1\nSTATUS=serving"
        end(server)
        assert heard.recv(1000) == b"STOPPING=1"
