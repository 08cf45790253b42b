"""FreeRADIUS and trioradius write the same accounting records, each into its own database: the rows are the same."""

from __future__ import annotations

import contextlib
import os
import pathlib
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Iterator
from typing import Final

import psycopg
import pytest
import trio

from trioradius import UDP, AccountingRequest, AccountingResponse, App, serve
from trioradius.stores.sql import open_database
from trioradius.stores.sql.accounting import SqlAccounting

from . import postgres
from .conftest import installed
from .freeradius import free_ports
from .radclient import SECRET, Radclient

SCHEMAS: Final = pathlib.Path("/etc/freeradius/3.0/mods-config/sql/main")
CONFIGURATION: Final = """
prefix = /usr
libdir = /usr/lib/freeradius
raddbdir = {folder}
run_dir = {folder}
logdir = {folder}
db_dir = {folder}
correct_escapes = true
security {{
    reject_delay = 0
    status_server = yes
}}
modules {{
    expr {{
        safe_characters = "@abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_: /"
    }}
    preprocess {{
        huntgroups = {folder}/empty
        hints = {folder}/empty
    }}
    sql {{
        dialect = "{dialect}"
        driver = "rlm_sql_{dialect}"
        {connection}
        radius_db = "{database}"
        acct_table1 = "radacct"
        acct_table2 = "radacct"
        postauth_table = "radpostauth"
        authcheck_table = "radcheck"
        groupcheck_table = "radgroupcheck"
        authreply_table = "radreply"
        groupreply_table = "radgroupreply"
        usergroup_table = "radusergroup"
        client_table = "nas"
        group_attribute = "SQL-Group"
        read_groups = no
        pool {{
            start = 1
            min = 1
            max = 1
            spare = 1
            uses = 0
            lifetime = 0
            idle_timeout = 0
            retry_delay = 1
        }}
        $INCLUDE {queries}
    }}
}}
policy {{
    $INCLUDE /etc/freeradius/3.0/policy.d/accounting
}}
client tests {{
    ipaddr = 127.0.0.1
    secret = "{secret}"
}}
server tests {{
    listen {{
        type = acct
        ipaddr = 127.0.0.1
        port = {port}
    }}
    preacct {{
        preprocess
        acct_unique
    }}
    accounting {{
        sql
    }}
}}
"""
CLASS: Final = "0x" + b"ai:0123456789abcdef0123456789abcdef".hex()
SESSIONS: Final = [
    'User-Name = "bob", NAS-Port = 7, NAS-Identifier = "bng1", Framed-IP-Address = 10.0.0.7',
    'User-Name = "alice@example.org", NAS-Port = 8, NAS-Port-Id = "slot 1/2:100", NAS-Port-Type = Ethernet',
    'User-Name = "no-port"',
    f'User-Name = "classy", NAS-Port = 9, Class = {CLASS}',
    'User-Name = "other-class", NAS-Port = 9, Class = 0x616920626c6f62',
    'User-Name = "six", NAS-IPv6-Address = 2001:db8::5, NAS-Port = 10, Framed-IPv6-Prefix = 2001:db8:7::/64,'
    " Delegated-IPv6-Prefix = 2001:db8:8::/56, Framed-Interface-Id = 0:0:0:1",
    "User-Name = 0x6a7572c3bc67656e, NAS-Port = 11",
    'User-Name = 0x61225c62, NAS-Identifier = "it\'s", NAS-Port = 12',
    "User-Name = 0x610d0a09017f62, NAS-Port = 13",
    "User-Name = 0x61ff62c3, NAS-Port = 14",
    'User-Name = "services", NAS-Port = 15, Service-Type = Framed-User, Framed-Protocol = PPP, Acct-Authentic = RADIUS,'
    ' Called-Station-Id = "net", Calling-Station-Id = "aa-bb-cc", Connect-Info = "100M"',
]
"""What tells the sessions apart, as radclient reads it."""
AT: Final = 1_790_000_000
RECORDS: Final = [
    ("Start", 0, ""),
    ("Interim-Update", 60, "Acct-Session-Time = 60, Acct-Input-Octets = 1000, Acct-Output-Octets = 5"),
    (
        "Interim-Update",
        120,
        "Acct-Session-Time = 120, Acct-Input-Octets = 9, Acct-Input-Gigawords = 3, Acct-Output-Octets = 6",
    ),
    (
        "Stop",
        180,
        "Acct-Session-Time = 180, Acct-Input-Octets = 90, Acct-Input-Gigawords = 3, Acct-Output-Octets = 7,"
        " Acct-Terminate-Cause = User-Request",
    ),
]
"""Status, seconds after AT, and counters of what each session sends."""
COMPARED: Final = (
    "acctsessionid, coalesce(nasportid, ''), coalesce(nasporttype, ''), acctsessiontime, acctinputoctets,"
    " acctoutputoctets, coalesce(calledstationid, ''), coalesce(callingstationid, ''), acctterminatecause,"
    " coalesce(framedinterfaceid, ''), coalesce(servicetype, ''), coalesce(framedprotocol, ''),"
    " coalesce(acctauthentic, ''), framedipaddress, framedipv6prefix, delegatedipv6prefix,"
    " coalesce(connectinfo_start, ''), acctstarttime, acctstoptime"
)
"""Columns that are the same whoever wrote the row. (User-Name is not: FreeRADIUS escapes what it deems unsafe.)"""


def packets(records: list[tuple[str, int, str]]) -> list[str]:
    """Input of radclient: every session sends its records."""
    return [
        f'Acct-Status-Type = {status}, Acct-Session-Id = "s{number}", {session}, Event-Timestamp = {AT + after}'
        + (f", {more}" if more else "")
        + ("" if "NAS-IPv6-Address" in session else ", NAS-IP-Address = 192.0.2.1")
        for status, after, more in records
        for number, session in enumerate(SESSIONS)
    ]


@contextlib.contextmanager
def freeradius_accounting(folder: pathlib.Path, where: str) -> Iterator[tuple[str, int]]:
    """FreeRADIUS that keeps accounting in a database; yields where it takes it."""
    dialect = "postgresql" if where.startswith("postgresql") else "sqlite"
    address = "127.0.0.1", free_ports(1)[0]
    (folder / "empty").touch()
    (folder / "dictionary").touch()
    (folder / "radiusd.conf").write_text(
        CONFIGURATION.format(
            folder=folder,
            dialect=dialect,
            connection="" if dialect == "postgresql" else f'sqlite {{\nfilename = "{where}"\nbusy_timeout = 2000\n}}',
            database=postgres.conninfo(where) if dialect == "postgresql" else "radius",
            queries=SCHEMAS / dialect / "queries.conf",
            secret=SECRET,
            port=address[1],
        )
    )
    command = [installed("freeradius", "freeradius"), "-f", "-s", "-l", "stdout", "-d", str(folder)]
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env={**os.environ, "TZ": "UTC"})
    try:
        wait_for(process, folder, address)
        yield address
    finally:
        process.terminate()
        process.wait(10)


def wait_for(process: subprocess.Popen[bytes], folder: pathlib.Path, address: tuple[str, int]) -> None:
    """Ask once a second until it answers Status-Server."""
    radclient = installed("radclient", "freeradius-utils")
    command = [radclient, "-d", str(folder), "-r", "1", "-t", "1", f"{address[0]}:{address[1]}", "status", SECRET]
    for _ in range(15):
        if process.poll() is not None:
            break
        if subprocess.run(command, input=b"Message-Authenticator = 0x00\n", capture_output=True).returncode == 0:
            return
    raise AssertionError((folder / "output").read_text()[-4000:])


@contextlib.asynccontextmanager
async def trioradius_accounting(where: str) -> AsyncIterator[tuple[str, int]]:
    """trioradius that keeps accounting in a database; yields where it takes it."""
    async with open_database(where) as database, trio.open_nursery() as nursery:
        accounting = SqlAccounting(database, clock=lambda: AT + 200)
        app = App(peers={"127.0.0.1": SECRET})

        @app.on(AccountingRequest)
        async def account(request: AccountingRequest) -> AccountingResponse:
            await accounting.record(request)
            return request.respond()

        [bound] = await nursery.start(serve, app, UDP("127.0.0.1", 0))
        yield bound
        nursery.cancel_scope.cancel()


def rows(where: str) -> dict[str, tuple[object, ...]]:
    """acctuniqueid to what both servers write alike."""
    statement = f"SELECT acctuniqueid, {COMPARED} FROM radacct"
    if where.startswith("postgresql"):
        with psycopg.connect(where) as connection:
            return {row[0]: row[1:] for row in connection.execute(statement)}  # type: ignore[call-overload]
    with contextlib.closing(sqlite3.connect(where)) as connection:
        return {row[0]: row[1:] for row in connection.execute(statement)}


async def send(radclient: Radclient, address: tuple[str, int], records: list[tuple[str, int, str]]) -> None:
    """Send all sessions' records, each status acknowledged before the next begins."""
    for record in records:
        sent = packets([record])
        assert len((await radclient(address, "acct", *sent, timeout=5)).replies) == len(sent)


async def test_both_servers_write_the_same_rows(
    radclient: Radclient, where: str, tmp_path: pathlib.Path, request: pytest.FixtureRequest
) -> None:
    """acctuniqueid by the same recipe, and everything else that is told of a session."""
    theirs = (
        str(tmp_path / "theirs.db") if where.endswith(".db") else request.getfixturevalue("cluster").create_database()
    )
    async with open_database(theirs):
        pass
    with freeradius_accounting(tmp_path, theirs) as address:
        await send(radclient, address, RECORDS)
    async with trioradius_accounting(where) as address:
        await send(radclient, address, RECORDS)
    assert len(rows(theirs)) == len(SESSIONS)
    ours = rows(where)
    for session, row in rows(theirs).items():
        assert ours[session] == row


@pytest.mark.parametrize("moved_after", [1, 3])
async def test_open_sessions_survive_a_move_from_one_to_the_other(
    radclient: Radclient, where: str, tmp_path: pathlib.Path, moved_after: int
) -> None:
    """FreeRADIUS opens sessions in a database, trioradius closes them there; or the other way round."""
    async with open_database(where):
        pass
    with freeradius_accounting(tmp_path, where) as address:
        await send(radclient, address, RECORDS[:moved_after] if moved_after == 1 else RECORDS[:0])
        if moved_after == 3:
            async with trioradius_accounting(where) as ours:
                await send(radclient, ours, RECORDS[:3])
            await send(radclient, address, RECORDS[3:])
    if moved_after == 1:
        async with trioradius_accounting(where) as ours:
            await send(radclient, ours, RECORDS[1:])
    found = rows(where)
    assert len(found) == len(SESSIONS)
    for row in found.values():
        assert row[3:6] == (180, (3 << 32) + 90, 7)
        assert row[8] == "User-Request"
