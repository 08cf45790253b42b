from __future__ import annotations

import hashlib

import pytest

from trioradius.stores.sql.unique import printed, unique_id


def unique(**changes: object) -> str:
    fields = {
        "user": b"bob",
        "session": b"1",
        "nas": "192.0.2.1",
        "identifier": b"bng",
        "port_id": b"eth 1",
        "port": "7",
        "session_class": b"",
        **changes,
    }
    return unique_id(**fields)  # type: ignore[arg-type]


def test_the_recipe() -> None:
    assert unique() == hashlib.md5(b"bob,1,192.0.2.1,bng,eth 1,7").hexdigest()


def test_absent_attributes_are_empty() -> None:
    assert unique(identifier=b"", port_id=b"", port="") == hashlib.md5(b"bob,1,192.0.2.1,,,").hexdigest()


def test_two_nases_with_the_same_session_ids_do_not_meet() -> None:
    assert unique(nas="192.0.2.2") != unique()


def test_a_class_that_freeradius_made_stands_for_the_login() -> None:
    own = b"ai:0123456789abcdef0123456789ABCDEF"
    assert unique(session_class=own) == unique(session_class=own + b"more", user=b"", nas="192.0.2.9")
    assert unique(session_class=own) == hashlib.md5(b"0123456789abcdef0123456789ABCDEF,1").hexdigest()


@pytest.mark.parametrize(
    "other", [b"ai:0123", b"xai:0123456789abcdef0123456789abcdef", b"AI:0123456789abcdef0123456789abcdef"]
)
def test_any_other_class_does_not(other: bytes) -> None:
    assert unique(session_class=other) == unique()


@pytest.mark.parametrize(
    ("octets", "expanded"),
    [
        (b"plain user@example.org", b"plain user@example.org"),
        (b'a"b\\c', b'a\\"b\\\\c'),
        (b"a\r\n\tb", b"a\\r\\n\\tb"),
        ("jürgen".encode(), "jürgen".encode()),
        (b"\x00\x01\x7f\xff", b"\\000\\001\\177\\377"),
    ],
)
def test_text_is_expanded_as_freeradius_does(octets: bytes, expanded: bytes) -> None:
    assert printed(octets) == expanded
