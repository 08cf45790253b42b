"""Embedding: a RADIUS server as one task of a larger Trio program. Run it with: python -m examples.embedding"""

import trio

from examples.hello import app
from trioradius import UDP, serve


async def report(every: float) -> None:
    """The rest of the program; here it prints what the server counted."""
    while True:
        await trio.sleep(every)
        print(dict(app.counters))


async def main(
    *listeners: UDP, every: float = 60, task_status: trio.TaskStatus[list[tuple[str, int]]] = trio.TASK_STATUS_IGNORED
) -> None:
    async with trio.open_nursery() as nursery:
        bound: list[tuple[str, int]] = await nursery.start(serve, app, *listeners)
        print("listening on", bound)
        nursery.start_soon(report, every)
        task_status.started(bound)


if __name__ == "__main__":
    trio.run(main, UDP("127.0.0.1", 1812), UDP("127.0.0.1", 1813))
