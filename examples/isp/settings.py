"""Settings: what differs from one provider to the next, read from the environment when the server starts."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from trioradius import ConfigurationError
from trioradius.protocol.peer import Tristate

_WORDS: Final[dict[str, Tristate]] = {"yes": True, "no": False, "auto": "auto"}
INTERIM_MINIMUM: Final = 60
"""Seconds: an Acct-Interim-Interval MUST NOT be smaller (RFC 2869 section 5.16)."""


def _tristate(text: str) -> Tristate:
    return _WORDS[text.lower()]


@attrs.frozen
class Settings:
    """One field for each variable: ``ISP_DATABASE``, ``ISP_INTERIM_SECONDS`` and so on.

    Args:
        database: a SQLite file, by default beside the app's folder; or postgresql://user:password@host/name.
        interim_seconds: Acct-Interim-Interval, 60 or more. Above 10,000 online subscribers, think of 300.
        interim_jitter: part of it by which it differs at random, so that sessions do not all report together.
        stale_seconds: a session that was not heard of for this long is closed.
        watch_seconds: how often usage is compared with quotas and fair-use tiers.
        coa_port: where NASes listen for CoA-Request and Disconnect-Request (RFC 5176).
        require_message_authenticator: "no" for NASes too old to send it, "auto" while they are being updated.
    """

    database: str = "isp.db"
    interim_seconds: int = 60
    interim_jitter: float = 0.1
    stale_seconds: int = 600
    watch_seconds: float = 30
    coa_port: int = 3799
    require_message_authenticator: Tristate = True

    def __attrs_post_init__(self) -> None:
        if self.interim_seconds < INTERIM_MINIMUM:
            raise ConfigurationError(f"ISP_INTERIM_SECONDS is {self.interim_seconds}; RFC 2869 wants 60 or more")
        if not 0 <= self.interim_jitter <= 1:
            raise ConfigurationError(f"ISP_INTERIM_JITTER is {self.interim_jitter:g}; it is a part of 1, as 0.1")
        if self.stale_seconds < 3 * self.interim_seconds:
            raise ConfigurationError(
                f"ISP_STALE_SECONDS is {self.stale_seconds}; give a session three of its intervals of"
                f" {self.interim_seconds} s before it counts as lost"
            )
        if self.watch_seconds <= 0 or not 0 < self.coa_port < 65_536:
            raise ConfigurationError("ISP_WATCH_SECONDS is a positive number, and ISP_COA_PORT a port")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """The settings of this process. Raises ConfigurationError."""
        found = os.environ if environment is None else environment
        given = {name: found[f"ISP_{name.upper()}"] for name in _READ if f"ISP_{name.upper()}" in found}
        return cls(**{name: _read(name, text) for name, text in given.items()})


_READ: Final[dict[str, Callable[[str], Any]]] = {
    "database": str,
    "interim_seconds": int,
    "interim_jitter": float,
    "stale_seconds": int,
    "watch_seconds": float,
    "coa_port": int,
    "require_message_authenticator": _tristate,
}


def _read(name: str, text: str) -> Any:
    try:
        return _READ[name](text.strip())
    except (KeyError, ValueError):
        wanted = "yes, no or auto" if _READ[name] is _tristate else "a number"
        raise ConfigurationError(f"ISP_{name.upper()} is {text!r}; it is {wanted}") from None
