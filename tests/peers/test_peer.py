"""Peer: one entry, its settings checked, its secret hidden."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from trioradius import ConfigurationError, Peer, Peers

TOMORROW = datetime(2100, 1, 1, tzinfo=UTC)


def test_strict_by_default() -> None:
    peer = Peer("a secret")
    assert peer.require_message_authenticator is True
    assert peer.limit_proxy_state is True
    assert not peer.learns


def test_the_secret_is_in_no_repr() -> None:
    peer = Peer("wonderland", "office")
    for shown in (repr(peer), str(peer), repr([peer]), repr(attrs.evolve(peer, name="x")), repr(peer.weaknesses)):
        assert "wonderland" not in shown
    assert "wonderland" not in repr(Peers({"192.0.2.1": peer}))
    assert "office" in repr(peer)


@pytest.mark.parametrize("option", ["require_message_authenticator", "limit_proxy_state"])
@pytest.mark.parametrize("value", ["yes", "no", "Auto", None, 2])
def test_a_rule_is_true_false_or_auto(option: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"{option} is True, False or 'auto'"):
        Peer("wonderland", **{option: value})


@pytest.mark.parametrize("option", ["require_message_authenticator", "limit_proxy_state"])
def test_auto_learns(option: str) -> None:
    assert Peer("wonderland", **{option: "auto"}, auto_until=TOMORROW).learns  # type: ignore[arg-type]


def test_a_migration_window_wants_a_timezone() -> None:
    with pytest.raises(ConfigurationError, match="timezone"):
        Peer("wonderland", auto_until=datetime(2100, 1, 1))


@pytest.mark.parametrize(("size", "weak"), [(1, True), (12, True), (13, False), (24, False), (300, False)])
def test_a_short_secret_is_a_weakness(size: int, *, weak: bool) -> None:
    """draft-ietf-radext-deprecating-radius: more than twelve octets, better 24."""
    lines = Peer("s" * size, "office").weaknesses
    assert bool(lines) == weak
    assert all("office" in line and "sss" not in line for line in lines)


def test_peers_are_values() -> None:
    assert Peer("one") == Peer(b"one") != Peer("two")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Peer("one").name = "other"  # type: ignore[misc]


FLAGS = ["require_message_authenticator", "limit_proxy_state", "allow_ms_chap", "require_event_timestamp", "tls"]


@pytest.mark.parametrize("option", FLAGS)
def test_what_a_database_has_for_a_bool_becomes_one(option: str) -> None:
    options: dict[str, Any] = {option: 0}
    assert getattr(Peer(b"secret", **options), option) is False
    options = {option: 1}
    assert getattr(Peer(b"secret", **options), option) is True


@pytest.mark.parametrize("option", FLAGS)
def test_what_is_no_bool_is_refused(option: str) -> None:
    options: dict[str, Any] = {option: "no"}
    with pytest.raises(ConfigurationError, match=f"{option} is True"):
        Peer(b"secret", **options)
