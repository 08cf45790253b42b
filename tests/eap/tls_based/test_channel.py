"""TLS within EAP packets, and what attacks on it come to; EAP-TLS stands for all methods on TLS."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.eap.tls_based.peers import Peer, Talk, client, reason
from tests.tls.pki import PKI
from trioradius.eap.fragments import Fragment
from trioradius.eap.method import Failed, Send
from trioradius.eap.tls_based.certificate import EAPTLS

VERSIONS = pytest.mark.parametrize("version", ["1.2", "1.3"])
ALERT = bytes((21, 3, 3, 0, 2, 2, 40))
"""A fatal handshake_failure, as a TLS record."""


@pytest.fixture(scope="module")
def method(pki: PKI) -> EAPTLS:
    return EAPTLS(pki.settings("server"))


def hello(pki: PKI, version: str = "1.2") -> tuple[Talk, Peer]:
    return Talk(EAPTLS(pki.settings("server"))), Peer(client(pki.settings("client", maximum_version=version)), size=100)


Tamper = Callable[[list[bytes]], list[bytes]]


@pytest.mark.parametrize(
    "tamper",
    [
        lambda packets: [*packets[:-1], b"\0"],
        lambda packets: [packets[0], *packets[2:]],
        lambda packets: [packets[0], packets[2], packets[1], *packets[3:]],
        lambda packets: [packets[0], packets[1], packets[1], *packets[2:]],
        lambda packets: packets[1:],
        lambda packets: [packets[0], packets[0], *packets[1:]],
        lambda packets: [*packets[:-1], packets[-1] + b"more"],
        lambda packets: [packets[0], b"\0" + packets[1][1:]],
    ],
    ids=["cut", "one missing", "reordered", "one twice", "first missing", "first twice", "too long", "ended early"],
)
def test_a_fragment_chain_that_was_tampered_with(pki: PKI, tamper: Tamper) -> None:
    """Each ends in a failure of its own conversation, sooner or later, and never in a success."""
    talk, peer = hello(pki, "1.3")
    packets = [peer.respond(talk.request)]
    while Fragment.decode(packets[-1]).more:
        packets.append(peer.respond(b"\0"))
    assert len(packets) > 5
    for packet in tamper(packets):
        if not isinstance(talk.step, Send):
            break
        talk.answer(packet)
    if isinstance(talk.step, Send):
        # What was put together is no ClientHello: an alert, and failure once that has arrived.
        talk.answer(b"\0")
    assert isinstance(talk.step, Failed)


@pytest.mark.parametrize("data", [b"", b"\x80", b"\x80\0\0", b"\xc0\xff\xff\xff\xffabc", b"\x40abc", b"\xc0\0\0\0\x05"])
def test_octets_that_are_no_fragment(method: EAPTLS, data: bytes) -> None:
    assert "EAP fragment" in reason(Talk(method).answer(data))


def test_an_endless_message_is_given_up(method: EAPTLS) -> None:
    talk, size = Talk(method), 65_536
    step = talk.answer(Fragment(bytes(1_000), length=size, more=True).encode())
    for _ in range(64):
        assert isinstance(step, Send)
        step = talk.answer(Fragment(bytes(1_000), more=True).encode())
    assert isinstance(step, Send)
    assert "more than the length says" in reason(talk.answer(Fragment(bytes(1_000), more=True).encode()))


def test_a_handshake_that_goes_nowhere(pki: PKI) -> None:
    """A message that leaves TLS waiting for more of it: whoever speaks TLS within EAP sends whole flights."""
    talk, peer = hello(pki)
    peer.engine.advance()
    octets = peer.engine.take()
    assert "stopped within a message" in reason(talk.answer(b"\0" + octets[:20]))


def test_an_acknowledgement_of_nothing(method: EAPTLS) -> None:
    assert "in the middle of the handshake" in reason(Talk(method).answer(b"\0"))


@VERSIONS
def test_an_alert_in_the_middle(pki: PKI, version: str) -> None:
    talk, peer = hello(pki, version)
    while not isinstance(talk.step, Send) or Fragment.decode(talk.request).is_acknowledgement or not talk.sent:
        talk.answer(peer.respond(talk.request))
    while Fragment.decode(talk.request).more:
        talk.answer(b"\0")
    assert "the peer gave up" in reason(talk.answer(b"\0" + ALERT))


def test_an_alert_between_fragments(pki: PKI) -> None:
    talk, peer = hello(pki)
    talk.answer(peer.respond(talk.request))
    assert "more than the length says" in reason(talk.answer(b"\0" + ALERT + bytes(65_536)))


@VERSIONS
def test_an_alert_instead_of_the_acknowledgement(pki: PKI, version: str) -> None:
    """The peer refuses at the very end: no success, whatever it has proved."""
    peer, talk = Peer(client(pki.settings("client", maximum_version=version))), Talk(EAPTLS(pki.settings("server")))
    talk.until_open(peer)
    while Fragment.decode(talk.request).more:
        talk.answer(peer.respond(talk.request))
    peer.respond(talk.request)
    peer.engine.close()
    talk.answer(peer.flush())
    assert "closed the TLS connection" in reason(talk.answer(b"\0"))


def test_garbage_gets_an_alert_and_then_failure(method: EAPTLS) -> None:
    """RFC 5216 section 2.1.3: the alert is a Request, and only its answer ends the conversation."""
    talk = Talk(method)
    step = talk.answer(b"\0" + b"\x16\x03\x01\x00\x04\x01\x00\x00\x00")
    assert isinstance(step, Send)
    assert Fragment.decode(step.data).data[0] == 21
    assert reason(talk.answer(b"\0")).startswith("TLS: ")


@pytest.mark.parametrize("answer", [b"\0", b"", b"\0hello", ALERT])
def test_any_answer_to_an_alert_ends_it(method: EAPTLS, answer: bytes) -> None:
    talk = Talk(method)
    talk.answer(b"\0" + b"\x16\x03\x01\x00\x04\x01\x00\x00\x00")
    assert reason(talk.answer(answer)).startswith("TLS: ")


def test_a_replayed_handshake_proves_nothing(pki: PKI, method: EAPTLS) -> None:
    """The Responses of one authentication, played to another."""
    peer, talk = Peer(client(pki.settings("client", maximum_version="1.2"))), Talk(method)
    talk.with_peer(peer)
    again = Talk(method)
    for packet in talk.sent:
        if isinstance(again.step, Send):
            again.answer(packet)
    assert isinstance(again.step, Failed)


def test_fragments_are_as_small_as_asked(pki: PKI, method: EAPTLS) -> None:
    peer, talk = Peer(client(pki.settings("client"))), Talk(method, size=100)
    requests = []
    while isinstance(talk.step, Send):
        requests.append(talk.request)
        talk.answer(peer.respond(talk.request))
    assert max(map(len, requests)) == 100
    assert len(requests) > 20
