"""Many exchanges of one client, side by side."""

from __future__ import annotations

from typing import Any

import trio

from trioradius import AccessRequest, Client, NoResponse, Request
from trioradius.attributes import UserName


async def at_once(client: Client, requests: list[Request[Any]]) -> list[Any]:
    """Their replies, or what was raised, in the order of the requests."""
    found: list[Any] = [None] * len(requests)

    async def ask(at: int) -> None:
        try:
            found[at] = await client.exchange(requests[at])
        except NoResponse as error:
            found[at] = error

    async with trio.open_nursery() as nursery:
        for at in range(len(requests)):
            nursery.start_soon(ask, at)
    return found


def users(count: int) -> list[Request[Any]]:
    """A login each of so many users."""
    return [AccessRequest(UserName(f"user{at:04}")) for at in range(count)]
