"""kill -9 under load: nothing that was acknowledged is lost, and nothing is counted twice."""

from __future__ import annotations

import pathlib
import signal
import subprocess
import sys

import trio

from trioradius import UDP, AccountingRequest, NoResponse, Retransmission, open_client
from trioradius.attributes import (
    AcctInputOctets,
    AcctSessionId,
    AcctSessionTime,
    AcctStatusType,
    EventTimestamp,
    NASIPAddress,
    NASPort,
    UserName,
)
from trioradius.client import Client
from trioradius.stores.sql import open_database

SECRET = "a secret of 24 octets..."
SESSIONS = 4_000
WAYS = 48
AT = 1_790_000_000
SERVER = f"""
import sys, time, trio
from trioradius import UDP, AccountingRequest, App, serve
from trioradius.stores.sql import open_database
from trioradius.stores.sql.accounting import SqlAccounting

app = App(peers={{"127.0.0.1": {SECRET!r}}})

@app.lifespan
async def accounting(app):
    async with open_database(sys.argv[1]) as database:
        yield SqlAccounting(database, clock=lambda: {AT} + 1000)

@app.on(AccountingRequest)
async def account(request):
    await app.state.record(request)
    return request.respond()

async def main():
    async with trio.open_nursery() as nursery:
        [bound] = await nursery.start(serve, app, UDP("127.0.0.1", 0))
        print(bound[1], flush=True)

trio.run(main)
"""


class Server:
    """The server as a process of its own."""

    def __init__(self, script: pathlib.Path, where: str) -> None:
        self.process = subprocess.Popen([sys.executable, str(script), where], stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


def stop(number: int) -> AccountingRequest:
    """The one record of a session: a Stop whose octets tell it from all others."""
    return AccountingRequest(
        AcctStatusType(AcctStatusType.STOP),
        AcctSessionId(f"{number:08x}"),
        UserName(f"user{number}"),
        NASIPAddress("192.0.2.1"),
        NASPort(number),
        EventTimestamp(AT + number % 900),
        AcctSessionTime(60),
        AcctInputOctets(1_000_000 + number),
    )


async def send(port: int, numbers: list[int], kill_after: int | None, server: Server) -> set[int]:
    """Send Stops; which of them were acknowledged. The server is killed once so many were."""
    acknowledged: set[int] = set()
    left = iter(numbers)

    async def way(client: Client, scope: trio.CancelScope) -> None:
        for number in left:
            try:
                await client.exchange(stop(number))
            except NoResponse:
                return
            acknowledged.add(number)
            if kill_after is not None and len(acknowledged) == kill_after:
                server.kill()
                scope.cancel()

    retransmission = Retransmission(attempts=1, initial=5, duration=5)
    async with (
        open_client(UDP("127.0.0.1", port), secret=SECRET, retransmission=retransmission) as client,
        trio.open_nursery() as nursery,
    ):
        for _ in range(WAYS):
            nursery.start_soon(way, client, nursery.cancel_scope)
    return acknowledged


async def octets_kept(where: str) -> dict[str, int]:
    async with open_database(where) as database:
        return {row[0]: row[1] for row in await database.rows("SELECT acctsessionid, acctinputoctets FROM radacct")}


async def test_nothing_acknowledged_is_lost_and_nothing_counted_twice(where: str, tmp_path: pathlib.Path) -> None:
    script = tmp_path / "server.py"
    script.write_text(SERVER)
    server = Server(script, where)
    try:
        acknowledged = await send(server.port, list(range(SESSIONS)), SESSIONS // 3, server)
    finally:
        server.kill()
    kept = await octets_kept(where)
    assert SESSIONS // 3 <= len(acknowledged) < SESSIONS
    assert {number for number in acknowledged if kept.get(f"{number:08x}") != 1_000_000 + number} == set()

    server = Server(script, where)
    try:
        # As a NAS does: what was not acknowledged again, and some that was, since replies get lost too.
        again = [*(set(range(SESSIONS)) - acknowledged), *sorted(acknowledged)[:500]]
        assert await send(server.port, again, None, server) == set(again)
    finally:
        server.kill()
    assert await octets_kept(where) == {f"{number:08x}": 1_000_000 + number for number in range(SESSIONS)}
