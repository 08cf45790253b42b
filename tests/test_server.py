"""The way of one packet, row by row, and the life of a server."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.nas import PEERS, SECRET, Port, login, octets_of, served
from trioradius import (
    UDP,
    AccessAccept,
    AccessReject,
    AccessReply,
    AccessRequest,
    AccountingRequest,
    App,
    CallNext,
    CoAACK,
    CoANAK,
    CoARequest,
    ConfigurationError,
    Discard,
    DisconnectNAK,
    DisconnectRequest,
    Limits,
    MemoryDedupStore,
    MissingAttribute,
    NoResponse,
    Peer,
    RadiusError,
    Reply,
    Request,
    StatusServer,
    serve,
)
from trioradius.attributes.ietf import (
    ErrorCause,
    EventTimestamp,
    ReplyMessage,
    SessionTimeout,
    UserName,
)
from trioradius.errors import StoreUnavailable
from trioradius.protocol.profile import RADIUS_1_0
from trioradius.protocol.source import Source
from trioradius.server import AppService
from trioradius.testing import AppClient
from trioradius.transports.abreast import Answering
from trioradius.transports.listener import Answer, Delayed

REQUESTS = (AccessRequest, AccountingRequest, CoARequest, DisconnectRequest)
POSITIVE = list(zip(REQUESTS, (2, 5, 44, 41), strict=True))
REFUSED = list(zip(REQUESTS, (3, "not_handled", 45, 42), strict=True))


@pytest.fixture
def clock() -> MockClock:
    """Virtual time that jumps when nothing happened for 10 ms, so that real sockets get their turn."""
    return MockClock(autojump_threshold=0.01)


@pytest.fixture
def app() -> App[Any]:
    return App(PEERS, reject_delay=0)


def source(*accepts: int, address: str = "127.0.0.1") -> Source:
    return Source(address, 1024, "udp", RADIUS_1_0, frozenset(accepts or (1, 4, 40, 43)))


async def answer_to(app: App[Any], octets: bytes, from_where: Source) -> Answer:
    """What a request comes to."""
    request = Answering(AppService(app), octets, from_where, None)
    await request.rest()
    return request.answer


async def outcome(app: App[Any], octets: bytes, *accepts: int, address: str = "127.0.0.1") -> int | str:
    """The code that answers these octets, or the reason why none does."""
    client = AppClient(app, address=address)
    client.source = source(*accepts, address=address)
    try:
        answer = await client.send(octets)
    except NoResponse as silence:
        return silence.reason
    return "failed" if answer is None else answer[0]


def answer_with(app: App[Any], act: Callable[[Any], Any]) -> list[Request[Any]]:
    """Let every request wait a little and then meet this act; returns what is handled."""
    handled: list[Request[Any]] = []
    for kind in REQUESTS:

        @app.on(kind)  # type: ignore[call-overload, untyped-decorator]
        async def handle(request: Request[Any]) -> Any:
            handled.append(request)
            await trio.lowlevel.checkpoint()
            return act(request)

    return handled


def positive(request: Any) -> Reply:
    answer = {1: "accept", 4: "respond", 40: "ack", 43: "ack"}[request.code]
    return getattr(request, answer)()  # type: ignore[no-any-return]


def raising(error: BaseException) -> Callable[[Any], Any]:
    def act(_: Any) -> Any:
        raise error

    return act


# What happens, and the answer.


@pytest.mark.parametrize("kind, code", POSITIVE)
async def test_a_repeat_gets_the_identical_octets(app: App[Any], kind: type[Request[Any]], code: int) -> None:
    handled = answer_with(app, positive)
    octets = octets_of(kind(UserName("alice")))
    first = await AppClient(app).send(octets)
    assert first and first[0] == code
    assert await AppClient(app).send(octets) == first
    assert len(handled) == 1
    assert app.counters["repeats"] == 1
    assert not app.in_flight


@pytest.mark.parametrize("kind, answer", REFUSED)
async def test_without_a_handler(app: App[Any], kind: type[Request[Any]], answer: int | str) -> None:
    octets = octets_of(kind(UserName("alice")))
    assert await outcome(app, octets) == answer
    assert isinstance(app.dedup, MemoryDedupStore)
    assert len(app.dedup) == 0, "the framework's own answers are not kept"
    answer_with(app, positive)
    assert await outcome(app, octets) not in (answer, "repeat_in_flight")


async def in_a_nursery(act: Callable[[], Any]) -> Any:
    async with trio.open_nursery() as nursery:

        async def child() -> None:
            act()

        nursery.start_soon(child)
        await trio.sleep_forever()


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("kind, answer", REFUSED)
async def test_an_attribute_that_is_absent(kind: type[Request[Any]], answer: int | str, nested: bool) -> None:
    app: App[Any] = App(PEERS, reject_delay=0)

    @app.on(kind)  # type: ignore[call-overload, untyped-decorator]
    async def careless(request: Request[Any]) -> Any:
        if nested:
            await in_a_nursery(lambda: request[SessionTimeout])
        return request[SessionTimeout]

    assert await outcome(app, octets_of(kind())) == answer
    assert not app.counters["handler_failed"]


@pytest.mark.parametrize("kind", [CoARequest, DisconnectRequest])
async def test_error_cause_says_why(app: App[Any], kind: type[CoARequest | DisconnectRequest]) -> None:
    refused = await AppClient(app).exchange(kind())
    assert isinstance(refused, CoANAK | DisconnectNAK)
    assert refused[ErrorCause] == ErrorCause.UNSUPPORTED_EXTENSION
    answer_with(app, raising(MissingAttribute("User-Name")))
    refused = await AppClient(app).exchange(kind())
    assert refused[ErrorCause] == ErrorCause.MISSING_ATTRIBUTE


FAULTS: dict[str, Callable[[Any], Any]] = {
    "raises": raising(ValueError()),
    "raises a group": raising(ExceptionGroup("", [ValueError()])),
    "raises Discard beside a fault": raising(ExceptionGroup("", [Discard("why"), ValueError()])),
    "returns nothing": lambda request: None,
    "returns a reply of another request": lambda request: CoAACK() if request.code != 43 else AccessAccept(),
    "returns the request": lambda request: request,
    "makes a value that does not fit": lambda request: AccessAccept(SessionTimeout(-1)),
    "makes a reply that does not fit": lambda request: type(positive(request))(*[ReplyMessage("x" * 253)] * 17),
}


@pytest.mark.parametrize("kind", REQUESTS)
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_handler_that_fails_answers_nobody(
    app: App[Any], kind: type[Request[Any]], fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Never an accept; logged as ours; and the key is free, so that a retransmission tries again."""
    handled = answer_with(app, FAULTS[fault])
    octets = octets_of(kind())
    assert [await outcome(app, octets) for _ in range(2)] == ["failed"] * 2
    assert len(handled) == app.counters["handler_failed"] == 2
    assert not app.in_flight
    assert {record.levelno for record in caplog.records} == {logging.ERROR}
    assert all(record.exc_info for record in caplog.records)


async def test_what_only_a_setting_can_mend_is_one_line(app: App[Any], caplog: pytest.LogCaptureFixture) -> None:
    """As a library that is not installed: a traceback a packet would hide the line that says so."""
    answer_with(app, raising(ConfigurationError("pip install 'trioradius[passwords]'")))
    assert await outcome(app, login()) == "failed"
    [record] = caplog.records
    assert record.getMessage().endswith(": pip install 'trioradius[passwords]'; the request stays unanswered")
    assert not record.exc_info


@pytest.mark.parametrize(
    "error",
    [
        Discard("why", reason="a_reason"),
        ExceptionGroup("", [ExceptionGroup("", [Discard("why", reason="a_reason")])]),
        ExceptionGroup("", [Discard("why", reason="a_reason"), Discard("another")]),
    ],
)
async def test_a_handler_that_discards(app: App[Any], error: Exception) -> None:
    """Silent, counted under its reason, no fault of anybody, and tried again for a retransmission."""
    handled = answer_with(app, raising(error))
    octets = login()
    assert [await outcome(app, octets) for _ in range(2)] == ["a_reason"] * 2
    assert len(handled) == 2
    assert not app.counters["handler_failed"]


async def test_a_handler_cancelled_by_its_own_scope_answers_nobody(app: App[Any], autojump_clock: MockClock) -> None:
    @app.on(AccessRequest)
    async def slow(request: AccessRequest) -> AccessReply:  # type: ignore[return]
        with trio.move_on_after(1):
            await trio.sleep(5)
            return request.accept()

    assert await outcome(app, login()) == "failed"


async def test_no_handler_inside_a_nursery_of_middleware_is_no_fault(app: App[Any]) -> None:
    @app.middleware
    async def within(request: Request[Any], call_next: CallNext) -> Reply:
        async with trio.open_nursery():
            return await call_next(request)

    assert await outcome(app, login()) == 3


async def test_reasons_are_for_the_log(app: App[Any], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert await outcome(app, login()) == 3
    assert "'alice': no handler takes it" in caplog.text
    answer_with(app, lambda request: request.reject(reason="the account is closed"))
    octets = await AppClient(app).send(login())
    assert "the account is closed" in caplog.text
    assert octets and b"closed" not in octets


# Status-Server, and what a listener does not take.


async def test_status_server_is_answered_by_the_framework(app: App[Any]) -> None:
    seen: list[object] = []

    @app.middleware
    async def note(request: Request[Any], call_next: CallNext) -> Reply:
        seen.append(request)
        return await call_next(request)

    answer_with(app, positive)
    octets = octets_of(StatusServer())
    assert await outcome(app, octets) == 2
    assert await outcome(app, octets, 4) == 5
    assert await outcome(app, octets, 40, 43) == 2
    assert not seen
    assert isinstance(app.dedup, MemoryDedupStore)
    assert len(app.dedup) == 0


@pytest.mark.parametrize("kind, answer", [(AccessRequest, "not_accepted"), (CoARequest, 45), (DisconnectRequest, 42)])
async def test_what_a_listener_does_not_take(app: App[Any], kind: type[Request[Any]], answer: int | str) -> None:
    handled = answer_with(app, positive)
    octets = octets_of(kind())
    assert await outcome(app, octets, 4) == answer
    assert not handled
    assert await outcome(app, octets) != answer, "what was refused there is not kept here"


@pytest.mark.parametrize("code", [0, 2, 3, 5, 11, 13, 41, 45, 52, 255])
async def test_a_code_that_is_no_request(app: App[Any], code: int) -> None:
    assert await outcome(app, bytes((code,)) + login()[1:]) == "unexpected_code"


# The order of the checks.


async def test_who_it_is_comes_first_then_the_proof_then_the_duplicates(app: App[Any]) -> None:
    handled = answer_with(app, positive)
    octets = login()
    assert await outcome(app, b"garbage", address="192.0.2.1") == "unknown_peer"
    assert await outcome(app, b"garbage") == "packet_too_short"
    assert await outcome(app, octets) == 2
    forged = octets[:-1] + bytes((octets[-1] ^ 1,))
    assert await outcome(app, forged) == "message_authenticator_wrong", "same key, yet no kept reply"
    assert await outcome(app, octets) == 2
    assert len(handled) == 1


async def test_what_is_not_verified_cannot_hold_a_key(app: App[Any]) -> None:
    answer_with(app, positive)
    octets = octets_of(AccountingRequest(UserName("alice")))
    forged = octets_of(AccountingRequest(UserName("alice")), b"another secret")
    assert await outcome(app, forged[:4] + octets[4:20] + forged[20:]) in (5, "request_authenticator")
    assert await outcome(app, forged) == "request_authenticator"
    assert await outcome(app, octets) == 5


async def test_a_repeat_while_the_handler_runs_is_dropped(app: App[Any]) -> None:
    go_on = trio.Event()

    @app.on(AccessRequest)
    async def wait(request: AccessRequest) -> AccessAccept:
        await go_on.wait()
        return request.accept()

    octets = login()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(outcome, app, octets)
        await wait_all_tasks_blocked()
        assert await outcome(app, octets) == "repeat_in_flight"
        go_on.set()
    assert await outcome(app, octets) == 2


async def test_proxy_states_return_in_order_and_a_disabled_store_remembers_nothing() -> None:
    app: App[Any] = App(PEERS, dedup=None)
    handled = answer_with(app, positive)
    octets = octets_of(AccountingRequest(("Proxy-State", b"one"), UserName("a"), ("Proxy-State", b"two")))
    for _ in range(2):
        answer = await AppClient(app).send(octets)
        assert answer and answer.endswith(b"\x21\x05one\x21\x05two")
    assert len(handled) == 2


# Event-Timestamp.


@pytest.mark.parametrize("kind, ack", [(CoARequest, 44), (DisconnectRequest, 41)])
async def test_event_timestamp(kind: type[Request[Any]], ack: int) -> None:
    app: App[Any] = App(PEERS, event_timestamp_window=60)
    handled = answer_with(app, positive)

    def sent(seconds: float) -> bytes:
        return octets_of(kind(EventTimestamp(datetime.now(UTC) + timedelta(seconds=seconds))))

    assert [await outcome(app, sent(seconds)) for seconds in (-70, 70)] == ["event_timestamp"] * 2
    assert not handled
    assert [await outcome(app, sent(seconds)) for seconds in (-50, 0, 50)] == [ack] * 3
    assert await outcome(app, octets_of(kind())) == ack
    app.peers.replace({"127.0.0.1": Peer(SECRET, require_event_timestamp=True)})
    assert await outcome(app, octets_of(kind())) == "event_timestamp_missing"


# The delayed Access-Reject.


async def test_a_delayed_reject_reaches_no_repeat_before_its_time(app: App[Any]) -> None:
    app.reject_delay = 2
    handled = answer_with(app, lambda request: request.reject())
    octets = login()
    answer = await answer_to(app, octets, source())
    assert isinstance(answer, Delayed)
    assert 2 <= answer.seconds <= 2.2
    assert not app.in_flight, "it holds no place"
    assert await outcome(app, octets) == "repeat_in_flight"
    await answer.sent(answer.octets)
    assert await answer_to(app, octets, source()) == answer.octets
    assert len(handled) == 1


async def test_a_store_that_refuses_a_delayed_reject_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    class Refusing:
        async def begin(self, key: bytes) -> bool:
            return True

        async def finish(self, key: bytes, reply: bytes | None) -> None:
            raise StoreUnavailable("the store is away", reason="store_unavailable")

    app: App[Any] = App(PEERS, dedup=Refusing(), reject_delay=1)
    answer_with(app, lambda request: request.reject())
    service = AppService(app)
    answer = await answer_to(app, login(), source())
    assert isinstance(answer, Delayed)
    await service.fenced(answer, source()).sent(answer.octets)
    assert app.counters["discarded.store_unavailable"] == 1


async def test_only_rejects_are_delayed(app: App[Any]) -> None:
    app.reject_delay = 2
    answer_with(app, positive)
    assert isinstance(await answer_to(app, login(), source()), bytes)
    app.reject_delay = 0
    answer_with(empty := App(PEERS, reject_delay=0), lambda request: request.reject())
    assert isinstance(await answer_to(empty, login(), source()), bytes)


@pytest.mark.parametrize("seconds", [-1, 10.1, float("nan")])
def test_a_delay_that_cannot_work(seconds: float) -> None:
    with pytest.raises(ConfigurationError, match="reject_delay is 0 to 10"):
        App(PEERS, reject_delay=seconds)


# The life of a server.


async def test_it_says_where_it_listens(app: App[Any]) -> None:
    answer_with(app, positive)
    async with trio.open_nursery() as nursery:
        listeners = [UDP("127.0.0.1", 0), UDP("::1", 0), UDP("127.0.0.1", 0, accepts=[AccountingRequest])]
        bound = await nursery.start(serve, app, *listeners)
        assert [host for host, _ in bound] == ["127.0.0.1", "::1", "127.0.0.1"]
        assert len({port for _, port in bound}) == 3
        for server, octets, code in ((bound[0], login(), 2), (bound[2], octets_of(StatusServer()), 5)):
            with contextlib.closing(Port(server)) as port:
                assert (await port.ask(octets))[0] == code
        nursery.cancel_scope.cancel()


async def test_a_listener_that_cannot_bind_closes_the_others(app: App[Any]) -> None:
    with await UDP("127.0.0.1", 0).bind() as taken:
        entered = []

        @app.lifespan
        async def note(app: App[Any]) -> AsyncGenerator[None]:
            entered.append(app)
            yield

        with pytest.raises(ConfigurationError, match="cannot be bound"):
            await serve(app, UDP("127.0.0.1", 0), UDP(*taken.address))
        assert not entered


class Crash(BaseException):
    """What no fence holds."""


async def test_a_crash_ends_everything_and_shows(app: App[Any]) -> None:
    ended = []

    @app.lifespan
    async def note(app: App[Any]) -> AsyncGenerator[None]:
        try:
            yield
        finally:
            ended.append(True)

    @app.on(AccessRequest)
    async def crash(request: AccessRequest) -> AccessReply:
        raise Crash

    with pytest.RaisesGroup(Crash, flatten_subgroups=True):
        async with served(app, UDP("127.0.0.1", 0), UDP("127.0.0.1", 0)) as port:
            await port.send(login())
            await trio.sleep_forever()
    assert ended == [True]


async def test_lifespans_are_entered_in_order_and_left_in_reverse_after_the_handlers(clock: MockClock) -> None:
    app: App[str] = App(PEERS)
    events = []

    @app.lifespan
    async def outer(app: App[str]) -> AsyncGenerator[str]:
        events.append("outer")
        yield "state"
        events.append("outer ends")

    @app.lifespan
    async def inner(app: App[str]) -> AsyncGenerator[None]:
        events.append(f"inner sees {app.state}")
        yield
        await trio.sleep(1)
        events.append("inner ends")

    @app.on(AccessRequest)
    async def handle(request: AccessRequest) -> AccessAccept:
        await trio.sleep(1)
        events.append(f"handler sees {app.state}")
        return request.accept()

    async with served(app) as port:
        await port.send(login())
        await trio.sleep(0.5)
    assert events == ["outer", "inner sees state", "handler sees state", "inner ends", "outer ends"]


async def test_an_error_in_a_lifespan_stops_serve_before_it_has_started(app: App[Any]) -> None:
    @app.lifespan
    async def fail(app: App[Any]) -> AsyncGenerator[None]:
        raise ValueError
        yield

    with pytest.RaisesGroup(ValueError, flatten_subgroups=True):
        async with trio.open_nursery() as nursery:
            await nursery.start(serve, app, UDP("127.0.0.1", 0))


async def test_a_startup_can_be_cancelled(app: App[Any], autojump_clock: MockClock) -> None:
    @app.lifespan
    async def slow(app: App[Any]) -> AsyncGenerator[None]:
        await trio.sleep(100)
        yield

    with trio.move_on_after(1) as scope:
        await serve(app, UDP("127.0.0.1", 0))
    assert scope.cancelled_caught
    assert trio.current_time() < 2


async def serve_for(seconds: float, app: App[Any], sends: list[bytes]) -> tuple[list[int], float]:
    """Serve, send, stop serving after so many seconds; the codes that came back, and how long stopping took."""
    codes = []
    async with trio.open_nursery() as nursery:
        stopping = trio.CancelScope()

        async def run(*, task_status: trio.TaskStatus[Any]) -> None:
            with stopping:
                await serve(app, UDP("127.0.0.1", 0), task_status=task_status)

        [address] = await nursery.start(run)
        with contextlib.closing(Port(address)) as port:
            await port.send(*sends)
            await trio.sleep(seconds)
            stopping.cancel()
            stopped = trio.current_time()
            await trio.sleep(0.05)
            with contextlib.suppress(OSError):
                await port.send(login("late"))
            with trio.move_on_after(30), contextlib.suppress(OSError):
                while True:
                    codes.append((await port.receive())[0])
                    ended = trio.current_time()
    return codes, (ended if codes else trio.current_time()) - stopped


async def test_stopped_it_reads_no_more_and_running_handlers_finish(clock: MockClock) -> None:
    app: App[Any] = App(PEERS, limits=Limits(grace_seconds=5))
    handled = []

    @app.on(AccessRequest)
    async def slow(request: AccessRequest) -> AccessAccept:
        handled.append(request[UserName])
        await trio.sleep({"slow": 3, "endless": 20}[request[UserName]])
        return request.accept()

    codes, seconds = await serve_for(1, app, [login("slow"), login("slow"), login("endless")])
    assert codes == [2, 2]
    assert 2 <= seconds < 2.5
    assert sorted(handled) == ["endless", "slow", "slow"]


async def test_stopped_its_delayed_rejects_leave_also_those_of_handlers_that_still_ran(clock: MockClock) -> None:
    app: App[Any] = App(PEERS, reject_delay=2)

    @app.on(AccessRequest)
    async def reject(request: AccessRequest) -> AccessReject:
        await trio.sleep(1 if request[UserName] == "slow" else 0)
        return request.reject()

    codes, seconds = await serve_for(0.5, app, [login("quick")])
    assert codes == [3]
    codes, seconds = await serve_for(0.5, app, [login("slow")])
    assert codes == [3]
    assert 2.5 <= seconds < 3


async def test_without_grace_it_ends_at_once(clock: MockClock) -> None:
    app: App[Any] = App(PEERS, limits=Limits(grace_seconds=0))

    @app.on(AccessRequest)
    async def endless(request: AccessRequest) -> AccessReply:
        await trio.sleep_forever()
        raise AssertionError

    before = trio.current_time()
    async with served(app) as port:
        await port.send(login())
        await trio.sleep(1)
    assert trio.current_time() - before < 2
    assert not app.in_flight


async def test_two_servers_with_one_store(app: App[Any]) -> None:
    """A repeat may reach the other server, and finds the reply there: same NAS port, same role."""
    other: App[Any] = App(PEERS, dedup=app.dedup)
    handled = [answer_with(app, positive), answer_with(other, positive)]
    octets = login()
    with trio.socket.socket(type=trio.socket.SOCK_DGRAM) as nas:
        await nas.bind(("127.0.0.1", 0))
        async with trio.open_nursery() as nursery:
            answers = []
            for one in (app, app, other):
                [address] = await nursery.start(serve, one, UDP("127.0.0.1", 0))
                await nas.sendto(octets, address)
                answers.append(await nas.recv(4096))
            nursery.cancel_scope.cancel()
    assert answers[0][0] == 2
    assert len(set(answers)) == 1
    assert list(map(len, handled)) == [1, 0]


async def test_a_radius_error_of_a_handler_never_ends_the_server(app: App[Any]) -> None:
    answer_with(app, lambda request: request.accept())

    @app.middleware
    async def fail(request: Request[Any], call_next: CallNext) -> Reply:
        if request[UserName] == "mallory":
            raise RadiusError("of whatever kind")
        return await call_next(request)

    async with served(app) as port:
        await port.send(login("mallory"))
        assert (await port.ask(login()))[0] == 2
    assert app.counters["handler_failed"] == 1
