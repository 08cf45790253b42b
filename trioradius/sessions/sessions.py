"""Sessions: who is online, how many sessions a user may have, and changing or ending a session at its NAS."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

import attrs
import trio

from trioradius.attributes.ietf import UserName
from trioradius.errors import ConfigurationError, StoreRefused, StoreUnavailable
from trioradius.protocol.packets import CoARequest, DisconnectRequest
from trioradius.sessions.dynamic import RETRANSMISSION, Outcome, Refused, Sender, Unanswered
from trioradius.sessions.identification import Identify, identify
from trioradius.sessions.rates import change_of_rate
from trioradius.stores.sql import logins, pools, sessions, usage
from trioradius.stores.sql.logins import Place
from trioradius.stores.sql.sessions import LOST_CARRIER, Session, Wanted
from trioradius.stores.sql.usage import Period, Usage

if TYPE_CHECKING:
    from trio_util import AsyncValue

    from trioradius.attributes.avp import AVP
    from trioradius.attributes.rates import Rate
    from trioradius.peers import Peers
    from trioradius.protocol.packets import AccessRequest
    from trioradius.retransmission import Retransmission
    from trioradius.stores.sql.connection import Connection
    from trioradius.stores.sql.database import Database

T = TypeVar("T")

LOGIN_SECONDS: Final = 60
"""How long a login counts before its session begins."""
ADDRESS_SECONDS: Final = 600
"""How long an address is held before its session begins; longer, lest a Start that is late meet another's address."""
REAP_AT_ONCE: Final = 500
"""Sessions closed in one transaction, so that logins and accounting do not wait for long."""
SWEEP_EVERY: Final = 1.0
"""Seconds between two looks through a pool that has nothing left."""
NAS_REQUEST: Final = "NAS-Request"
"""Acct-Terminate-Cause 10 (RFC 2866 section 5.10): the NAS ended it, and its Stop was lost."""

log = logging.getLogger("trioradius.sessions")


@attrs.frozen
class Admitted:
    """A login may go on. ``attributes`` are its addresses, for the Access-Accept."""

    attributes: tuple[AVP, ...] = ()


@attrs.frozen
class TooManySessions:
    """The user has as many sessions, or logins on their way, as he may."""

    sessions: int
    limit: int

    @property
    def reason(self) -> str:
        """For the log."""
        return f"too many sessions ({self.sessions} of {self.limit})"


@attrs.frozen
class PoolExhausted:
    """The pool has no address of one kind left."""

    pool: str
    kind: pools.Kind

    @property
    def reason(self) -> str:
        """For the log."""
        return f"pool {self.pool} has no {self.kind.value} left"


Admission: TypeAlias = Admitted | TooManySessions | PoolExhausted
"""What came of a login."""


class Sessions:
    """The sessions of radacct, which SqlAccounting writes, or FreeRADIUS.

        sessions = Sessions(database, app.peers, stale_seconds=900)
        for session in await sessions.online(user="alice"):
            await sessions.change_rate(session, Rate(down="20M", up="5M"))

    Every method that asks the database raises what Database says.

    Args:
        database: where radacct is; open_database() makes the tables that logins and pools need beside it.
        peers: the NASes, ``app.peers``, for what is sent to them.
        stale_seconds: a session that was not heard of for so long is over: it counts no more, and reap() closes it.
            Three times Acct-Interim-Interval is a good value; None, by default, where NASes send no Interim-Update.
        login_seconds: how long a login counts before its session begins.
        address_seconds: how long an address is held before its session begins.
        identify: from a session and its NAS's vendor to the attributes that identify it.
        retransmission: of what is sent to a NAS; four attempts within twelve seconds by default.
        source_address: the local address to send from, where a NAS believes only one.
        prove: put Message-Authenticator into requests to NASes.
        clock: seconds since 1970.

    Raises:
        ConfigurationError: a time that is not positive.
    """

    def __init__(
        self,
        database: Database,
        peers: Peers | None = None,
        *,
        stale_seconds: float | None = None,
        login_seconds: float = LOGIN_SECONDS,
        address_seconds: float = ADDRESS_SECONDS,
        identify: Identify = identify,
        retransmission: Retransmission | None = None,
        source_address: str | None = None,
        prove: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if min(login_seconds, address_seconds, 1 if stale_seconds is None else stale_seconds) <= 0:
            raise ConfigurationError("Sessions wants times that are positive")
        self._database = database
        self._stale_seconds = stale_seconds
        self._login_seconds = login_seconds
        self._address_seconds = address_seconds
        self._identify = identify
        self._clock = clock
        self._sender = None
        if peers is not None:
            self._sender = Sender(peers, clock, retransmission or RETRANSMISSION, source_address, prove)
        self._sweeping = trio.Lock()
        self._swept_at: dict[str, float] = {}

    # Who is online

    async def online(
        self,
        user: str | None = None,
        *,
        nas: str | None = None,
        address: str | None = None,
        after: int = 0,
        limit: int | None = None,
    ) -> list[Session]:
        """The open sessions of a user, of a NAS (its address), with a Framed-IP-Address, or all; oldest first.

        For pages: ``limit`` of them, ``after`` the ``number`` of the last one of the page before.
        """
        wanted = Wanted(user, nas, address, after=after, limit=limit)
        return await self._database.read(lambda connection: sessions.find(connection, wanted))

    async def count(self, user: str | None = None, *, nas: str | None = None) -> int:
        """How many sessions are open."""
        return await self._database.read(lambda connection: sessions.count(connection, Wanted(user, nas)))

    async def count_by_user(self) -> dict[str, int]:
        """User to the number of his open sessions, for all who are online."""
        return await self._database.read(sessions.count_by_user)

    async def find(self, unique: str) -> Session | None:
        """The session of this acctuniqueid, open or not."""
        wanted = Wanted(unique=unique, is_open=False)
        found = await self._database.read(lambda connection: sessions.find(connection, wanted))
        return found[0] if found else None

    # Letting in

    async def admit(
        self, request: AccessRequest, *, user: str | None = None, limit: int | None = None, pool: str | None = None
    ) -> Admission:
        """Let a login in whose password was right, in one transaction: it counts from now on, and has its addresses.

        Parallel logins cannot pass the limit together, whichever process or machine they reach. A login counts until
        its session begins, or ``login_seconds`` have passed. One from the NAS, port and Calling-Station-Id of another
        of the user's sessions takes that one's place.

        Args:
            request: the login.
            user: the name that accounting will have; User-Name by default.
            limit: how many sessions the user may have; None for any number.
            pool: where his addresses come from, one of each kind that it has; the ones he had, where he can have them.

        Raises:
            MissingAttribute: there is no User-Name, and no user was given.
            ConfigurationError: there is no such pool.
        """
        login = self._login(request, user, limit, pool)
        if limit is None and pool is None:
            return Admitted()
        admission = await self._admit(login)
        if isinstance(admission, PoolExhausted) and await self._swept(admission.pool):
            admission = await self._admit(login)
        return admission

    async def withdraw(self, request: AccessRequest, *, user: str | None = None) -> None:
        """Undo admit(), where the login is refused for another reason after all."""
        login = self._login(request, user, None, None)

        def work(connection: Connection) -> None:
            logins.forget(connection, login.user, login.place)
            pools.give_back(connection, login.user, str(login.place), login.now)

        await self._database.transaction(work, locks=[f"user:{login.user}"])

    def _login(self, request: AccessRequest, user: str | None, limit: int | None, pool: str | None) -> _Login:
        now = int(self._clock())
        return _Login(
            user=request[UserName] if user is None else user,
            place=Place.of(request),
            limit=limit,
            pool=pool,
            now=now,
            counts_until=now + int(self._login_seconds),
            holds_until=now + int(self._address_seconds),
            silent_since=self._silent_since(now),
        )

    async def _admit(self, login: _Login) -> Admission:
        try:
            return await self._database.transaction(login.admit, locks=[f"user:{login.user}"])
        except pools.PoolExhaustedError as error:
            return PoolExhausted(error.pool, error.kind)

    async def _swept(self, pool: str) -> bool:
        """Whether a pool was looked through, by this login or another that waited for it just now."""
        asked_at = self._clock()
        async with self._sweeping:
            if self._swept_at.get(pool, float("-inf")) + SWEEP_EVERY > asked_at:
                return self._swept_at[pool] >= asked_at
            now = int(self._clock())
            await self._database.transaction(lambda connection: pools.sweep(connection, pool, now))
            self._swept_at[pool] = self._clock()
        return True

    # Usage

    async def usage(self, user: str, since: float, until: float | None = None) -> Usage:
        """What a user sent and received in a period, by default until now; times in seconds since 1970.

        Of a session that began before the period, its octets are taken in proportion to its time: radacct has totals.
        """
        period = self._period(since, until)
        return await self._database.read(lambda connection: usage.of_user(connection, user, period))

    async def past(self, limits: Mapping[str, int], since: float, until: float | None = None) -> dict[str, Usage]:
        """Of the users in ``limits`` who are online, those whose octets in the period have reached their limit.

        One query, however many users: the limit of each is the next one of his fair-use tiers, or his quota.
        """
        period = self._period(since, until)
        return await self._database.read(lambda connection: usage.past(connection, limits, period))

    def _period(self, since: float, until: float | None) -> Period:
        return Period(int(since), int(self._clock()) + 1 if until is None else int(until))

    # Sessions that nobody ended

    async def reap(self, stale_seconds: float | None = None, *, cause: str = LOST_CARRIER) -> int:
        """Close the sessions that were not heard of for so long; how many they were.

        Each ended when it was last heard of. A Stop that comes later is right all the same, and an Interim-Update opens
        the session again.

        Raises:
            ConfigurationError: neither this nor Sessions has ``stale_seconds``.
        """
        seconds = self._stale_seconds if stale_seconds is None else stale_seconds
        if seconds is None:
            raise ConfigurationError("reap() wants stale_seconds: three times Acct-Interim-Interval is a good value")
        silent_since = int(self._clock() - seconds)
        wanted = Wanted(silent_since=silent_since, limit=REAP_AT_ONCE)
        reaped = 0
        while True:
            stale = await self._database.read(lambda connection: sessions.find(connection, wanted))  # noqa: B023
            numbers = [session.number for session in stale]
            closed = await self._close(numbers, cause, silent_since)
            reaped += len(closed)
            if len(stale) < REAP_AT_ONCE:
                return reaped
            wanted = attrs.evolve(wanted, after=numbers[-1])

    async def keep_tidy(self, elected: AsyncValue[bool] | None = None, *, every: float = 60) -> None:
        """Close stale sessions and forget logins that came to nothing, every so many seconds, until cancelled.

            nursery.start_soon(sessions.keep_tidy, app.elected)

        Of several worker processes the elected one does it. While the database is away, it waits for the next time.
        """
        while True:
            if elected is not None:
                await elected.wait_value(True)
            try:
                await self._tidy()
            except (StoreUnavailable, StoreRefused) as error:
                log.warning("sessions are not tidied now: %s", error)
            await trio.sleep(every)

    async def close(self, session: Session, *, cause: str = NAS_REQUEST, at: float | None = None) -> bool:
        """Close a session in radacct, as of when it was last heard of, or at a time; whether it was open.

        This tells the NAS nothing: disconnect() does.
        """
        return bool(await self._close([session.number], cause, None, None if at is None else int(at)))

    async def _close(
        self, numbers: list[int], cause: str, silent_since: int | None, at: int | None = None
    ) -> list[int]:
        if not numbers:
            return []
        return await self._database.transaction(
            lambda connection: sessions.close(connection, numbers, cause, silent_since=silent_since, at=at)
        )

    async def _tidy(self) -> None:
        now = int(self._clock())
        await self._database.transaction(lambda connection: logins.forget_expired(connection, now))
        if self._stale_seconds is not None and (reaped := await self.reap()):
            log.info("%d sessions were not heard of for %g s, and are closed", reaped, self._stale_seconds)

    def _silent_since(self, now: int) -> int | None:
        return None if self._stale_seconds is None else now - int(self._stale_seconds)

    # Telling the NAS

    async def change(
        self, session: Session, *attributes: AVP, nas: str | None = None, close_unknown: bool = False
    ) -> Outcome:
        """Send a CoA-Request that changes a session to these attributes (RFC 5176 section 2.2).

        Args:
            session: which; attributes that identify it are added.
            attributes: what is to change.
            nas: the NAS's address for us, where that is not the one in radacct, as behind NAT.
            close_unknown: where the NAS has no such session (Error-Cause 503), close it in radacct too.

        Raises:
            ConfigurationError: Sessions was given no peers, or there is nothing to change.
        """
        if not attributes:
            raise ConfigurationError("a CoA-Request wants attributes to change")
        return await self._tell(CoARequest, session, lambda _: attributes, nas, close_unknown)

    async def change_rate(
        self, session: Session, rate: Rate, *, nas: str | None = None, close_unknown: bool = False
    ) -> Outcome:
        """Change the rate of a session, in the form its NAS's vendor understands. As change().

        Raises:
            ConfigurationError: the rate cannot be sent to this vendor; Sessions was given no peers.
        """
        return await self._tell(CoARequest, session, lambda vendor: change_of_rate(rate, vendor), nas, close_unknown)

    async def disconnect(
        self, session: Session, *attributes: AVP, nas: str | None = None, close_unknown: bool = False
    ) -> Outcome:
        """Send a Disconnect-Request that ends a session (RFC 5176 section 2.1). As change(), mostly without attributes.

        Its NAS sends a Stop afterwards, which is what closes it in radacct.
        """
        return await self._tell(DisconnectRequest, session, lambda _: attributes, nas, close_unknown)

    async def _tell(
        self,
        kind: type[CoARequest | DisconnectRequest],
        session: Session,
        attributes: Callable[[str], tuple[AVP, ...]],
        nas: str | None,
        close_unknown: bool,
    ) -> Outcome:
        if self._sender is None:
            raise ConfigurationError("Sessions needs the NASes to tell them anything: Sessions(database, app.peers)")
        address = nas or session.nas
        peer = await self._sender.peer(address)
        if isinstance(peer, Unanswered):
            return peer
        avps = (*self._identify(session, peer.vendor), *attributes(peer.vendor))
        outcome = await self._sender.send(kind, peer, address, *avps)
        if close_unknown and isinstance(outcome, Refused) and outcome.is_unknown_session:
            await self.close(session)
        return outcome


@attrs.frozen
class _Login:
    """What admit() decides about, in the transaction."""

    user: str
    place: Place
    limit: int | None
    pool: str | None
    now: int
    counts_until: int
    holds_until: int
    silent_since: int | None

    def admit(self, connection: Connection) -> Admission:
        """Let it in, or not. Raises PoolExhaustedError."""
        user, place, now = self.user, self.place, self.now
        if self.limit is not None:
            taken = logins.occupied(connection, user, place, now=now, silent_since=self.silent_since)
            if taken >= self.limit:
                return TooManySessions(taken, self.limit)
            logins.let_in(connection, user, place, expires=self.counts_until)
        if self.pool is None:
            return Admitted()
        holder = pools.Holder(user, str(place), now, self.holds_until)
        return Admitted(tuple(pools.take(connection, self.pool, holder)))
