"""Trouble: what is known of a database that is away, and the log line about it, once a minute."""

from __future__ import annotations

import logging
from typing import Final

import trio

from trioradius.errors import StoreUnavailable
from trioradius.stores.sql.connection import Engine

EXPLAIN_EVERY: Final = 60.0
"""Seconds between two log lines about the same trouble."""
LOOK_AGAIN: Final = 0.5
"""Seconds between two attempts while a trouble lasts."""

log = logging.getLogger("trioradius.stores.sql")


class Trouble:
    """Whether a database can be used for one purpose, ``what``, as in "written"."""

    def __init__(self, engine: Engine, what: str) -> None:
        self._engine = engine
        self._what = what
        self._since: float | None = None
        self._explain_at = float("-inf")
        self._look_again_at = float("-inf")

    @property
    def lasts(self) -> bool:
        """Whether the last attempt failed."""
        return self._since is not None

    @property
    def may_try(self) -> bool:
        """Whether it is time for an attempt."""
        return trio.current_time() >= self._look_again_at

    def met(self, error: BaseException) -> None:
        """An attempt failed."""
        now = trio.current_time()
        self._since = now if self._since is None else self._since
        self._look_again_at = now + LOOK_AGAIN
        if now >= self._explain_at:
            self._explain_at = now + EXPLAIN_EVERY
            explained = self._engine.explain(error)
            log.error("%s cannot be %s: %s; it is tried again", self._engine.name, self._what, explained)

    def is_over(self) -> None:
        """An attempt went well."""
        if self._since is not None:
            seconds = trio.current_time() - self._since
            log.warning("%s is %s again, after %.1f s", self._engine.name, self._what, seconds)
            self._since = None
            self._look_again_at = self._explain_at = float("-inf")

    def error(self) -> StoreUnavailable:
        """What whoever asked gets."""
        return StoreUnavailable(f"{self._engine.name} cannot be {self._what}; the log says why")
