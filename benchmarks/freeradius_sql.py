"""Debian's FreeRADIUS with its ``sql`` module on SQLite, set up in a folder of its own for the comparison."""

from __future__ import annotations

import pathlib
import sqlite3
from typing import Final

_MAIN: Final = pathlib.Path("/etc/freeradius/3.0/mods-config/sql/main/sqlite")
_RADIUSD: Final = """\
prefix = /usr
libdir = /usr/lib/freeradius
raddbdir = {folder}
run_dir = {folder}
logdir = {folder}
name = benchmark
correct_escapes = true
max_request_time = 30
cleanup_delay = 5
max_requests = 100000
hostname_lookups = no
log {{
    destination = files
    file = {folder}/radius.log
    auth = no
}}
security {{
    allow_core_dumps = no
    max_attributes = 200
    reject_delay = 0
    status_server = yes
}}
proxy_requests = no
modules {{
    expr {{
    }}
    pap {{
        normalise = no
    }}
    sql {{
        dialect = "sqlite"
        driver = "rlm_sql_sqlite"
        sqlite {{
            filename = "{database}"
            busy_timeout = 2000
        }}
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
        pool {{
            start = 2
            min = 2
            max = 2
            spare = 0
            uses = 0
            lifetime = 0
            idle_timeout = 0
        }}
        $INCLUDE {main}/queries.conf
    }}
}}
client benchmark {{
    ipaddr = 127.0.0.1
    secret = testing123
}}
server benchmark {{
    listen {{
        type = auth
        ipaddr = 127.0.0.1
        port = {port}
    }}
    authorize {{
        sql
        pap
    }}
    authenticate {{
        Auth-Type PAP {{
            pap
        }}
    }}
    post-auth {{ }}
}}
"""


def configure(folder: pathlib.Path, port: int, database: pathlib.Path) -> list[str]:
    """Write the configuration; return the command that runs it single-threaded, its faster mode on one core."""
    (folder / "radiusd.conf").write_text(_RADIUSD.format(folder=folder, port=port, database=database, main=_MAIN))
    (folder / "dictionary").write_text("$INCLUDE /usr/share/freeradius/dictionary\n")
    return ["/usr/sbin/freeradius", "-f", "-s", "-d", str(folder), "-n", "radiusd"]


def make_database(path: pathlib.Path, users: int) -> None:
    """Debian's schema, and users with a password of their own and the reply of one group.

    The row for Message-Authenticator has FreeRADIUS compute one, which BlastRADIUS asks for.
    """
    connection = sqlite3.connect(path)
    connection.executescript((_MAIN / "schema.sql").read_text())
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executemany(
        "INSERT INTO radcheck (username, attribute, op, value) VALUES (?, 'Cleartext-Password', ':=', ?)",
        ((f"user{number}", f"pass{number}") for number in range(users)),
    )
    connection.executemany(
        "INSERT INTO radusergroup (username, groupname, priority) VALUES (?, 'gold', 1)",
        ((f"user{number}",) for number in range(users)),
    )
    reply = (("Reply-Message", "Hello"), ("Session-Timeout", "3600"), ("Message-Authenticator", "0x00"))
    connection.executemany(
        "INSERT INTO radgroupreply (groupname, attribute, op, value) VALUES ('gold', ?, ':=', ?)", reply
    )
    connection.commit()
    connection.close()
