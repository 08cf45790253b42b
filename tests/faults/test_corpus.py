"""Every datagram of the corpus gets its verdict, harms nobody else, and reaches nothing that it has not proved."""

from __future__ import annotations

import logging

import pytest
import trio

from tests.faults.conftest import SentFrom
from tests.faults.corpus import ACCEPT, CORPUS, FAILED, STRICT, Row
from tests.faults.raw import PASSWORD, SECRET, attribute, digested, login, packet, signed
from tests.faults.target import PEERS, Target
from trioradius import UDP, AccessRequest, AccountingRequest, App, serve
from trioradius.protocol.codes import ACCESS_REQUEST, ACCOUNTING_REQUEST, COA_REQUEST, DISCONNECT_REQUEST
from trioradius.protocol.packets import REPLIES
from trioradius.testing import AppClient

REPLY_NAMES = {reply.name for reply in REPLIES.values()}
PROVEN = {*REPLY_NAMES, FAILED, "event_timestamp"}
"""The verdicts that only a verified packet gets."""


@pytest.mark.trio
@pytest.mark.parametrize("row", CORPUS, ids=lambda row: row.name)
async def test_a_row_gets_its_verdict_and_the_next_packet_its_answer(row: Row, target: Target) -> None:
    assert await target.verdict(row.octets, row.address) == row.verdict
    reached = len(target.store.keys)
    assert reached == (row.verdict in PROVEN)
    assert len(target.handled) <= reached
    counted = row.verdict if row.verdict in PROVEN - {"event_timestamp"} else f"discarded.{row.verdict}"
    assert target.app.counters[counted] == 1
    assert sum(count for name, count in target.app.counters.items() if name.startswith("discarded.")) == (
        counted.startswith("discarded.")
    )
    assert await target.verdict(login()) == ACCEPT
    assert not target.app.in_flight


@pytest.mark.trio
async def test_the_corpus_through_a_socket(
    target: Target, sent_from: SentFrom, caplog: pytest.LogCaptureFixture
) -> None:
    """One server on loopback, every row and after each a good request, which is always answered."""
    caplog.set_level(logging.DEBUG)
    async with trio.open_nursery() as nursery:
        [address] = await nursery.start(serve, target.app, UDP("127.0.0.1", 0))
        sockets = {host: sent_from(host, address) for host in {row.address for row in CORPUS}}
        honest = sent_from(STRICT, address)
        for row in CORPUS:
            await sockets[row.address].send(row.octets)
            good = login()
            await honest.send(good)
            assert (await honest.recv(4096))[:2] == bytes((2, good[1])), row
            if row.verdict in REPLY_NAMES:
                assert REPLIES[(await sockets[row.address].recv(4096))[0]].name == row.verdict, row
        nursery.cancel_scope.cancel()
    for verdict in {row.verdict for row in CORPUS} - REPLY_NAMES:
        name = verdict if verdict == FAILED else f"discarded.{verdict}"
        assert target.app.counters[name] == sum(row.verdict == verdict for row in CORPUS), verdict
    for leak in (SECRET, PASSWORD):
        assert leak.decode() not in caplog.text
        assert leak.hex() not in caplog.text


@pytest.mark.trio
@pytest.mark.parametrize(
    ("octets", "verdict"),
    [(signed(ACCESS_REQUEST), b"\3"), (digested(packet(COA_REQUEST)), b"\x2d"), (signed(DISCONNECT_REQUEST), b"\x2a")],
)
async def test_without_a_handler(octets: bytes, verdict: bytes) -> None:
    """Reject for Access-Request; for the requests of RFC 5176 a NAK with Unsupported-Extension (406)."""
    reply = await AppClient(App(PEERS)).send(octets)
    assert reply is not None
    assert reply[:1] == verdict
    assert (reply[20:] == b"\x65\x06\0\0\x01\x96") == (verdict != b"\3")


@pytest.mark.trio
async def test_accounting_without_a_handler_is_silence() -> None:
    """RFC 2866 section 2: what was not recorded is not acknowledged."""
    target = Target()
    bare: App[None] = App(PEERS)
    target.app = bare
    assert await target.verdict(digested(packet(ACCOUNTING_REQUEST))) == "not_handled"


@pytest.mark.trio
async def test_a_listener_discards_what_it_does_not_take(target: Target, sent_from: SentFrom) -> None:
    """Before any proof: a code that is not taken is counted; CoA and Disconnect get a NAK once they are proven."""
    only = UDP("127.0.0.1", 0, accepts=[AccountingRequest])
    async with trio.open_nursery() as nursery:
        [address] = await nursery.start(serve, target.app, only)
        client = sent_from(STRICT, address)
        for octets in (login(), packet(COA_REQUEST), signed(COA_REQUEST)):
            await client.send(octets)
        assert (await client.recv(4096))[0] == 45
        nursery.cancel_scope.cancel()
    assert target.app.counters["discarded.not_accepted"] == 1
    assert target.app.counters["discarded.request_authenticator"] == 1
    assert not target.handled


@pytest.mark.trio
async def test_a_reply_longer_than_radius_allows_frees_its_request() -> None:
    """Forty Proxy-States and a handler that adds too much: logged, silent, and the retransmission tries again."""
    app: App[None] = App(PEERS)
    calls = []

    @app.on(AccessRequest)
    async def talk(request: AccessRequest):  # type: ignore[no-untyped-def]
        calls.append(request)
        return request.accept(*[("Reply-Message", "x" * 253)] * (16 if len(calls) == 1 else 1))

    octets = login(*[attribute(33, b"proxy")] * 40)
    client = AppClient(app)
    assert await client.send(octets) is None
    reply = await client.send(octets)
    assert reply is not None
    assert reply.count(attribute(33, b"proxy")) == 40
    assert app.counters["handler_failed"] == 1
