"""The promise of ``trioradius run --workers``: whatever happens to workers, nothing is lost, and nothing handled twice.

``TRIORADIUS_SOAK_SECONDS=60`` makes the storm of kills last a minute; with ``-s`` its figures are shown.
"""

from __future__ import annotations

import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
from contextlib import closing

import pytest
import trio

from tests.interop.eapol import EapolTest
from tests.interop.radclient import PROVE
from tests.nas import Port, octets_of
from tests.tls.pki import PKI
from trioradius import DTLS, TLS, AccessRequest, open_client
from trioradius.attributes import UserName

from .conftest import SECRET, Program, Start
from .nases import APP, PLACE, SCHEDULE, WAITING, Handled, Load, children, end, load

SOAK_SECONDS = float(os.environ.get("TRIORADIUS_SOAK_SECONDS", "5"))


async def restart(program: Program, folder: pathlib.Path, text: str) -> None:
    """A rolling restart on this code, from its signal to its end."""
    (folder / "several.py").write_text(text)
    program.signal(signal.SIGUSR2)
    await trio.to_thread.run_sync(program.wait_for, "all workers replaced")


async def test_reloads_and_rolling_restarts_lose_nothing_and_repeat_nothing(start: Start, folder: pathlib.Path) -> None:
    (folder / "several.py").write_text(APP.replace("VERSION", "old"))
    program = start("run", "several:app", *PLACE)
    async with load(program) as asked, trio.open_nursery() as nursery:
        await asked.count.wait_value(lambda count: count > 100)
        before = children(program)
        nursery.start_soon(reload_again_and_again, program, asked)
        await restart(program, folder, APP.replace("VERSION", "new"))
        await restart(program, folder, APP.replace("VERSION", "newer"))
        enough = asked.count.value + 200
        await asked.count.wait_value(lambda count: count > enough)
        asked.ending = True
    assert asked.unanswered == []
    assert {answer.split()[0] for answer in asked.answers.values()} == {"old", "new", "newer"}
    last = {user.rpartition("-")[0]: answer for user, answer in asked.answers.items()}
    assert {answer.split()[0] for answer in last.values()} == {"newer"}
    assert len(asked.conversations) > 20
    assert {ended for ended, _ in asked.conversations} == {"Access-Accept"}
    handled = Handled.read(folder)
    assert len(handled.requests) >= len(asked.answers) + 3 * len(asked.conversations)
    assert handled.twice == []
    # The first ones may still be there, for the conversations that they began.
    assert len({*children(program), *before}) == 9
    end(program)
    assert program.output.count("peers read again") > 3


async def reload_again_and_again(program: Program, asked: Load) -> None:
    while not asked.ending:
        program.signal(signal.SIGHUP)
        await trio.sleep(0.2)


async def test_what_an_old_worker_still_handles_the_new_one_does_not(start: Start, folder: pathlib.Path) -> None:
    """And a repeat of what it had answered gets the very same reply."""
    (folder / "several.py").write_text(WAITING)
    program = start("run", "several:app", *PLACE)
    server = "127.0.0.1", int(program.port())
    program.wait_for("3 workers")
    asked = Load(server[1])
    async with trio.open_nursery() as nursery:
        for last in range(2, 14):
            nursery.start_soon(asked.ask_once, f"127.0.0.{last}")
        with closing(Port(server, "127.0.0.20")) as port:
            request = octets_of(AccessRequest(UserName("alice")), SECRET.encode())
            await port.send(request)
            while len(Handled.read(folder).requests) < 13:  # noqa: ASYNC110 - what other processes do
                await trio.sleep(0.05)
            # Each of the twelve sends twice or more until this has ended.
            await restart(program, folder, WAITING)
            assert asked.answers == {}
            await port.send(request)
            assert await port.hears_nothing_for(0.2)
            (folder / "go").touch()
            with trio.fail_after(10):
                reply = await port.receive()
                # What comes before the new worker has heard of the reply is dropped, and asked again.
                while await port.hears_nothing_for(0.2):
                    await port.send(request)
                await port.send(request)
                assert await port.receive() == reply
    assert asked.unanswered == []
    assert len(asked.answers) == 12
    handled = Handled.read(folder)
    assert len(handled.requests) == 13
    assert handled.twice == []
    end(program)
    assert "discarded: a repeat of a request that is being answered" in program.output


async def test_new_code_that_cannot_start_leaves_the_old(start: Start, folder: pathlib.Path) -> None:
    (folder / "several.py").write_text(APP.replace("VERSION", "old"))
    program = start("run", "several:app", *PLACE)
    async with load(program) as asked:
        before = children(program)
        for broken in ("import nothing_of_this_name\n", "x = = 1\n", APP.replace('note("opened"', 'nothing("')):
            (folder / "several.py").write_text(broken)
            program.signal(signal.SIGUSR2)
            await trio.to_thread.run_sync(program.wait_for, "the workers stay as they are")
            assert children(program) == before
        await restart(program, folder, APP.replace("VERSION", "mended"))
        await trio.sleep(0.3)
    assert asked.unanswered == []
    assert {answer.split()[0] for answer in asked.answers.values()} == {"old", "mended"}
    assert Handled.read(folder).twice == []
    end(program)
    assert "Traceback" not in program.output


async def test_real_nases_notice_nothing(start: Start, folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """radclient and eapol_test, while workers reload and are replaced."""
    (folder / "several.py").write_text(APP.replace("VERSION", "old"))
    program = start("run", "several:app", *PLACE)
    server = "127.0.0.1", int(program.port())
    program.wait_for("3 workers")
    asked = Load(server[1])
    eapol_test = EapolTest(shutil.which("eapol_test") or pytest.skip("wants eapol_test"), tmp_path)
    network = {"eap": "MSCHAPV2", "identity": '"alice"', "password": '"wonderland"'}
    ends: list[bool] = []

    async def log_in_again_and_again() -> None:
        while not asked.ending:
            run = await eapol_test(server, network, "-n", secret=SECRET)
            ends.append(run.succeeded)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(reload_again_and_again, program, asked)
        nursery.start_soon(log_in_again_and_again)
        users = tmp_path / "users"
        users.write_text("\n\n".join(f"User-Name = user-{number}-1\n{PROVE}" for number in range(600)))
        command = ["radclient", "-q", "-s", "-t", "1", "-r", "10", "-n", "100", "-f", str(users)]
        radclient = await nursery.start(running, [*command, f"127.0.0.1:{server[1]}", "auth", SECRET])
        await restart(program, folder, APP.replace("VERSION", "new"))
        said = b"".join([part async for part in radclient.stdout]).decode()
        asked.ending = True
    assert re.search(r"Accepted\s*: 600\b", said), said
    assert re.search(r"Lost\s*: 0\b", said), said
    assert ends
    assert all(ends)
    handled = Handled.read(folder)
    assert len(handled.requests) >= 600
    assert handled.twice == []
    end(program)


@pytest.mark.parametrize("transport", [TLS, DTLS])
async def test_connections_are_made_again(
    start: Start, folder: pathlib.Path, pki: PKI, transport: type[TLS | DTLS]
) -> None:
    """An old worker answers what it has read and closes; its clients go on with a new one."""
    text = APP.replace('"127.0.0.0/8": b"testing123"', '"127.0.0.0/8": Peer(tls=True)').replace("App\n", "App, Peer\n")
    (folder / "several.py").write_text(text.replace("VERSION", "old"))
    own = pki.settings("server")
    files = ("--tls-cert", str(own.certificate), "--tls-key", str(own.key), "--tls-ca", str(own.ca[0]))
    name = transport.__name__
    program = start("run", "several:app", f"--{name.lower()}", "127.0.0.1:0", *files, *PLACE)
    asked = Load(int(program.wait_for(rf" {name} 127.0.0.1:(\d+) ")[1]))
    program.wait_for("3 workers")
    async with trio.open_nursery() as nursery:
        for last in range(2, 14):
            address = f"127.0.0.{last}"
            server = transport("127.0.0.1", asked.port, pki.settings("client"))
            nursery.start_soon(asked.ask, address, open_client(server, retransmission=SCHEDULE))
        await asked.count.wait_value(lambda count: count > 100)
        await restart(program, folder, text.replace("VERSION", "new"))
        enough = asked.count.value + 200
        await asked.count.wait_value(lambda count: count > enough)
        asked.ending = True
    assert asked.unanswered == []
    last_answers = {user.rpartition("-")[0]: answer for user, answer in asked.answers.items()}
    assert {answer.split()[0] for answer in last_answers.values()} == {"new"}
    assert Handled.read(folder).twice == []
    end(program)


async def running(command: list[str], task_status: trio.TaskStatus[trio.Process] = trio.TASK_STATUS_IGNORED) -> None:
    await trio.run_process(command, stdout=subprocess.PIPE, task_status=task_status)


@pytest.mark.timeout(90 + SOAK_SECONDS)
async def test_a_worker_killed_every_second(start: Start, folder: pathlib.Path) -> None:
    (folder / "several.py").write_text(APP)
    # No more log than a pipe holds, which nobody reads meanwhile.
    program = start("run", "several:app", *PLACE, "--log-level", "error")
    killed: set[int] = set()
    async with load(program) as asked, trio.open_nursery() as nursery:
        nursery.start_soon(reload_again_and_again, program, asked)
        until = trio.current_time() + SOAK_SECONDS
        while trio.current_time() < until:
            await trio.sleep(1)
            # One that is starting, too.
            victim = random.choice(children(program))
            killed.add(victim)
            os.kill(victim, signal.SIGKILL)
        asked.ending = True
    handled = Handled.read(folder)
    failed = handled.who_began(asked)
    print(
        f"\n{SOAK_SECONDS:g} s, {len(killed)} kills: {len(asked.answers)} requests, {len(asked.unanswered)} lost, "
        f"{len(handled.twice)} handled twice, the slowest answer after {asked.slowest:.1f} s; "
        f"{len(asked.conversations)} EAP conversations, {len(failed)} failed"
    )
    assert len(killed) >= SOAK_SECONDS // 1 - 1
    assert len(asked.answers) > 20 * SOAK_SECONDS
    assert asked.unanswered == []
    # Only what a killed worker had in hand, or had answered just before, may have been handled again, or have failed.
    assert [processes for processes in handled.twice if not set(processes[:-1]) <= killed] == []
    assert [(ended, worker) for ended, worker in failed if worker not in killed] == []
    end(program)
    assert re.search(r"worker \d \(process \d+\) ended by SIGKILL; its place is filled again", program.output)
