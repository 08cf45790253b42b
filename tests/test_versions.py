"""One app asked in RADIUS/1.0 and in RADIUS/1.1: the same replies, and Protocol-Error instead of silence."""

from __future__ import annotations

import contextlib
import json
import pathlib
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from examples import (
    accounting,
    database_peers,
    dedup_store,
    dynamic_authorization,
    hashed_passwords,
    hello,
    lifespan,
    mac_authentication,
    one_time_password,
    routers,
    sessions,
    sql_accounting,
)
from trioradius import (
    AVP,
    AccessAccept,
    AccessRequest,
    AccountingRequest,
    AccountingResponse,
    App,
    CoARequest,
    DecodeError,
    Discard,
    DisconnectRequest,
    Limits,
    NoResponse,
    Peer,
    ProtocolError,
    Reply,
    Request,
    StatusServer,
)
from trioradius.attributes import (
    AcctSessionId,
    AcctStatusType,
    CallingStationId,
    EAPMessage,
    ErrorCause,
    EventTimestamp,
    FilterId,
    NASIdentifier,
    ProxyState,
    ReplyMessage,
    ServiceType,
    SessionTimeout,
    State,
    TunnelPassword,
    UserName,
    UserPassword,
)
from trioradius.attributes.cisco import CiscoAVPair
from trioradius.attributes.microsoft import MSMPPERecvKey, MSMPPESendKey
from trioradius.protocol.exchange import Sent
from trioradius.protocol.packet import Packet
from trioradius.protocol.packets import REPLIES
from trioradius.protocol.passwords import chap
from trioradius.protocol.profile import RADIUS_1_0, RADIUS_1_1, Profile
from trioradius.protocol.secret import Secret
from trioradius.testing import AppClient

SECRET = b"twenty-four octets, say."
PROFILES = (RADIUS_1_0, RADIUS_1_1)
KEYS = (
    TunnelPassword("looking-glass", tag=3),
    TunnelPassword("untagged"),
    MSMPPESendKey(b"s" * 32),
    MSMPPERecvKey(b"r" * 32),
    CiscoAVPair("shell:priv-lvl=15"),
    EAPMessage(b"\2\1" * 200),
)


def encoded(request: Request[Any]) -> bytes:
    return Sent.make(request, 7, Secret(SECRET), RADIUS_1_1).octets


def raw(code: int, *attributes: AVP) -> bytes:
    octets = b"".join(avp.wire(None) for avp in attributes)
    return bytes((code, 0)) + (20 + len(octets)).to_bytes(2, "big") + bytes(16) + octets


def cause_of(octets: bytes | None) -> int:
    """The Error-Cause of a Protocol-Error."""
    assert octets is not None
    message = RADIUS_1_1.decode(octets)
    assert REPLIES[message.code] is ProtocolError
    [cause] = message.values(ErrorCause.number)
    return int.from_bytes(cause, "big")


def raising(error: Exception) -> Callable[[Request[Any]], Any]:
    def act(request: Request[Any]) -> Any:
        raise error

    return act


def app_of(act: Callable[[Any], Any]) -> App[Any]:
    """An app that does this to every request, and whose peer is in its migration window."""
    peer = Peer(SECRET, require_message_authenticator="auto", auto_until=datetime.now(UTC) + timedelta(days=1))
    app: App[Any] = App({"127.0.0.1": peer}, reject_delay=0)

    async def handle(request: Any) -> Any:
        await trio.lowlevel.checkpoint()
        return act(request)

    for kind in (AccessRequest, AccountingRequest, CoARequest, DisconnectRequest):
        app.on(kind)(handle)
    return app


@pytest.mark.parametrize(
    ("act", "cause"),
    [
        (raising(RuntimeError("down")), 506),
        (raising(DecodeError("of a packet of its own")), 506),
        (raising(Discard("no home server", error_cause=502)), 502),
        (raising(Discard("not now")), 506),
        (raising(Discard("nonsense", error_cause=0)), None),
        (lambda request: None, 506),
        (lambda request: request, 506),
        (lambda request: type(request).replies[0](*[ReplyMessage("x" * 253)] * 17), 506),
    ],
)
@pytest.mark.parametrize("kind", [AccessRequest, AccountingRequest, CoARequest, DisconnectRequest])
async def test_what_the_handler_leaves_unanswered(
    kind: type[Request[Any]], act: Callable[[Any], Any], cause: int | None
) -> None:
    app = app_of(act)
    client = AppClient(app, profile=RADIUS_1_1)
    for _ in range(2):
        with pytest.raises(NoResponse) as silence:
            await client.exchange(kind(UserName("alice")))
        assert (silence.value.reply and silence.value.reply[ErrorCause]) == cause
    assert app.counters["Protocol-Error"] == (2 if cause else 0)
    assert sum(app.counters[why] for why in ("handler_failed", "discarded.Discard", "discarded.DecodeError")) == 2
    assert not app.in_flight


async def test_a_handler_that_takes_too_long(autojump_clock: MockClock) -> None:
    app: App[Any] = App({"127.0.0.1": SECRET}, limits=Limits(handler_seconds=1))

    @app.on(AccessRequest)
    async def slow(request: AccessRequest) -> AccessAccept:
        await trio.sleep(10)
        return request.accept()

    assert cause_of(await AppClient(app, profile=RADIUS_1_1).send(encoded(AccessRequest()))) == 506


async def test_what_nothing_takes() -> None:
    """Unknown codes and accounting without a handler; a reply is not answered."""
    app: App[Any] = App({"127.0.0.1": SECRET})
    client = AppClient(app, profile=RADIUS_1_1)
    for code in (0, 4, 6, 13, 51, 255):
        assert cause_of(await client.send(raw(code))) == ErrorCause.UNSUPPORTED_EXTENSION
    for code in (2, 52):
        with pytest.raises(NoResponse):
            await client.send(raw(code))
    assert cause_of(await client.send(raw(1, UserPassword("x"), EAPMessage(b"\2")))) == ErrorCause.INVALID_REQUEST
    assert cause_of(await AppClient(app_of(lambda request: request[FilterId]), profile=RADIUS_1_1).send(raw(4))) == 402


async def test_what_must_stay_silent() -> None:
    """Malformed octets, which close the connection; a replay of a CoA-Request (RFC 5176 section 6.3)."""
    client = AppClient(app_of(lambda request: request.ack()), profile=RADIUS_1_1)
    for octets, reason in (
        (raw(1)[:19], "packet_too_short"),
        (raw(1)[:2] + b"\0\x15" + raw(1)[4:] + b"\1", "attribute_length"),
        (raw(43, EventTimestamp(1)), "event_timestamp"),
    ):
        with pytest.raises(NoResponse) as silence:
            await client.send(octets)
        assert silence.value.reason == reason


async def test_who_is_unknown_or_undated_hears_nothing() -> None:
    app: App[Any] = App({"127.0.0.1": Peer(SECRET, require_event_timestamp=True)})
    for address, octets, reason in (
        ("192.0.2.1", raw(1), "unknown_peer"),
        ("127.0.0.1", raw(43), "event_timestamp_missing"),
    ):
        with pytest.raises(NoResponse) as silence:
            await AppClient(app, address=address, profile=RADIUS_1_1).send(octets)
        assert silence.value.reason == reason


async def test_too_many_at_once() -> None:
    app: App[Any] = App({"127.0.0.1": SECRET}, limits=Limits(in_flight_per_address=1))
    client = AppClient(app, profile=RADIUS_1_1)
    await client.send(encoded(AccessRequest()))
    app.in_flight[client.source.sender] = 1
    assert cause_of(await client.send(encoded(AccessRequest()))) == 506


async def test_nothing_is_learned_about_udp_from_another_transport() -> None:
    app = app_of(lambda request: request.accept())
    await AppClient(app, profile=RADIUS_1_1).exchange(AccessRequest())
    assert not app.learned
    await AppClient(app).exchange(AccessRequest())
    assert app.learned


async def test_status_server_needs_no_message_authenticator() -> None:
    reply = await AppClient(App({"127.0.0.1": SECRET}), profile=RADIUS_1_1).exchange(StatusServer())
    assert isinstance(reply, AccessAccept)


def told(packet: Packet) -> list[AVP]:
    """What a packet says beside its proof."""
    return [avp for avp in packet.avps if avp.name != "Message-Authenticator"]


async def outcome(client: AppClient, request: Request[Any]) -> tuple[str, list[AVP]]:
    try:
        reply = await client.exchange(request)
    except NoResponse:
        return "no reply", []
    return reply.name, told(reply)


def login(user: str, password: str, *more: AVP) -> AccessRequest:
    return AccessRequest(UserName(user), UserPassword(password), *more)


def record(status: int, *more: AVP) -> AccountingRequest:
    return AccountingRequest(AcctStatusType(status), AcctSessionId("1"), UserName("alice"), NASIdentifier("nas"), *more)


def call_check(user: str, station: str) -> AccessRequest:
    return login(user, user, CallingStationId(station), ServiceType(ServiceType.CALL_CHECK))


LOGINS = (
    login("alice", "wonderland"),
    login("alice", "looking glass"),
    login("bob", "wonderland"),
    AccessRequest(UserName("alice"), *chap("wonderland")),
    AccessRequest(UserName("alice"), *chap("looking glass")),
    AccessRequest(),
    login("alice", "wonderland", ProxyState(b"a"), ProxyState(b"b")),
)
RECORDS = tuple(record(status) for status in (AcctStatusType.START, AcctStatusType.STOP, AcctStatusType.TUNNEL_START))
DYNAMIC: tuple[Request[Any], ...] = (
    CoARequest(AcctSessionId("1"), SessionTimeout(60)),
    CoARequest(AcctSessionId("1"), FilterId("slow")),
    CoARequest(SessionTimeout(60)),
    DisconnectRequest(AcctSessionId("1")),
    DisconnectRequest(AcctSessionId("1")),
)
EXAMPLES: dict[str, tuple[Callable[[], App[Any]], tuple[Request[Any], ...]]] = {
    "hello": (lambda: hello.app, LOGINS),
    "accounting": (lambda: accounting.app, (*RECORDS, *LOGINS)),
    "database_peers": (lambda: database_peers.app, LOGINS),
    "dedup_store": (lambda: dedup_store.make_app("replies.db"), RECORDS),
    "dynamic_authorization": (lambda: dynamic_authorization.app, (*DYNAMIC, *LOGINS, *RECORDS)),
    "lifespan": (lambda: lifespan.app, LOGINS),
    "mac_authentication": (
        lambda: mac_authentication.app,
        (call_check("0011223344bb", "00-11-22-33-44-BB"), call_check("alice", "00-11-22-33-44-BB"), *LOGINS),
    ),
    "hashed_passwords": (
        lambda: hashed_passwords.app,
        (*LOGINS, login("bob", "looking-glass"), login("dave", "through the looking glass")),
    ),
    # An accept has chance in it, so that it is tested with the example.
    "sessions": (lambda: sessions.app, (*RECORDS, login("alice", "wrong"), login("carol", "wonderland"))),
    "sql_accounting": (lambda: sql_accounting.app, (*RECORDS, *LOGINS)),
    "routers": (
        lambda: routers.app,
        (
            login("Alice@Example.NET", "wonderland"),
            login("carol@staff.example.net", "through the looking glass"),
            login("alice@staff.example.net", "wonderland"),
            *RECORDS[:2],
            *LOGINS,
        ),
    ),
}


def prepare(directory: pathlib.Path) -> None:
    """What the examples find in the directory that they are started in, and in their own memory."""
    directory.mkdir()
    (directory / "users.json").write_text(
        json.dumps({"alice": {"salt": b"salt".hex(), "hash": lifespan.hashed("wonderland", b"salt").hex()}})
    )
    with contextlib.chdir(directory):
        database_peers.peers.forget()
        database_peers.write("127.0.0.1", "first secret", "hall")
    dynamic_authorization.sessions["1"] = dynamic_authorization.Session("alice", timeout=3600)


async def in_both(tmp_path: pathlib.Path, talk: Callable[[Profile], Awaitable[list[Any]]]) -> list[Any]:
    """What both versions give, which must be the same."""
    found = []
    for profile in PROFILES:
        prepare(tmp_path / profile.name)
        with contextlib.chdir(tmp_path / profile.name):
            found.append(await talk(profile))
    assert found[0] == found[1]
    return found[0]


@pytest.mark.parametrize("name", EXAMPLES)
async def test_an_example_gives_the_same_replies(name: str, tmp_path: pathlib.Path) -> None:
    make, requests = EXAMPLES[name]

    async def talk(profile: Profile) -> list[Any]:
        async with AppClient(make(), profile=profile) as client:
            return [await outcome(client, request) for request in requests]

    replies = await in_both(tmp_path, talk)
    assert {name for name, _ in replies} - {"no reply"}


async def test_every_example_app_is_among_them() -> None:
    programs = {path.stem for path in pathlib.Path(hello.__file__).parent.iterdir() if not path.name.startswith("_")}
    talk_over_tls = {"dtls", "radius_1_1", "radsec", "radsec_status"}
    elsewhere = {"client", "eap_client", "embedding", "freeradius_database", "isp", "redis_dedup", "script", "wireless"}
    assert programs - elsewhere - talk_over_tls == {*EXAMPLES, "one_time_password"}


async def test_the_one_time_password_example(capsys: pytest.CaptureFixture[str], tmp_path: pathlib.Path) -> None:
    """Code and State are random: asked for and given back."""

    async def talk(profile: Profile) -> list[Any]:
        client = AppClient(one_time_password.app, profile=profile)
        asked = await client.exchange(login("alice", "wonderland"))
        code = re.findall(r"code is (\d{6})", capsys.readouterr().out)[-1]
        state = State(asked[State])
        further = [await outcome(client, login("alice", code, state)) for _ in range(2)]
        return [asked.name, asked[ReplyMessage], *further]

    assert [said[0] for said in (await in_both(tmp_path, talk))[2:]] == ["Access-Accept", "Access-Reject"]


def keys(request: AccessRequest) -> Reply:
    return request.accept(*KEYS)


def everything(request: Request[Any]) -> Any:
    """As a handler does that looks at all there is."""
    password = request.get(UserPassword), request.octets(UserPassword), UserPassword in request
    seen = [str(password), str(request.all(UserName)), request.realm, repr(told(request)), request.get("Class")]
    names = [name for name, _ in request if name != "Message-Authenticator"]
    reply = request.replies[0](*[ReplyMessage(str(item)[:200]) for item in (*seen, names)])
    return reply.with_attributes(("Session-Timeout", 60))


HANDLERS: dict[str, Callable[[Any], Any]] = {
    "keys": keys,
    "everything": everything,
    "by name": lambda request: request.replies[0](ReplyMessage(request["User-Name"])),
    "password": lambda request: request.accept() if request.verify_password("wonderland") else request.reject(),
    "absent attribute": lambda request: request[FilterId],
    "fails": raising(RuntimeError()),
    "discards": raising(Discard("as asked")),
    "too large": lambda request: request.replies[0](*[ReplyMessage("x" * 253)] * 17),
    "another kind": lambda request: AccountingResponse(),
}
ASKED: tuple[Request[Any], ...] = (
    *LOGINS,
    login("alice@Example.org", "x" * 128, *KEYS),
    login("alice", "pässword"),
    AccessRequest(UserName("alice"), EAPMessage(b"\2\1\0\5\1")),
    *RECORDS,
    *DYNAMIC,
    StatusServer(),
)


@pytest.mark.parametrize("handler", HANDLERS)
async def test_a_handler_gives_the_same_replies(handler: str, tmp_path: pathlib.Path) -> None:
    async def talk(profile: Profile) -> list[Any]:
        client = AppClient(app_of(HANDLERS[handler]), profile=profile)
        return [await outcome(client, request) for request in ASKED]

    await in_both(tmp_path, talk)


async def test_a_repeat_gets_the_identical_octets_in_1_0_alone() -> None:
    """1.1 runs over TLS, which repeats nothing: the same Token is another request (RFC 9765 section 4.2.2)."""
    for profile, handled, repeats in ((RADIUS_1_0, 1, 1), (RADIUS_1_1, 2, 0)):
        app = app_of(keys)
        client = AppClient(app, profile=profile)
        octets = Sent.make(login("alice", "wonderland"), 7, Secret(SECRET), profile).octets
        assert (await client.send(octets) == await client.send(octets)) or not repeats
        assert (app.counters["Access-Accept"], app.counters["repeats"]) == (handled, repeats)


async def test_two_connections_may_use_one_token() -> None:
    app = app_of(keys)
    octets = encoded(AccessRequest())
    for _ in range(2):
        await AppClient(app, profile=RADIUS_1_1).send(octets)
    assert app.counters["Access-Accept"] == 2
