"""The TLS listener on real loopback sockets: what is answered, what closes, who is served all the while."""

from __future__ import annotations

import logging
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.desk import PEERS, Desk
from tests.tls.pki import NOW, PKI
from tests.tls_nas import Line, close_streams, connect, open_stream, pieces, served
from trioradius import (
    TLS,
    AccessAccept,
    AccessRequest,
    AccountingRequest,
    App,
    ConfigurationError,
    Limits,
    Peer,
    PreSharedKey,
    TLSSettings,
    serve,
)
from trioradius.attributes.ietf import ErrorCause, OriginalPacketCode, ReplyMessage, UserName
from trioradius.protocol.codes import ACCESS_ACCEPT, ACCESS_REJECT, ACCOUNTING_RESPONSE, PROTOCOL_ERROR
from trioradius.tls import Closed, Failed
from trioradius.tls.certificates import make_revocation_list

KEY = bytes(range(32))
RECORD_OVERHEAD = 22
"""Octets of TLS 1.3 round a packet: header, type and tag (RFC 8446 section 5.2)."""


@pytest.fixture
def clock() -> MockClock:
    """Virtual time that jumps when nothing happened for 10 ms, so that real sockets get their turn."""
    return MockClock(autojump_threshold=0.01)


@pytest.fixture(autouse=True)
async def closing() -> AsyncIterator[None]:
    yield
    close_streams()


@pytest.mark.parametrize(
    "versions, maximum", [("1.0", "1.2"), (None, "1.2"), ("1.0", "1.3"), ("1.1", "1.3"), (None, "1.3")]
)
async def test_requests_are_answered(pki: PKI, versions: str | None, maximum: Any, caplog: Any) -> None:
    caplog.set_level(logging.INFO, "trioradius.tls")
    desk = Desk()
    async with served(desk.app, pki.settings("server")) as address:
        line = await connect(address, pki.settings("client", versions=versions, maximum_version=maximum))
        for _ in range(3):
            assert (await line.ask(line.login("quick")))[0] == ACCESS_ACCEPT
    [record] = [record.getMessage() for record in caplog.records]
    assert "peer dns:nas.example.org connected: certificate CN=client" in record
    assert f"TLSv{maximum}, ALPN {f'radius/{versions}' if versions else 'none'}, RADIUS/{versions or '1.0'}" in record


async def test_a_handler_sees_its_peer(pki: PKI) -> None:
    seen: list[tuple[Any, ...]] = []
    app: App[Any] = App({"dns:nas.example.org": Peer("a secret of its own", name="hall")})

    @app.on(AccessRequest)
    async def look(request: AccessRequest) -> AccessAccept:
        assert request.peer is not None
        assert request.source is not None
        seen.append((request.peer.name, request.source.transport, request.source.profile.name))
        return request.accept()

    async with served(app, pki.settings("server")) as address:
        line = await connect(address, pki.settings("client", versions="1.0"))
        await line.ask(line.octets_of(AccessRequest(UserName("a")), b"a secret of its own"))
    assert seen == [("hall", "tls", "1.0")]


async def test_two_hundred_requests_at_once(pki: PKI, clock: MockClock) -> None:
    desk = Desk()
    async with served(desk.app, pki.settings("server")) as address:
        line = await connect(address, pki.settings("client"))
        await line.send(*(line.login("slow" if number % 2 else "quick") for number in range(200)))
        for _ in range(100):
            assert b"quick" in await line.receive()
        await desk.until(lambda told: len(told.begun) == 200)
        assert desk.ended == ["quick"] * 100
        desk.gate.set()
        for _ in range(100):
            assert b"slow" in await line.receive()


async def test_past_the_bound_the_connection_pushes_back(pki: PKI, clock: MockClock) -> None:
    desk = Desk(limits=Limits(in_flight_per_address=4))
    async with served(desk.app, pki.settings("server")) as address:
        line = await connect(address, pki.settings("client"))
        await line.send(*(line.login("slow") for _ in range(20)))
        await trio.sleep(1)
        assert len(desk.begun) == 4
        desk.gate.set()
        for _ in range(20):
            assert (await line.receive())[0] == ACCESS_ACCEPT
    assert not [name for name in desk.app.counters if name.startswith("discarded")]


async def test_records_of_every_size(pki: PKI) -> None:
    """From one octet each to both packets in one."""
    async with served(Desk().app, pki.settings("server")) as address:
        line = await connect(address, pki.settings("client"))
        for size in range(1, 2 * len(line.login()) + 2):
            for piece in pieces(line.login() + line.login(), size):
                line.engine.write(piece)
            await line.flush()
            for _ in range(2):
                assert (await line.receive())[0] == ACCESS_ACCEPT


async def test_segments_of_every_size(pki: PKI) -> None:
    """However TCP cuts two records, from one octet each to both in one."""
    async with served(Desk().app, pki.settings("server")) as address:
        line = await connect(address, pki.settings("client"))
        line.stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for size in range(1, 2 * (len(line.login()) + RECORD_OVERHEAD) + 2):
            for _ in range(2):
                line.engine.write(line.login())
            await line.flush(size)
            for _ in range(2):
                assert (await line.receive())[0] == ACCESS_ACCEPT


async def test_one_octet_a_second(pki: PKI, clock: MockClock) -> None:
    desk = Desk()
    async with served(desk.app, pki.settings("server")) as address:
        slow, other = [await connect(address, pki.settings("client")) for _ in range(2)]
        packet = slow.login("quick")
        for octet in packet:
            await slow.send(bytes([octet]))
            assert (await other.ask(other.login("quick")))[0] == ACCESS_ACCEPT
            await trio.sleep(1)
        assert (await slow.receive())[0] == ACCESS_ACCEPT


async def test_a_peer_that_never_reads(pki: PKI, clock: MockClock) -> None:
    app: App[Any] = App(PEERS)

    @app.on(AccessRequest)
    async def answer(request: AccessRequest) -> AccessAccept:
        return request.accept(*[ReplyMessage("x" * 250)] * 15)

    async with served(app, pki.settings("server", idle_seconds=60)) as address:
        deaf, other = [await connect(address, pki.settings("client")) for _ in range(2)]
        with trio.move_on_after(30):
            while True:
                await deaf.send(*(deaf.login() for _ in range(100)))
        for _ in range(5):
            assert (await other.ask(other.login()))[0] == ACCESS_ACCEPT
        while not app.counters["discarded.reply_not_sent"]:
            await trio.sleep(1)
            assert (await other.ask(other.login()))[0] == ACCESS_ACCEPT


async def test_a_peer_that_dies_in_mid_packet(pki: PKI) -> None:
    desk = Desk()
    async with served(desk.app, pki.settings("server")) as address:
        dying, other = [await connect(address, pki.settings("client")) for _ in range(2)]
        await dying.send(dying.login("quick") + dying.login("quick")[:30])
        await dying.stream.aclose()
        assert (await other.ask(other.login("quick")))[0] == ACCESS_ACCEPT


async def test_handshakes_that_a_shutdown_cuts_are_nobodys_fault(pki: PKI) -> None:
    desk = Desk()
    async with served(desk.app, pki.settings("server")) as address:
        stream = await open_stream(address)
        await connect(address, pki.settings("client"))
    assert await stream.receive_some() == b""
    assert not [name for name in desk.app.counters if name.startswith("tls.")]


async def test_a_thousand_half_open_handshakes(pki: PKI) -> None:
    desk = Desk()
    settings = pki.settings("server", connections_per_address=5_000, half_open_maximum=1_000, handshake_seconds=60)
    async with served(desk.app, settings) as address:
        half_open = [await open_stream(address) for _ in range(1_000)]
        for _ in range(3):
            line = await connect(address, pki.settings("client"))
            assert (await line.ask(line.login("quick")))[0] == ACCESS_ACCEPT
        assert desk.app.counters["tls.half_open_full"] == 1
        for stream in half_open:
            await stream.aclose()


async def test_a_handshake_takes_only_so_long(pki: PKI, clock: MockClock) -> None:
    desk = Desk()
    async with served(desk.app, pki.settings("server")) as address:
        stream = await open_stream(address)
        begun = trio.current_time()
        assert await stream.receive_some() == b""
        assert 4 < trio.current_time() - begun < 7
    assert desk.app.counters["tls.handshake_timeout"] == 1


@pytest.mark.parametrize(
    ("bound", "reason"),
    [("connections_maximum", "connections_full"), ("connections_per_address", "address_connections_full")],
)
async def test_caps(pki: PKI, bound: str, reason: str) -> None:
    desk = Desk()
    async with served(desk.app, pki.settings("server", **{bound: 2})) as address:
        lines = [await connect(address, pki.settings("client")) for _ in range(2)]
        refused = await open_stream(address)
        with pytest.raises(trio.BrokenResourceError):
            await Line(refused, pki.settings("client")).shake_hands()
            raise trio.BrokenResourceError
        assert desk.app.counters[f"tls.{reason}"] == 1
        lines[0].engine.close()
        await lines[0].flush()
        while await lines[0].stream.receive_some():
            pass
        line = await connect(address, pki.settings("client"))
        assert (await line.ask(line.login("quick")))[0] == ACCESS_ACCEPT


async def test_an_idle_connection_is_closed(pki: PKI, clock: MockClock) -> None:
    async with served(Desk().app, pki.settings("server", idle_seconds=100)) as address:
        line = await connect(address, pki.settings("client"))
        await trio.sleep(90)
        await line.ask(line.login("quick"))
        begun = trio.current_time()
        assert await line.until_closed() == Closed(clean=True)
        assert 99 < trio.current_time() - begun < 102


async def test_so_many_packets_and_no_more(pki: PKI) -> None:
    async with served(Desk().app, pki.settings("server", packets_maximum=3)) as address:
        line = await connect(address, pki.settings("client"))
        await line.send(*(line.login("quick") for _ in range(5)))
        assert await line.until_closed() == Closed(clean=True)
        assert len(line.packets) == 3


async def test_an_expired_certificate_ends_the_connection(pki: PKI, clock: MockClock) -> None:
    pki.issue("brief", "nas.example.org", days=1)
    async with served(Desk().app, pki.settings("server", idle_seconds=1e9)) as address:
        line = await connect(address, pki.settings("brief"))
        begun = trio.current_time()
        assert await line.until_closed() == Closed(clean=True)
        # The authority's day began with the tests, which take a while on a busy machine.
        assert trio.current_time() - begun == pytest.approx(timedelta(days=1).total_seconds(), abs=7_200)


async def test_closing_cancels_authentication_and_lets_accounting_finish(pki: PKI, clock: MockClock) -> None:
    desk = Desk()
    async with served(desk.app, pki.settings("server")) as address:
        line = await connect(address, pki.settings("client"))
        await line.send(line.login("slow login"), line.octets_of(AccountingRequest(UserName("slow accounting"))))
        await desk.until(lambda told: len(told.begun) == 2)
        await line.stream.aclose()
        await trio.sleep(1)
        assert not desk.app.counters["handler_timed_out"]
        desk.gate.set()
        await trio.sleep(1)
    assert desk.begun == ["slow login", "slow accounting"]
    assert desk.ended == ["slow login cancelled", "slow accounting"]


async def test_stopping_lets_running_handlers_finish(pki: PKI, clock: MockClock) -> None:
    desk = Desk(limits=Limits(grace_seconds=5))
    async with trio.open_nursery() as nursery, trio.open_nursery() as servers:
        [address] = await servers.start(serve, desk.app, TLS("127.0.0.1", 0, pki.settings("server")))
        lines = [await connect(address, pki.settings("client")) for _ in range(2)]
        await lines[0].send(lines[0].login("slow"))
        await desk.until(lambda told: len(told.begun) == 1)
        servers.cancel_scope.cancel()
        nursery.start_soon(_open_later, desk, 2)
        begun = trio.current_time()
    assert trio.current_time() - begun < 4
    assert [await line.until_closed() for line in lines] == [Closed(clean=True)] * 2
    assert [len(line.packets) for line in lines] == [1, 0]


async def _open_later(desk: Desk, seconds: float) -> None:
    await trio.sleep(seconds)
    desk.gate.set()


async def test_the_grace_period_ends(pki: PKI, clock: MockClock) -> None:
    desk = Desk(limits=Limits(grace_seconds=5))
    async with trio.open_nursery() as servers:
        [address] = await servers.start(serve, desk.app, TLS("127.0.0.1", 0, pki.settings("server")))
        line = await connect(address, pki.settings("client"))
        await line.send(line.login("slow"), line.octets_of(AccountingRequest(UserName("slow too"))))
        await desk.until(lambda told: len(told.begun) == 2)
        begun = trio.current_time()
        servers.cancel_scope.cancel()
    assert 4 < trio.current_time() - begun < 7
    assert sorted(desk.ended) == ["slow cancelled", "slow too cancelled"]


@pytest.mark.parametrize("versions", ["1.0", "1.1"])
async def test_a_handler_that_takes_too_long(pki: PKI, clock: MockClock, versions: str) -> None:
    desk = Desk(limits=Limits(handler_seconds=3))
    async with served(desk.app, pki.settings("server")) as address:
        line = await connect(address, pki.settings("client", versions=versions))
        await line.send(line.login("slow"))
        await trio.sleep(5)
        assert desk.app.counters["handler_timed_out"] == 1
        assert (await line.ask(line.login("quick")))[0] == (PROTOCOL_ERROR if versions == "1.1" else ACCESS_ACCEPT)


async def test_a_reject_waits_and_leaves(pki: PKI, clock: MockClock) -> None:
    desk = Desk(reject_delay=1)
    async with served(desk.app, pki.settings("server")) as address:
        line, gone = [await connect(address, pki.settings("client")) for _ in range(2)]
        await gone.send(gone.login(password="queen"))
        await gone.stream.aclose()
        begun = trio.current_time()
        await line.send(line.login(password="queen"), line.login("quick"))
        assert (await line.receive())[0] == ACCESS_ACCEPT
        assert (await line.receive())[0] == ACCESS_REJECT
        assert 1 <= trio.current_time() - begun < 1.5


@pytest.mark.parametrize("versions", ["1.0", "1.1"])
@pytest.mark.parametrize(
    ("attributes", "length", "reason"),
    [
        (b"", 19, "length_out_of_range"),
        (b"", 4097, "length_out_of_range"),
        (b"", 0, "length_out_of_range"),
        (b"\x01\x00", 22, "attribute_length"),
        (b"\x01\x01", 22, "attribute_length"),
        (b"\x01\x09abc", 25, "attribute_length"),
        (b"\x01", 21, "attribute_length"),
    ],
)
async def test_what_is_no_radius_closes(pki: PKI, versions: str, attributes: bytes, length: int, reason: str) -> None:
    desk = Desk()
    async with served(desk.app, pki.settings("server")) as address:
        line = await connect(address, pki.settings("client", versions=versions))
        bad = b"\x01\x00" + length.to_bytes(2, "big") + b"\xff" * 16 + attributes
        await line.send(line.login("quick"), bad, line.login("quick"))
        assert await line.until_closed() == Closed(clean=True)
        assert len(line.packets) == 1
    assert desk.app.counters[f"discarded.{reason}"] == 1


@pytest.mark.parametrize("request_class", [AccessRequest, AccountingRequest])
async def test_a_wrong_secret_closes(pki: PKI, request_class: Any) -> None:
    desk = Desk()
    async with served(desk.app, pki.settings("server")) as address:
        line = await connect(address, pki.settings("client", versions="1.0"))
        await line.send(line.octets_of(request_class(UserName("quick")), b"another"))
        assert await line.until_closed() == Closed(clean=True)
    assert not desk.begun


async def test_an_unknown_code_keeps_the_connection(pki: PKI) -> None:
    unknown = b"\xc8\x00\x00\x14" + b"\0\0\0\x09" + bytes(12)
    async with served(Desk().app, pki.settings("server")) as address:
        line = await connect(address, pki.settings("client", versions="1.0"))
        refusal = await line.ask(unknown)
        assert refusal[:2] == bytes((PROTOCOL_ERROR, 0))
        assert OriginalPacketCode(200).wire(None) + ErrorCause(406).wire(None) in refusal
        assert (await line.ask(line.login("quick")))[0] == ACCESS_ACCEPT
        line = await connect(address, pki.settings("client", versions="1.1"))
        refusal = await line.ask(unknown)
        assert refusal[0] == PROTOCOL_ERROR
        assert refusal[4:8] == b"\0\0\0\x09"
        assert refusal.endswith(ErrorCause(ErrorCause.UNSUPPORTED_EXTENSION).wire(None))
        assert (await line.ask(line.login("quick")))[0] == ACCESS_ACCEPT


async def test_a_listener_may_refuse_accounting(pki: PKI) -> None:
    async with served(Desk().app, pki.settings("server"), accepts=[AccessRequest]) as address:
        line = await connect(address, pki.settings("client"))
        refusal = await line.ask(line.octets_of(AccountingRequest(UserName("quick"))))
        assert refusal[0] == PROTOCOL_ERROR
        assert (await line.ask(line.login("quick")))[0] == ACCESS_ACCEPT


async def test_repeats_get_the_same_octets_in_1_0_alone(pki: PKI) -> None:
    """RFC 9765 section 4.2.2: where TLS repeats nothing, nothing is kept for a repeat."""
    for versions, handled, repeats in (("1.0", 1, 1), ("1.1", 2, 0)):
        desk = Desk()
        async with served(desk.app, pki.settings("server")) as address:
            line = await connect(address, pki.settings("client", versions=versions))
            octets = line.login("quick")
            assert await line.ask(octets) == await line.ask(octets)
        assert desk.app.counters["repeats"] == repeats
        assert desk.begun == ["quick"] * handled


async def admitted(pki: PKI, peers: Any, client: TLSSettings, **server: Any) -> tuple[App[Any], Line]:
    """Whether a client gets an answer: the line, and the app with its counters."""
    desk = Desk(peers)
    async with served(desk.app, pki.settings("server", **server)) as address:
        line = await connect(address, client)
        if line.end is None:
            await line.send(line.login("quick"))
            while line.end is None and not line.packets:
                await line.hear()
        return desk.app, line


@pytest.mark.parametrize("key", ["dns:NAS.example.org.", "ip:192.0.2.1", "sha256", "127.0.0.0/8", "serial"])
async def test_a_certificate_is_recognised(pki: PKI, key: str) -> None:
    certificate = pki.issued["client"].certificate
    serial = f"serial:{certificate.issuer.rfc4514_string()}/{certificate.serial_number:x}"
    key = {"sha256": f"sha256:{pki.fingerprint('client')}", "serial": serial}.get(key, key)
    _, line = await admitted(pki, {key: Peer(tls=True)}, pki.settings("client"))
    assert len(line.packets) == 1


@pytest.mark.parametrize(
    ("peers", "stem", "reason"),
    [
        ({"dns:other.example.org": Peer()}, "client", "unknown_peer"),
        ({"127.0.0.0/8": "a shared secret for UDP"}, "client", "unknown_peer"),
        ({"dns:nas.example.org": Peer(addresses="192.0.2.0/24")}, "client", "unknown_peer"),
        (PEERS, "stranger", "certificate_refused"),
        (PEERS, "selfsigned", "certificate_refused"),
        (PEERS, "expired", "certificate_refused"),
        ({"dns:revoked.example.org": Peer()}, "revoked", "certificate_refused"),
        ({"127.0.0.1": Peer(tls=True)}, "selfsigned", "certificate_refused"),
    ],
)
async def test_a_certificate_is_refused(pki: PKI, peers: Any, stem: str, reason: str, caplog: Any) -> None:
    app, line = await admitted(pki, peers, pki.settings(stem), crl=pki.folder / "crl.pem")
    assert not line.packets
    assert isinstance(line.end, Failed)
    assert app.counters[f"tls.{reason}"] == 1
    assert len(caplog.records) == 1


async def test_a_certificate_that_nobody_signed_is_pinned(pki: PKI) -> None:
    _, line = await admitted(pki, {f"sha256:{pki.fingerprint('selfsigned')}": Peer()}, pki.settings("selfsigned"))
    assert len(line.packets) == 1


@pytest.mark.parametrize(
    ("peer", "known"),
    [
        (Peer(psk=KEY), True),
        (Peer(psk=KEY, addresses="127.0.0.0/8"), True),
        (Peer(psk=KEY, addresses="192.0.2.0/24"), False),
        (Peer(psk=bytes(32)), False),
    ],
)
async def test_a_pre_shared_key(pki: PKI, peer: Peer, known: bool) -> None:
    _, line = await admitted(pki, {"psk:nas1": peer}, TLSSettings(psk=PreSharedKey("nas1", KEY)))
    assert len(line.packets) == known
    assert "0001" not in repr(peer)


async def test_a_pre_shared_key_must_be_a_good_one() -> None:
    for wrong in (
        {"psk:nas1": Peer(psk=b"short")},
        {"dns:nas.example.org": Peer(psk=KEY)},
        {"192.0.2.1": Peer(tls=True, psk=KEY)},
        {"psk:nas1": Peer(psk=KEY), "192.0.2.1": KEY},
        {"192.0.2.1": Peer()},
        {"dns:": Peer()},
        {"sha256:12": Peer()},
    ):
        with pytest.raises(ConfigurationError):
            App(wrong)


async def test_a_server_that_could_serve_nobody_does_not_start(pki: PKI) -> None:
    settings = pki.settings("server")
    for app, wrong in (
        (App(PEERS), TLSSettings(ca=settings.ca)),
        (App({"192.0.2.1": KEY}), TLSSettings(psk=PreSharedKey("nas1", KEY))),
        (App(PEERS), pki.settings("server", ca=pki.folder / "missing.pem")),
    ):
        with pytest.raises(ConfigurationError) as wrong_setting:
            await serve(app, TLS("127.0.0.1", 0, wrong))
        assert "\n" not in str(wrong_setting.value)


async def test_1_1_is_required(pki: PKI) -> None:
    desk = Desk()
    async with served(desk.app, pki.settings("server", versions="1.1")) as address:
        line = await connect(address, pki.settings("client", versions=None))
        refusal = await line.receive()
        assert await line.until_closed() == Closed(clean=True)
        assert isinstance((await connect(address, pki.settings("client", versions="1.0"))).end, Failed)
    assert refusal[0] == PROTOCOL_ERROR
    assert refusal[4:8] == bytes(4)
    assert ErrorCause(ErrorCause.UNSUPPORTED_EXTENSION).wire(None) in refusal
    assert desk.app.counters["tls.version_refused"] == 1
    assert desk.app.counters["tls.no_common_protocol"] == 1


async def test_a_reload_closes_what_no_longer_passes(pki: PKI) -> None:
    pki.issue("leaving", "leaving.example.org")
    crl = pki.folder / "reloaded.pem"
    crl.write_bytes(make_revocation_list(NOW, pki.authority))
    desk = Desk(PEERS | {"dns:leaving.example.org": Peer()})
    listener = TLS("127.0.0.1", 0, pki.settings("server", crl=crl))
    async with trio.open_nursery() as nursery:
        [address] = await nursery.start(serve, desk.app, listener)
        staying = await connect(address, pki.settings("client"))
        leaving = await connect(address, pki.settings("leaving"))
        await leaving.ask(leaving.login("quick"))
        crl.write_bytes(make_revocation_list(NOW, pki.authority, [pki.issued["leaving"]]))
        listener.reload()
        assert await leaving.until_closed() == Closed(clean=True)
        assert (await staying.ask(staying.login("quick")))[0] == ACCESS_ACCEPT
        assert isinstance((await _last(address, pki)).end, Failed)
        crl.write_bytes(b"broken")
        with pytest.raises(ConfigurationError):
            listener.reload()
        assert (await staying.ask(staying.login("quick")))[0] == ACCESS_ACCEPT
        desk.app.peers.replace({"dns:other.example.org": Peer()})
        crl.write_bytes(make_revocation_list(NOW, pki.authority))
        listener.reload()
        assert await staying.until_closed() == Closed(clean=True)
        nursery.cancel_scope.cancel()
    assert desk.app.counters["tls.no_longer_admitted"] == 2


async def _last(address: tuple[str, int], pki: PKI) -> Line:
    line = await connect(address, pki.settings("leaving"))
    while line.end is None:
        await line.hear()
    return line


async def test_accounting_on_the_same_port(pki: PKI) -> None:
    async with served(Desk().app, pki.settings("server")) as address:
        line = await connect(address, pki.settings("client", versions="1.0"))
        assert (await line.ask(line.octets_of(AccountingRequest(UserName("quick")))))[0] == ACCOUNTING_RESPONSE
