"""UserRows: what FreeRADIUS's tables say of a user, and how those of all who log in at once are read in one hop."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import attrs
import trio

if TYPE_CHECKING:
    from trioradius.stores.sql.connection import Connection, Row
    from trioradius.stores.sql.database import Database

BATCH: Final = 64
"""Users that one query asks for at the most."""

_CHECK: Final = "SELECT username, attribute, op, value FROM radcheck WHERE username IN ({}) ORDER BY id"
_REPLY: Final = "SELECT username, attribute, op, value FROM radreply WHERE username IN ({}) ORDER BY id"
_GROUPS: Final = "SELECT username, groupname FROM radusergroup WHERE username IN ({}) ORDER BY priority, id"
_GROUP_CHECK: Final = "SELECT groupname, attribute, op, value FROM radgroupcheck WHERE groupname IN ({}) ORDER BY id"
_GROUP_REPLY: Final = "SELECT groupname, attribute, op, value FROM radgroupreply WHERE groupname IN ({}) ORDER BY id"


@attrs.define
class Rows:
    """(attribute, operator, value) of the rows of one user or group, in order."""

    check: list[Row] = attrs.field(factory=list, repr=False)
    reply: list[Row] = attrs.field(factory=list, repr=False)


@attrs.define
class UserRows(Rows):
    """Those of one user, and of his groups in the order of their priority."""

    groups: list[str] = attrs.field(factory=list)
    of_group: dict[str, Rows] = attrs.field(factory=dict, repr=False)


@attrs.define(eq=False)
class _Wanted:
    """One look-up that waits. ``woken`` says that it was found, or that the next batch is its to read (``leads``)."""

    name: str
    found: UserRows | None = None
    leads: bool = False
    woken: trio.Event = attrs.field(factory=trio.Event)


class UserLookups:
    """Looks users up. Whoever asks while a batch is being read goes into the next one: a query for all of them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[int, _Wanted] = {}
        self._is_led = False

    async def find(self, name: str) -> UserRows:
        """All rows of a user; no rows at all where there is none.

        Raises:
            StoreUnavailable: the database is away, or too many look-ups wait.
        """
        wanted = _Wanted(name)
        self._waiting[id(wanted)] = wanted
        try:
            if self._is_led:
                await wanted.woken.wait()
            else:
                self._is_led = wanted.leads = True
            return wanted.found or await self._read(wanted)
        finally:
            self._waiting.pop(id(wanted), None)
            if wanted.leads:
                self._pass_on()

    async def _read(self, wanted: _Wanted) -> UserRows:
        """Read a batch: this one, and those that have waited longest."""
        others = (one for one in self._waiting.values() if one is not wanted)
        batch = [wanted, *itertools.islice(others, BATCH - 1)]
        names = {one.name for one in batch}
        found = await self._database.read(lambda connection: read_users(connection, names))
        for one in batch:
            one.found = found[one.name]
            one.woken.set()
            self._waiting.pop(id(one), None)
        return found[wanted.name]

    def _pass_on(self) -> None:
        """The one that has waited longest has the next batch read, whatever became of this one."""
        following = next(iter(self._waiting.values()), None)
        self._is_led = following is not None
        if following is not None:
            following.leads = True
            following.woken.set()


def read_users(connection: Connection, names: Iterable[str]) -> dict[str, UserRows]:
    """The rows of users by their names, by five queries at most."""
    users = {name: UserRows() for name in names}
    for name, *row in _rows(connection, _CHECK, list(users)):
        users[name].check.append(tuple(row))
    for name, *row in _rows(connection, _REPLY, list(users)):
        users[name].reply.append(tuple(row))
    for name, group in _rows(connection, _GROUPS, list(users)):
        users[name].groups.append(group)
    groups = _read_groups(connection, {group for user in users.values() for group in user.groups})
    for user in users.values():
        user.of_group = {group: groups[group] for group in user.groups}
    return users


def _read_groups(connection: Connection, names: Iterable[str]) -> dict[str, Rows]:
    groups = {name: Rows() for name in names}
    for name, *row in _rows(connection, _GROUP_CHECK, list(groups)):
        groups[name].check.append(tuple(row))
    for name, *row in _rows(connection, _GROUP_REPLY, list(groups)):
        groups[name].reply.append(tuple(row))
    return groups


def _rows(connection: Connection, statement: str, names: list[str]) -> Iterable[Sequence[Any]]:
    """The rows of these names, as they are spelled; a column may ignore their case, but who they are does not.

    The number of placeholders is a power of two, so that few statements are prepared.
    """
    if not names:
        return ()
    places = 1 << (len(names) - 1).bit_length()
    padded = names + names[:1] * (places - len(names))
    found = connection.rows(statement.format(", ".join("?" * places)), *padded)
    wanted = frozenset(names)
    return [row for row in found if row[0] in wanted]
