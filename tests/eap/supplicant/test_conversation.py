"""A supplicant's side of EAP, whatever the method (RFC 3748 sections 2.1, 4 and 5)."""

from __future__ import annotations

import pytest

from trioradius.eap.packet import FAILURE, NAK, NOTIFICATION, REQUEST, RESPONSE, SUCCESS, EAPPacket
from trioradius.eap.supplicant import Conversation, Findings
from trioradius.errors import AuthenticityError, DecodeError

OURS = 99


class Echo:
    """A method that says what it heard, and how often it was asked."""

    type = OURS

    def __init__(self) -> None:
        self.findings = Findings()
        self.asked = 0

    def respond(self, request: EAPPacket) -> bytes:
        self.asked += 1
        return request.data + bytes((self.asked,))


@pytest.fixture
def method() -> Echo:
    return Echo()


@pytest.fixture
def conversation(method: Echo) -> Conversation:
    return Conversation("alice@example.org", method)


def test_it_begins_with_the_identity(conversation: Conversation) -> None:
    """RFC 3579 section 2.1: a NAS may have asked by itself."""
    assert conversation.begin() == EAPPacket(RESPONSE, 0, 1, b"alice@example.org")


def test_identity(conversation: Conversation) -> None:
    assert conversation.respond(EAPPacket(REQUEST, 7, 1, b"who?")) == EAPPacket(RESPONSE, 7, 1, b"alice@example.org")


def test_notification_is_acknowledged_at_any_time(conversation: Conversation) -> None:
    """RFC 3748 section 5.2."""
    for identifier in (1, 3):
        told = conversation.respond(EAPPacket(REQUEST, identifier, NOTIFICATION, b"hello"))
        assert told == EAPPacket(RESPONSE, identifier, NOTIFICATION)
        conversation.respond(EAPPacket(REQUEST, identifier + 1, OURS))


def test_the_method_answers(conversation: Conversation) -> None:
    assert conversation.respond(EAPPacket(REQUEST, 2, OURS, b"a")) == EAPPacket(RESPONSE, 2, OURS, b"a\1")
    assert conversation.respond(EAPPacket(REQUEST, 3, OURS, b"a")) == EAPPacket(RESPONSE, 3, OURS, b"a\2")


def test_a_repeated_request_gets_the_same_response(conversation: Conversation, method: Echo) -> None:
    """RFC 3748 section 4.1: without running the method again."""
    first = conversation.respond(EAPPacket(REQUEST, 2, OURS, b"a"))
    assert conversation.respond(EAPPacket(REQUEST, 2, OURS, b"a")) == first
    assert method.asked == 1


@pytest.mark.parametrize("other", [4, 13, 25, 254])
def test_other_methods_are_declined(conversation: Conversation, method: Echo, other: int) -> None:
    """RFC 3748 section 5.3.1: with the one that is spoken."""
    assert conversation.respond(EAPPacket(REQUEST, 2, other, b"x")) == EAPPacket(RESPONSE, 2, NAK, bytes((OURS,)))
    assert method.findings.refusal == f"EAP: the server proposes type {other}, not {OURS}"
    conversation.respond(EAPPacket(REQUEST, 3, OURS))
    assert method.findings.refusal == ""


@pytest.mark.parametrize("other", [1, 4, 13])
def test_a_method_is_not_changed(conversation: Conversation, other: int) -> None:
    """RFC 3748 section 2.1."""
    conversation.respond(EAPPacket(REQUEST, 2, OURS))
    with pytest.raises(AuthenticityError) as raised:
        conversation.respond(EAPPacket(REQUEST, 3, other))
    assert raised.value.reason == "eap_method_changed"


def test_what_the_method_finds_out_is_not_wiped_by_its_later_requests(conversation: Conversation, method: Echo) -> None:
    conversation.respond(EAPPacket(REQUEST, 2, OURS))
    method.findings.refusal = "no"
    conversation.respond(EAPPacket(REQUEST, 3, OURS))
    assert method.findings.refusal == "no"


@pytest.mark.parametrize("code", [RESPONSE, SUCCESS, FAILURE])
def test_only_requests_are_answered(conversation: Conversation, code: int) -> None:
    with pytest.raises(DecodeError) as raised:
        conversation.respond(EAPPacket(code, 2, OURS if code == RESPONSE else 0))
    assert raised.value.reason == "eap_unexpected"


@pytest.mark.parametrize("kind", [0, NAK])
def test_types_that_no_request_has(conversation: Conversation, kind: int) -> None:
    with pytest.raises(DecodeError) as raised:
        conversation.respond(EAPPacket(REQUEST, 2, kind))
    assert raised.value.reason == "eap_unexpected"


def test_a_fault_is_raised_when_the_server_has_heard_of_it(conversation: Conversation, method: Echo) -> None:
    conversation.respond(EAPPacket(REQUEST, 2, OURS))
    method.findings.fault = AuthenticityError("the certificate is not for the name", reason="certificate_refused")
    with pytest.raises(AuthenticityError, match="not for the name"):
        conversation.respond(EAPPacket(REQUEST, 3, OURS))
