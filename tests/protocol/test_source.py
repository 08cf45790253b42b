"""Source: what makes two packets the same one (RFC 5080 section 2.2.2)."""

from __future__ import annotations

from typing import Any

import pytest

from trioradius.protocol import wire
from trioradius.protocol.profile import RADIUS_1_0
from trioradius.protocol.source import Source


def source(**changes: Any) -> Source:
    given: dict[str, Any] = {"address": "192.0.2.1", "port": 1812, "transport": "udp", "role": "1", "connection": 0}
    given |= changes
    return Source(profile=RADIUS_1_0, accepts=frozenset({1}), **given)


def packet(code: int = 1, identifier: int = 7, vector: bytes = bytes(16), attributes: bytes = b"") -> wire.Message:
    return wire.decode(bytes((code, identifier, 0, 20 + len(attributes))) + vector + attributes)


KEY = source().duplicate_key(packet())


def test_a_repeat_has_the_same_key_whatever_else_changed() -> None:
    """Attributes are no part of it: the Request Authenticator stands for them."""
    assert source().duplicate_key(packet(attributes=b"\1\3x")) == KEY


@pytest.mark.parametrize(
    "other",
    [
        source().duplicate_key(packet(code=4)),
        source().duplicate_key(packet(identifier=8)),
        source().duplicate_key(packet(vector=bytes(15) + b"\1")),
        source(address="192.0.2.2").duplicate_key(packet()),
        source(address="192.0.2.11", port=812).duplicate_key(packet()),
        source(port=1813).duplicate_key(packet()),
        source(role="4").duplicate_key(packet()),
        source(connection=1).duplicate_key(packet()),
    ],
)
def test_anything_else_makes_another_key(other: bytes) -> None:
    assert other != KEY


def test_the_request_authenticator_is_at_the_end() -> None:
    assert KEY.endswith(bytes(16))
    assert source().duplicate_key(packet(vector=b"v" * 16))[:-16] == KEY[:-16]


def test_it_prints_as_address_and_port() -> None:
    assert str(source()) == "192.0.2.1:1812"
