"""Full EAP authentications a second on one core: trioradius beside FreeRADIUS, in one run.

    python benchmarks/eap.py [--rounds 3] [--seconds 4]

PEAP-MSCHAPv2 and EAP-TLS over TLS 1.2 and 1.3, every handshake a whole one, with the same P-256 certificates. The load
generator is trioradius's own client on core 1, which makes as much cryptography as the server: it may well be the
slower end, which the remark shows by its share of its core. What a server can do is then its processor time, by which
the second ratio goes. It agrees on keys by X25519, as supplicants do; trioradius's OpenSSL could do ML-KEM as well,
which the other's cannot.
"""

from __future__ import annotations

import itertools
import pathlib
import sys
import tempfile
from datetime import UTC, datetime

import freeradius_eap
from servers import HERE, OURS, USERS, Contest, Rows, compile_radload, free_port, options_of, running, trioradius
from servers import wait_until_answering as wait
from table import Line, lines_of, print_lines

from trioradius.tls.certificates import write_development_certificates

METHODS = {"PEAP-MSCHAPv2": "peap-mschapv2", "EAP-TLS": "tls"}
VERSIONS = ("1.2", "1.3")
_GROUPS = """\
openssl_conf = settings
[settings]
ssl_conf = tls
[tls]
system_default = groups
[groups]
Groups = X25519:P-256
"""


def measure(rounds: int, seconds: float, folder: pathlib.Path) -> Rows:
    """Both servers' figures of each method and version, a row a round."""
    certificates = folder / "certificates"
    write_development_certificates(certificates, datetime.now(UTC))
    groups = folder / "openssl.cnf"
    groups.write_text(_GROUPS)
    load = ["env", f"OPENSSL_CONF={groups}", sys.executable, HERE / "eap_load.py"]
    rows: Rows = {}
    for version in VERSIONS:
        ports = {OURS: free_port(), "FreeRADIUS": free_port()}
        commands = {
            OURS: trioradius("eap_server:app", ports[OURS]),
            "FreeRADIUS": freeradius_eap.configure(
                folder / f"eap{version}", ports["FreeRADIUS"], certificates, version, USERS
            ),
        }
        environment = {"CERTIFICATES": str(certificates), "TLS_VERSION": version}
        with running(commands, environment) as processes:
            contest = Contest(processes, ports)
            # A password without EAP is right as well, and shows that the server is there.
            wait(compile_radload(folder), ports)
            for _, (title, method) in itertools.product(range(rounds), METHODS.items()):
                for name, port in ports.items():
                    row = contest.measure(name, [*load, port, method, version, certificates, seconds], seconds)
                    row["remark"] = f"{row['rounds']} rounds; load generator busy {row['busy']:.0%}"
                    rows.setdefault(f"{title}, TLS {version}", {}).setdefault(name, []).append(row)
    return rows


def lines(rounds: int, seconds: float, folder: pathlib.Path) -> list[Line]:
    """The lines of the table."""
    return lines_of(measure(rounds, seconds, folder), "logins/s")


def main() -> None:
    options = options_of(__doc__, seconds=4)
    with tempfile.TemporaryDirectory() as folder:
        print_lines(lines(options.rounds, options.seconds, pathlib.Path(folder)))


if __name__ == "__main__":
    main()
