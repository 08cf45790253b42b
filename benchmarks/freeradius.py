"""Debian's FreeRADIUS with its ``files`` module, by UDP or TLS, set up in a folder of its own for the comparison."""

from __future__ import annotations

import pathlib
from typing import Final

AUTHORIZE: Final = {"PAP": "files\n        pap", "CHAP": "chap\n        files", "MS-CHAPv2": "mschap\n        files"}
"""The modules that each way to show a password needs, and no more."""
_COMMAND: Final = ["/usr/sbin/freeradius", "-f"]

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
    chap {{
    }}
    mschap {{
        use_mppe = yes
    }}
    always ok {{
        rcode = ok
    }}
}}
{clients}
server benchmark {{
    {listeners}
    authorize {{
        {authorize}
    }}
    authenticate {{
        Auth-Type PAP {{
            pap
        }}
        Auth-Type CHAP {{
            chap
        }}
        Auth-Type MS-CHAP {{
            mschap
        }}
    }}
    preacct {{ }}
    accounting {{
        ok
    }}
    post-auth {{ }}
}}
"""
_CLIENT = """\
client benchmark {
    ipaddr = 127.0.0.1
    secret = testing123
    require_message_authenticator = yes
}
"""
_LISTENER = """\
    listen {{
        type = {kind}
        ipaddr = 127.0.0.1
        port = {port}
    }}
"""
_TLS_CLIENTS = """\
thread pool {
    start_servers = 2
    max_servers = 2
    min_spare_servers = 1
    max_spare_servers = 2
}
clients radsec {
    client benchmark {
        ipaddr = 127.0.0.1
        proto = tls
        secret = radsec
        require_message_authenticator = yes
        limit {
            max_connections = 0
        }
    }
}
"""
_TLS_LISTENER = """\
    listen {{
        type = auth
        proto = tcp
        ipaddr = 127.0.0.1
        port = {port}
        clients = radsec
        limit {{
            max_connections = 0
        }}
        tls {{
            private_key_file = {certificates}/server.key
            certificate_file = {certificates}/server.pem
            ca_file = {certificates}/ca.pem
            require_client_cert = yes
            cipher_list = "DEFAULT"
            tls_min_version = "1.3"
            tls_max_version = "1.3"
            fragment_size = 8192
            cache {{
                enable = yes
                name = "benchmark"
            }}
        }}
    }}
"""


def configure(
    folder: pathlib.Path, port: int, accounting_port: int, users: int, *, method: str = "PAP", clients: str = ""
) -> list[str]:
    """Write the configuration; return the command that runs it single-threaded, its faster mode on one core.

    Args:
        folder: made where it does not exist.
        port: for authentication; accounting_port: for accounting.
        users: how many there are.
        method: a key of AUTHORIZE.
        clients: more of them, as FreeRADIUS spells them.
    """
    listeners = _LISTENER.format(kind="auth", port=port) + _LISTENER.format(kind="acct", port=accounting_port)
    _write(folder, _CLIENT + clients, listeners, users, AUTHORIZE[method])
    return [*_COMMAND, "-s", "-d", str(folder), "-n", "radiusd"]


def configure_tls(folder: pathlib.Path, port: int, certificates: pathlib.Path, users: int) -> list[str]:
    """The same by TLS, where FreeRADIUS asks for a thread pool; two threads were the fastest of one, two and four."""
    _write(folder, _TLS_CLIENTS, _TLS_LISTENER.format(port=port, certificates=certificates), users, AUTHORIZE["PAP"])
    return [*_COMMAND, "-d", str(folder), "-n", "radiusd"]


def _write(folder: pathlib.Path, clients: str, listeners: str, users: int, authorize: str) -> None:
    folder.mkdir(exist_ok=True)
    configuration = _RADIUSD.format(folder=folder, clients=clients, listeners=listeners, authorize=authorize)
    (folder / "radiusd.conf").write_text(configuration)
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
