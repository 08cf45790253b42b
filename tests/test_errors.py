"""The family of errors: what each also is, its reason for a counter, and its text."""

from __future__ import annotations

import pathlib

import pytest

from trioradius import ProtocolError, errors
from trioradius.attributes import ErrorCause
from trioradius.errors import (
    AuthenticityError,
    ConfigurationError,
    DecodeError,
    DictionaryError,
    Discard,
    EncodeError,
    MissingAttribute,
    NoResponse,
    Overload,
    RadiusError,
    Replied,
    UnknownPeer,
)


@pytest.mark.parametrize(
    ("kind", "also"),
    [
        (AuthenticityError, RadiusError),
        (ConfigurationError, ValueError),
        (DecodeError, RadiusError),
        (Discard, RadiusError),
        (EncodeError, ValueError),
        (NoResponse, TimeoutError),
        (Overload, RadiusError),
        (UnknownPeer, RadiusError),
    ],
)
def test_reason_and_text(kind: type[RadiusError], also: type[Exception]) -> None:
    error = kind("what happened", reason="one_word")
    assert isinstance(error, RadiusError)
    assert isinstance(error, also)
    assert str(error) == "what happened"
    assert error.reason == "one_word"
    assert kind("what happened").reason == kind.__name__


def test_all_but_two_are_of_the_family() -> None:
    found = {one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, Exception)}
    assert {one for one in found if not issubclass(one, RadiusError)} == {MissingAttribute, Replied}


def test_the_place_in_a_dictionary() -> None:
    error = DictionaryError("what is this", file="some/dictionary", line=7)
    assert str(error) == "some/dictionary:7: what is this"
    assert (error.file, error.line) == (pathlib.Path("some/dictionary"), 7)


def test_missing_attribute() -> None:
    error = MissingAttribute("User-Name")
    assert isinstance(error, KeyError)
    assert error.name == "User-Name"
    assert str(error) == "User-Name is not in the packet"


def test_no_response_may_have_a_reply() -> None:
    assert NoResponse("silence").reply is None
    reply = ProtocolError(ErrorCause(502))
    assert NoResponse("refused", reply=reply).reply is reply
