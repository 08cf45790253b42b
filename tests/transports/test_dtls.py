"""The DTLS listener on real loopback sockets."""

from __future__ import annotations

import contextlib
import logging
import pathlib
import random

import pytest
import trio

from tests.desk import Desk
from tests.dtls_nas import Nas, connected, login, served, signed
from tests.tls.pki import NOW, PKI
from trioradius import (
    DTLS,
    AccountingRequest,
    ConfigurationError,
    Limits,
    Peer,
    PreSharedKey,
    StatusServer,
    TLSSettings,
    serve,
)
from trioradius.attributes.ietf import UserName
from trioradius.tls import Failed, State, client_context
from trioradius.tls.certificates import make_revocation_list

ACCEPT, REJECT = 2, 3
KEY = bytes(range(32))


async def test_a_password(pki: PKI) -> None:
    desk = Desk()
    async with served(desk.app, pki.settings("server")) as address, connected(address, pki) as nas:
        assert (await nas.ask(login()))[0] == ACCEPT
        assert (await nas.ask(login(password="queen")))[0] == REJECT
    assert desk.app.counters["Access-Request"] == 2


async def test_status_server(pki: PKI) -> None:
    async with served(Desk().app, pki.settings("server")) as address, connected(address, pki) as nas:
        assert (await nas.ask(signed(StatusServer())))[0] == ACCEPT


async def test_two_hundred_at_once_half_of_them_slow(pki: PKI) -> None:
    desk = Desk()
    users = [f"{('slow', 'quick')[number % 2]} {number}" for number in range(200)]
    async with served(desk.app, pki.settings("server")) as address, connected(address, pki) as nas:
        await nas.tell(*map(login, users))
        replies = [await nas.receive() for _ in range(100)]
        assert all(b"quick" in reply for reply in replies)
        assert len(desk.begun) == 200
        desk.gate.set()
        replies = [await nas.receive() for _ in range(100)]
        assert all(b"slow" in reply for reply in replies)
    assert not desk.app.in_flight


async def test_several_records_in_a_datagram(pki: PKI) -> None:
    desk = Desk()
    async with served(desk.app, pki.settings("server")) as address, connected(address, pki) as nas:
        await nas.send(b"".join(nas.records(login("slow"), login("one"), login("two"))))
        assert {(await nas.receive())[-3:] for _ in range(2)} == {b"one", b"two"}
        desk.gate.set()
        assert b"slow" in await nas.receive()


async def test_octets_past_the_length_are_padding(pki: PKI) -> None:
    async with served(Desk().app, pki.settings("server")) as address, connected(address, pki) as nas:
        assert (await nas.ask(login() + bytes(5_000)))[0] == ACCEPT


async def test_a_repeat_gets_the_same_reply(pki: PKI) -> None:
    """And only within its session: what another sends is another request, whatever it looks like (T16)."""
    desk = Desk()
    octets = login()
    async with served(desk.app, pki.settings("server")) as address:
        async with connected(address, pki) as nas:
            assert await nas.ask(octets) == await nas.ask(octets)
            assert desk.begun == ["alice"]
            assert desk.app.counters["repeats"] == 1
        async with connected(address, pki) as nas:
            assert (await nas.ask(octets))[0] == ACCEPT
            assert desk.begun == ["alice"] * 2


async def test_a_repeat_of_what_is_being_answered(pki: PKI) -> None:
    desk = Desk()
    octets = login("slow")
    async with served(desk.app, pki.settings("server")) as address, connected(address, pki) as nas:
        await nas.tell(octets, octets, login("quick"))
        assert b"quick" in await nas.receive()
        desk.gate.set()
        assert b"slow" in await nas.receive()
    assert desk.begun == ["slow", "quick"]
    assert desk.app.counters["discarded.repeat_in_flight"] == 1


async def test_a_delayed_reject(pki: PKI) -> None:
    desk = Desk(reject_delay=0.05)
    async with served(desk.app, pki.settings("server")) as address, connected(address, pki) as nas:
        await nas.tell(login(password="queen"), login())
        assert [(await nas.receive())[0] for _ in range(2)] == [ACCEPT, REJECT]


async def test_a_delayed_reject_of_a_session_that_has_ended(pki: PKI) -> None:
    desk = Desk(reject_delay=0.05)
    async with served(desk.app, pki.settings("server")) as address:
        async with connected(address, pki) as nas:
            await nas.tell(login(password="queen"))
            nas.engine.close()
            await nas.flush()
            await trio.sleep(0.2)
        async with connected(address, pki) as nas:
            assert (await nas.ask(login()))[0] == ACCEPT
    assert not desk.app.counters["handler_failed"]


async def test_the_time_limit(pki: PKI) -> None:
    desk = Desk(limits=Limits(handler_seconds=0.05))
    async with served(desk.app, pki.settings("server")) as address, connected(address, pki) as nas:
        await nas.tell(login("slow"))
        await trio.sleep(0.2)
        assert desk.app.counters["handler_timed_out"] == 1
        assert (await nas.ask(login("quick")))[0] == ACCEPT


def broken(octets: bytes) -> list[bytes]:
    """What a peer that holds the key must never send (T7)."""
    forged = octets[:-1] + bytes((octets[-1] ^ 1,))
    return [octets[:10], octets[:2] + b"\x00\x10" + octets[4:], octets[:20] + b"\x01\x00" + octets[22:], forged]


@pytest.mark.parametrize("fault", range(4))
async def test_a_broken_packet_ends_its_session(pki: PKI, fault: int) -> None:
    desk = Desk()
    async with (
        served(desk.app, pki.settings("server")) as address,
        connected(address, pki) as bystander,
        connected(address, pki) as nas,
    ):
        await nas.tell(broken(login())[fault])
        assert await nas.is_told_goodbye()
        assert (await bystander.ask(login()))[0] == ACCEPT


async def test_what_is_well_formed_but_not_answered_does_not(pki: PKI) -> None:
    desk = Desk()
    async with served(desk.app, pki.settings("server")) as address, connected(address, pki) as nas:
        await nas.tell(b"\x02\x07\x00\x14" + bytes(16))
        assert (await nas.ask(login()))[0] == ACCEPT
    assert desk.app.counters["discarded.unexpected_code"] == 1


async def test_the_end_of_a_session_cancels_logins_and_not_accounting(pki: PKI) -> None:
    desk = Desk()
    async with served(desk.app, pki.settings("server")) as address, connected(address, pki) as nas:
        await nas.tell(login("slow login"), signed(AccountingRequest(UserName("slow accounting"))))
        await desk.until(lambda told: len(told.begun) == 2)
        nas.engine.close()
        await nas.flush()
        await desk.until(lambda told: bool(told.ended))
        assert desk.ended == ["slow login cancelled"]
        desk.gate.set()
        await desk.until(lambda told: len(told.ended) == 2)
        assert desk.ended[1] == "slow accounting"
    assert not desk.app.counters["handler_timed_out"]
    assert not desk.app.in_flight


async def test_stop_lets_handlers_finish_and_says_goodbye(pki: PKI) -> None:
    desk = Desk()
    async with trio.open_nursery() as nursery:
        [address] = await nursery.start(serve, desk.app, DTLS("127.0.0.1", 0, pki.settings("server")))
        async with connected(address, pki) as nas:
            await nas.tell(login("slow"))
            await desk.until(lambda told: bool(told.begun))
            nursery.cancel_scope.cancel()
            with trio.CancelScope(shield=True):
                await trio.sleep(0.05)
                desk.gate.set()
                assert (await nas.receive())[0] == ACCEPT
                assert await nas.is_told_goodbye()


async def test_a_new_hello_from_a_live_port(pki: PKI) -> None:
    """The session goes on until the new one is authenticated, and is then replaced (T14)."""
    desk = Desk()
    async with served(desk.app, pki.settings("server")) as address, connected(address, pki) as old:
        new = Nas(address, pki.settings("client"), old.port.dup())
        new.engine.advance()
        for _ in range(2):
            await new.flush()
            (answer,) = [await old._socket.recv(65_536)]
            new.engine.feed(answer)
        assert (await old.ask(login()))[0] == ACCEPT
        with contextlib.closing(new):
            while new.engine.state is State.HANDSHAKE:
                await new.flush()
                with trio.move_on_after(0.05):
                    await new.hear()
                new.engine.handle_timeout()
            assert (await new.ask(login("bob")))[0] == ACCEPT
        assert desk.begun == ["alice", "bob"]


async def test_half_open_handshakes_disturb_nobody(pki: PKI) -> None:
    """Of a thousand that say hello, three hundred prove their address; past fifty the oldest makes room."""
    desk = Desk()
    settings = pki.settings("server", half_open_maximum=50, connections_per_address=10_000)
    context = client_context(pki.settings("client"), datagrams=True)
    async with served(desk.app, settings) as address, connected(address, pki) as live:
        with contextlib.ExitStack() as opened:
            for number in range(1_000):
                stranger = opened.enter_context(contextlib.closing(Nas(address, context)))
                stranger.engine.advance()
                await stranger.flush()
                if number < 300:
                    await stranger.hear()
                else:
                    stranger.close()
                if not number % 100:
                    assert (await live.ask(login()))[0] == ACCEPT
            async with connected(address, pki) as newcomer:
                assert (await newcomer.ask(login()))[0] == ACCEPT
        assert (await live.ask(login()))[0] == ACCEPT
    assert desk.app.counters["dtls.half_open_full"] == 251


async def test_one_address_has_its_own_bound(pki: PKI) -> None:
    desk = Desk()
    async with (
        served(desk.app, pki.settings("server", connections_per_address=2)) as address,
        connected(address, pki),
        connected(address, pki) as second,
    ):
        third = Nas(address, pki.settings("client"))
        with contextlib.closing(third), trio.move_on_after(0.2):
            await third.connect()
        assert third.engine.state is State.HANDSHAKE
        assert desk.app.counters["dtls.address_connections_full"] == 1
        second.engine.close()
        await second.flush()
        async with connected(address, pki) as nas:
            assert (await nas.ask(login()))[0] == ACCEPT


async def test_an_idle_session_ends(pki: PKI) -> None:
    settings = pki.settings("server", idle_seconds=0.5)
    async with served(Desk().app, settings) as address, connected(address, pki) as nas:
        assert await nas.is_told_goodbye()


async def test_a_session_ends_after_so_many_packets(pki: PKI) -> None:
    settings = pki.settings("server", packets_maximum=2)
    async with served(Desk().app, settings) as address, connected(address, pki) as nas:
        for _ in range(2):
            assert (await nas.ask(login()))[0] == ACCEPT
        assert await nas.is_told_goodbye()


async def test_a_handshake_that_takes_too_long(pki: PKI) -> None:
    desk = Desk()
    async with served(desk.app, pki.settings("server", handshake_seconds=0.3)) as address:
        with contextlib.closing(Nas(address, pki.settings("client"))) as nas:
            nas.engine.advance()
            await nas.flush()
            await nas.hear()
            await trio.sleep(0.8)
    assert desk.app.counters["dtls.handshake_timeout"] == 1


@pytest.mark.parametrize("stem", ["stranger", "expired", "revoked"])
async def test_a_certificate_that_is_refused(pki: PKI, stem: str) -> None:
    desk = Desk()
    settings = pki.settings("server", crl=pki.folder / "crl.pem")
    async with served(desk.app, settings) as address, connected(address, pki, stem) as nas:
        assert any(isinstance(event, Failed) for event in nas.events)
    assert desk.app.counters["dtls.certificate_refused"] == 1


async def test_a_good_certificate_that_is_nobody(pki: PKI) -> None:
    desk = Desk({"dns:other.example.org": Peer()})
    async with served(desk.app, pki.settings("server")) as address, connected(address, pki) as nas:
        assert any(isinstance(event, Failed) for event in nas.events)
    assert desk.app.counters["dtls.unknown_peer"] == 1


async def test_an_entry_for_the_address(pki: PKI) -> None:
    desk = Desk({"127.0.0.0/8": Peer(tls=True)})
    async with served(desk.app, pki.settings("server")) as address, connected(address, pki) as nas:
        assert (await nas.ask(login()))[0] == ACCEPT


async def test_a_peer_from_a_source(pki: PKI) -> None:
    """The first ClientHello is lost while the source is asked; the client sends it again."""

    async def find(address: object) -> Peer:
        await trio.sleep(0.01)
        return Peer(tls=True)

    desk = Desk(find)
    async with served(desk.app, pki.settings("server")) as address:
        with contextlib.closing(Nas(address, pki.settings("client"))) as nas:
            nas.engine.advance()
            await nas.flush()
            await nas.hear()
            while nas.engine.state is State.HANDSHAKE:
                await trio.sleep(0.05)
                nas.engine.handle_timeout()
                await nas.flush()
                with trio.move_on_after(0.05):
                    await nas.hear()
            assert (await nas.ask(login()))[0] == ACCEPT


async def test_a_key(pki: PKI) -> None:
    desk = Desk({"psk:bob": Peer(psk=KEY)})
    async with served(desk.app, pki.settings("server")) as address:
        with contextlib.closing(Nas(address, TLSSettings(psk=PreSharedKey("bob", KEY)))) as nas:
            await nas.connect()
            assert (await nas.ask(login()))[0] == ACCEPT


async def test_a_secret_of_the_peers_own(pki: PKI) -> None:
    desk = Desk({"dns:nas.example.org": Peer(b"twenty-four octets, say.")})
    async with served(desk.app, pki.settings("server")) as address, connected(address, pki) as nas:
        await nas.tell(login())
        assert await nas.is_told_goodbye()
    assert desk.app.counters["discarded.message_authenticator_wrong"] == 1


async def test_loss_repeats_and_disorder(pki: PKI) -> None:
    """After the handshake a network may do what it likes: a NAS sends again, and no record is taken twice."""
    rng = random.Random(7)
    desk = Desk()
    async with served(desk.app, pki.settings("server")) as address, connected(address, pki) as nas:
        waiting = {octets[1]: octets for octets in (login(f"user {number}") for number in range(60))}
        while waiting:
            records = [record for record in nas.records(*waiting.values()) if rng.random() > 0.3]
            records += [record for record in records if rng.random() < 0.3]
            rng.shuffle(records)
            for record in records:
                await nas.send(record)
            with trio.move_on_after(0.2):
                while waiting:
                    reply = await nas.receive()
                    if rng.random() > 0.3:
                        waiting.pop(reply[1], None)
    assert len(desk.begun) == 60


async def test_datagrams_of_nobody(pki: PKI) -> None:
    async with served(Desk().app, pki.settings("server")) as address, connected(address, pki) as live:
        with contextlib.closing(Nas(address, pki.settings("client"))) as nobody:
            for datagram in (b"", b"\x16", bytes(13), bytes(30_000), login()):
                await nobody.send(datagram)
        assert (await live.ask(login()))[0] == ACCEPT


async def test_a_reload_ends_what_no_longer_passes(tmp_path: pathlib.Path) -> None:
    pki = PKI(tmp_path)
    desk = Desk({"dns:nas.example.org": Peer(), "dns:revoked.example.org": Peer()})
    listener = DTLS("127.0.0.1", 0, pki.settings("server", crl=tmp_path / "crl.pem"))
    (tmp_path / "crl.pem").write_bytes(make_revocation_list(NOW, pki.authority, []))
    async with trio.open_nursery() as nursery:
        [address] = await nursery.start(serve, desk.app, listener)
        async with connected(address, pki) as nas, connected(address, pki, "revoked") as revoked:
            assert (await revoked.ask(login()))[0] == ACCEPT
            revoked_too = [pki.issued["revoked"]]
            (tmp_path / "crl.pem").write_bytes(make_revocation_list(NOW, pki.authority, revoked_too))
            listener.reload()
            assert await revoked.is_told_goodbye()
            assert (await nas.ask(login()))[0] == ACCEPT
        nursery.cancel_scope.cancel()
    assert desk.app.counters["dtls.no_longer_admitted"] == 1


async def test_bad_settings() -> None:
    with pytest.raises(ConfigurationError, match="70000 is not a port"):
        DTLS("::", 70_000)
    with pytest.raises(ConfigurationError, match=r"DTLS is 1\.2"):
        await DTLS("127.0.0.1", 0, TLSSettings(versions="1.1")).bind()


async def test_the_name_of_a_listener(pki: PKI) -> None:
    with await DTLS("127.0.0.1", 0, pki.settings("server")).bind() as listener:
        assert repr(listener) == f"DTLS 127.0.0.1:{listener.address[1]}"


async def test_ipv4_and_ipv6_on_one_socket(pki: PKI, caplog: pytest.LogCaptureFixture) -> None:
    """With the one log line of a handshake."""
    caplog.set_level(logging.INFO)
    desk = Desk()
    async with trio.open_nursery() as nursery:
        [address] = await nursery.start(serve, desk.app, DTLS("::", 0, pki.settings("server")))
        async with connected(("127.0.0.1", address[1]), pki) as nas:
            assert (await nas.ask(login()))[0] == ACCEPT
        nursery.cancel_scope.cancel()
    (line,) = [record.getMessage() for record in caplog.records if record.name == "trioradius.tls"]
    assert line.startswith("127.0.0.1:") and "DTLSv1.2, ALPN radius/1.0, RADIUS/1.0" in line
