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
from contextlib import AsyncExitStack, closing

import pytest
import trio

from tests.interop.eapol import EapolTest
from tests.nas import Port, octets_of
from tests.tls.pki import PKI
from trioradius import TLS, UDP, AccessAccept, AccessRequest, open_client
from trioradius.attributes import UserName

from .conftest import SECRET, Program, Start
from .nases import APP, SCHEDULE, Handled, Load, children, load

SOAK_SECONDS = float(os.environ.get("TRIORADIUS_SOAK_SECONDS", "5"))
QUIET = ("--log-level", "error")
"""No more than a pipe holds, which nobody reads meanwhile."""

WAITING = APP.replace("await trio.sleep(0.01)", 'while not os.path.exists("go"): await trio.sleep(0.01)')
"""The same app, whose handlers wait for a file."""


@pytest.fixture
def served(start: Start, folder: pathlib.Path) -> Program:
    """The app, on three workers."""
    (folder / "several.py").write_text(APP.replace("VERSION", "old"))
    return start("run", "several:app", "--udp", "127.0.0.1:0", "--workers", "3", *QUIET)


async def restart(program: Program, folder: pathlib.Path, text: str) -> None:
    """A rolling restart on this code, from its signal to its end."""
    before = children(program)
    (folder / "several.py").write_text(text)
    program.signal(signal.SIGUSR2)
    with trio.fail_after(30):
        while len(handed_over(folder)) < len(before):
            await trio.sleep(0.05)


@pytest.mark.timeout(90 + SOAK_SECONDS)
async def test_a_worker_killed_every_second(served: Program, folder: pathlib.Path) -> None:
    killed: set[int] = set()
    async with load(served) as asked:
        until = trio.current_time() + SOAK_SECONDS
        while trio.current_time() < until:
            await trio.sleep(1)
            # One that is starting, too.
            victim = random.choice(children(served))
            killed.add(victim)
            os.kill(victim, signal.SIGKILL)
    handled = Handled.read(folder)
    failed = handled.who_began(asked)
    print(
        f"\n{SOAK_SECONDS:g} s, {len(killed)} kills: {len(asked.answers)} requests, {len(asked.unanswered)} unanswered, "
        f"{len(handled.twice)} handled twice; {len(asked.conversations)} EAP conversations, {len(failed)} failed; "
        f"the slowest answer took {asked.slowest:.1f} s"
    )
    assert len(killed) >= SOAK_SECONDS // 1 - 1
    assert len(asked.answers) > 20 * SOAK_SECONDS
    assert asked.unanswered == []
    # Only what a killed worker had in hand, or had answered just before, may have been handled again, or have failed.
    assert [processes for processes in handled.twice if not set(processes[:-1]) <= killed] == []
    assert [(ended, worker) for ended, worker in failed if worker not in killed] == []
    served.signal(signal.SIGTERM)
    assert served.status() == 0
    assert re.search(r"worker \d \(process \d+\) ended by SIGKILL; its place is filled again", served.output)
