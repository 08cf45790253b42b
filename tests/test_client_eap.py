"""The client holds EAP conversations, whatever way its packets go."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from tests.eap_app import SECRET, alice, eap_app
from tests.tls.pki import PKI
from trioradius import (
    DTLS,
    TLS,
    UDP,
    AccessReject,
    AccessRequest,
    App,
    ConfigurationError,
    NoResponse,
    Peer,
    Reply,
    Retransmission,
    open_client,
    send_eap,
    serve,
)
from trioradius.attributes import CallingStationId, EAPMessage, NASPort, State, UserPassword
from trioradius.eap.supplicant import EAPCredentials
from trioradius.protocol.profile import RADIUS_1_0, RADIUS_1_1
from trioradius.testing import AppClient

METHODS = ("md5", "mschapv2", "tls", "peap-mschapv2", "ttls-mschapv2")
NAS = {"dns:nas.example.org": Peer()}


async def listening(nursery: trio.Nursery, app: App[Any], *listeners: Any) -> list[tuple[str, int]]:
    return await nursery.start(serve, app, *listeners)


async def test_udp(nursery: trio.Nursery, pki: PKI) -> None:
    [(host, port)] = await listening(nursery, eap_app(pki), UDP("127.0.0.1", 0))
    async with open_client(UDP(host, port), secret=SECRET) as client:
        for method in METHODS:
            assert (await client.authenticate(alice(pki, method))).accepted
        rejected = await client.authenticate(alice(pki, "peap-gtc", "looking glass"), NASPort(7))
        assert isinstance(rejected.reply, AccessReject)
        assert not client.counters


async def test_many_at_once(nursery: trio.Nursery, pki: PKI) -> None:
    [(host, port)] = await listening(nursery, eap_app(pki), UDP("127.0.0.1", 0))
    accepted = []
    async with open_client(UDP(host, port), secret=SECRET) as client:

        async def ask(number: int) -> None:
            result = await client.authenticate(
                alice(pki, "peap-mschapv2"), CallingStationId(f"02-00-00-00-00-{number}")
            )
            accepted.append(result.accepted)

        async with trio.open_nursery() as asking:
            for number in range(20):
                asking.start_soon(ask, number)
    assert accepted == [True] * 20


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_tls(nursery: trio.Nursery, pki: PKI, version: str) -> None:
    settings = pki.settings("server", versions=version)
    [(host, port)] = await listening(nursery, eap_app(pki, NAS), TLS("127.0.0.1", 0, settings))
    async with open_client(TLS(host, port, pki.settings("client"))) as client:
        for method in METHODS:
            assert (await client.authenticate(alice(pki, method))).accepted
        assert client.profile.name == version
        assert not client.counters


async def test_dtls(nursery: trio.Nursery, pki: PKI) -> None:
    [(host, port)] = await listening(nursery, eap_app(pki, NAS), DTLS("127.0.0.1", 0, pki.settings("server")))
    async with open_client(DTLS(host, port, pki.settings("client"))) as client:
        for method in METHODS:
            assert (await client.authenticate(alice(pki, method))).accepted
        assert not client.counters


@pytest.mark.parametrize("profile", [RADIUS_1_0, RADIUS_1_1], ids=lambda profile: profile.name)
async def test_an_app_without_a_socket(pki: PKI, profile: Any) -> None:
    async with AppClient(eap_app(pki), profile=profile) as client:
        for method in METHODS:
            assert (await client.authenticate(alice(pki, method))).accepted


async def test_a_program_without_trio(nursery: trio.Nursery, pki: PKI) -> None:
    [(host, port)] = await listening(nursery, eap_app(pki), UDP("127.0.0.1", 0))

    def blocking() -> str:
        result = send_eap(UDP(host, port), alice(pki, "peap-mschapv2"), NASPort(7), secret=SECRET)
        return f"{result.reply.name} after {result.rounds} rounds"

    assert await trio.to_thread.run_sync(blocking) == "Access-Accept after 10 rounds"


async def test_a_trio_program_must_not_block(pki: PKI) -> None:
    with pytest.raises(RuntimeError, match=r"send_eap\(\) blocks"):
        send_eap(UDP("127.0.0.1"), alice(pki, "md5"), secret=SECRET)


async def test_nobody_answers(pki: PKI) -> None:
    with trio.socket.socket(type=trio.socket.SOCK_DGRAM) as silent:
        await silent.bind(("127.0.0.1", 0))
        address = UDP(*silent.getsockname())
        schedule = Retransmission(attempts=1, duration=0.05)
        async with open_client(address, secret=SECRET, retransmission=schedule) as client:
            with pytest.raises(NoResponse):
                await client.authenticate(alice(pki, "md5"))


async def test_a_password_beside_eap_is_refused_before_anything_is_sent(pki: PKI) -> None:
    async with open_client(UDP("127.0.0.1", 9), secret=SECRET) as client:
        with pytest.raises(ConfigurationError, match="User-Password"):
            await client.authenticate(alice(pki, "md5"), UserPassword("wonderland"))


async def test_the_rounds_of_a_lossy_network(autojump_clock: Any) -> None:
    """Each round is retransmitted on its own: of a conversation by MD5 every second packet is lost."""
    requests: list[bytes] = []
    app: App[None] = App(peers={"127.0.0.1": SECRET}, reject_delay=0)

    @app.on(AccessRequest)
    async def authenticate(request: AccessRequest) -> Reply:
        if State not in request:
            return request.challenge(State(b"1"), EAPMessage(b"\1\1\0\x16\4\x10" + bytes(16)))
        return request.accept(EAPMessage(b"\3\1\0\4"))

    with trio.socket.socket(type=trio.socket.SOCK_DGRAM) as server:
        await server.bind(("127.0.0.1", 0))
        answering = AppClient(app)

        async def answer() -> None:
            while True:
                octets, address = await server.recvfrom(4096)
                requests.append(octets)
                if len(requests) % 2 == 0:
                    reply = await answering.send(octets)
                    assert reply is not None
                    await server.sendto(reply, address)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer)
            async with open_client(UDP(*server.getsockname()), secret=SECRET) as client:
                credentials = EAPCredentials(method="md5", identity="alice", password="wonderland")
                result = await client.authenticate(credentials)
            nursery.cancel_scope.cancel()
    assert result.accepted
    assert result.rounds == 2
    assert requests[0] == requests[1]
    assert requests[2] == requests[3]
    assert len(requests) == 4
