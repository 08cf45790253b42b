"""RADIUS/1.1 alone (RFC 9765): TLS 1.3, and no MD5. trioradius certs DIR; python -m examples.radius_1_1 DIR"""

import pathlib
import sys

import attrs
import trio

from examples.radsec import app, ask, settings
from trioradius import TLS, TLSSettings, VersionRefused, open_client, serve


async def ask_by_1_1(server: TLS) -> str:
    async with open_client(server) as client:
        try:
            return await ask(client)
        except VersionRefused as error:
            return f"refused: {error.reason}"


async def asked(of_server: TLSSettings, of_client: TLSSettings) -> str:
    async with trio.open_nursery() as nursery:
        [(host, port)] = await nursery.start(serve, app, TLS("127.0.0.1", 0, of_server))
        answer = await ask_by_1_1(TLS(host, port, of_client))
        nursery.cancel_scope.cancel()
    return answer


async def main(folder: pathlib.Path) -> None:
    """A client that takes nothing but 1.1, with a server of both versions, of 1.1 and of 1.0."""
    client = attrs.evolve(settings(folder, "client"), versions="1.1")
    for versions in ("1.0, 1.1", "1.1", "1.0"):
        server = attrs.evolve(settings(folder, "server"), versions=versions)
        print(f"a server of {versions}: {await asked(server, client)}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    trio.run(main, pathlib.Path(sys.argv[1]))
