"""Is a RadSec server there? Status-Server over TLS (RFC 5997). python -m examples.radsec_status DIR [HOST]"""

import pathlib
import sys

import trio

from examples.radsec import settings
from trioradius import TLS, AccessAccept, NoResponse, Retransmission, StatusServer, open_client


async def status(server: TLS) -> str:
    async with open_client(server, retransmission=Retransmission(duration=5)) as client:
        try:
            reply = await client.exchange(StatusServer())
        except NoResponse as error:
            return f"it does not answer: {error.reason}"
        kind = "requests" if isinstance(reply, AccessAccept) else "accounting"
        return f"it answers {kind} by RADIUS/{client.profile.name}"


async def main(folder: pathlib.Path, host: str = "localhost", port: int = 2083) -> None:
    print(await status(TLS(host, port, settings(folder, "client"))))


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    trio.run(main, pathlib.Path(sys.argv[1]), sys.argv[2] if sys.argv[2:] else "localhost")
