"""What a worker asks another one, by the very sockets that they use."""

from __future__ import annotations

import pathlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

from tests.nas import PEERS
from trioradius import AccessAccept, AccessReject, AccessRequest, App, Limits, NoResponse, Reply, Request
from trioradius.attributes import ProxyState, ReplyMessage, UserName
from trioradius.attributes.microsoft import MSMPPESendKey
from trioradius.protocol.profile import RADIUS_1_0, RADIUS_1_1, Profile
from trioradius.routing import Handler
from trioradius.server import AppService
from trioradius.testing import AppClient
from trioradius.workers.mailbox import QUESTION, Mailbox, ask, open_frames, path_of

OWNER = 7


class Two:
    """The worker that began all conversations, and one that asks it: each an app of its own."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.owner = App(PEERS, limits=Limits(handler_seconds=0.3), reject_delay=10)
        self.asking = App(PEERS, reject_delay=0)
        self.handled: list[str] = []
        self.asking.outermost(self._pass_on)
        self.asking.on(AccessRequest)(self._by_itself)

    async def _pass_on(self, request: Request[Any], call_next: Handler) -> Reply:
        return await ask(self.folder, OWNER, request) or await call_next(request)

    async def _by_itself(self, request: AccessRequest) -> AccessAccept:
        return request.accept(ReplyMessage("by itself"))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The owner's mailbox is open while the block runs."""
        with Mailbox(self.folder, OWNER, self.owner.dedup) as mailbox:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(mailbox.serve, AppService(self.owner))
                yield
                mailbox.stop()


@pytest.fixture
def two(tmp_path: pathlib.Path) -> Two:
    found = Two(tmp_path)

    @found.owner.on(AccessRequest)
    async def authenticate(request: AccessRequest) -> AccessAccept | AccessReject:
        user = request[UserName]
        found.handled.append(user)
        if user == "mallory":
            return request.reject(ReplyMessage("no"))
        if user == "slow":
            await trio.sleep_forever()
        if user == "broken":
            raise ZeroDivisionError
        return request.accept(ReplyMessage("by the owner"), MSMPPESendKey(b"a key of 16 octet"))

    return found


@pytest.mark.parametrize("profile", [RADIUS_1_0, RADIUS_1_1])
async def test_the_reply_is_the_owners(two: Two, profile: Profile) -> None:
    async with two.running():
        client = AppClient(two.asking, profile=profile)
        reply = await client.exchange(AccessRequest(UserName("alice"), ProxyState(b"1"), ProxyState(b"2")))
        assert isinstance(reply, AccessAccept)
        assert reply[ReplyMessage] == "by the owner"
        assert reply[MSMPPESendKey] == b"a key of 16 octet"
        assert reply.all(ProxyState) == (b"1", b"2")
    assert two.handled == ["alice"]


async def test_a_reject_is_delayed_by_the_worker_that_asked(two: Two) -> None:
    async with two.running():
        with trio.fail_after(9):
            reply = await AppClient(two.asking).exchange(AccessRequest(UserName("mallory")))
        assert isinstance(reply, AccessReject)
        assert reply[ReplyMessage] == "no"
    # It is finished at the owner, who owes it to nobody else.
    assert two.owner.dedup is not None
    assert not getattr(two.owner.dedup, "running")  # noqa: B009 - a DedupStore need not have it


@pytest.mark.parametrize(("user", "counted"), [("slow", "handler_timed_out"), ("broken", "handler_failed")])
async def test_an_owner_without_a_reply_is_silence(two: Two, user: str, counted: str) -> None:
    async with two.running():
        with pytest.raises(NoResponse, match="the worker that began this conversation gives no reply"):
            await AppClient(two.asking).exchange(AccessRequest(UserName(user)))
    assert two.owner.counters[counted] == 1
    assert two.asking.counters["discarded.worker_silent"] == 1


async def test_the_owner_counts_what_it_discards(two: Two) -> None:
    async with two.running():
        two.owner.peers.overlay({})
        two.owner.limits = Limits(in_flight_per_address=1)
        two.owner.in_flight["127.0.0.1"] = 1
        with pytest.raises(NoResponse):
            await AppClient(two.asking).exchange(AccessRequest(UserName("alice")))
    assert two.owner.counters["discarded.address_overload"] == 1
    assert two.handled == []


async def test_an_owner_that_is_gone(two: Two) -> None:
    async with two.running():
        pass
    reply = await AppClient(two.asking).exchange(AccessRequest(UserName("alice")))
    assert reply[ReplyMessage] == "by itself"


async def test_an_owner_that_dies_while_it_is_asked(two: Two) -> None:
    with Mailbox(two.folder, OWNER, None) as mailbox:
        service = AppService(two.owner)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(mailbox.serve, service)
            async with trio.open_nursery() as asking:

                async def ask_it() -> None:
                    with pytest.raises(NoResponse, match="gives no reply"):
                        await AppClient(two.asking).exchange(AccessRequest(UserName("slow")))

                asking.start_soon(ask_it)
                await trio.testing.wait_all_tasks_blocked(0.05)
                nursery.cancel_scope.cancel()
    assert two.handled == ["slow"]


async def test_whoever_hangs_up_harms_nobody(two: Two) -> None:
    async with two.running():
        for said in ((), (QUESTION,), (QUESTION, b"{}"), (b"!",)):
            frames = await open_frames(two.folder, OWNER)
            await frames.send(*said)
            await frames.aclose()
        reply = await AppClient(two.asking).exchange(AccessRequest(UserName("alice")))
        assert reply[ReplyMessage] == "by the owner"


def test_a_mailbox_leaves_nothing(tmp_path: pathlib.Path) -> None:
    with Mailbox(tmp_path, OWNER, None):
        assert path_of(tmp_path, OWNER).is_socket()
    assert not path_of(tmp_path, OWNER).exists()
