"""Sent: what makes a datagram the reply to a request; see also tests/faults/test_client_faults.py."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from trioradius import (
    AccessAccept,
    AccessChallenge,
    AccessReject,
    AccessRequest,
    AccountingRequest,
    AccountingResponse,
    AuthenticityError,
    CoAACK,
    CoANAK,
    CoARequest,
    DecodeError,
    Dictionary,
    DisconnectACK,
    DisconnectNAK,
    DisconnectRequest,
    ProtocolError,
    Reply,
    Request,
    StatusServer,
)
from trioradius.attributes.ietf import EAPMessage, ProxyState, ReplyMessage, TunnelPassword, UserName, UserPassword
from trioradius.attributes.microsoft import MSMPPESendKey
from trioradius.protocol.authenticator import sign_reply
from trioradius.protocol.exchange import Sent
from trioradius.protocol.profile import RADIUS_1_0
from trioradius.protocol.secret import Secret

SECRET = Secret(b"xyzzy5461")
PAIRS: list[tuple[type[Request[Any]], type[Reply]]] = [
    (AccessRequest, AccessAccept),
    (AccessRequest, AccessReject),
    (AccessRequest, AccessChallenge),
    (AccessRequest, ProtocolError),
    (AccountingRequest, AccountingResponse),
    (CoARequest, CoAACK),
    (CoARequest, CoANAK),
    (DisconnectRequest, DisconnectACK),
    (DisconnectRequest, DisconnectNAK),
    (StatusServer, AccessAccept),
    (StatusServer, AccountingResponse),
]
VALUES = (ReplyMessage("hello"), TunnelPassword("looking-glass", tag=1), MSMPPESendKey(b"k" * 32))


def sent(request: Request[Any], **options: Any) -> Sent[Any]:
    return Sent.make(request, 7, SECRET, RADIUS_1_0, **options)


def answer(asked: Sent[Any], reply: Reply, secret: Secret = SECRET) -> bytes:
    """The octets a server with this secret sends."""
    message = RADIUS_1_0.decode(asked.octets)
    return RADIUS_1_0.encode_reply(reply, message, RADIUS_1_0.request_hiding(message, secret), secret)


def read(asked: Sent[Any], octets: bytes) -> Any:
    return asked.read_reply(octets, Dictionary.bundled())


@pytest.mark.parametrize(("request_class", "reply"), PAIRS, ids=lambda kind: kind.name)
def test_a_reply_arrives_as_it_was_made(request_class: type[Request[Any]], reply: type[Reply]) -> None:
    """Hidden values under the authenticator that the request bore on the wire, whatever its code (RFC 2868 3.5)."""
    asked = sent(request_class(UserName("alice")))
    arrived = read(asked, answer(asked, reply(*VALUES)))
    assert type(arrived) is reply
    assert tuple(avp for avp in arrived.avps if avp.name != "Message-Authenticator") == VALUES


@pytest.mark.parametrize(("request_class", "reply"), PAIRS, ids=lambda kind: kind.name)
def test_a_reply_under_another_secret(request_class: type[Request[Any]], reply: type[Reply]) -> None:
    asked = sent(request_class())
    with pytest.raises(AuthenticityError) as wrong:
        read(asked, answer(asked, reply(), Secret(b"another")))
    assert wrong.value.reason == "response_authenticator"


def test_a_reply_to_another_request() -> None:
    one, other = sent(AccessRequest()), sent(AccessRequest())
    with pytest.raises(AuthenticityError):
        read(one, answer(other, AccessAccept()))


@pytest.mark.parametrize("reply", [AccountingResponse(), CoAACK(), DisconnectNAK()], ids=lambda reply: reply.name)
def test_a_code_that_cannot_answer(reply: Reply) -> None:
    asked = sent(AccessRequest())
    with pytest.raises(DecodeError, match="cannot answer Access-Request"):
        read(asked, answer(asked, reply))


def test_proxy_state_that_was_not_sent(caplog: pytest.LogCaptureFixture) -> None:
    """RFC 2865 section 5.33: foreign or more than were sent is forgery; fewer is carelessness."""
    asked = sent(AccessRequest(ProxyState(b"ours"), ProxyState(b"ours")))
    bare = Sent(AccessRequest(), 7, asked.authenticator, asked.octets, SECRET, RADIUS_1_0)
    with pytest.raises(AuthenticityError, match="Proxy-State"):
        read(bare, answer(asked, AccessAccept()))
    other = Sent(AccessRequest(ProxyState(b"theirs")), 7, asked.authenticator, asked.octets, SECRET, RADIUS_1_0)
    with pytest.raises(AuthenticityError, match="Proxy-State"):
        read(other, answer(asked, AccessAccept()))
    assert isinstance(read(asked, answer(asked, AccessAccept())), AccessAccept)
    assert not caplog.records
    silent = sent(AccessRequest())
    ours = AccessRequest(ProxyState(b"ours"))
    careless = Sent(ours, 7, silent.authenticator, silent.octets, SECRET, RADIUS_1_0)
    assert isinstance(read(careless, answer(silent, AccessAccept())), AccessAccept)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_a_handler_adds_no_proxy_state() -> None:
    """RFC 2865 section 5.33: the reply carries those of the request, and no other."""
    asked = sent(AccessRequest(ProxyState(b"ours")))
    assert read(asked, answer(asked, AccessAccept(ProxyState(b"theirs")))).all(ProxyState) == (b"ours",)


def test_nothing_shows_the_secret_or_a_password() -> None:
    asked = sent(AccessRequest(UserPassword("wonderland")))
    assert "xyzzy" not in repr(asked)
    assert "wonderland" not in repr(asked)


@pytest.mark.parametrize("prove", [True, False])
def test_dynamic_requests_prove_themselves_where_asked(*, prove: bool) -> None:
    assert (sent(CoARequest(), prove=prove).octets[20:22] == b"\x50\x12") == prove


@pytest.mark.parametrize("reply", [AccessAccept, AccessReject, AccessChallenge])
def test_eap_is_proved_whatever_the_client_asks(reply: type[Reply]) -> None:
    """RFC 3579 section 3.1; open_client(require_message_authenticator=False) is for other replies."""
    asked = sent(AccessRequest(), require_message_authenticator=False)
    octets = answer(asked, reply(EAPMessage(b"\3\1\0\4")))
    assert read(asked, octets)[EAPMessage] == b"\3\1\0\4"
    bare = without_proof(asked, octets)
    with pytest.raises(AuthenticityError) as raised:
        read(asked, bare)
    assert raised.value.reason == "eap_without_message_authenticator"
    strict = sent(AccessRequest())
    with pytest.raises(AuthenticityError) as raised:
        read(strict, without_proof(strict, answer(strict, reply(EAPMessage(b"\3\1\0\4")))))
    assert raised.value.reason == "message_authenticator_missing"


def without_proof(asked: Sent[Any], octets: bytes) -> bytes:
    """A reply without its Message-Authenticator, which comes first, and signed anew."""
    attributes = octets[38:]
    return sign_reply(octets[0], octets[1], asked.authenticator, attributes, SECRET, prove=False)
