"""A Token names one request at a time on its connection (RFC 9765 section 4.2)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import trio

from tests.desk import Desk
from tests.tls.pki import PKI
from tests.tls_nas import close_streams, connect, served
from trioradius import AccessRequest, Limits
from trioradius.attributes.ietf import UserName, UserPassword
from trioradius.protocol.exchange import Sent
from trioradius.protocol.profile import RADIUS_1_0, RADIUS_1_1, Profile
from trioradius.protocol.secret import Secret
from trioradius.tls import Closed
from trioradius.transports import listener
from trioradius.transports.tokens import Tokens

ACCEPT, REJECT, PROTOCOL_ERROR = 2, 3, 52


@pytest.fixture(autouse=True)
async def closing() -> AsyncIterator[None]:
    """Streams that a test leaves open."""
    yield
    close_streams()


def login(user: str, token: int = 7, password: str = "wonderland", profile: Profile = RADIUS_1_1) -> bytes:
    request = AccessRequest(UserName(user), UserPassword(password))
    return Sent.make(request, token, Secret(b"radsec"), profile).octets


async def test_a_token_of_another_request_ends_the_connection(pki: PKI) -> None:
    desk = Desk()
    async with served(desk.app, pki.settings("server")) as address:
        line = await connect(address, pki.settings("client"))
        await line.send(login("slow alice"))
        await desk.until(lambda desk: bool(desk.begun))
        await line.send(login("bob"))
        assert await line.until_closed() == Closed(clean=True)
    assert desk.begun == ["slow alice"]
    assert desk.ended == ["slow alice cancelled"]
    assert desk.app.counters["discarded.token_reused"] == 1


async def test_the_very_same_request_is_ignored_while_it_is_answered(pki: PKI) -> None:
    desk = Desk()
    async with served(desk.app, pki.settings("server")) as address:
        line = await connect(address, pki.settings("client"))
        await line.send(login("slow alice"), login("slow alice"))
        assert (await line.ask(login("bob", 8)))[0] == ACCEPT
        desk.gate.set()
        assert (await line.receive())[4:8] == (7).to_bytes(4, "big")
        assert (await line.ask(login("slow alice")))[0] == ACCEPT
    assert desk.begun == ["slow alice", "bob", "slow alice"]
    assert desk.app.counters["discarded.repeat_in_flight"] == 1


async def test_a_token_is_free_once_its_request_is_answered(pki: PKI) -> None:
    """Also by a reject that had to wait, for which the Token is taken as long, and by Protocol-Error."""
    desk = Desk(reject_delay=0.05, limits=Limits(handler_seconds=0.1))
    async with served(desk.app, pki.settings("server")) as address:
        line = await connect(address, pki.settings("client"))
        for user, password, code in (
            ("alice", "wonderland", ACCEPT),
            ("bob", "queen", REJECT),
            ("slow carol", "wonderland", PROTOCOL_ERROR),
            ("dave", "wonderland", ACCEPT),
        ):
            assert (await line.ask(login(user, password=password)))[0] == code
        assert not desk.app.counters["discarded.token_reused"]
        await line.send(login("bob", password="queen"), login("erin"))
        await line.until_closed()
    assert desk.app.counters["discarded.token_reused"] == 1


async def test_the_token_of_a_reject_that_waits_after_a_slow_handler(pki: PKI) -> None:
    desk = Desk(reject_delay=0.2)
    desk.gate.set()
    async with served(desk.app, pki.settings("server")) as address:
        line = await connect(address, pki.settings("client"))
        await line.send(login("slow bob", password="queen"))
        await desk.until(lambda desk: bool(desk.ended))
        await trio.sleep(0.02)
        await line.send(login("erin"))
        await line.until_closed()
    assert desk.app.counters["discarded.token_reused"] == 1


async def test_the_token_of_a_reject_for_which_there_is_no_room(pki: PKI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "DELAYED_MAXIMUM", 0)
    desk = Desk(reject_delay=1)
    async with served(desk.app, pki.settings("server")) as address:
        line = await connect(address, pki.settings("client"))
        assert (await line.ask(login("bob", password="queen") + login("alice", 8)))[4:8] == (8).to_bytes(4, "big")
        assert (await line.ask(login("alice")))[0] == ACCEPT
    assert desk.app.counters["discarded.delayed_replies_full"] == 1


async def test_identifiers_of_1_0_are_no_tokens(pki: PKI) -> None:
    desk = Desk()
    async with served(desk.app, pki.settings("server")) as address:
        line = await connect(address, pki.settings("client", versions="1.0"))
        await line.send(login("slow alice", profile=RADIUS_1_0))
        assert (await line.ask(login("bob", profile=RADIUS_1_0)))[0] == ACCEPT
        desk.gate.set()
    tokens = Tokens(RADIUS_1_0)
    tokens.take(login("alice"))
    assert not tokens.taken
