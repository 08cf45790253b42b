"""RADIUS over DTLS: server and client of examples/radsec.py. trioradius certs DIR; python -m examples.dtls DIR"""

import pathlib
import sys

import trio

from examples.radsec import app, ask, settings
from trioradius import DTLS, open_client, serve


async def main(folder: pathlib.Path) -> None:
    async with trio.open_nursery() as nursery:
        [(host, port)] = await nursery.start(serve, app, DTLS("127.0.0.1", 0, settings(folder, "server")))
        async with open_client(DTLS(host, port, settings(folder, "client"))) as client:
            print(await ask(client))
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    trio.run(main, pathlib.Path(sys.argv[1]))
