"""Our client and a FreeRADIUS server: what each writes, the other reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest
import trio

from trioradius import (
    UDP,
    AccessAccept,
    AccessChallenge,
    AccessReject,
    AccessRequest,
    AccountingRequest,
    CoAACK,
    CoANAK,
    CoARequest,
    DisconnectACK,
    DisconnectNAK,
    DisconnectRequest,
    NoResponse,
    Request,
    Retransmission,
    StatusServer,
    chap,
    open_client,
    send,
)
from trioradius.attributes import (
    AcctDelayTime,
    AcctSessionId,
    AcctStatusType,
    ErrorCause,
    NASIPAddress,
    NASPort,
    ProxyState,
    ReplyMessage,
    State,
    UserName,
    UserPassword,
)

from .examples import HIDDEN, PLAIN
from .freeradius import FreeRADIUS
from .radclient import SECRET

ONCE: Final = Retransmission(attempts=1, initial=0.3)
ITS_OWN: Final = ("Packet-Type", "Timestamp", "Message-Authenticator")
"""What FreeRADIUS writes down beside the attributes that we chose."""
ALICE: Final = AccessRequest(UserName("alice"), UserPassword("wonderland"))


@pytest.fixture
def client(freeradius: FreeRADIUS) -> Callable[..., Any]:
    """Opens a client of FreeRADIUS, which sends Message-Authenticator in the reply to "everything" only."""

    def opened(port: int = freeradius.authentication, host: str = "127.0.0.1", **settings: Any) -> Any:
        settings = {"secret": SECRET, "require_message_authenticator": False, **settings}
        return open_client(UDP(host, port), **settings)

    return opened


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_pap_and_chap(client: Callable[..., Any], host: str) -> None:
    async with client(host=host) as opened:
        pap = await opened.exchange(ALICE)
        by_chap = await opened.exchange(AccessRequest(UserName("alice"), *chap("wonderland")))
        wrong = await opened.exchange(AccessRequest(UserName("alice"), UserPassword("wonderlamp")))
        wrong_chap = await opened.exchange(AccessRequest(UserName("alice"), *chap("wonderlamp")))
    assert pap == by_chap == AccessAccept(ReplyMessage("Welcome, alice"))
    assert isinstance(wrong, AccessReject)
    assert isinstance(wrong_chap, AccessReject)


async def test_a_challenge_and_its_state(client: Callable[..., Any]) -> None:
    async with client() as opened:
        asked = await opened.exchange(AccessRequest(UserName("eve"), UserPassword("")))
        assert isinstance(asked, AccessChallenge)
        assert asked[ReplyMessage] == "Code?"
        answer = AccessRequest(UserName("eve"), UserPassword("123456"), State(asked[State]))
        assert isinstance(await opened.exchange(answer), AccessAccept)


async def test_we_read_every_kind_of_attribute(client: Callable[..., Any]) -> None:
    async with client(require_message_authenticator=True) as opened:
        reply = await opened.exchange(AccessRequest(UserName("everything")))
    found = [(avp.name, avp.tag, avp.value) for avp in reply.avps]
    expected = [(avp.name, avp.tag, avp.value) for avps, _ in PLAIN + HIDDEN for avp in avps]
    # FreeRADIUS leaves an empty Tunnel-Password out.
    assert found[1:] == [attribute for attribute in expected if attribute[2] != ""]


@pytest.mark.parametrize("kind", [AccessRequest, AccountingRequest])
async def test_freeradius_reads_every_kind_of_attribute(
    client: Callable[..., Any], freeradius: FreeRADIUS, kind: type[Request[Any]]
) -> None:
    avps = [avp for avps, _ in PLAIN for avp in avps if kind is AccessRequest or avp.name != "EAP-Message"]
    lines = [line for _, lines in PLAIN for line in lines if kind is AccessRequest or "EAP-Message" not in line]
    request = kind(UserName("everything"), AcctSessionId(kind.name), *avps)
    async with client(freeradius.authentication if kind is AccessRequest else freeradius.accounting) as opened:
        await opened.exchange(request)
    understood = [line for line in freeradius.understood(kind.name) if not line.startswith(ITS_OWN)]
    assert understood == ['User-Name = "everything"', f'Acct-Session-Id = "{kind.name}"', *lines]


@pytest.mark.parametrize("password", ["p", "0123456789abcdef", "0123456789abcdefg", "grüß dich €", "x" * 128])
async def test_freeradius_unhides_our_password(
    client: Callable[..., Any], freeradius: FreeRADIUS, password: str
) -> None:
    session = f"password-{len(password)}"
    async with client() as opened:
        await opened.exchange(AccessRequest(UserPassword(password), AcctSessionId(session)))
    assert f'User-Password = "{password}"' in freeradius.understood(session)


async def test_accounting(client: Callable[..., Any], freeradius: FreeRADIUS) -> None:
    record = AcctStatusType(AcctStatusType.INTERIM_UPDATE), AcctSessionId("interim"), AcctDelayTime(7)
    async with client(freeradius.accounting) as opened:
        reply = await opened.exchange(AccountingRequest(*record, NASIPAddress("192.0.2.1")))
    assert reply.name == "Accounting-Response"
    assert freeradius.understood("interim")[:4] == [
        "Acct-Status-Type = Interim-Update",
        'Acct-Session-Id = "interim"',
        "Acct-Delay-Time = 7",
        "NAS-IP-Address = 192.0.2.1",
    ]


async def test_status_server(client: Callable[..., Any], freeradius: FreeRADIUS) -> None:
    async with client() as opened:
        assert isinstance(await opened.exchange(StatusServer()), AccessAccept)
    async with client(freeradius.accounting) as opened:
        assert (await opened.exchange(StatusServer())).name == "Accounting-Response"


@pytest.mark.parametrize("prove", [False, True], ids=["bare", "with Message-Authenticator"])
async def test_change_and_disconnect(client: Callable[..., Any], freeradius: FreeRADIUS, prove: bool) -> None:
    known, unknown = AcctSessionId("change"), AcctSessionId("unknown")
    async with client(freeradius.coa, prove_dynamic=prove) as opened:
        assert isinstance(await opened.exchange(CoARequest(known)), CoAACK)
        assert isinstance(await opened.exchange(DisconnectRequest(known)), DisconnectACK)
        refused = await opened.exchange(CoARequest(unknown)), await opened.exchange(DisconnectRequest(unknown))
    assert (type(refused[0]), type(refused[1])) == (CoANAK, DisconnectNAK)
    assert [reply[ErrorCause] for reply in refused] == [ErrorCause.SESSION_CONTEXT_NOT_FOUND] * 2


async def test_proxy_state_comes_back(client: Callable[..., Any]) -> None:
    states = ProxyState(b"\x02"), ProxyState(b"\x01")
    async with client() as opened:
        reply = await opened.exchange(AccessRequest(*ALICE.avps, *states))
    assert reply.all(ProxyState) == (b"\x02", b"\x01")


async def test_six_hundred_exchanges_at_once(client: Callable[..., Any]) -> None:
    replies: dict[int, AccessAccept] = {}

    async def ask(opened: Any, number: int) -> None:
        replies[number] = await opened.exchange(AccessRequest(*ALICE.avps, NASPort(number)))

    with trio.fail_after(20):
        async with client() as opened, trio.open_nursery() as nursery:
            for number in range(600):
                nursery.start_soon(ask, opened, number)
    assert set(replies.values()) == {AccessAccept(ReplyMessage("Welcome, alice"))}
    assert len(replies) == 600


async def test_a_reply_without_message_authenticator_is_refused(client: Callable[..., Any]) -> None:
    with pytest.raises(NoResponse, match="message_authenticator_missing"):
        async with client(require_message_authenticator=True, retransmission=ONCE) as opened:
            await opened.exchange(ALICE)
    assert opened.counters == {"message_authenticator_missing": 1}


async def test_another_secret_gets_no_reply(client: Callable[..., Any]) -> None:
    with pytest.raises(NoResponse):
        async with client(secret="another secret", retransmission=ONCE) as opened:
            await opened.exchange(ALICE)


def test_send_is_bare_of_trio(freeradius: FreeRADIUS) -> None:
    server = UDP("127.0.0.1", freeradius.authentication)
    reply = send(server, ALICE, secret=SECRET, require_message_authenticator=False)
    assert reply == AccessAccept(ReplyMessage("Welcome, alice"))
    with pytest.raises(NoResponse):
        send(server, ALICE, secret=SECRET, retransmission=ONCE)
