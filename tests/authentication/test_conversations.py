"""The table of conversations: bounds, lifetimes, and whose State it is."""

from __future__ import annotations

import itertools
import tracemalloc
from contextvars import copy_context
from datetime import UTC, datetime

import pytest

from tests.eap.peers import Peer
from trioradius.authentication.conversations import REMEMBERED_SECONDS, Conversations, Held, this_worker, worker_of
from trioradius.eap.conversation import Challenge, Conversation
from trioradius.eap.gtc import EAPGTC
from trioradius.eap.mschapv2 import EAPMSCHAPv2
from trioradius.protocol.credentials import Verdict


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def table(clock: Clock, maximum: int = 100, per_peer: int = 100) -> Conversations:
    return Conversations(maximum=maximum, per_peer=per_peer, idle_seconds=60, clock=clock)


def begun() -> Conversation:
    conversation = Conversation([EAPGTC()], now=datetime.now(UTC))
    conversation.receive(Peer().start(5))
    return conversation


def finish(held: Held) -> None:
    held.conversation.receive(b"\2\6\0\6\6x")
    held.conversation.tell(Verdict(True))


def kept(conversations: Conversations, peer: str = "nas") -> Held:
    held = conversations.begin(begun(), peer)
    conversations.keep(held)
    return held


def is_alive(held: Held) -> bool:
    return isinstance(held.conversation.receive(b""), Challenge)


def test_a_state_is_random_and_says_whose_it_is(clock: Clock) -> None:
    conversations = table(clock)
    of_worker = copy_context()
    of_worker.run(this_worker.set, 70_000)
    states = {of_worker.run(conversations.begin, begun(), "nas").state for _ in range(100)}
    assert len({state[4:] for state in states}) == 100
    assert {len(state) for state in states} == {20}
    assert {worker_of(state) for state in states} == {70_000}
    assert worker_of(conversations.begin(begun(), "nas").state) == 0


@pytest.mark.parametrize("state", [b"", bytes(4), bytes(16), bytes(19), bytes(21)])
def test_another_s_state_is_nobody_s(state: bytes) -> None:
    assert worker_of(state) is None


def test_it_is_found_by_state_and_peer(clock: Clock) -> None:
    conversations = table(clock)
    held = conversations.begin(begun(), "nas")
    assert conversations.find(held.state, "nas") is None
    conversations.keep(held)
    assert conversations.find(held.state, "nas") is held
    assert conversations.find(held.state, "another") is None
    assert conversations.find(bytes(20), "nas") is None
    assert held.state.hex() not in repr(held) and repr(held.state) not in repr(held)


def test_one_that_idles_is_given_up(clock: Clock) -> None:
    conversations = table(clock)
    first, second = kept(conversations), kept(conversations)
    clock.now += 59
    conversations.keep(first)
    clock.now += 1
    assert conversations.find(second.state, "nas") is None and not is_alive(second)
    assert conversations.find(first.state, "nas") is first and is_alive(first)
    assert (len(conversations), conversations.given_up) == (1, 1)
    clock.now += 60
    kept(conversations)
    assert (len(conversations), conversations.given_up) == (1, 2)


def test_past_the_bound_the_one_that_idled_longest_gives_way(clock: Clock) -> None:
    conversations = table(clock, maximum=3)
    held = [kept(conversations, f"nas {at}") for at in range(3)]
    conversations.keep(held[0])
    held.append(kept(conversations, "nas 3"))
    assert [is_alive(one) for one in held] == [True, False, True, True]
    assert (len(conversations), conversations.given_up) == (3, 1)
    assert conversations.find(held[1].state, "nas 1") is None


def test_a_peer_past_its_own_bound_costs_only_itself(clock: Clock) -> None:
    conversations = table(clock, maximum=4, per_peer=2)
    other = kept(conversations, "other")
    held = [kept(conversations) for _ in range(4)]
    assert [is_alive(one) for one in held] == [False, False, True, True]
    assert is_alive(other) and len(conversations) == 3
    conversations.keep(held[2])
    kept(conversations)
    assert [is_alive(one) for one in held] == [False, False, True, False]


def test_an_end_is_remembered_for_a_while(clock: Clock) -> None:
    conversations = table(clock)
    held = kept(conversations)
    finish(held)
    conversations.keep(held)
    assert (len(conversations), conversations.given_up) == (0, 0)
    assert conversations.find(held.state, "nas") is held
    clock.now += REMEMBERED_SECONDS - 1
    conversations.keep(held)
    assert conversations.find(held.state, "nas") is held
    clock.now += 1
    assert conversations.find(held.state, "nas") is None


def test_ends_are_bounded_as_well(clock: Clock) -> None:
    conversations = table(clock, maximum=3)
    over = []
    for _ in range(5):
        over.append(kept(conversations))
        finish(over[-1])
        conversations.keep(over[-1])
    assert [conversations.find(one.state, "nas") is not None for one in over] == [False, False, True, True, True]


def test_an_end_that_no_state_leads_to_is_not_remembered(clock: Clock) -> None:
    conversations = table(clock)
    held = conversations.begin(begun(), "nas")
    finish(held)
    conversations.keep(held)
    assert conversations.find(held.state, "nas") is None


def test_close_gives_up_all(clock: Clock) -> None:
    conversations = table(clock)
    held, over = kept(conversations), kept(conversations)
    finish(over)
    conversations.keep(over)
    conversations.close()
    assert len(conversations) == 0 and not is_alive(held)
    assert conversations.find(over.state, "nas") is None


def test_ten_thousand_half_open_conversations(clock: Clock) -> None:
    """And more that nobody goes on with, of ever new peers: memory is that of the bound, some 2 kB each."""
    numbers = itertools.count()

    def flood(conversations: Conversations, count: int) -> int:
        for at in itertools.islice(numbers, count):
            conversation = Conversation([EAPMSCHAPv2()], now=datetime.now(UTC))
            conversation.receive(Peer().start())
            conversations.keep(conversations.begin(conversation, f"nas {at}"))
        return tracemalloc.get_traced_memory()[0]

    conversations = table(clock, maximum=10_000, per_peer=10_000)
    tracemalloc.start()
    first = flood(conversations, 10_000)
    second = flood(conversations, 4_000)
    tracemalloc.stop()
    assert (len(conversations), conversations.given_up) == (10_000, 4_000)
    assert first < 40_000_000 and second < first * 1.08
