"""Debian's FreeRADIUS with EAP-TLS and PEAP-MSCHAPv2, set up in a folder of its own for the comparison."""

from __future__ import annotations

import pathlib
from typing import Final

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
client benchmark {{
    ipaddr = 127.0.0.1
    secret = testing123
    require_message_authenticator = yes
}}
modules {{
    pap {{
    }}
    mschap {{
        use_mppe = yes
    }}
    files {{
        filename = {folder}/users
    }}
    eap {{
        default_eap_type = peap
        timer_expire = 60
        max_sessions = 4096
        tls-config ours {{
            private_key_file = {certificates}/server.key
            certificate_file = {certificates}/server.pem
            ca_file = {certificates}/ca.pem
            fragment_size = 1024
            cipher_list = "DEFAULT"
            tls_min_version = "1.2"
            tls_max_version = "{version}"
            ecdh_curve = ""
            cache {{
                enable = no
            }}
        }}
        tls {{
            tls = ours
        }}
        peap {{
            tls = ours
            default_eap_type = mschapv2
            virtual_server = inner
        }}
        mschapv2 {{
        }}
    }}
}}
server default {{
    listen {{
        type = auth
        ipaddr = 127.0.0.1
        port = {port}
    }}
    authorize {{
        eap {{
            ok = return
        }}
        files
        pap
    }}
    authenticate {{
        Auth-Type PAP {{
            pap
        }}
        eap
    }}
}}
server inner {{
    authorize {{
        eap {{
            ok = return
        }}
        files
    }}
    authenticate {{
        Auth-Type MS-CHAP {{
            mschap
        }}
        eap
    }}
}}
"""


def configure(folder: pathlib.Path, port: int, certificates: pathlib.Path, version: str, users: int) -> list[str]:
    """Write the configuration; return the command that runs it single-threaded.

    Args:
        folder: made for it.
        port: where it listens.
        certificates: the folder with those of the server and of the authority.
        version: the highest TLS version, "1.2" or "1.3".
        users: how many there are.
    """
    folder.mkdir()
    text = _RADIUSD.format(folder=folder, port=port, certificates=certificates, version=version)
    (folder / "radiusd.conf").write_text(text)
    (folder / "dictionary").write_text("$INCLUDE /usr/share/freeradius/dictionary\n")
    (folder / "users").write_text("".join(f'user{n} Cleartext-Password := "pass{n}"\n' for n in range(users)))
    return ["/usr/sbin/freeradius", "-f", "-s", "-d", str(folder), "-n", "radiusd"]
