"""The load generator of eap.py: many supplicants at once, each a whole conversation after another; prints JSON.

python benchmarks/eap_load.py PORT METHOD TLS_VERSION CERTIFICATES SECONDS [SUPPLICANTS]
"""

from __future__ import annotations

import json
import pathlib
import random
import statistics
import sys
import time

import attrs
import trio
from servers import USERS

from trioradius import UDP, Client, EAPCredentials, TLSSettings, open_client

SUPPLICANTS = 8


@attrs.define
class Load:
    """Supplicants of one server, and how long each of their conversations took."""

    method: str
    settings: TLSSettings
    seconds: list[float] = attrs.field(factory=list)
    lost: int = 0
    rounds: int = 0

    def credentials(self) -> EAPCredentials:
        """Some user's."""
        number = random.randrange(USERS)
        password = None if self.method == "tls" else f"pass{number}"
        method: object = self.method
        return EAPCredentials(method=method, identity=f"user{number}", password=password, tls=self.settings)  # type: ignore[arg-type]

    async def supplicate(self, client: Client, until: float) -> None:
        """One conversation after another."""
        while time.perf_counter() < until:
            begun = time.perf_counter()
            result = await client.authenticate(self.credentials())
            self.rounds = result.rounds
            if result.accepted:
                self.seconds.append(time.perf_counter() - begun)
            else:
                self.lost += 1


async def run(load: Load, port: int, seconds: float, supplicants: int) -> dict[str, object]:
    """What was measured."""
    async with open_client(UDP("127.0.0.1", port), secret="testing123") as client:
        await client.authenticate(load.credentials())
        begun, processor = time.perf_counter(), time.process_time()
        async with trio.open_nursery() as nursery:
            for _ in range(supplicants):
                nursery.start_soon(load.supplicate, client, begun + seconds)
        elapsed, used = time.perf_counter() - begun, time.process_time() - processor
    return {
        # The first conversation, which found out that the server is there, is work for the server too.
        "requests": len(load.seconds) + load.lost + 1,
        "lost": load.lost,
        "rps": len(load.seconds) / elapsed,
        "busy": used / elapsed,
        "rounds": load.rounds,
        "latency_us": {
            "p50": statistics.median(load.seconds) * 1e6,
            "p99": sorted(load.seconds)[len(load.seconds) * 99 // 100] * 1e6,
        },
    }


def main() -> None:
    port, method, version, certificates, seconds = sys.argv[1:6]
    folder = pathlib.Path(certificates)
    settings = TLSSettings(
        ca=folder / "ca.pem",
        server_name="localhost",
        certificate=folder / "client.pem" if method == "tls" else None,
        key=folder / "client.key" if method == "tls" else None,
        maximum_version="1.2" if version == "1.2" else "1.3",
        resumption=False,
    )
    supplicants = int(sys.argv[6]) if len(sys.argv) > 6 else SUPPLICANTS
    print(json.dumps(trio.run(run, Load(method, settings), int(port), float(seconds), supplicants)))


if __name__ == "__main__":
    main()
