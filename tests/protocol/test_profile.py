"""RADIUS/1.0 as a value: what it encodes, proves and hides for each code, both ways."""

from __future__ import annotations

from typing import Any

import pytest

from trioradius import (
    AccessAccept,
    AccessRequest,
    AccountingRequest,
    AccountingResponse,
    CoARequest,
    Dictionary,
    DisconnectRequest,
    EncodeError,
    Reply,
    Request,
    StatusServer,
)
from trioradius.attributes.attribute import AVP
from trioradius.attributes.ietf import (
    MessageAuthenticator,
    ProxyState,
    ReplyMessage,
    TunnelPassword,
    UserName,
    UserPassword,
)
from trioradius.protocol.packets import REPLIES, REQUESTS
from trioradius.protocol.profile import RADIUS_1_0
from trioradius.protocol.secret import Secret

SECRET = Secret(b"xyzzy5461")
ALWAYS, NEVER, ASKED = (AccessRequest, StatusServer), (AccountingRequest,), (CoARequest, DisconnectRequest)
HIDDEN = (UserPassword("wonderland"), TunnelPassword("looking-glass", tag=3), UserName("alice"))


def encoded(request: Request[Any], **options: Any) -> bytes:
    return RADIUS_1_0.encode_request(request, 7, SECRET, **options)[0]


def answered(request: Request[Any], reply: Reply) -> bytes:
    message = RADIUS_1_0.decode(encoded(request))
    return RADIUS_1_0.encode_reply(reply, message, RADIUS_1_0.request_hiding(message, SECRET), SECRET)


@pytest.mark.parametrize("prove", [True, False])
@pytest.mark.parametrize("kind", [*ALWAYS, *NEVER, *ASKED])
def test_which_requests_begin_with_message_authenticator(kind: type[Request[Any]], *, prove: bool) -> None:
    """Always Access-Request and Status-Server; never accounting (RFC 2869 section 5.19); CoA where it is wanted."""
    octets = encoded(kind(UserName("alice")), prove=prove)
    wanted = kind in ALWAYS or (prove and kind in ASKED)
    assert (octets[20:22] == b"\x50\x12") == wanted
    assert (80 in {number for number, _ in RADIUS_1_0.decode(octets).pairs}) == wanted


@pytest.mark.parametrize("kind", REPLIES.values())
def test_which_replies_begin_with_message_authenticator(kind: type[Reply]) -> None:
    """BlastRADIUS: every Access-* reply and Protocol-Error, first; no other."""
    octets = answered(AccessRequest(), kind(UserName("alice")))
    assert (octets[20:22] == b"\x50\x12") == (kind.code in {2, 3, 11, 52})


@pytest.mark.parametrize("kind", [*ALWAYS, *NEVER, *ASKED])
def test_requests_come_back_as_they_were(kind: type[Request[Any]]) -> None:
    """Hidden values too; those of codes with a digest are hidden under zeros, which is all there is by then."""
    message = RADIUS_1_0.decode(encoded(kind(*HIDDEN)))
    RADIUS_1_0.verify_request(message, SECRET)
    arrived = kind.received(message, RADIUS_1_0.request_hiding(message, SECRET), Dictionary.bundled())
    assert tuple(avp for avp in arrived.avps if avp.name != "Message-Authenticator") == HIDDEN


def test_message_authenticator_among_the_attributes_is_left_to_the_signer() -> None:
    for request in (AccessRequest, AccountingRequest):
        pairs = RADIUS_1_0.decode(encoded(request(MessageAuthenticator(bytes(16))))).pairs
        assert len(pairs) == (request is AccessRequest)
    reply = answered(AccessRequest(), AccessAccept(MessageAuthenticator(bytes(16))))
    assert len(RADIUS_1_0.decode(reply).pairs) == 1


def test_proxy_state_goes_back_unchanged_and_in_order_at_the_end() -> None:
    """RFC 2865 section 5.33."""
    states = [b"\1", b"", b"\xff" * 253, b"\1"]
    request = AccessRequest(ProxyState(states[0]), UserName("alice"), *map(ProxyState, states[1:]))
    reply = RADIUS_1_0.decode(answered(request, AccessAccept(ReplyMessage("hello"))))
    assert reply.pairs[1:] == [(18, b"hello"), *((33, state) for state in states)]


@pytest.mark.parametrize("kind", REQUESTS.values())
def test_a_reply_bears_the_identifier_of_its_request(kind: type[Request[Any]]) -> None:
    octets = answered(kind(), AccountingResponse())
    assert octets[1] == 7


def test_authenticators_are_fresh_or_the_ones_given() -> None:
    assert len({encoded(AccessRequest())[4:20] for _ in range(50)}) == 50
    assert encoded(AccessRequest(), authenticator=bytes(range(16)))[4:20] == bytes(range(16))
    octets, vector = RADIUS_1_0.encode_request(AccountingRequest(), 7, SECRET)
    assert vector == octets[4:20]


LONG: tuple[AVP, ...] = tuple(ReplyMessage("x" * 253) for _ in range(17))


def test_what_does_not_fit_radius() -> None:
    with pytest.raises(EncodeError, match="4096"):
        encoded(AccessRequest(*LONG))
    with pytest.raises(EncodeError, match="4096"):
        answered(AccessRequest(), AccessAccept(*LONG))
    states = AccountingRequest(*[ProxyState(bytes(253))] * 15)
    with pytest.raises(EncodeError, match="4096"):
        answered(states, AccountingResponse(*LONG[:2]))


def test_two_hidden_values_of_a_packet_have_two_salts() -> None:
    """RFC 2868 section 3.5."""
    octets = answered(AccessRequest(), AccessAccept(*[TunnelPassword("same", tag=1)] * 20))
    salts = [value[1:3] for number, value in RADIUS_1_0.decode(octets).pairs if number == 69]
    assert len(set(salts)) == 20
