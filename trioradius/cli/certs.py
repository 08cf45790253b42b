"""``trioradius certs``: certificates to try RADIUS over TLS with."""

from __future__ import annotations

import pathlib
import shlex
from datetime import UTC, datetime
from typing import Final

import click

from trioradius.tls.certificates import SERVER_NAMES, VALID_DAYS, write_development_certificates

KINDS: Final = {
    "ca": "an authority of your own",
    "server": "for a server",
    "client": "for a client",
}


@click.command("certs")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=pathlib.Path))
@click.option("--name", "names", multiple=True, metavar="NAME", help="A further name or address of the server.")
def command(folder: pathlib.Path, names: tuple[str, ...]) -> None:
    """Make an authority, a server's and a client's certificate in DIR, for development only.

    The server's is for localhost, 127.0.0.1, ::1 and radsec-server. Files that exist are left as they are.
    """
    for path in write_development_certificates(folder, datetime.now(UTC), names=names):
        what = "certificate" if path.suffix == ".pem" else "private key"
        click.echo(f"{path}  {what}, {KINDS[path.stem]}")
    click.echo(f"They are for development only, and for {VALID_DAYS} days; the server is {', '.join(SERVER_NAMES)}")
    click.echo("    " + " ".join(["trioradius run MODULE:APP", *_shown(folder, "server")]))
    click.echo(
        "    " + " ".join(["trioradius send --tls", *_shown(folder, "client"), "auth localhost User-Name=alice"])
    )


def _shown(folder: pathlib.Path, stem: str) -> list[str]:
    files = {"cert": f"{stem}.pem", "key": f"{stem}.key", "ca": "ca.pem"}
    return [f"--tls-{option} {shlex.quote(str(folder / name))}" for option, name in files.items()]
