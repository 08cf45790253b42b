"""SqlUsers: the users of a FreeRADIUS database (radcheck, radreply, radusergroup, radgroupcheck, radgroupreply)."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

import attrs
import trio

from trioradius.attributes.dictionary import Dictionary
from trioradius.attributes.ietf import MessageAuthenticator, SessionTimeout, UserName
from trioradius.errors import ConfigurationError, EncodeError
from trioradius.protocol.credentials import Credential, Hashed, Verdict
from trioradius.protocol.passwords import proof_of, settle, weigh_unknown
from trioradius.protocol.weigh import weigh
from trioradius.stores.sql import credentials, times
from trioradius.stores.sql.items import Item, matches, merge, read_item
from trioradius.stores.sql.rows import UserLookups, UserRows

if TYPE_CHECKING:
    from trioradius.attributes.avp import AVP
    from trioradius.protocol.packets import AccessAccept, AccessReject, AccessRequest
    from trioradius.stores.sql.connection import Row
    from trioradius.stores.sql.database import Database

ITEMS_KEPT: Final = 4096
"""Rows whose items are kept ready: those of groups and replies, which many users share."""
HASHES_AT_ONCE: Final = 2
"""Threads for hashed passwords, which take a processor each."""
LOGIN_SECONDS: Final = 60
"""The least that must be left of Login-Time for a login to be worth it; FreeRADIUS's default too."""
_FALL_THROUGH: Final = "fall-through"
_YES: Final = ("yes", "1")
_ACCEPT, _REJECT = "accept", "reject"
_OURS: Final = ("local", "pap", "chap", "mschap", "ms-chap", "eap", "system", "crypt-local")
"""Auth-Types that say no more than what the request carries."""


@attrs.frozen
class User:
    """What the database says of the user of one request.

    Args:
        name: as it was looked up.
        credential: what is known of the password; None where nothing is.
        reply: what an Access-Accept carries.
        control: what the check items put aside for the server, text by the name in lower case
            (``user.control["simultaneous-use"]``); passwords are not among it.
        groups: in the order of their priority, whether their check items fit or not.
        refusal: why the request is to be rejected whatever it proves; '' where nothing says so.
        is_accepted: whether it is to be accepted without a password (Auth-Type := Accept).
    """

    name: str
    credential: Credential | None = attrs.field(repr=False)
    reply: tuple[AVP, ...] = ()
    control: dict[str, str] = attrs.field(factory=dict)
    groups: tuple[str, ...] = ()
    refusal: str = ""
    is_accepted: bool = False

    @property
    def simultaneous_use(self) -> int | None:
        """How many sessions the user may have at once (Simultaneous-Use), None without a limit; yours to enforce."""
        text = self.control.get("simultaneous-use", "")
        return int(text) if text.isdecimal() else None


class SqlUsers:
    """Users by FreeRADIUS's tables and rules: operators, groups by priority, Fall-Through, profiles.

    Args:
        database: where the tables are.
        dictionary: what attributes the rows may name; the bundled one by default.
        user_name: what a user is looked up by, the request's User-Name by default; None or '' finds nobody.
        default_profile: a name in radusergroup whose groups hold for users whose own groups do not end the search.
        clock: seconds since 1970, for Expiration and Login-Time.
    """

    def __init__(
        self,
        database: Database,
        *,
        dictionary: Dictionary | None = None,
        user_name: Callable[[AccessRequest], str | None] = lambda request: request.get(UserName),
        default_profile: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._lookups = UserLookups(database)
        self._user_name = user_name
        self._default_profile = default_profile
        self._clock = clock
        self._read = functools.partial(read_item, dictionary or Dictionary.bundled())
        self._kept = functools.lru_cache(maxsize=ITEMS_KEPT)(self._read)
        self._hashing = trio.CapacityLimiter(HASHES_AT_ONCE)
        self._like: Credential | None = None

    async def find(self, request: AccessRequest) -> User | None:
        """What the tables say of the user of a request; None where they do not know him.

        Raises:
            StoreUnavailable: the database cannot answer; let it pass, and the NAS asks again.
        """
        name = self._user_name(request)
        if not name or "\0" in name:
            return None
        rows = await self._lookups.find(name)
        search = _Search(request, self._items, rows.groups)
        try:
            search.user(rows)
            if search.goes_on and (profile := search.profile or self._default_profile):
                search.groups(await self._lookups.find(profile))
            return search.result(name, self._clock()) if search.is_known else None
        except EncodeError as error:
            return User(name, None, groups=tuple(rows.groups), refusal=f"a row of the database cannot be used: {error}")

    async def authenticate(self, request: AccessRequest) -> AccessAccept | AccessReject:
        """The reply to a request: an Access-Accept with the user's attributes, or an Access-Reject with its reason.

        Raises:
            StoreUnavailable: as find.
        """
        user = await self.find(request)
        if user is not None and user.is_accepted and not user.refusal:
            return request.accept(*user.reply)
        # Weighed in any case, so that the time it takes does not tell who is known.
        fits = await self._verify(request, None if user is None else user.credential)
        if user is None:
            return request.reject(reason="unknown user")
        if user.refusal or not fits:
            return request.reject(reason=user.refusal or ("" if user.credential else "no password in the database"))
        return request.accept(*user.reply)

    async def _verify(self, request: AccessRequest, credential: Credential | None) -> bool:
        """Whether the request proves that it knows the password; a slow hash is computed in a thread.

        Where no password is known, the hash that was read last is computed, so that it takes as long.
        """
        model = self._like if credential is None else credential
        proof = proof_of(request)
        if proof is None or not isinstance(model, Hashed):
            return request.verify_password(None if isinstance(credential, Hashed) else credential)
        weighing = weigh_unknown if credential is None else weigh
        try:
            verdict = await trio.to_thread.run_sync(weighing, proof, model, limiter=self._hashing)
        except ConfigurationError as error:
            return settle(request, proof, Verdict(False, str(error)))
        self._like = model
        return settle(request, proof, verdict)

    def _items(self, rows: Sequence[Row]) -> list[Item]:
        # A password belongs to one user, so keeping it ready would help nobody.
        return [
            (self._read if row[0] and row[0].lower() in credentials.NAMES else self._kept)(*row[:3]) for row in rows
        ]


class _Search:
    """One walk through the tables, for one request."""

    def __init__(
        self, request: AccessRequest, read: Callable[[Sequence[Row]], list[Item]], groups: Sequence[str]
    ) -> None:
        self.is_known = False
        self._request = request
        self._read = read
        self._groups = groups
        self._control: list[Item] = []
        self._reply: list[Item] = []
        self._falls: bool | None = None

    @property
    def goes_on(self) -> bool:
        """Whether what comes next is looked at: unless Fall-Through says no."""
        return self._falls is not False

    def user(self, rows: UserRows) -> None:
        """The rows of the user; radreply is looked at only where radcheck has rows, and they fit."""
        check = self._read(rows.check)
        if check:
            self.is_known = True
            if matches(check, self._request, self._groups):
                self._take(check, self._read(rows.reply))
        if self.goes_on:
            self.groups(rows)

    def groups(self, rows: UserRows) -> None:
        """The groups in turn: the first that fits, and the next ones while Fall-Through says yes."""
        self.is_known = self.is_known or bool(rows.groups)
        for name in rows.groups:
            group = rows.of_group[name]
            check = self._read(group.check)
            if matches(check, self._request, self._groups):
                self._take(check, self._read(group.reply))
                if not self._falls:
                    return

    def _take(self, check: list[Item], reply: list[Item]) -> None:
        merge(self._control, check)
        self._falls = next((item.text.lower() in _YES for item in reply if item.name.lower() == _FALL_THROUGH), None)
        merge(self._reply, reply)

    @property
    def profile(self) -> str:
        """The profile that a check item names."""
        return self.control.get("user-profile", "")

    @property
    def control(self) -> dict[str, str]:
        """What was put aside, without passwords; of several of one name the first."""
        control: dict[str, str] = {}
        for item in self._control:
            if item.name.lower() not in credentials.NAMES:
                control.setdefault(item.name.lower(), item.text)
        return control

    def result(self, name: str, now: float) -> User:
        """The user. Raises EncodeError where a time cannot be read."""
        control = self.control
        kinds = [item.text.lower() for item in self._control if item.name.lower() == "auth-type"]
        refusal, seconds = _hours(control, now)
        return User(
            name,
            credentials.credential_of(self._control),
            _within(tuple(_sent(self._reply)), seconds),
            control,
            tuple(self._groups),
            _refused(kinds) or refusal,
            is_accepted=kinds[-1:] == [_ACCEPT],
        )


def _sent(reply: Sequence[Item]) -> Iterator[AVP]:
    """What goes on the wire; an empty value does not (RFC 2865 section 5). Raises EncodeError: an unknown attribute.

    Message-Authenticator is no value of anybody's: FreeRADIUS has such rows for it to be computed, which it always is.
    """
    for item in reply:
        if item.attribute is None and item.name.lower() != _FALL_THROUGH:
            raise EncodeError(f"{item.name}: no such attribute to send; SqlUsers(dictionary=...) takes more")
        if item.avp is not None and item.avp.octets and item.key != MessageAuthenticator.key:
            yield item.avp


def _refused(kinds: Sequence[str]) -> str:
    """Why Auth-Type turns a request away. Of several one that rejects is enough, and otherwise the last counts."""
    if _REJECT in kinds:
        return "Auth-Type is Reject"
    if kinds and kinds[-1] not in (_ACCEPT, *_OURS):
        return f"Auth-Type {kinds[-1]!r} is none that is known here"
    return ""


def _hours(control: dict[str, str], now: float) -> tuple[str, int | None]:
    """Why the time is not right, or ''; and the seconds that are left of it, None without an end."""
    left = []
    if "expiration" in control:
        left.append(int(times.moment(control["expiration"]) - now))
        if left[0] <= 0:
            return "account expired", None
    if "login-time" in control and (seconds := times.login_seconds(control["login-time"], now)) is not None:
        left.append(seconds)
        if seconds < LOGIN_SECONDS:
            return "outside of Login-Time", None
    return "", min(left, default=None)


def _within(reply: tuple[AVP, ...], seconds: int | None) -> tuple[AVP, ...]:
    """A reply whose Session-Timeout is no longer than the seconds that are left."""
    given = [avp.value for avp in reply if avp.attribute.key == SessionTimeout.key]
    if seconds is None or (given and given[0] <= seconds):
        return reply
    return (*(avp for avp in reply if avp.attribute.key != SessionTimeout.key), SessionTimeout(seconds))
