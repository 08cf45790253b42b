"""The line between supervisor and worker, and the invitation."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from trioradius.workers import control
from trioradius.workers.control import Control, Invitation

INVITED = Invitation(7, 1, 3, (4, 5), 6, "/run/somewhere")


async def test_messages_are_whole() -> None:
    supervisor, theirs = Control.pair()
    worker = Control(theirs)
    await worker.send(control.READY)
    await worker.send(control.COUNTERS, values={f"discarded.reason_{n}": n for n in range(2_000)})
    assert await supervisor.receive() == {"is": "ready"}
    counted = await supervisor.receive()
    assert counted is not None
    assert len(counted["values"]) == 2_000
    worker.close()
    assert await supervisor.receive() is None
    await supervisor.send(control.GO)
    supervisor.close()
    assert await supervisor.receive() is None
    await supervisor.send(control.GO)


def test_a_process_is_invited_once_and_its_children_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in INVITED.to_environment().items():
        monkeypatch.setenv(name, value)
    assert Invitation.from_environment() == INVITED
    assert Invitation.from_environment() is None
    assert control.ENVIRONMENT not in os.environ


def test_an_invitation_survives_exec() -> None:
    code = "from trioradius.workers import Invitation; print(Invitation.from_environment())"
    result = subprocess.run([sys.executable, "-c", code], env=INVITED.to_environment(), capture_output=True, text=True)
    assert result.stdout.strip() == repr(INVITED)
