"""The watch: what sessions have is brought in line with what their subscribers should have now.

A session began with the rate that its Class tells, or had another since by CoA. Where that is not the rate of its
subscriber any more (usage crossed a tier, the plan changed, a new month began), the NAS is sent the new one; where he
may not be online at all (quota used up, expired, made inactive), it is told to end the session.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import attrs
import trio

from trioradius import ConfigurationError
from trioradius.attributes.rates import Rate
from trioradius.errors import StoreRefused, StoreUnavailable
from trioradius.sessions import Acknowledged, Outcome, Session, Unanswered
from trioradius.stores.sql import Connection
from trioradius.stores.sql.sessions import Wanted, find

from . import policy
from .answer import CLASS_PREFIX
from .plans import label
from .provider import Provider
from .subscribers import Account, read_online

if TYPE_CHECKING:
    from trio_util import AsyncValue

AGAIN_SECONDS: Final = 300.0
"""After which a NAS is asked again for what it has not done, and to end a session that goes on all the same."""

log = logging.getLogger("isp.watch")


@attrs.frozen
class Correction:
    """What one session needs: another rate, or to end for a reason."""

    session: Session
    rate: Rate
    ends: str = ""

    @property
    def text(self) -> str:
        """What is to become of the session."""
        return self.ends or label(self.rate)


class Watch:
    """Compares and corrects, again and again."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._waits: dict[tuple[str, str], float] = {}
        self._complained: set[str] = set()

    async def run(self, elected: AsyncValue[bool]) -> None:
        """Look every ``watch_seconds``, until cancelled; of several worker processes the elected one does it."""
        while True:
            await elected.wait_value(True)
            try:
                await self.look()
            except (StoreUnavailable, StoreRefused) as error:
                log.warning("usage is not watched now: %s", error)
            await trio.sleep(self._provider.settings.watch_seconds)

    async def look(self) -> None:
        """Correct what has to be corrected; the sessions of each NAS one after another, all NASes at once."""
        by_nas: dict[str, list[Correction]] = {}
        for one in await self._wanted():
            by_nas.setdefault(one.session.nas, []).append(one)
        async with trio.open_nursery() as nursery:
            for corrections in by_nas.values():
                nursery.start_soon(self._correct_at, corrections)

    async def _wanted(self) -> list[Correction]:
        now = self._provider.clock()
        seen = await self._provider.reporting.read(lambda connection: compare(connection, now))
        self._complain(seen.faults)
        if seen.ended:
            await self._provider.database.transaction(lambda connection: connection.run_many(_FORGET, seen.ended))
        self._waits = {key: until for key, until in self._waits.items() if until > now}
        return [one for one in seen.corrections if (one.session.unique, one.text) not in self._waits]

    async def _correct_at(self, corrections: Sequence[Correction]) -> None:
        """The corrections of one NAS, until it does not answer: the others would wait in vain as well."""
        for one in corrections:
            outcome = await correct(self._provider, one)
            if one.ends or not isinstance(outcome, Acknowledged):
                self._waits[one.session.unique, one.text] = self._provider.clock() + AGAIN_SECONDS
            if isinstance(outcome, Unanswered):
                return

    def _complain(self, faults: Sequence[str]) -> None:
        for fault in faults:
            if fault not in self._complained:
                self._complained.add(fault)
                log.warning("%s", fault)


@attrs.frozen
class Seen:
    """What one comparison found: what to correct, and of which ended sessions a rate is still remembered."""

    corrections: list[Correction]
    ended: list[tuple[str]]
    faults: list[str]


def compare(connection: Connection, now: float) -> Seen:
    """All open sessions beside what their subscribers should have; in a thread, since there may be many."""
    online = read_online(connection, now)
    open_sessions = find(connection, Wanted())
    in_force: dict[str, str] = dict(connection.rows(_IN_FORCE))
    found = (
        correction(session, online.accounts[session.user], in_force.get(session.unique), now)
        for session in open_sessions
        if session.user in online.accounts
    )
    ended = in_force.keys() - {session.unique for session in open_sessions}
    return Seen([one for one in found if one], [(unique,) for unique in ended], online.faults)


def correction(session: Session, account: Account, in_force: str | None, now: float) -> Correction | None:
    """What a session needs, if anything. ``in_force`` is the label of the rate that it was last given by CoA."""
    rate = policy.rate(account)
    refused = policy.refusal(account, now)
    if refused:
        return Correction(session, rate, refused)
    began_with = session.login_class.removeprefix(CLASS_PREFIX)
    return None if (in_force or began_with) == label(rate) else Correction(session, rate)


async def correct(provider: Provider, wanted: Correction) -> Outcome:
    """Tell the NAS, and remember what it did. A limit that cannot be lifted is lifted by a new login."""
    session = wanted.session
    if wanted.ends:
        return await _end(provider, session, wanted.ends)
    try:
        outcome = await provider.sessions.change_rate(session, wanted.rate, close_unknown=True)
    except ConfigurationError as error:
        return await _end(provider, session, str(error))
    if isinstance(outcome, Acknowledged):
        await provider.database.write(_remember, (session.unique, wanted.text))
        log.info("%s at NAS %s: the rate is now %s", session.user, session.nas, wanted.text)
    else:
        log.warning("%s at NAS %s: the rate is not changed to %s: %s", session.user, session.nas, wanted.text, outcome)
    return outcome


async def _end(provider: Provider, session: Session, why: str) -> Outcome:
    outcome = await provider.sessions.disconnect(session, close_unknown=True)
    if isinstance(outcome, Acknowledged):
        log.info("%s at NAS %s: disconnected: %s", session.user, session.nas, why)
    else:
        log.warning("%s at NAS %s: not disconnected (%s): %s", session.user, session.nas, why, outcome)
    return outcome


def _remember(connection: Connection, rows: Sequence[tuple[str, str]]) -> None:
    connection.run_many(
        "INSERT INTO isp_rate_in_force (acctuniqueid, rate) VALUES (?, ?)"
        " ON CONFLICT (acctuniqueid) DO UPDATE SET rate = excluded.rate",
        rows,
    )


_IN_FORCE: Final = "SELECT acctuniqueid, rate FROM isp_rate_in_force"
_FORGET: Final = "DELETE FROM isp_rate_in_force WHERE acctuniqueid = ?"
