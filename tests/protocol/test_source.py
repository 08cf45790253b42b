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


SLOT = source().duplicate_slot(packet())


def test_a_repeat_has_the_same_slot_whatever_else_changed() -> None:
    """Attributes are no part of it: the Request Authenticator stands for them."""
    assert source().duplicate_slot(packet(attributes=b"\1\3x")) == SLOT


@pytest.mark.parametrize(
    "other",
    [
        source().duplicate_slot(packet(code=4)),
        source().duplicate_slot(packet(identifier=8)),
        source(address="192.0.2.2").duplicate_slot(packet()),
        source(address="192.0.2.11", port=812).duplicate_slot(packet()),
        source(port=1813).duplicate_slot(packet()),
        source(role="4").duplicate_slot(packet()),
        source(connection=1).duplicate_slot(packet()),
    ],
)
def test_anything_else_makes_another_slot(other: bytes) -> None:
    assert other != SLOT


def test_the_request_authenticator_is_no_part_of_it() -> None:
    """It tells repeats within a slot, where a new one ends the life of an earlier reply (RFC 5080 section 2.2.2)."""
    assert source().duplicate_slot(packet(vector=b"v" * 16)) == SLOT


def test_it_prints_as_address_and_port() -> None:
    assert str(source()) == "192.0.2.1:1812"
