"""Logins: how many sessions a user may have, decided where parallel logins cannot slip through: in the transaction.

A login that was let in is a row of trioradius_login until its session begins, or it expires. What counts are places:
the open sessions of radacct and the logins that are on their way, each place once. A login from a place that is
counted already is the same subscriber dialling again, and does not count himself out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Final

import attrs

from trioradius.attributes.ietf import AcctSessionId, CallingStationId, NASPort, NASPortId
from trioradius.stores.sql import sessions
from trioradius.stores.sql.accounting import nas_address
from trioradius.stores.sql.text import clean

if TYPE_CHECKING:
    from trioradius.protocol.packets import AccessRequest
    from trioradius.stores.sql.connection import Connection
    from trioradius.stores.sql.sessions import Session

_SEPARATOR: Final = "\x1f"


@attrs.frozen
class Place:
    """From where somebody logs in: a NAS, its port, and the caller's address.

    A NAS that numbers its ports anew for each call, as for PPPoE, is known by Calling-Station-Id and NAS-Port-Id; its
    NAS-Port counts only where there is no Calling-Station-Id.
    """

    nas: str
    port: str
    """NAS-Port-Id; or NAS-Port, where ``calling`` is empty."""
    calling: str
    otherwise: str = ""
    """What tells one login from another where neither is known."""

    @classmethod
    def of(cls, request: AccessRequest) -> Place:
        """The place of a login."""
        octets = request.first_octets()
        nas = nas_address(octets, request.source.address if request.source else "0.0.0.0")
        calling = clean(octets.get(CallingStationId.key)) or ""
        port = clean(octets.get(NASPortId.key)) or ""
        if not port and not calling:
            number = request.get(NASPort)
            port = "" if number is None else str(number)
        if port or calling:
            return cls(nas, port, calling)
        return cls(nas, "", "", clean(octets.get(AcctSessionId.key)) or request.authenticator.hex())

    @classmethod
    def read(cls, text: str) -> Place:
        """The reverse of str()."""
        return cls(*text.split(_SEPARATOR))

    @property
    def is_known(self) -> bool:
        """Whether accounting will name it too."""
        return bool(self.port or self.calling)

    def __str__(self) -> str:
        return _SEPARATOR.join(part.replace(_SEPARATOR, " ") for part in attrs.astuple(self))

    def is_of(self, session: Session) -> bool:
        """Whether a session is at this place."""
        if session.nas != self.nas:
            return False
        if self.calling:
            return session.calling == self.calling and (not self.port or session.port == self.port)
        if self.port:
            return session.port == self.port and not session.calling
        return session.id == self.otherwise


@attrs.frozen
class _OnItsWay:
    """A login that was let in, and the last radacctid at that time."""

    place: Place
    after: int


def occupied(connection: Connection, user: str, place: Place, *, now: int, silent_since: int | None) -> int:
    """At how many places other than this one the user is, or is on his way to. What has expired is forgotten."""
    elsewhere = [
        session
        for session in sessions.find(connection, sessions.Wanted(user=user))
        if not place.is_of(session) and (silent_since is None or session.heard >= silent_since)
    ]
    logins = [
        login
        for text, after in _unexpired(connection, user, now)
        if (login := _OnItsWay(Place.read(text), after)).place != place
    ]
    if logins:
        later = _later(connection, user, min(login.after for login in logins))
        logins = _not_begun(logins, {session.number: session for session in (*elsewhere, *later)}.values())
    return len({_spot(session) for session in elsewhere}) + len(logins)


def let_in(connection: Connection, user: str, place: Place, *, expires: int) -> None:
    """Remember a login until then."""
    connection.run(_LET_IN, user, str(place), expires)


def forget(connection: Connection, user: str, place: Place) -> None:
    """Forget a login that came to nothing."""
    connection.run(_FORGET, user, str(place))


def forget_expired(connection: Connection, now: int) -> None:
    """Forget the logins of all users that have expired."""
    connection.run(_FORGET_ALL_EXPIRED, now)


def _unexpired(connection: Connection, user: str, now: int) -> list[tuple[str, int]]:
    rows = connection.rows(_LOGINS, user)
    if any(expires <= now for _, _, expires in rows):
        connection.run(_FORGET_EXPIRED, user, now)
    return [(text, after) for text, after, expires in rows if expires > now]


def _not_begun(logins: Iterable[_OnItsWay], found: Collection[Session]) -> list[_OnItsWay]:
    """The logins whose session none of these is."""
    nameless = sorted(session.number for session in found if not (session.calling or session.port))
    left = []
    for login in logins:
        if any(login.place.is_of(one) and (one.is_open or one.number > login.after) for one in found):
            continue
        if login.place.is_known or not nameless or nameless[-1] <= login.after:
            left.append(login)
        else:
            # Nothing tells which login it was, so each session stands for one.
            nameless.pop()
    return left


def _later(connection: Connection, user: str, number: int) -> list[Session]:
    """The user's sessions that began since, ended or not."""
    return sessions.find(connection, sessions.Wanted(user=user, after=number, is_open=False))


def _spot(session: Session) -> tuple[str, ...]:
    """What two open sessions share that are one place, the older of which was lost."""
    if session.calling:
        # A mere number is NAS-Port, which may be another for each call.
        return session.nas, session.calling, "" if session.port.isdecimal() else session.port
    return (session.nas, session.port) if session.port else (session.unique,)


LAST_NUMBER: Final = "SELECT coalesce(max(radacctid), 0) FROM radacct"
"""The greatest radacctid. The row of a session that begins later has a greater one, whatever its NAS's clock says."""
_LOGINS: Final = "SELECT place, after, expires FROM trioradius_login WHERE username = ?"
_FORGET_EXPIRED: Final = "DELETE FROM trioradius_login WHERE username = ? AND expires <= ?"
_FORGET_ALL_EXPIRED: Final = "DELETE FROM trioradius_login WHERE expires <= ?"
_FORGET: Final = "DELETE FROM trioradius_login WHERE username = ? AND place = ?"
_LET_IN: Final = (
    f"INSERT INTO trioradius_login (username, place, expires, after) VALUES (?, ?, ?, ({LAST_NUMBER}))"
    " ON CONFLICT (username, place) DO UPDATE SET expires = excluded.expires, after = excluded.after"
)
