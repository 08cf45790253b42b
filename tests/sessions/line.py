"""A subscriber's line as a NAS reports it: logins, and the records of its sessions, with a clock that a test turns."""

from __future__ import annotations

from typing import Any

import attrs

from trioradius import AVP, AccessRequest, AccountingRequest
from trioradius.attributes import (
    AcctInputGigawords,
    AcctInputOctets,
    AcctOutputGigawords,
    AcctOutputOctets,
    AcctSessionId,
    AcctSessionTime,
    AcctStatusType,
    CallingStationId,
    EventTimestamp,
    NASIPAddress,
    NASIPv6Address,
    NASPortId,
    UserName,
)
from trioradius.stores.sql import Database
from trioradius.stores.sql.accounting import SqlAccounting

AT = 1_790_000_000
"""When every test begins."""


class Clock:
    """Seconds since 1970, which pass when a test says so."""

    def __init__(self) -> None:
        self.now = AT

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: int) -> None:
        self.now += seconds


@attrs.frozen
class Line:
    """One line of a subscriber."""

    user: str = "alice"
    calling: str = "02:00:00:00:00:01"
    port: str = "ether1"
    nas: str = "192.0.2.1"

    def _attributes(self) -> list[AVP]:
        nas = NASIPv6Address(self.nas) if ":" in self.nas else NASIPAddress(self.nas)
        given: list[AVP] = [UserName(self.user), nas]
        if self.calling:
            given.append(CallingStationId(self.calling))
        if self.port:
            given.append(NASPortId(self.port))
        return given

    def login(self, *attributes: AVP) -> AccessRequest:
        """A request to log in."""
        return AccessRequest(*self._attributes(), *attributes)

    def record(
        self,
        status: int,
        at: float,
        *attributes: AVP,
        id: str = "1",
        octets: tuple[int, int] = (0, 0),
        seconds: int = 0,
    ) -> AccountingRequest:
        """A record; octets in and out."""
        counters: list[AVP] = []
        if status != AcctStatusType.START:
            octets_in, octets_out = octets
            counters = [
                AcctInputOctets(octets_in & 0xFFFFFFFF),
                AcctInputGigawords(octets_in >> 32),
                AcctOutputOctets(octets_out & 0xFFFFFFFF),
                AcctOutputGigawords(octets_out >> 32),
                AcctSessionTime(seconds),
            ]
        when = EventTimestamp(int(at))
        return AccountingRequest(
            AcctStatusType(status), AcctSessionId(id), when, *self._attributes(), *counters, *attributes
        )


@attrs.frozen
class Desk:
    """A database, its accounting and the clock of both."""

    database: Database
    clock: Clock
    accounting: SqlAccounting

    @classmethod
    def of(cls, database: Database) -> Desk:
        clock = Clock()
        return cls(database, clock, SqlAccounting(database, clock=clock))

    async def start(self, line: Line, *attributes: AVP, id: str = "1") -> None:
        await self.accounting.record(line.record(AcctStatusType.START, self.clock(), *attributes, id=id))

    async def interim(self, line: Line, *attributes: AVP, **more: Any) -> None:
        await self.accounting.record(line.record(AcctStatusType.INTERIM_UPDATE, self.clock(), *attributes, **more))

    async def stop(self, line: Line, *attributes: AVP, **more: Any) -> None:
        await self.accounting.record(line.record(AcctStatusType.STOP, self.clock(), *attributes, **more))

    async def restart(self, nas: str = "192.0.2.1") -> None:
        await self.accounting.record(
            AccountingRequest(
                AcctStatusType(AcctStatusType.ACCOUNTING_ON), NASIPAddress(nas), EventTimestamp(int(self.clock()))
            )
        )
