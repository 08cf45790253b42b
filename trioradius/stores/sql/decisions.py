"""SqlDecisions: every answer to a login as a row of radpostauth, with its reason and without the password."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

import attrs

from trioradius.attributes.ietf import CalledStationId, CallingStationId, Class, UserName
from trioradius.stores.sql.text import clean

if TYPE_CHECKING:
    from trioradius.protocol.packets import AccessReply, AccessRequest
    from trioradius.stores.sql.connection import Connection, Dialect
    from trioradius.stores.sql.database import Database

_REASON_COLUMN: Final[dict[Dialect, str]] = {
    "sqlite": "SELECT 1 FROM pragma_table_info('radpostauth') WHERE name = 'reason'",
    "postgresql": "SELECT 1 FROM pg_attribute WHERE attrelid = 'radpostauth'::regclass AND attname = 'reason'",
}


@attrs.frozen
class Decision:
    """One row of radpostauth; ``time`` is in seconds since 1970."""

    user: str
    reply: str
    time: float
    login_class: str | None
    called: str | None
    calling: str | None
    reason: str


class SqlDecisions:
    """Keeps what was answered to whom, and why.

        reply = await decide(request)
        await decisions.record(request, reply)
        return reply

    The password is never kept: the column ``pass`` stays empty. The reason has a column of its own, which
    open_database() adds to FreeRADIUS's tables; where it may not (``create=False``), reasons are not kept.

    Args:
        database: where radpostauth is.
        clock: seconds since 1970.
    """

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock
        self._has_reason: bool | None = None

    async def record(self, request: AccessRequest, reply: AccessReply, reason: str = "") -> None:
        """Keep one decision; it is on the disk when this returns. ``reason`` is the reply's own by default.

        Raises:
            StoreUnavailable: the database is away or overloaded.
        """
        octets = request.octets
        decision = Decision(
            user=clean(octets(UserName)) or "",
            reply=reply.name,
            time=self._clock(),
            login_class=clean(reply.octets(Class)),
            called=clean(octets(CalledStationId)),
            calling=clean(octets(CallingStationId)),
            # It may quote what the request said.
            reason=clean((reason or reply.reason).encode(errors="backslashreplace")) or "",
        )
        await self._database.write(self._store, decision)

    def _store(self, connection: Connection, decisions: Sequence[Decision]) -> None:
        if self._has_reason is None:
            self._has_reason = bool(connection.rows(_REASON_COLUMN[connection.dialect]))
        row = _sqlite_row if connection.dialect == "sqlite" else _postgres_row
        rows = [row(decision) for decision in decisions]
        if self._has_reason:
            rows = [{**values, "reason": decision.reason} for values, decision in zip(rows, decisions, strict=True)]
        places = ", ".join("?" * len(rows[0]))
        statement = f"INSERT INTO radpostauth ({', '.join(rows[0])}) VALUES ({places})"
        connection.run_many(statement, [tuple(values.values()) for values in rows])


def _sqlite_row(decision: Decision) -> dict[str, object]:
    """The time is text, in the zone of this machine, as FreeRADIUS writes it into SQLite."""
    return {
        "username": decision.user,
        "pass": "",
        "reply": decision.reply,
        "authdate": datetime.fromtimestamp(decision.time).strftime("%Y-%m-%d %H:%M:%S.%f"),
        "class": decision.login_class,
    }


def _postgres_row(decision: Decision) -> dict[str, object]:
    return {
        "username": decision.user,
        "pass": "",
        "reply": decision.reply,
        "authdate": datetime.fromtimestamp(decision.time).astimezone(),
        "class": decision.login_class,
        "calledstationid": decision.called,
        "callingstationid": decision.calling,
    }
