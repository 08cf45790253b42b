"""RADIUS/1.1 as a value (RFC 9765): what it encodes, reads, takes for a repeat and answers with Protocol-Error."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioradius import (
    AVP,
    AccessAccept,
    AccessRequest,
    AccountingRequest,
    AccountingResponse,
    AuthenticityError,
    CoARequest,
    DecodeError,
    Dictionary,
    DisconnectRequest,
    EncodeError,
    ProtocolError,
    Reply,
    Request,
    StatusServer,
)
from trioradius.attributes import (
    CHAPChallenge,
    CHAPPassword,
    EAPMessage,
    ErrorCause,
    MessageAuthenticator,
    OriginalPacketCode,
    ProxyState,
    ReplyMessage,
    TunnelPassword,
    UserName,
    UserPassword,
)
from trioradius.attributes.cisco import CiscoAVPair
from trioradius.attributes.microsoft import MSMPPERecvKey, MSMPPESendKey
from trioradius.protocol.exchange import Sent
from trioradius.protocol.packet import Packet
from trioradius.protocol.packets import PACKETS, REPLIES, REQUESTS
from trioradius.protocol.passwords import chap
from trioradius.protocol.profile import RADIUS_1_0, RADIUS_1_1
from trioradius.protocol.secret import Secret
from trioradius.protocol.source import Source
from trioradius.protocol.wire import ABSENT

SECRET = Secret(b"xyzzy5461")
TOKEN = 0xFFFF_FFFE
VALUES = (
    UserName("alice"),
    UserPassword("wonderland"),
    TunnelPassword("looking-glass", tag=3),
    TunnelPassword("untagged"),
    MSMPPESendKey(b"s" * 32),
    MSMPPERecvKey(b"r" * 32),
    CiscoAVPair("shell:priv-lvl=15"),
    EAPMessage(b"\2\1" * 200),
)
KEY_WRAP = (CiscoAVPair("radius:random-nonce=x"), CiscoAVPair("radius:message-authenticator-code=x"))
"""MAC-Randomizer and Message-Authentication-Code (RFC 6218)."""
PROOFS = (MessageAuthenticator(bytes(16)), OriginalPacketCode(1), *KEY_WRAP)


def encoded(request: Request[Any], token: int = TOKEN) -> bytes:
    return RADIUS_1_1.encode_request(request, token, SECRET, prove=True)[0]


def raw(code: int, *attributes: AVP, token: bytes = b"\1\2\3\4") -> bytes:
    """Octets as a sender might make them that does not know what must not be sent."""
    octets = b"".join(avp.wire(None) for avp in attributes)
    return bytes((code, 0x55)) + (20 + len(octets)).to_bytes(2, "big") + token + b"\xff" * 12 + octets


def received(octets: bytes) -> Packet:
    message = RADIUS_1_1.decode(octets)
    RADIUS_1_1.verify_request(message, SECRET)
    return PACKETS[message.code].received(message, RADIUS_1_1.request_hiding(message, SECRET), Dictionary.bundled())


def replied(asked: Sent[Any], reply: Reply) -> bytes:
    message = RADIUS_1_1.decode(asked.octets)
    return RADIUS_1_1.encode_reply(reply, message, RADIUS_1_1.request_hiding(message, SECRET), SECRET)


def sent(request: Request[Any], token: int = TOKEN) -> Sent[Any]:
    return Sent.make(request, token, SECRET, RADIUS_1_1)


# The packet


@pytest.mark.parametrize("kind", REQUESTS.values())
def test_a_header_is_code_length_token_and_zeros(kind: type[Request[Any]]) -> None:
    """RFC 9765 section 4.1."""
    octets = encoded(kind(UserName("alice")))
    assert octets[:20] == bytes((kind.code, 0, 0, 27)) + TOKEN.to_bytes(4, "big") + bytes(12)
    assert octets[20:] == UserName("alice").wire(None)


@pytest.mark.parametrize("kind", REQUESTS.values())
def test_values_go_in_the_clear_and_come_back(kind: type[Request[Any]]) -> None:
    """RFC 9765 section 5.1: the octets of the underlying data type, the tag in front."""
    octets = encoded(kind(*VALUES))
    assert octets[20:] == b"".join(avp.wire(None) for avp in VALUES)
    assert b"\x45\x10\x03looking-glass" in octets
    assert received(octets).avps == VALUES


def test_a_tunnel_password_without_a_tag_is_read_whole() -> None:
    """RFC 2868 section 3.3: a first octet over 0x1f is no tag."""
    packet = received(bytes.fromhex("0200001c 01020304 000000000000000000000000 4508") + b"tunnel")
    assert packet.get(TunnelPassword) == "tunnel"


@given(st.text(min_size=1, max_size=32), st.integers(0, RADIUS_1_1.identifiers - 1))
def test_any_password_under_any_token(password: str, token: int) -> None:
    packet = received(encoded(AccessRequest(UserPassword(password)), token))
    assert (packet.identifier, packet.authenticator) == (token, b"")
    assert packet[UserPassword] == password
    assert isinstance(packet, AccessRequest)
    assert packet.verify_password(password)


@pytest.mark.parametrize("octets", [b"", b"x" * 129])
def test_a_password_that_is_none(octets: bytes) -> None:
    """RFC 9765 section 5.1.1: 1 to 128 octets; other ones count as absent."""
    packet = received(bytes((1, 0, 0, 22 + len(octets))) + bytes(16) + bytes((2, len(octets) + 2)) + octets)
    assert isinstance(packet, AccessRequest)
    assert packet.octets(UserPassword) is None
    assert not packet.verify_password(octets)


@pytest.mark.parametrize("octets", [b"", b"x" * 129])
def test_a_password_that_is_none_is_not_sent(octets: bytes) -> None:
    with pytest.raises(EncodeError, match="1 to 128 octets"):
        encoded(AccessRequest(AVP(UserPassword, octets)))


def test_chap_wants_its_challenge() -> None:
    """RFC 9765 section 5.1.2: there is no Request Authenticator to stand for it."""
    response, challenge = chap("wonderland", challenge=b"c" * 16)
    request = received(encoded(AccessRequest(response, challenge)))
    assert isinstance(request, AccessRequest)
    assert request.verify_password("wonderland")
    assert not request.verify_password("looking glass")
    with pytest.raises(EncodeError, match="CHAP-Challenge"):
        encoded(AccessRequest(response))


def test_chap_over_an_empty_challenge_proves_nothing() -> None:
    over_nothing, _ = chap("wonderland", challenge=b"")
    for request in (received(raw(1, over_nothing)), received(raw(1, over_nothing, CHAPChallenge(b"")))):
        assert isinstance(request, AccessRequest)
        assert request[CHAPPassword]
        assert not request.verify_password("wonderland")


def test_what_proved_packets_before_is_neither_sent_nor_seen() -> None:
    """RFC 9765 sections 5.2, 5.3 and 5.5; the packet is processed all the same."""
    around = (UserName("alice"), CiscoAVPair("radius:of-another-kind"))
    assert encoded(AccessRequest(around[0], *PROOFS, around[1])) == encoded(AccessRequest(*around))
    octets = raw(1, around[0], *PROOFS, *PROOFS, around[1])
    assert received(octets).avps == around
    assert RADIUS_1_1.decode(octets).proof_at == ABSENT
    asked = sent(AccessRequest())
    assert received(replied(asked, AccessAccept(*PROOFS))).avps == ()


@pytest.mark.parametrize("length", [0, 19, 21, 4097])
def test_lengths_mean_what_they_did(length: int) -> None:
    """RFC 9765 section 4.1."""
    with pytest.raises(DecodeError):
        RADIUS_1_1.decode(b"\1\0" + length.to_bytes(2, "big") + bytes(16))
    with pytest.raises(EncodeError):
        encoded(AccessRequest(*[ReplyMessage("x" * 253)] * 16))


# The reply


@pytest.mark.parametrize("kind", [AccessRequest, AccountingRequest, CoARequest, DisconnectRequest, StatusServer])
def test_a_reply_copies_the_token(kind: type[Request[Any]]) -> None:
    states = ProxyState(b"one"), ProxyState(b""), ProxyState(b"one")
    asked: Sent[Reply] = sent(kind(*states))
    kinds: tuple[type[Reply], ...] = (*kind.replies, ProtocolError)
    for reply in kinds:
        octets = replied(asked, reply(*VALUES))
        assert octets[:2] + octets[4:20] == bytes((reply.code, 0)) + TOKEN.to_bytes(4, "big") + bytes(12)
        found = asked.read_reply(octets, Dictionary.bundled())
        assert type(found) is reply
        assert found.avps == (*VALUES, *states)


def test_a_reply_to_another_request() -> None:
    other = replied(sent(AccessRequest(), 7), AccessAccept())
    with pytest.raises(AuthenticityError) as wrong:
        sent(AccessRequest()).read_reply(other, Dictionary.bundled())
    assert wrong.value.reason == "token"
    with pytest.raises(DecodeError, match="cannot answer"):
        asked = sent(AccessRequest())
        asked.read_reply(replied(asked, AccountingResponse()), Dictionary.bundled())


def test_reserved_octets_of_a_reply_are_ignored() -> None:
    asked = sent(AccessRequest())
    octets = bytearray(replied(asked, AccessAccept()))
    octets[1] = octets[19] = 0xFF
    assert isinstance(asked.read_reply(bytes(octets), Dictionary.bundled()), AccessAccept)


# The duplicate


def test_no_reply_is_kept_for_a_repeat() -> None:
    """TLS repeats nothing (RFC 9765 section 4.2.2)."""
    source = Source("192.0.2.1", 2083, "tls", RADIUS_1_1, frozenset(REQUESTS), connection=1)
    assert source.duplicate_slot(RADIUS_1_1.decode(encoded(AccessRequest(UserName("alice"))))) == b""


# Protocol-Error


def cause_of(octets: bytes | None) -> int:
    assert octets is not None
    packet = received(octets)
    assert isinstance(packet, ProtocolError)
    return packet[ErrorCause]


def test_protocol_error_answers_a_request() -> None:
    """RFC 9765 section 6.1, with the request's Token and Proxy-States, and nothing that it must not carry."""
    octets = raw(4, ProxyState(b"s"), UserName("alice"))
    answer = RADIUS_1_1.unanswered(octets, 506, None)
    assert answer == bytes.fromhex("3400001d 01020304 000000000000000000000000 6506000001fa 210373")
    assert RADIUS_1_0.unanswered(octets, 506, None) is None


def test_protocol_error_never_answers_a_reply() -> None:
    for code in REPLIES:
        assert RADIUS_1_1.unanswered(raw(code), 506, None) is None


def test_protocol_error_fits_whatever_it_answers() -> None:
    states = [ProxyState(b"s" * 253)] * 15 + [ProxyState(b"s" * 249)]
    answer = RADIUS_1_1.unanswered(raw(1, *states), 506, None)
    assert cause_of(answer) == 506
    assert answer is not None and len(answer) == 26


@pytest.mark.parametrize("cause", [-1, 1 << 32])
def test_an_error_cause_that_is_none(cause: int) -> None:
    """It comes from a handler, and is used where nothing may fail any more."""
    assert RADIUS_1_1.unanswered(raw(1), cause, None) is None


@given(st.binary(max_size=100), st.integers())
def test_protocol_error_is_made_of_anything(octets: bytes, cause: int) -> None:
    answer = RADIUS_1_1.unanswered(octets, cause, None)
    assert answer is None or answer[4:8] == octets[4:8]


def test_how_many_requests_a_connection_tells_apart() -> None:
    assert (RADIUS_1_0.identifiers, RADIUS_1_1.identifiers) == (256, 1 << 32)
