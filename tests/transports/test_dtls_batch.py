"""DTLS packets that were read together: what a session's end means for those beside the one that ended it."""

from __future__ import annotations

import socket
from typing import Any

import trio

from tests.desk import Desk
from tests.dtls_nas import connected, login, served, signed
from tests.tls.pki import PKI
from trioradius import AccountingRequest, Limits
from trioradius.attributes.ietf import UserName
from trioradius.server import AppService
from trioradius.tls import server_context
from trioradius.transports.dtls_listener import DTLSListener


def forged(octets: bytes) -> bytes:
    return octets[:-1] + bytes((octets[-1] ^ 1,))


async def test_what_precedes_a_forged_packet_is_answered_and_what_follows_is_not_handled(pki: PKI) -> None:
    desk = Desk()
    async with served(desk.app, pki.settings("server")) as address, connected(address, pki) as nas:
        late = signed(AccountingRequest(UserName("late")))
        nas.port.send(b"".join(nas.records(login("good"), forged(login("bad")), late)))
        assert await nas.is_told_goodbye()
        assert desk.begun == ["good"]
        assert len(nas.packets) == 1


async def test_a_forged_packet_harms_no_other_session(pki: PKI) -> None:
    desk = Desk()
    async with (
        served(desk.app, pki.settings("server")) as address,
        connected(address, pki) as other,
        connected(address, pki) as nas,
    ):
        nas.port.send(b"".join(nas.records(forged(login("bad")))))
        other.port.send(b"".join(other.records(login("good"))))
        assert await nas.is_told_goodbye()
        await desk.until(lambda told: told.begun == ["good"])


async def test_a_handler_of_a_session_that_has_ended_is_given_up(pki: PKI) -> None:
    desk = Desk()
    async with served(desk.app, pki.settings("server")) as address, connected(address, pki) as nas:
        [record] = nas.records(login("slow"))
        nas.engine.close()
        for datagram in (record, *nas.engine.take_datagrams()):
            nas.port.send(datagram)
        await desk.until(lambda told: told.ended == ["slow cancelled"] or (not told.begun and not told.app.in_flight))
    assert not desk.app.in_flight


class Narrow(socket.socket):
    """A socket without room for a while."""

    refuses = False

    def sendto(self, *arguments: Any) -> int:
        if self.refuses:
            raise BlockingIOError
        return super().sendto(*arguments)


async def test_a_reply_that_runs_out_of_time_at_the_socket_is_done_with(pki: PKI) -> None:
    desk = Desk(limits=Limits(handler_seconds=0.3))
    bound = Narrow(type=socket.SOCK_DGRAM)
    bound.setblocking(False)
    bound.bind(("127.0.0.1", 0))
    context = server_context(pki.settings("server"), datagrams=True)
    with DTLSListener(bound, context, frozenset({1, 4})) as listener:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(listener.serve, AppService(desk.app))
            async with connected(listener.address, pki) as nas:
                await nas.tell(login("slow"))
                await desk.until(lambda told: told.begun == ["slow"])
                bound.refuses = True
                desk.gate.set()
                while not desk.app.counters["handler_timed_out"]:
                    await trio.lowlevel.checkpoint()
                bound.refuses = False
                [session] = listener._open.values()
                assert session.pending == 0
                nursery.cancel_scope.cancel()
