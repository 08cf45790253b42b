"""The packets: their codes, the replies that may answer each, and the methods that make them."""

from __future__ import annotations

from typing import Any

import pytest

from trioradius import (
    AccessAccept,
    AccessChallenge,
    AccessReject,
    AccessRequest,
    AccountingRequest,
    AccountingResponse,
    CoAACK,
    CoANAK,
    CoARequest,
    Dictionary,
    DisconnectACK,
    DisconnectNAK,
    DisconnectRequest,
    Peer,
    ProtocolError,
    Reply,
    Request,
    StatusServer,
)
from trioradius.attributes.ietf import ErrorCause, ReplyMessage, SessionTimeout, State, UserName
from trioradius.protocol.packets import PACKETS, REPLIES, REQUESTS, StatusClient
from trioradius.protocol.profile import RADIUS_1_0
from trioradius.protocol.secret import Secret
from trioradius.protocol.source import Source

SECRET = Secret(b"xyzzy5461")
REQUEST = RADIUS_1_0.encode_request(AccessRequest(), 7, SECRET)[0]
IANA = {
    1: "Access-Request",
    2: "Access-Accept",
    3: "Access-Reject",
    4: "Accounting-Request",
    5: "Accounting-Response",
    11: "Access-Challenge",
    12: "Status-Server",
    13: "Status-Client",
    40: "Disconnect-Request",
    41: "Disconnect-ACK",
    42: "Disconnect-NAK",
    43: "CoA-Request",
    44: "CoA-ACK",
    45: "CoA-NAK",
    52: "Protocol-Error",
}


def test_codes_and_names_are_those_of_iana() -> None:
    assert {code: packet.name for code, packet in PACKETS.items()} == IANA
    assert PACKETS.keys() == REQUESTS.keys() | REPLIES.keys()
    assert not REQUESTS.keys() & REPLIES.keys()


@pytest.mark.parametrize(
    ("request_class", "replies"),
    [
        (AccessRequest, {AccessAccept, AccessReject, AccessChallenge}),
        (AccountingRequest, {AccountingResponse}),
        (CoARequest, {CoAACK, CoANAK}),
        (DisconnectRequest, {DisconnectACK, DisconnectNAK}),
        (StatusServer, {AccessAccept, AccountingResponse}),
        (StatusClient, set()),
    ],
)
def test_which_replies_answer_a_request(request_class: type[Request[Any]], replies: set[type[Reply]]) -> None:
    assert set(request_class.replies) == replies


MESSAGE = ReplyMessage("hello")


@pytest.mark.parametrize(
    ("made", "reply"),
    [
        (AccessRequest().accept(MESSAGE), AccessAccept(MESSAGE)),
        (AccessRequest().reject(MESSAGE), AccessReject(MESSAGE)),
        (AccessRequest().challenge(MESSAGE), AccessChallenge(MESSAGE)),
        (AccountingRequest().respond(MESSAGE), AccountingResponse(MESSAGE)),
        (CoARequest().ack(MESSAGE), CoAACK(MESSAGE)),
        (DisconnectRequest().ack(MESSAGE), DisconnectACK(MESSAGE)),
        (CoARequest().nak(503, MESSAGE), CoANAK(ErrorCause(503), MESSAGE)),
        (DisconnectRequest().nak(503, MESSAGE), DisconnectNAK(ErrorCause(503), MESSAGE)),
    ],
    ids=lambda reply: reply.name,
)
def test_a_request_makes_its_replies(made: Reply, reply: Reply) -> None:
    assert type(made) is type(reply)
    assert made == reply


@pytest.mark.parametrize(
    "reply",
    [
        AccessRequest().reject(reason="expired"),
        CoARequest().nak(503, reason="expired"),
        DisconnectRequest().nak(503, reason="expired"),
    ],
)
def test_the_reason_is_for_the_log_and_in_no_octet(reply: Reply) -> None:
    assert reply.reason == "expired"
    assert "expired" not in repr(reply)
    assert reply == type(reply)(*reply.avps)
    assert reply.with_attributes(MESSAGE).reason == "expired"
    assert AccessAccept().reason == ""
    octets = RADIUS_1_0.encode_reply(reply, RADIUS_1_0.decode(REQUEST), None, SECRET)
    assert type(reply).received(RADIUS_1_0.decode(octets), None, Dictionary.bundled()).reason == ""


def test_attributes_are_added_and_taken_away_in_a_copy() -> None:
    reply = AccessAccept(SessionTimeout(60))
    more = reply.with_attributes(MESSAGE, ("Session-Timeout", 90))
    assert more.avps == (SessionTimeout(60), MESSAGE, SessionTimeout(90))
    assert more.without_attributes("session-timeout").avps == (MESSAGE,)
    assert reply.avps == (SessionTimeout(60),)


@pytest.mark.parametrize(
    ("name", "realm"),
    [
        ("alice", ""),
        ("alice@example.org", "example.org"),
        ("alice@Example.ORG", "example.org"),
        ("alice@one@two", "two"),
        ("alice@", ""),
        ("@example.org", "example.org"),
    ],
)
def test_realm(name: str, realm: str) -> None:
    """RFC 7542 section 2.2: what follows the last @; case does not matter."""
    assert AccessRequest(UserName(name)).realm == realm


def test_a_packet_made_here_has_neither_peer_nor_source() -> None:
    request = AccessRequest()
    assert (request.peer, request.source, request.profile, request.realm) == (None, None, None, "")


def test_a_request_knows_who_sent_it() -> None:
    peer = Peer("wonderland")
    source = Source("192.0.2.1", 1812, "udp", RADIUS_1_0, frozenset({1}))
    request = AccessRequest().sent_by(peer, source)
    assert (request.peer, request.source, request.profile) == (peer, source, RADIUS_1_0)


@pytest.mark.parametrize("packet", PACKETS.values())
def test_every_packet_prints_its_name_and_attributes(packet: type[Request[Any]]) -> None:
    assert repr(packet(State(b"\1"))) == f"{packet.__name__}(State = 0x01)"


def test_replies_are_told_apart_by_match() -> None:
    def kind(reply: Reply) -> str:
        match reply:
            case AccessAccept():
                return "in"
            case ProtocolError():
                return "elsewhere"
            case _:
                return "out"

    assert [kind(reply) for reply in (AccessAccept(), AccessReject(), ProtocolError())] == ["in", "out", "elsewhere"]


def test_replies_speak_the_dictionary_of_their_request() -> None:
    own = Dictionary(Dictionary.bundled())
    own.add(ReplyMessage, name="Greeting")  # type: ignore[arg-type]
    assert AccessRequest(dictionary=own).accept(("Greeting", "hello")) == AccessAccept(MESSAGE)
