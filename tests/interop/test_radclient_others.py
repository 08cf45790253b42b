"""Our server asked by radclient: accounting, CoA and Disconnect, Status-Server."""

from __future__ import annotations

import time
from typing import Any

import pytest

from trioradius import (
    UDP,
    AccountingRequest,
    AccountingResponse,
    App,
    CoAACK,
    CoANAK,
    CoARequest,
    DisconnectACK,
    DisconnectNAK,
    DisconnectRequest,
    Peer,
)
from trioradius.attributes import (
    AcctDelayTime,
    AcctInputGigawords,
    AcctInputOctets,
    AcctSessionId,
    AcctSessionTime,
    AcctStatusType,
    ErrorCause,
    FilterId,
)

from .radclient import BRIEF, PROVE, SECRET, Radclient
from .serving import serving

STATUSES = ["Start", "Interim-Update", "Stop", "Accounting-On", "Accounting-Off"]


def bookkeeper(secret: str = SECRET) -> tuple[App[None], list[AccountingRequest]]:
    app: App[None] = App({"127.0.0.1": secret})
    records: list[AccountingRequest] = []

    @app.on(AccountingRequest)
    async def keep(request: AccountingRequest) -> AccountingResponse:
        records.append(request)
        return request.respond()

    return app, records


def record(status: str) -> str:
    return f"""Acct-Status-Type = {status}
        Acct-Session-Id = "session-1"
        Acct-Delay-Time = 3
        Acct-Session-Time = 7200
        Acct-Input-Octets = 4294967295
        Acct-Input-Gigawords = 2
        Proxy-State = 0x0102"""


async def test_accounting(radclient: Radclient) -> None:
    app, records = bookkeeper()
    async with serving(app) as [address]:
        run = await radclient(address, "acct", *map(record, STATUSES))
    assert [reply.name for reply in run.replies] == ["Accounting-Response"] * 5
    assert [reply.lines for reply in run.replies] == [("Proxy-State = 0x0102",)] * 5
    assert [str(request[AcctStatusType]) for request in records] == STATUSES
    for request in records:
        assert request[AcctSessionId] == "session-1"
        assert (request[AcctInputGigawords], request[AcctInputOctets]) == (2, 4_294_967_295)
        assert (request[AcctSessionTime], request[AcctDelayTime]) == (7200, 3)


async def test_accounting_under_another_secret_is_dropped(radclient: Radclient) -> None:
    app, records = bookkeeper("another secret")
    async with serving(app) as [address]:
        run = await radclient(address, "acct", record("Start"), timeout=BRIEF)
    assert (run.replies, records) == ((), [])
    assert dict(app.counters) == {"discarded.request_authenticator": 1}


async def test_accounting_that_nobody_records_is_not_acknowledged(radclient: Radclient) -> None:
    app: App[None] = App({"127.0.0.1": SECRET})
    async with serving(app) as [address]:
        run = await radclient(address, "acct", record("Start"), timeout=BRIEF)
    assert run.replies == ()
    assert app.counters["discarded.not_handled"] == 1


@pytest.mark.parametrize(
    "accepts,reply", [(None, "Access-Accept"), ([AccountingRequest], "Accounting-Response")], ids=["all", "accounting"]
)
async def test_status_server(radclient: Radclient, accepts: Any, reply: str) -> None:
    app, _ = bookkeeper()
    async with serving(app, UDP("127.0.0.1", 0, accepts=accepts)) as [address]:
        run = await radclient(address, "status", PROVE)
    assert run.reply.name == reply


def network_access_server(peer: Peer | str = SECRET) -> App[None]:
    """Has one session, "4", whose filter can be changed and which can be ended."""
    app: App[None] = App({"127.0.0.1": peer})

    @app.on(CoARequest)
    async def change(request: CoARequest) -> CoAACK | CoANAK:
        if request[AcctSessionId] != "4":
            return request.nak(ErrorCause.SESSION_CONTEXT_NOT_FOUND)
        return request.ack(FilterId(request[FilterId]))

    @app.on(DisconnectRequest)
    async def end(request: DisconnectRequest) -> DisconnectACK | DisconnectNAK:
        found = request[AcctSessionId] == "4"
        return request.ack() if found else request.nak(ErrorCause.SESSION_CONTEXT_NOT_FOUND)

    return app


@pytest.mark.parametrize(
    "command,packet,reply,attributes",
    [
        ("coa", 'Acct-Session-Id = "4"\nFilter-Id = "slow"', "CoA-ACK", ['Filter-Id = "slow"']),
        ("coa", f'Acct-Session-Id = "4"\nFilter-Id = "slow"\n{PROVE}', "CoA-ACK", ['Filter-Id = "slow"']),
        ("coa", 'Acct-Session-Id = "5"', "CoA-NAK", ["Error-Cause = Session-Context-Not-Found"]),
        ("coa", 'Filter-Id = "slow"', "CoA-NAK", ["Error-Cause = Missing-Attribute"]),
        ("disconnect", 'Acct-Session-Id = "4"\nProxy-State = 0x07', "Disconnect-ACK", ["Proxy-State = 0x07"]),
        ("disconnect", 'Acct-Session-Id = "5"', "Disconnect-NAK", ["Error-Cause = Session-Context-Not-Found"]),
        ("disconnect", 'User-Name = "bob"', "Disconnect-NAK", ["Error-Cause = Missing-Attribute"]),
    ],
)
async def test_change_and_disconnect(
    radclient: Radclient, command: str, packet: str, reply: str, attributes: list[str]
) -> None:
    async with serving(network_access_server()) as [address]:
        run = await radclient(address, command, packet)
    assert (run.reply.name, run.reply.attributes) == (reply, attributes)


async def test_event_timestamp(radclient: Radclient) -> None:
    app = network_access_server()
    packet = 'Acct-Session-Id = "4"\nEvent-Timestamp = "{}"'
    async with serving(app) as [address]:
        now = await radclient(address, "disconnect", packet.format(int(time.time())))
        replayed = await radclient(address, "disconnect", packet.format(int(time.time()) - 3600), timeout=BRIEF)
    assert (now.reply.name, replayed.replies) == ("Disconnect-ACK", ())
    assert app.counters["discarded.event_timestamp"] == 1


async def test_change_without_handler_or_on_the_wrong_port(radclient: Radclient) -> None:
    app, _ = bookkeeper()
    listeners = UDP("127.0.0.1", 0), UDP("127.0.0.1", 0, accepts=[AccountingRequest])
    async with serving(app, *listeners) as addresses:
        runs = [await radclient(address, "coa", 'Acct-Session-Id = "4"') for address in addresses]
    for run in runs:
        assert (run.reply.name, run.reply.attributes) == ("CoA-NAK", ["Error-Cause = Unsupported-Extension"])
