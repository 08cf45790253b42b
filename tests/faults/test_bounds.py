"""Floods, failing stores and failing handlers: nothing grows without bound, and the server goes on."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest
import trio
from trio.testing import MockClock

from tests.faults.conftest import SentFrom
from tests.faults.corpus import ACCEPT, STRICT
from tests.faults.raw import SECRET, login, reply, unproven
from tests.faults.target import PEERS, Target
from trioradius import UDP, AccessAccept, AccessReject, AccessRequest, App, Limits, NoResponse, Peer, open_client, serve
from trioradius.discards import LINES_MAXIMUM
from trioradius.peers.policy import LEARNED_MAXIMUM
from trioradius.retransmission import Retransmission
from trioradius.testing import AppClient


class Broken(Exception):
    """What a database driver raises."""


class WaitingStore:
    """A shared store: each step takes a while, and keeping a reply may fail."""

    def __init__(self, *, fails: bool = False) -> None:
        self.fails = fails

    async def begin(self, key: bytes) -> bytes | bool:
        await trio.sleep(0.01)
        return True

    async def finish(self, key: bytes, reply: bytes | None) -> None:
        await trio.sleep(0.01)
        if self.fails:
            raise Broken


@pytest.mark.trio
async def test_forged_addresses_do_not_fill_the_log(
    caplog: pytest.LogCaptureFixture, autojump_clock: MockClock
) -> None:
    """One line a minute for an address and a reason, and so many for a reason; the counter has the rest."""
    target = Target()
    client = AppClient(target.app)
    for number in range(3 * LINES_MAXIMUM):
        client.source = AppClient(target.app, address=f"198.18.{number >> 8}.{number & 255}").source
        with pytest.raises(NoResponse, match="unknown NAS"):
            await client.send(login())
    lines = [record for record in caplog.records if record.name == "trioradius.discards"]
    assert len(lines) == LINES_MAXIMUM
    assert "only counted" in lines[-1].getMessage()
    assert target.app.counters["discarded.unknown_peer"] == 3 * LINES_MAXIMUM
    await trio.sleep(61)
    with pytest.raises(NoResponse):
        await client.send(login())
    assert "unknown NAS" in caplog.records[-1].getMessage()


@pytest.mark.trio
async def test_forged_replies_do_not_fill_the_log(
    caplog: pytest.LogCaptureFixture, sent_from: SentFrom, clock: MockClock
) -> None:
    async with trio.open_nursery() as nursery:
        listening = sent_from(STRICT, (STRICT, 9))
        port = listening.getsockname()[1]
        once = Retransmission(attempts=1)
        async with open_client(UDP(STRICT, port), secret=SECRET, retransmission=once) as client:

            async def forge() -> None:
                asked = await listening.recv(4096)
                for _ in range(100):
                    await listening.send(reply(2, asked, secret=b"another"))

            await listening.connect(client._way._channels[0]._socket.getsockname())
            nursery.start_soon(forge)
            with pytest.raises(NoResponse, match="response_authenticator"):
                await client.exchange(AccessRequest())
            assert client.counters == {"response_authenticator": 100}
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) == 1


@pytest.mark.trio
async def test_forged_addresses_do_not_fill_what_auto_learned() -> None:
    """Inside the migration window a packet without proof teaches, but only so much."""
    window = datetime.now(UTC) + timedelta(days=1)
    app: App[None] = App({"198.18.0.0/15": Peer(SECRET, require_message_authenticator="auto", auto_until=window)})
    octets = unproven()
    for number in range(LEARNED_MAXIMUM):
        await AppClient(app, address=f"198.18.{number >> 8}.{number & 255}").send(octets)
    assert len(app.learned) <= LEARNED_MAXIMUM + 1
    await AppClient(app, address="198.18.63.255").send(login())
    assert app.learned["198.18.63.255"] is True


@pytest.mark.trio
async def test_a_waiting_store_loses_no_count_of_what_is_in_flight(autojump_clock: MockClock) -> None:
    app: App[None] = App(PEERS, dedup=WaitingStore(), limits=Limits(in_flight_per_address=8), reject_delay=0)
    running = []

    @app.on(AccessRequest)
    async def wait(request: AccessRequest) -> AccessReject:
        running.append(app.in_flight[STRICT])
        await trio.sleep(1)
        return request.reject()

    for _ in range(3):
        async with trio.open_nursery() as nursery:
            for _ in range(8):
                nursery.start_soon(AppClient(app).send, login())
        assert not app.in_flight
    assert max(running) == 8


@pytest.mark.trio
@pytest.mark.parametrize("bound", [1, 4])
async def test_a_request_is_not_in_its_own_way(bound: int, autojump_clock: MockClock) -> None:
    """Neither where it waited for its store, nor where it waited for its peer."""

    async def ask(address: str) -> Peer:
        await trio.sleep(1)
        return Peer(SECRET)

    for app in (
        App[None](PEERS, dedup=WaitingStore(), limits=Limits(in_flight_per_address=bound)),
        App[None](ask, limits=Limits(in_flight_per_address=bound)),
    ):

        @app.on(AccessRequest)
        async def accept(request: AccessRequest) -> AccessAccept:
            return request.accept()

        answers: list[bytes | None] = []

        async def send(app: App[None], answers: list[bytes | None]) -> None:
            answers.append(await AppClient(app).send(login()))

        async with trio.open_nursery() as nursery:
            for _ in range(bound):
                nursery.start_soon(send, app, answers)
        assert [answer and answer[0] for answer in answers] == [2] * bound


@pytest.mark.trio
async def test_past_the_bound_of_an_address_its_packets_are_discarded(autojump_clock: MockClock) -> None:
    app: App[None] = App(PEERS, limits=Limits(in_flight_per_address=2), reject_delay=0)
    held = trio.Event()

    @app.on(AccessRequest)
    async def wait(request: AccessRequest) -> AccessReject:
        await held.wait()
        return request.reject()

    async with trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(AppClient(app).send, login())
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(NoResponse, match="in_flight_per_address") as refused:
            await AppClient(app).send(login())
        assert refused.value.reason == "address_overload"
        held.set()
    assert await Target().verdict(login()) == ACCEPT


@pytest.mark.trio
@pytest.mark.parametrize("reject_delay", [0, 1])
async def test_a_failing_store_fails_one_packet_and_not_the_server(
    reject_delay: float, sent_from: SentFrom, clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Also where it fails after a delayed Access-Reject has left, when no handler is running any more."""
    store = WaitingStore(fails=True)
    app: App[None] = App(PEERS, dedup=store, reject_delay=reject_delay)
    async with trio.open_nursery() as nursery:
        [address] = await nursery.start(serve, app, UDP(STRICT, 0))
        client = sent_from(STRICT, address)
        await client.send(login())
        await trio.sleep(5)
        store.fails = False
        await client.send(login())
        while (await client.recv(4096))[0] != 3:
            pass
        await trio.sleep(5)
        nursery.cancel_scope.cancel()
    assert app.counters["handler_failed"] == 1
    assert "Broken" in caplog.text


FAULTS = (ValueError, KeyError, UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"), RecursionError, StopAsyncIteration)


@pytest.mark.trio
@pytest.mark.parametrize("fault", FAULTS, ids=str)
async def test_a_handler_that_raises_answers_nobody(fault: Exception | type[Exception]) -> None:
    """Silence, never an accept; the key is free, so that the retransmission tries again."""
    app: App[None] = App(PEERS)
    calls = []

    @app.on(AccessRequest)
    async def fail(request: AccessRequest) -> AccessReject:
        calls.append(request)
        async with trio.open_nursery():
            raise fault

    octets = login()
    for _ in range(2):
        assert await AppClient(app).send(octets) is None
    assert len(calls) == app.counters["handler_failed"] == 2
    assert not app.in_flight


@pytest.mark.trio
@pytest.mark.parametrize("returned", [None, b"\2", "Access-Accept", AccessReject, AccessRequest()])
async def test_a_handler_that_returns_no_reply_answers_nobody(returned: object) -> None:
    app: App[None] = App(PEERS)

    @app.on(AccessRequest)
    async def careless(request: AccessRequest):  # type: ignore[no-untyped-def]
        return returned

    assert await AppClient(app).send(login()) is None
    assert app.counters["handler_failed"] == 1


@pytest.mark.trio
async def test_secrets_and_passwords_are_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    """Not with every level on, not in a traceback, not in a repr of what the server holds."""
    caplog.set_level(logging.DEBUG)
    app: App[None] = App(PEERS, reject_delay=0)

    @app.on(AccessRequest)
    async def leak(request: AccessRequest) -> AccessReject:
        logging.getLogger("app").info("%r %s %r %r", request, request, request.peer, request.source)
        raise RuntimeError(repr(request))

    assert await AppClient(app).send(login()) is None
    with pytest.raises(NoResponse):
        await AppClient(app).send(login(secret=b"another"))
    assert "alice" in caplog.text
    for hidden in (SECRET.decode(), SECRET.hex(), "wonderland", b"wonderland".hex()):
        assert hidden not in caplog.text
