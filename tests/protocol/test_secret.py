"""Secret: what is prepared for HMAC-MD5, equal by its octets and shown by nothing."""

from __future__ import annotations

import copy
import traceback

import pytest

from trioradius import ConfigurationError, Peer
from trioradius.protocol.secret import Secret


def test_equality_and_hash_are_of_the_octets() -> None:
    assert Secret(b"one") == Secret(b"one") != Secret(b"two")
    assert Secret(b"one") != b"one"
    assert len({Secret(b"one"), Secret(b"one")}) == 1


def test_nothing_shows_it() -> None:
    secret = Secret(b"wonderland")
    peer = Peer("wonderland", "nas")
    assert "wonderland" not in f"{secret} {secret!r} {peer} {peer!r} {[secret]}"


@pytest.mark.parametrize("value", ["", b"", None, 5, ["wonderland"]])
def test_a_secret_is_text_or_octets_and_not_empty(value: object) -> None:
    """RFC 2865 section 3: an empty one would be no secret."""
    with pytest.raises(ConfigurationError, match="not empty") as wrong:
        Peer(value)  # type: ignore[arg-type]
    assert "wonderland" not in "".join(traceback.format_exception(wrong.value))


def test_text_is_utf8() -> None:
    assert Peer("geheim\u00e9").secret == Secret("geheim\u00e9".encode())


def test_a_secret_can_be_shared_by_peers() -> None:
    secret = Secret(b"wonderland")
    assert Peer(secret).secret is secret
    assert copy.copy(Peer(secret)) == Peer(secret)
