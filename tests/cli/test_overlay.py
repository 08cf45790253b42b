"""Peers.overlay(), by which options and a peers file win over the app's own peers."""

from __future__ import annotations

import trio
import trio.testing

from trioradius import Peer, Peers, UnknownPeer
from trioradius.peers.table import Address


async def secret(peers: Peers, address: str) -> bytes:
    try:
        return (await peers.find(address)).secret.octets
    except UnknownPeer:
        return b""


async def test_an_overlay_wins_and_is_replaced_by_the_next() -> None:
    peers = Peers({"192.0.2.0/24": "own", "192.0.2.1": "own one"})
    assert await secret(peers, "192.0.2.2") == b"own"
    peers.overlay({"192.0.2.0/24": "over", "192.0.2.3": "over three"})
    assert await secret(peers, "192.0.2.2") == b"over"
    assert await secret(peers, "192.0.2.3") == b"over three"
    assert await secret(peers, "192.0.2.1") == b"own one"
    assert len(peers) == 3
    peers.overlay({})
    assert await secret(peers, "192.0.2.3") == b"own"


async def test_an_overlay_stays_when_the_table_is_replaced() -> None:
    peers = Peers({"192.0.2.1": "own"})
    peers.overlay({"192.0.2.2": "over"})
    peers.replace({"192.0.2.3": "new"})
    assert [await secret(peers, f"192.0.2.{host}") for host in (1, 2, 3)] == [b"", b"over", b"new"]


async def test_an_overlay_wins_over_a_source() -> None:
    async def find(address: Address) -> Peer | None:
        await trio.lowlevel.checkpoint()
        return Peer("source")

    peers = Peers(find)
    assert peers.has_source
    peers.overlay({"192.0.2.1": "over"})
    assert await secret(peers, "192.0.2.1") == b"over"
    assert await secret(peers, "192.0.2.2") == b"source"


async def test_an_answer_from_before_a_new_table_is_not_kept() -> None:
    asked, answered = trio.Event(), trio.Event()

    async def find(address: Address) -> Peer | None:
        asked.set()
        await answered.wait()
        return Peer("source")

    peers = Peers(find)
    found: list[bytes] = []

    async def ask() -> None:
        found.append(await secret(peers, "192.0.2.1"))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await asked.wait()
        peers.replace({"192.0.2.1": "table"})
        nursery.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked()
        answered.set()
    assert sorted(found) == [b"source", b"table"]
    assert await secret(peers, "192.0.2.1") == b"table"
