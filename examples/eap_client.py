"""Test a network with 802.1X: which methods does it take, and does it say no? python -m examples.eap_client HOST DIR"""

import pathlib
import sys

import trio

from trioradius import (
    UDP,
    AccessReject,
    AuthenticityError,
    Client,
    EAPCredentials,
    NoResponse,
    TLSSettings,
    open_client,
)
from trioradius.attributes import CalledStationId, NASPortType

SECRET = b"testing123"
WIRELESS = (NASPortType(NASPortType.WIRELESS_802_11), CalledStationId("02-00-00-00-00-01:example"))


def users(folder: pathlib.Path) -> list[EAPCredentials]:
    # Whom to believe: a server with a certificate from this authority, for this name.
    tls = TLSSettings(ca=folder / "ca.pem", server_name="localhost")
    machine = TLSSettings(
        ca=folder / "ca.pem",
        server_name="localhost",
        certificate=folder / "client.pem",
        key=folder / "client.key",
    )
    return [
        EAPCredentials(method="peap-mschapv2", identity="alice", password="wonderland", tls=tls),
        EAPCredentials(
            method="ttls-pap", identity="alice", password="wonderland", anonymous_identity="anonymous", tls=tls
        ),
        EAPCredentials(method="tls", identity="machine", tls=machine),
        EAPCredentials(method="peap-mschapv2", identity="alice", password="looking glass", tls=tls),
    ]


async def check(client: Client, user: EAPCredentials) -> str:
    try:
        result = await client.authenticate(user, *WIRELESS)
    except AuthenticityError as error:
        return f"do not believe it: {error}"
    except NoResponse as error:
        return f"silent: {error}"
    if isinstance(result.reply, AccessReject):
        return f"rejected {result.reason}".strip()
    return f"accepted after {result.rounds} rounds over {result.tls_version}"


async def main(host: str, folder: pathlib.Path, port: int = 1812) -> None:
    async with open_client(UDP(host, port), secret=SECRET) as client:
        for user in users(folder):
            print(f"{user.method}: {await check(client, user)}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    trio.run(main, sys.argv[1], pathlib.Path(sys.argv[2]))
