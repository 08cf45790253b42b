"""owe(): what a verification leaves for accept(), reject() and challenge() to add."""

from __future__ import annotations

import pytest

from trioradius import AccessRequest
from trioradius.attributes.attribute import AVP
from trioradius.attributes.ietf import EAPMessage, ReplyMessage, State

GIVEN, OWED = State(b"given"), State(b"owed")


@pytest.mark.parametrize("kind", ["accept", "reject", "challenge"])
def test_each_reply_gets_what_is_owed_it(kind: str) -> None:
    request = AccessRequest()
    owed: dict[str, list[AVP]] = {name: [ReplyMessage(name)] for name in ("accept", "reject", "challenge")}
    request.owe(**owed)
    assert getattr(request, kind)(GIVEN).avps == (GIVEN, ReplyMessage(kind))
    assert getattr(request, kind)().avps == (ReplyMessage(kind),)


@pytest.mark.parametrize("kind", ["accept", "reject", "challenge"])
def test_what_is_given_is_not_owed_any_more(kind: str) -> None:
    request = AccessRequest()
    request.owe(**{kind: [OWED, EAPMessage(b"\3\1\0\4")]})
    assert getattr(request, kind)(GIVEN).avps == (GIVEN, EAPMessage(b"\3\1\0\4"))
    assert getattr(request, kind)(("State", b"given")).avps == (GIVEN, EAPMessage(b"\3\1\0\4"))


def test_an_attribute_owed_again_is_replaced_and_others_stay() -> None:
    request = AccessRequest()
    request.owe(accept=[OWED, ReplyMessage("one"), ReplyMessage("two")])
    request.owe(accept=[ReplyMessage("three")], challenge=iter([GIVEN]))
    assert request.accept().avps == (OWED, ReplyMessage("three"))
    assert request.challenge().avps == (GIVEN,)
    assert request.reject().avps == ()


def test_a_reason_is_kept_for_the_rejection_until_there_is_another() -> None:
    request = AccessRequest()
    request.owe(reason="one")
    request.owe(accept=[OWED])
    assert request.reject().reason == "one"
    request.owe(reason="two")
    assert request.reject().reason == "two"
    assert request.reject(reason="three").reason == "three"


def test_what_is_owed_is_neither_compared_nor_printed() -> None:
    request = AccessRequest(GIVEN)
    request.owe(accept=[OWED])
    assert request == AccessRequest(GIVEN)
    assert "owed" not in repr(request)
    assert request.avps == (GIVEN,)
