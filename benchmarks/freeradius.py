"""Debian's FreeRADIUS with its ``files`` module, set up in a folder of its own for the comparison."""

from __future__ import annotations

import pathlib

_RADIUSD = """\
prefix = /usr
libdir = /usr/lib/freeradius
raddbdir = {folder}
run_dir = {folder}
logdir = {folder}
db_dir = {folder}
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
    files {{
        filename = {folder}/users
        acctusersfile = {folder}/none
        preproxy_usersfile = {folder}/none
    }}
    pap {{
        normalise = no
    }}
    always ok {{
        rcode = ok
    }}
}}
client benchmark {{
    ipaddr = 127.0.0.1
    secret = testing123
    require_message_authenticator = yes
}}
server benchmark {{
    listen {{
        type = auth
        ipaddr = 127.0.0.1
        port = {port}
    }}
    listen {{
        type = acct
        ipaddr = 127.0.0.1
        port = {accounting_port}
    }}
    authorize {{
        files
        pap
    }}
    authenticate {{
        Auth-Type PAP {{
            pap
        }}
    }}
    preacct {{ }}
    accounting {{
        ok
    }}
    post-auth {{ }}
}}
"""


def configure(folder: pathlib.Path, port: int, accounting_port: int, users: int) -> list[str]:
    """Write the configuration; return the command that runs it single-threaded, its faster mode on one core."""
    (folder / "radiusd.conf").write_text(_RADIUSD.format(folder=folder, port=port, accounting_port=accounting_port))
    (folder / "none").write_text("")
    (folder / "dictionary").write_text("$INCLUDE /usr/share/freeradius/dictionary\n")
    (folder / "users").write_text(
        "".join(
            f'user{n} Cleartext-Password := "pass{n}"\n'
            '\tReply-Message = "Hello", Session-Timeout = 3600, Framed-IP-Address = 10.0.0.1,\n'
            "\tMessage-Authenticator = 0x00\n"
            for n in range(users)
        )
    )
    return ["/usr/sbin/freeradius", "-f", "-s", "-d", str(folder), "-n", "radiusd"]
