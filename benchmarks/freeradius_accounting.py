"""Debian's FreeRADIUS with accounting in its ``sql`` module, set up in a folder of its own for the comparison."""

from __future__ import annotations

import pathlib
from typing import Final

SCHEMAS: Final = pathlib.Path("/etc/freeradius/3.0/mods-config/sql/main")
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
}}
security {{
    allow_core_dumps = no
    max_attributes = 200
    status_server = yes
}}
thread pool {{
    start_servers = {threads}
    max_servers = {threads}
    min_spare_servers = 1
    max_spare_servers = {threads}
    max_requests_per_server = 0
}}
proxy_requests = no
modules {{
    expr {{
    }}
    preprocess {{
        huntgroups = {folder}/none
        hints = {folder}/none
    }}
    sql {{
        dialect = "{dialect}"
        driver = "rlm_sql_{dialect}"
        sqlite {{
            filename = "{database}"
            busy_timeout = 2000
        }}
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
        pool {{
            start = {threads}
            min = {threads}
            max = {threads}
            spare = 0
            uses = 0
            lifetime = 0
            idle_timeout = 0
        }}
        $INCLUDE {schemas}/{dialect}/queries.conf
    }}
}}
policy {{
    $INCLUDE /etc/freeradius/3.0/policy.d/accounting
}}
client benchmark {{
    ipaddr = 127.0.0.1
    secret = testing123
}}
server benchmark {{
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


def configure(folder: pathlib.Path, port: int, dialect: str, database: str, threads: int) -> list[str]:
    """Write the configuration; return the command that runs it."""
    folder.mkdir()
    text = _RADIUSD.format(
        folder=folder, port=port, dialect=dialect, database=database, threads=threads, schemas=SCHEMAS
    )
    (folder / "radiusd.conf").write_text(text)
    (folder / "none").write_text("")
    (folder / "dictionary").write_text("$INCLUDE /usr/share/freeradius/dictionary\n")
    return ["/usr/sbin/freeradius", "-f", "-d", str(folder), "-n", "radiusd"]
