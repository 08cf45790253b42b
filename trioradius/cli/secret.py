"""``trioradius secret``: a shared secret that nobody can guess."""

from __future__ import annotations

import base64
import secrets
from typing import Final

import click

OCTETS: Final = 25
"""At least 24 random octets are advised (draft-ietf-radext-deprecating-radius); 25 fill base32 without padding."""


@click.command("secret")
def command() -> None:
    """Make a shared secret: 25 random octets as 40 letters and digits."""
    click.echo(base64.b32encode(secrets.token_bytes(OCTETS)).decode().lower())
