"""Changing and ending sessions: what a simulated NAS is told, and what its answers mean."""

from __future__ import annotations

import pathlib
from collections.abc import AsyncIterator
from typing import Any

import attrs
import pytest
import trio

from tests.sessions.line import AT, Desk, Line
from trioradius import (
    AVP,
    UDP,
    App,
    CoAACK,
    CoANAK,
    CoARequest,
    ConfigurationError,
    DisconnectACK,
    DisconnectNAK,
    DisconnectRequest,
    Peer,
    Peers,
    Retransmission,
    serve,
)
from trioradius.attributes import (
    AcctSessionId,
    ErrorCause,
    EventTimestamp,
    FilterId,
    FramedIPAddress,
    NASIPAddress,
    NASIPv6Address,
    SessionTimeout,
    UserName,
)
from trioradius.attributes.rates import Rate
from trioradius.sessions import Acknowledged, Outcome, Refused, Session, Sessions, Unanswered, identify
from trioradius.sessions.dynamic import EXPLANATIONS

SECRET = b"twenty-four octets, say."
NAS = "127.0.0.1"
HOME = Line(nas=NAS)
SESSION = Session(1, "u" * 32, "1", "alice", NAS, address="100.64.0.1")
QUICK = Retransmission(attempts=2, initial=0.1, duration=0.3)


class NAS_:
    """A NAS with sessions, which takes CoA and Disconnect on a port of the loopback."""

    def __init__(self) -> None:
        self.app: App[Any] = App(
            {"127.0.0.0/8": Peer(SECRET, require_event_timestamp=True)}, event_timestamp_window=1e9
        )
        self.sessions = {"1"}
        self.requests: list[CoARequest | DisconnectRequest] = []
        self.cause: int | None = ErrorCause.SESSION_CONTEXT_NOT_FOUND
        self.losses = 0
        self.port = 0
        self.app.on(CoARequest)(self.change)
        self.app.on(DisconnectRequest)(self.disconnect)

    async def change(self, request: CoARequest) -> CoAACK | CoANAK:
        self.requests.append(request)
        if request[AcctSessionId] in self.sessions:
            return request.ack()
        return CoANAK() if self.cause is None else request.nak(self.cause)

    async def disconnect(self, request: DisconnectRequest) -> DisconnectACK | DisconnectNAK:
        self.requests.append(request)
        if request[AcctSessionId] not in self.sessions:
            return DisconnectNAK() if self.cause is None else request.nak(self.cause)
        self.sessions.remove(request[AcctSessionId])
        return request.ack()

    @property
    def told(self) -> list[tuple[AVP, ...]]:
        """What the requests said, but for Event-Timestamp."""
        return [tuple(avp for avp in request.avps if avp.attribute is not EventTimestamp) for request in self.requests]


@pytest.fixture
def where(tmp_path: pathlib.Path) -> str:
    """What is said to a NAS is the same for every kind of database."""
    return str(tmp_path / "radius.db")


@pytest.fixture
async def nas() -> AsyncIterator[NAS_]:
    nas = NAS_()
    async with trio.open_nursery() as nursery:
        [address] = await nursery.start(serve, nas.app, UDP("127.0.0.1", 0))
        nas.port = address[1]
        yield nas
        nursery.cancel_scope.cancel()


def sessions_of(desk: Desk, nas: NAS_, vendor: str = "", **settings: Any) -> Sessions:
    """Sessions that know the NAS."""
    peers = Peers({NAS: Peer(SECRET, vendor=vendor, coa_port=nas.port)})
    return Sessions(desk.database, peers, clock=desk.clock, retransmission=QUICK, **settings)


@pytest.mark.parametrize(
    ("vendor", "session", "expected"),
    [
        ("", SESSION, (NASIPAddress(NAS), UserName("alice"), AcctSessionId("1"))),
        ("huawei", SESSION, (NASIPAddress(NAS), UserName("alice"), AcctSessionId("1"))),
        ("cisco", SESSION, (NASIPAddress(NAS), UserName("alice"), AcctSessionId("1"))),
        (
            "juniper",
            attrs.evolve(SESSION, nas="2001:db8::7", user=""),
            (NASIPv6Address("2001:db8::7"), AcctSessionId("1")),
        ),
        ("MikroTik", SESSION, (UserName("alice"), AcctSessionId("1"), FramedIPAddress("100.64.0.1"))),
        ("mikrotik", attrs.evolve(SESSION, address=""), (UserName("alice"), AcctSessionId("1"))),
    ],
)
def test_each_vendor_is_told_what_it_compares(vendor: str, session: Session, expected: tuple[AVP, ...]) -> None:
    assert identify(session, vendor) == expected


def test_cisco_is_told_the_audit_session_id_where_it_is_known() -> None:
    session = attrs.evolve(SESSION, audit_session="0A0000010000000A")
    *_, last = identify(session, "Cisco")
    assert (last.name, last.value) == ("Cisco-AVPair", "audit-session-id=0A0000010000000A")
    assert identify(session, "huawei") == identify(SESSION, "huawei")


@pytest.mark.parametrize(
    ("vendor", "rate", "expected"),
    [
        ("mikrotik", Rate(down="20M", up="5M"), {"Mikrotik-Rate-Limit": "5000k/20000k"}),
        ("mikrotik", Rate(), {"Mikrotik-Rate-Limit": "0/0"}),
        ("mikrotik", Rate(down="20M"), {"Mikrotik-Rate-Limit": "0/20000k"}),
        ("generic", Rate(down="20M", up="5M", policy="gold"), {"Filter-Id": "gold"}),
        ("", Rate(policy="gold"), {"Filter-Id": "gold"}),
        (
            "huawei",
            Rate(down="20M", up="5M"),
            {"Huawei-Input-Average-Rate": 5_000_000, "Huawei-Output-Average-Rate": 20_000_000},
        ),
    ],
)
async def test_a_rate_is_changed(desk: Desk, nas: NAS_, vendor: str, rate: Rate, expected: dict[str, object]) -> None:
    sessions = sessions_of(desk, nas, vendor)
    assert isinstance(await sessions.change_rate(SESSION, rate), Acknowledged)
    [request] = nas.requests
    assert isinstance(request, CoARequest)
    assert dict(request)["Event-Timestamp"] is not None
    assert request[EventTimestamp].timestamp() == AT
    [told] = nas.told
    identified = identify(SESSION, vendor)
    assert told[: len(identified)] == identified
    assert {avp.name: avp.value for avp in told[len(identified) :]} == expected


@pytest.mark.parametrize(
    ("vendor", "rate"),
    [("huawei", Rate()), ("huawei", Rate(down="20M")), ("zte", Rate(up="20M")), ("generic", Rate()), ("", Rate())],
)
async def test_a_limit_that_cannot_be_lifted(desk: Desk, nas: NAS_, vendor: str, rate: Rate) -> None:
    with pytest.raises(ConfigurationError, match="cannot lift a limit"):
        await sessions_of(desk, nas, vendor).change_rate(SESSION, rate)
    assert nas.requests == []


async def test_any_attributes_are_changed(desk: Desk, nas: NAS_) -> None:
    sessions = sessions_of(desk, nas)
    assert isinstance(await sessions.change(SESSION, FilterId("slow"), SessionTimeout(60)), Acknowledged)
    assert nas.told == [(*identify(SESSION), FilterId("slow"), SessionTimeout(60))]
    with pytest.raises(ConfigurationError, match="wants attributes"):
        await sessions.change(SESSION)


async def test_a_session_is_ended_once(desk: Desk, nas: NAS_) -> None:
    sessions = sessions_of(desk, nas, "mikrotik")
    done = await sessions.disconnect(SESSION)
    assert isinstance(done, Acknowledged)
    assert isinstance(done.reply, DisconnectACK)
    again = await sessions.disconnect(SESSION)
    assert isinstance(again, Refused)
    assert isinstance(again.reply, DisconnectNAK)
    assert again.is_unknown_session
    assert str(again) == "Session-Context-Not-Found (503): the NAS has no such session"


@pytest.mark.parametrize("close_unknown", [True, False])
async def test_a_session_that_the_nas_does_not_know_is_closed_where_that_is_asked(
    desk: Desk, nas: NAS_, close_unknown: bool
) -> None:
    nas.sessions.clear()
    sessions = sessions_of(desk, nas)
    await desk.start(HOME)
    [session] = await sessions.online()
    desk.clock.pass_by(60)
    assert isinstance(await sessions.disconnect(session, close_unknown=close_unknown), Refused)
    assert await sessions.count() == (0 if close_unknown else 1)
    found = await sessions.find(session.unique)
    assert found is not None
    assert (found.cause, found.stop) == (("NAS-Request", AT) if close_unknown else ("", None))


@pytest.mark.parametrize("cause", [None, ErrorCause.SESSION_CONTEXT_NOT_REMOVABLE, 599])
async def test_another_refusal_closes_nothing(desk: Desk, nas: NAS_, cause: int | None) -> None:
    nas.sessions.clear()
    nas.cause = cause
    sessions = sessions_of(desk, nas)
    await desk.start(HOME)
    [session] = await sessions.online()
    for outcome in (
        await sessions.disconnect(session, close_unknown=True),
        await sessions.change(session, FilterId("slow"), close_unknown=True),
    ):
        assert isinstance(outcome, Refused)
        assert outcome.cause == cause
        assert (
            str(outcome)
            == {
                None: "the NAS refused, and did not say why",
                504: "Session-Context-Not-Removable (504): the NAS has the session, and cannot end it",
                599: "Error-Cause (599): no RFC says what this means",
            }[cause]
        )
    assert await sessions.count() == 1


def test_every_error_cause_is_explained() -> None:
    known = {value for value in vars(type(ErrorCause)).values() if isinstance(value, int)}
    assert known == set(EXPLANATIONS)


async def test_a_nas_that_does_not_answer(desk: Desk, nas: NAS_) -> None:
    silent = Peers({NAS: Peer(b"another secret, 24 octet", coa_port=nas.port)})
    sessions = Sessions(desk.database, silent, clock=desk.clock, retransmission=QUICK)
    outcome = await sessions.disconnect(SESSION, close_unknown=True)
    assert isinstance(outcome, Unanswered)
    assert "127.0.0.1" in str(outcome)
    assert nas.requests == []


async def test_a_request_that_is_lost_is_sent_again(desk: Desk) -> None:
    """The first datagram is lost; the second is identical to it (RFC 5080 section 2.2.1)."""
    received: list[bytes] = []
    app = NAS_()
    with trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM) as front:
        await front.bind(("127.0.0.1", 0))
        async with trio.open_nursery() as nursery:
            [address] = await nursery.start(serve, app.app, UDP("127.0.0.1", 0))

            async def lose_the_first() -> None:
                back = trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM)
                with back:
                    await back.connect(address[:2])
                    octets, _ = await front.recvfrom(4096)
                    received.append(octets)
                    octets, client = await front.recvfrom(4096)
                    received.append(octets)
                    await back.send(octets)
                    await front.sendto(await back.recv(4096), client)

            nursery.start_soon(lose_the_first)
            app.port = front.getsockname()[1]
            patient = Retransmission(attempts=3, initial=0.1, duration=20)
            sessions = Sessions(
                desk.database,
                Peers({NAS: Peer(SECRET, coa_port=app.port)}),
                clock=desk.clock,
                retransmission=patient,
            )
            assert isinstance(await sessions.disconnect(SESSION), Acknowledged)
            nursery.cancel_scope.cancel()
    assert received[0] == received[1]


async def test_nases_that_there_is_no_way_to(desk: Desk, nas: NAS_) -> None:
    peers = Peers({"192.0.2.9": Peer(SECRET, tls=True)})
    sessions = Sessions(desk.database, peers, clock=desk.clock)
    unknown = await sessions.disconnect(SESSION)
    assert isinstance(unknown, Unanswered)
    assert "unknown NAS: 127.0.0.1" in str(unknown)
    radsec = await sessions.disconnect(SESSION, nas="192.0.2.9")
    assert isinstance(radsec, Unanswered)
    assert "RadSec" in str(radsec)
    nowhere = await sessions.disconnect(attrs.evolve(SESSION, nas=""))
    assert isinstance(nowhere, Unanswered)
    assert "no address of the session's NAS, but ''" in str(nowhere)
    away = sessions_of(desk, nas, source_address="192.0.2.200")
    assert isinstance(await away.disconnect(SESSION), Unanswered)
    with pytest.raises(ConfigurationError, match=r"Sessions\(database, app\.peers\)"):
        await Sessions(desk.database).disconnect(SESSION)


async def test_a_nas_behind_another_address(desk: Desk, nas: NAS_) -> None:
    sessions = sessions_of(desk, nas)
    outcome = await sessions.disconnect(attrs.evolve(SESSION, nas="10.9.9.9"), nas=NAS)
    assert isinstance(outcome, Acknowledged)
    assert nas.requests[0][NASIPAddress].exploded == "10.9.9.9"


async def test_a_site_identifies_sessions_in_its_own_way(desk: Desk, nas: NAS_) -> None:
    sessions = sessions_of(desk, nas, identify=lambda session, vendor: (AcctSessionId(session.id),))
    assert isinstance(await sessions.disconnect(SESSION, FilterId("why")), Acknowledged)
    assert nas.told == [(AcctSessionId("1"), FilterId("why"))]


async def test_message_authenticator_on_demand(desk: Desk, nas: NAS_) -> None:
    for prove in (True, False):
        nas.sessions.add("1")
        assert isinstance(await sessions_of(desk, nas, prove=prove).disconnect(SESSION), Acknowledged)
    assert [request.carries(80) for request in nas.requests] == [True, False]


async def test_many_at_once(desk: Desk, nas: NAS_) -> None:
    """As after a change of prices: all are told, a bounded number at a time."""
    nas.sessions = {str(number) for number in range(300)}
    sessions = sessions_of(desk, nas)
    outcomes: list[Outcome] = []

    async def tell(number: int) -> None:
        outcomes.append(await sessions.change(attrs.evolve(SESSION, id=str(number)), FilterId("new")))

    async with trio.open_nursery() as nursery:
        for number in range(300):
            nursery.start_soon(tell, number)
    assert all(isinstance(outcome, Acknowledged) for outcome in outcomes)
    assert {request[AcctSessionId] for request in nas.requests} == nas.sessions
