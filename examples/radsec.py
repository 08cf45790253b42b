"""RADIUS over TLS (RadSec): server and client. trioradius certs DIR; python -m examples.radsec DIR"""

import pathlib
import sys

import trio

from trioradius import (
    TLS,
    AccessAccept,
    AccessReject,
    AccessRequest,
    App,
    Client,
    Peer,
    TLSSettings,
    open_client,
    serve,
)
from trioradius.attributes import ReplyMessage, UserName, UserPassword

# Whoever shows a certificate for this name, from an authority that the server trusts; the secret is "radsec".
app = App(peers={"dns:radsec-client": Peer(name="nas")})


@app.on(AccessRequest)
async def authenticate(request: AccessRequest) -> AccessAccept | AccessReject:
    if request.get(UserName) == "alice" and request.verify_password("wonderland"):
        return request.accept(ReplyMessage("Welcome, Alice"))
    return request.reject()


def settings(folder: pathlib.Path, name: str) -> TLSSettings:
    return TLSSettings(certificate=folder / f"{name}.pem", key=folder / f"{name}.key", ca=folder / "ca.pem")


async def ask(client: Client) -> str:
    reply = await client.exchange(AccessRequest(UserName("alice"), UserPassword("wonderland")))
    return f"{reply.name} by RADIUS/{client.profile.name}: {reply.get(ReplyMessage)}"


async def main(folder: pathlib.Path) -> None:
    async with trio.open_nursery() as nursery:
        [(host, port)] = await nursery.start(serve, app, TLS("127.0.0.1", 0, settings(folder, "server")))
        async with open_client(TLS(host, port, settings(folder, "client"))) as client:
            print(await ask(client))
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    trio.run(main, pathlib.Path(sys.argv[1]))
