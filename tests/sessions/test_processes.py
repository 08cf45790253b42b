"""Several processes decide about the logins of one user, and hand out the addresses of one pool."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import pytest
import trio

from trioradius.sessions import Pools
from trioradius.stores.sql import open_database

PROCESSES = 5
LOGINS = 10
"""Of each process."""
PROGRAM = """
import json, sys, trio
from trioradius import AccessRequest
from trioradius.attributes import CallingStationId, NASIPAddress, UserName
from trioradius.sessions import Admitted, Sessions
from trioradius.stores.sql import open_database

async def main(where, process, count, limit, user, pool):
    got = []
    async with open_database(where) as database:
        sessions = Sessions(database)

        async def login(number):
            caller = CallingStationId(f"02:00:00:00:{process:02x}:{number:02x}")
            request = AccessRequest(UserName(user.format(process, number)), NASIPAddress("192.0.2.1"), caller)
            admission = await sessions.admit(request, limit=limit, pool=pool)
            if isinstance(admission, Admitted):
                got.append([str(avp.value) for avp in admission.attributes])

        # All begin together: when the test says so.
        print("ready", flush=True)
        await trio.to_thread.run_sync(sys.stdin.readline)
        async with trio.open_nursery() as nursery:
            for number in range(count):
                nursery.start_soon(login, number)
    print(json.dumps(got), flush=True)

trio.run(main, *json.loads(sys.argv[1]))
"""


def started(script: pathlib.Path, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, str(script), json.dumps(arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


async def admitted(
    tmp_path: pathlib.Path, where: str, limit: int | None, user: str, pool: str | None
) -> list[list[str]]:
    """What those who were let in got, of fifty logins in five processes at once."""
    script = tmp_path / "logins.py"
    script.write_text(PROGRAM)
    processes = [started(script, where, number, LOGINS, limit, user, pool) for number in range(PROCESSES)]
    got: list[list[str]] = []
    try:
        for process in processes:
            assert process.stdout is not None
            assert await trio.to_thread.run_sync(process.stdout.readline) == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in processes:
            output, _ = await trio.to_thread.run_sync(lambda process=process: process.communicate(timeout=60))
            assert process.returncode == 0
            got += json.loads(output)
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    return got


@pytest.mark.parametrize("limit", [1, 3])
async def test_a_user_has_no_more_sessions_than_he_may(where: str, tmp_path: pathlib.Path, limit: int) -> None:
    async with open_database(where):
        pass
    assert len(await admitted(tmp_path, where, limit, "alice", None)) == limit


async def test_no_address_is_handed_out_twice(where: str, tmp_path: pathlib.Path) -> None:
    async with open_database(where) as database:
        await Pools(database).add("home", "100.64.0.0/27")
        await Pools(database).add("home", "2001:db8:8000::/48", length=56)
    got = await admitted(tmp_path, where, None, "user{}.{}", "home")
    assert len(got) == 30
    assert len({address for address, _ in got}) == len({prefix for _, prefix in got}) == 30
