"""pyrad, the Python library most people come from: as client of our server, and as server for our client."""

from __future__ import annotations

import contextlib
import pathlib
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, Final

import pytest
import trio
from pyrad import packet
from pyrad.client import Client as PyradClient
from pyrad.dictionary import Dictionary as PyradDictionary

from trioradius import (
    UDP,
    AccessAccept,
    AccessChallenge,
    AccessReject,
    AccessRequest,
    AccountingRequest,
    AccountingResponse,
    App,
    CoAACK,
    CoANAK,
    CoARequest,
    DisconnectACK,
    DisconnectNAK,
    DisconnectRequest,
    chap,
    open_client,
)
from trioradius.attributes import (
    AcctSessionId,
    AcctStatusType,
    ErrorCause,
    FramedIPAddress,
    FramedIPv6Prefix,
    NASPort,
    ProxyState,
    ReplyMessage,
    ServiceType,
    State,
    TunnelPassword,
    TunnelPrivateGroupId,
    UserName,
    UserPassword,
)
from trioradius.attributes.cisco import CiscoAVPair
from trioradius.attributes.microsoft import MSMPPESendKey
from trioradius.attributes.mikrotik import MikrotikRateLimit

from .freeradius import free_ports
from .radclient import SECRET
from .serving import serving

DICTIONARIES: Final = [
    f"/usr/share/freeradius/dictionary.{name}"
    for name in ["rfc2865", "rfc2866", "rfc2868", "rfc2869", "rfc3162", "rfc3576", "cisco", "mikrotik", "microsoft"]
]
AVPS: Final = (
    ServiceType(ServiceType.FRAMED_USER),
    NASPort(2**32 - 1),
    FramedIPAddress("192.0.2.77"),
    FramedIPv6Prefix("2001:db8::/33"),
    TunnelPrivateGroupId("42", tag=1),
    CiscoAVPair("ip:addr-pool=first"),
    CiscoAVPair("ip:addr-pool=second"),
    MikrotikRateLimit("10M/20M"),
)
VALUES: Final[dict[str, list[Any]]] = {
    "Service-Type": ["Framed-User"],
    "NAS-Port": [2**32 - 1],
    "Framed-IP-Address": ["192.0.2.77"],
    "Framed-IPv6-Prefix": ["2001:db8::/33"],
    "Tunnel-Private-Group-Id:1": ["42"],
    "Cisco-AVPair": ["ip:addr-pool=first", "ip:addr-pool=second"],
    "Mikrotik-Rate-Limit": ["10M/20M"],
}
"""The same as pyrad has them."""
NAMES: Final = {avp.name for avp in AVPS}


@pytest.fixture(scope="module")
def dictionary() -> PyradDictionary:
    return PyradDictionary(*DICTIONARIES)


def application() -> App[None]:
    app: App[None] = App({"127.0.0.1": SECRET}, reject_delay=0)

    @app.on(AccessRequest)
    async def authenticate(request: AccessRequest) -> AccessAccept | AccessReject | AccessChallenge:
        if not request.verify_password("wonderland"):
            return request.reject()
        read = [avp for avp in request.avps if avp.name in NAMES]
        return request.accept(*read, TunnelPassword("secret of the tunnel", tag=2), MSMPPESendKey(bytes(range(16))))

    @app.on(AccountingRequest)
    async def account(request: AccountingRequest) -> AccountingResponse:
        return request.respond(ReplyMessage(f"{request[AcctStatusType]} {request[AcctSessionId]}"))

    @app.on(CoARequest)
    async def change(request: CoARequest) -> CoAACK | CoANAK:
        return request.nak(ErrorCause.SESSION_CONTEXT_NOT_FOUND)

    @app.on(DisconnectRequest)
    async def end(request: DisconnectRequest) -> DisconnectACK | DisconnectNAK:
        return request.ack()

    return app


@contextlib.contextmanager
def pyrad_client(address: tuple[str, int], dictionary: PyradDictionary) -> Iterator[Any]:
    """A pyrad client of our server that wants Message-Authenticator in what it gets."""
    client = PyradClient(
        *(address[0], address[1], address[1], address[1]),
        secret=SECRET.encode(),
        dict=dictionary,
        retries=1,
        timeout=5,
        enforce_ma=True,
    )
    try:
        yield client
    finally:
        client._CloseSocket()


@pytest.mark.parametrize("method", ["PAP", "CHAP"])
async def test_pyrad_asks_us(dictionary: PyradDictionary, method: str) -> None:
    async with serving(application()) as [address]:
        with pyrad_client(address, dictionary) as client:
            request = client.CreateAuthPacket(User_Name="alice")
            if method == "PAP":
                request["User-Password"] = request.PwCrypt("wonderland")
            else:
                response, challenge = chap("wonderland", identifier=7)
                request["CHAP-Password"], request["CHAP-Challenge"] = response.octets, challenge.octets
            for name, values in VALUES.items():
                for value in values:
                    request.AddAttribute(name, value)
            request.add_message_authenticator()
            reply = await trio.to_thread.run_sync(client.SendPacket, request)
    assert reply.code == packet.AccessAccept
    assert {name: reply[name] for name in VALUES} == VALUES
    assert reply["Tunnel-Password:2"] == ["secret of the tunnel"]
    assert reply["MS-MPPE-Send-Key"] == [bytes(range(16))]


async def test_pyrad_has_the_wrong_password(dictionary: PyradDictionary) -> None:
    async with serving(application()) as [address]:
        with pyrad_client(address, dictionary) as client:
            request = client.CreateAuthPacket(User_Name="alice")
            request["User-Password"] = request.PwCrypt("wonderlamp")
            request.add_message_authenticator()
            reply = await trio.to_thread.run_sync(client.SendPacket, request)
    assert reply.code == packet.AccessReject


async def test_pyrad_accounts_and_changes(dictionary: PyradDictionary) -> None:
    async with serving(application()) as [address]:
        with pyrad_client(address, dictionary) as client:
            record = client.CreateAcctPacket(Acct_Status_Type="Stop", Acct_Session_Id="session-1")
            recorded = await trio.to_thread.run_sync(client.SendPacket, record)
            change = client.CreateCoAPacket(Acct_Session_Id="4")
            changed = await trio.to_thread.run_sync(client.SendPacket, change)
            end = client.CreateCoAPacket(Acct_Session_Id="4", code=packet.DisconnectRequest)
            ended = await trio.to_thread.run_sync(client.SendPacket, end)
    assert recorded["Reply-Message"] == ["Stop session-1"]
    assert (changed.code, changed["Error-Cause"]) == (packet.CoANAK, ["Session-Context-Not-Found"])
    assert ended.code == packet.DisconnectACK


@pytest.fixture(scope="module")
def server() -> Iterator[list[int]]:
    """A pyrad server; its ports for authentication, accounting and CoA."""
    ports = free_ports(3)
    program = pathlib.Path(__file__).with_name("pyrad_server.py")
    process = subprocess.Popen(
        [sys.executable, str(program), SECRET, *map(str, ports), *DICTIONARIES], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "bound\n"
        yield ports
    finally:
        process.kill()
        process.communicate()


async def test_we_ask_pyrad(server: list[int]) -> None:
    async with open_client(UDP("127.0.0.1", server[0]), secret=SECRET) as client:
        reply = await client.exchange(AccessRequest(UserName("alice"), UserPassword("wonderland"), *AVPS))
        wrong = await client.exchange(AccessRequest(UserName("alice"), UserPassword("wonderlamp")))
        by_chap = await client.exchange(AccessRequest(UserName("bob"), *chap("wonderland")))
        challenge = await client.exchange(AccessRequest(UserName("eve")))
        proxied = await client.exchange(
            AccessRequest(UserName("alice"), UserPassword("x"), ProxyState(b"2"), ProxyState(b"1"))
        )
    for avp in AVPS:
        assert reply.all(avp.attribute) == tuple(sent.value for sent in AVPS if sent.name == avp.name)
    assert reply[TunnelPassword] == "secret of the tunnel"
    assert reply[MSMPPESendKey] == bytes(range(16))
    assert isinstance(wrong, AccessReject)
    assert isinstance(by_chap, AccessAccept)
    assert isinstance(challenge, AccessChallenge)
    assert challenge[State] == b"\x00first"
    assert proxied.all(ProxyState) == (b"2", b"1")


async def test_we_account_and_change_at_pyrad(server: list[int]) -> None:
    _, accounting, coa = server
    async with open_client(UDP("127.0.0.1", accounting), secret=SECRET) as client:
        record = AccountingRequest(AcctStatusType(AcctStatusType.START), AcctSessionId("4"))
        assert isinstance(await client.exchange(record), AccountingResponse)
    async with open_client(UDP("127.0.0.1", coa), secret=SECRET) as client:
        assert isinstance(await client.exchange(CoARequest(AcctSessionId("4"))), CoAACK)
        assert isinstance(await client.exchange(DisconnectRequest(AcctSessionId("4"))), DisconnectACK)
        refused = await client.exchange(CoARequest(AcctSessionId("5")))
    assert (type(refused), refused[ErrorCause]) == (CoANAK, ErrorCause.SESSION_CONTEXT_NOT_FOUND)
