"""Ten thousand sessions of several NASes, whose records are lost, repeated and reordered: the totals are exact."""

from __future__ import annotations

import random
from collections.abc import Iterator

import attrs
import trio

from trioradius import AccountingRequest
from trioradius.attributes import (
    AcctInputGigawords,
    AcctInputOctets,
    AcctOutputOctets,
    AcctSessionId,
    AcctSessionTime,
    AcctStatusType,
    AcctTerminateCause,
    EventTimestamp,
    NASIPAddress,
    NASPort,
    UserName,
)
from trioradius.stores.sql import Database, open_database
from trioradius.stores.sql.accounting import SqlAccounting

SESSIONS = 10_000
NASES = 4
AT = 1_790_000_000
"""When the first session begins."""
REBOOT_AT = AT + 50_000
"""When the last NAS restarts, after the last record of any session."""
WAYS = 64
"""Records on their way at once."""
TOTALS = """
    SELECT count(*), sum(acctinputoctets), sum(acctoutputoctets), sum(acctsessiontime),
        sum(CASE WHEN acctstoptime IS NULL THEN 1 ELSE 0 END),
        sum(CASE WHEN acctterminatecause = 'NAS-Reboot' THEN 1 ELSE 0 END),
        sum(CASE WHEN acctterminatecause = 'User-Request' THEN 1 ELSE 0 END)
    FROM radacct"""


@attrs.define
class Session:
    """What a session sends, and what must be known of it in the end."""

    number: int
    records: list[tuple[int, int, int]] = attrs.field(factory=list)
    """Those that arrive at all: (status, seconds since the start, octets)."""

    @property
    def nas(self) -> int:
        return self.number % NASES

    @property
    def began(self) -> int:
        return AT + self.number

    @property
    def is_stopped(self) -> bool:
        return any(status == AcctStatusType.STOP for status, _, _ in self.records)

    @property
    def octets(self) -> int:
        return max(octets for _, _, octets in self.records)

    @property
    def seconds(self) -> int:
        """What the last record said; of a session that the restart ended, until then."""
        if not self.is_stopped and self.nas == NASES - 1:
            return REBOOT_AT - self.began
        return max(after for _, after, _ in self.records)

    def requests(self) -> Iterator[AccountingRequest]:
        for status, after, octets in self.records:
            yield AccountingRequest(
                AcctStatusType(status),
                # The same on all NASes, which count from one each.
                AcctSessionId(f"{self.number // NASES:08x}"),
                UserName(f"user{self.number // NASES}"),
                NASIPAddress(f"192.0.2.{self.nas}"),
                NASPort(7),
                EventTimestamp(self.began + after),
                AcctSessionTime(after),
                AcctInputGigawords(octets >> 32),
                AcctInputOctets(octets & 0xFFFFFFFF),
                AcctOutputOctets(after),
                *([AcctTerminateCause(AcctTerminateCause.USER_REQUEST)] if status == AcctStatusType.STOP else []),
            )


def session(number: int, chance: random.Random) -> Session:
    """Start, up to four updates, mostly a Stop; a fifth of all but the last is lost for good."""
    made = [(AcctStatusType.START, 0, 0)]
    octets = 0
    for turn in range(1, chance.randint(1, 5)):
        octets += chance.randrange(1 << 33)
        made.append((AcctStatusType.INTERIM_UPDATE, 60 * turn, octets))
    if chance.random() < 0.8:
        octets += chance.randrange(1 << 33)
        made.append((AcctStatusType.STOP, 60 * len(made) + 7, octets))
    kept = [record for record in made[:-1] if chance.random() < 0.8]
    return Session(number, [*kept, made[-1]])


def on_the_way(sessions: list[Session], chance: random.Random) -> list[AccountingRequest]:
    """All records in the order they arrive: late by up to a few thousand others, a fifth of them more than once."""
    arriving: list[tuple[float, AccountingRequest]] = []
    for place, request in enumerate(request for session in sessions for request in session.requests()):
        times = chance.choice((1, 1, 1, 1, 1, 1, 1, 1, 2, 3))
        arriving += [(place + chance.random() ** 4 * 5_000, request) for _ in range(times)]
    arriving.sort(key=lambda pair: pair[0])
    return [request for _, request in arriving]


async def deliver(database: Database, requests: list[AccountingRequest]) -> None:
    accounting = SqlAccounting(database, clock=lambda: REBOOT_AT)
    left = iter(requests)

    async def way() -> None:
        for request in left:
            await accounting.record(request)

    async with trio.open_nursery() as nursery:
        for _ in range(WAYS):
            nursery.start_soon(way)


async def test_totals_are_exact(where: str) -> None:
    chance = random.Random(2866)
    sessions = [session(number, chance) for number in range(SESSIONS)]
    requests = on_the_way(sessions, chance)
    reboot = AccountingRequest(
        AcctStatusType(AcctStatusType.ACCOUNTING_ON),
        NASIPAddress(f"192.0.2.{NASES - 1}"),
        EventTimestamp(REBOOT_AT),
    )
    # It arrives before many records of what it ended, and so does a repeat of it.
    for place in (len(requests) * 9 // 10, len(requests) * 19 // 20):
        requests.insert(place, reboot)
    ended = sum(not one.is_stopped and one.nas == NASES - 1 for one in sessions)
    stopped = sum(one.is_stopped for one in sessions)
    async with open_database(where) as database:
        await deliver(database, requests)
        [totals] = await database.rows(TOTALS)
        starts = await database.rows(
            "SELECT count(*) FROM radacct WHERE connectinfo_start IS NULL AND connectinfo_stop IS NULL"
        )
    assert tuple(int(total) for total in totals) == (
        SESSIONS,
        sum(one.octets for one in sessions),
        sum(max(after for _, after, _ in one.records) for one in sessions),
        sum(one.seconds for one in sessions),
        SESSIONS - stopped - ended,
        ended,
        stopped,
    )
    assert ended > 100
    assert starts[0][0] == sum(
        all(status == AcctStatusType.INTERIM_UPDATE for status, _, _ in one.records) for one in sessions
    )
