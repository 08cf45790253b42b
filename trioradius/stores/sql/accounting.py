"""SqlAccounting: accounting records as rows of radacct, acknowledged once they are on the disk (RFC 2866 section 2)."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from trioradius.attributes.attribute import Attribute, Key
from trioradius.attributes.ietf import (
    AcctAuthentic,
    AcctDelayTime,
    AcctInputGigawords,
    AcctInputOctets,
    AcctOutputGigawords,
    AcctOutputOctets,
    AcctSessionId,
    AcctSessionTime,
    AcctStatusType,
    AcctTerminateCause,
    CalledStationId,
    CallingStationId,
    Class,
    ConnectInfo,
    DelegatedIPv6Prefix,
    EventTimestamp,
    FramedInterfaceId,
    FramedIPAddress,
    FramedIPv6Address,
    FramedIPv6Prefix,
    FramedProtocol,
    NASIdentifier,
    NASIPAddress,
    NASIPv6Address,
    NASPort,
    NASPortId,
    NASPortType,
    ServiceType,
    UserName,
)
from trioradius.errors import Discard, MissingAttribute
from trioradius.protocol.packets import AccountingRequest
from trioradius.stores.sql.database import Database
from trioradius.stores.sql.radacct import NAS_REBOOT, Record, Restart, Value, store
from trioradius.stores.sql.text import clean
from trioradius.stores.sql.unique import unique_id

OCTETS_MAXIMUM: Final = (1 << 63) - 1
"""What the database's columns hold; the counters of RFC 2869 section 5.1 go one bit further."""
CLOCK_MAXIMUM: Final = 30 * 86_400
"""Seconds that an Event-Timestamp may be before the time a record was sent, or that Acct-Delay-Time may be; past them
the NAS's clock was never set."""
CLOCK_AHEAD: Final = 3_600


class SqlAccounting:
    """Keeps accounting records.

        @app.on(AccountingRequest)
        async def account(request: AccountingRequest) -> AccountingResponse:
            await accounting.record(request)
            return request.respond()

    Args:
        database: where radacct is.
        clock: seconds since 1970.
    """

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    async def record(self, request: AccountingRequest) -> None:
        """Keep one record; it is on the disk when this returns, and may be acknowledged.

        Records may come late, repeated and in any order: radacct.py says what becomes of them.

        Raises:
            MissingAttribute: no Acct-Status-Type, or no Acct-Session-Id where it is of a session.
            Discard: an Acct-Status-Type that this does not keep, as Tunnel-Start.
            StoreUnavailable: the database is away or overloaded; the NAS sends the record again.
        """
        await self._database.write(store, self._read(request))

    def _read(self, request: AccountingRequest) -> Record | Restart:
        octets = request.first_octets()
        status = _number(octets, AcctStatusType)
        if status is None:
            raise MissingAttribute(AcctStatusType.name)
        source = request.source.address if request.source else "0.0.0.0"
        nas, at = nas_address(octets, source), event_time(octets, self._clock())
        if status in _RESTARTS:
            return Restart(nas, at, _shown(octets, AcctTerminateCause) or NAS_REBOOT)
        if status not in _SESSIONS:
            raise Discard(
                f"Acct-Status-Type {_shown(octets, AcctStatusType)} is not kept; a route of its own may answer it",
                reason="accounting_status",
            )
        return session_record(octets, status, nas, at)


_RESTARTS: Final = (AcctStatusType.ACCOUNTING_ON, AcctStatusType.ACCOUNTING_OFF)
_SESSIONS: Final = (AcctStatusType.START, AcctStatusType.INTERIM_UPDATE, AcctStatusType.STOP)


def session_record(octets: Mapping[Key, bytes], status: int, nas: str, at: int) -> Record:
    """What a Start, Interim-Update or Stop of a NAS that was made at a time says of its session.

    Raises:
        MissingAttribute: there is no Acct-Session-Id.
    """
    session = octets.get(AcctSessionId.key)
    if session is None:
        raise MissingAttribute(AcctSessionId.name)
    is_start = status == AcctStatusType.START
    return Record(
        (
            *_identity(octets, session, nas),
            *_times(octets, status, at),
            *_said(octets, status),
            *_addresses(octets),
            clean(octets.get(Class.key)),
        ),
        began=at if is_start and _number(octets, EventTimestamp) == at else None,
    )


def _identity(octets: Mapping[Key, bytes], session: bytes, nas: str) -> tuple[Value, ...]:
    """The columns from acctuniqueid to nasporttype."""
    user, port_id = octets.get(UserName.key, b""), octets.get(NASPortId.key, b"")
    port = _shown(octets, NASPort)
    unique = unique_id(
        user=user,
        session=session,
        nas=nas,
        identifier=octets.get(NASIdentifier.key, b""),
        port_id=port_id,
        port=port or "",
        session_class=octets.get(Class.key, b""),
    )
    realm = (clean(user.rpartition(b"@")[2]) or "").lower() if b"@" in user else ""
    return unique, clean(session), clean(user), realm, nas, clean(port_id) or port, _shown(octets, NASPortType)


def _times(octets: Mapping[Key, bytes], status: int, at: int) -> tuple[Value, ...]:
    """The columns from acctstarttime to acctsessiontime."""
    seconds = _number(octets, AcctSessionTime)
    stop = at if status == AcctStatusType.STOP else None
    if status == AcctStatusType.START:
        return at, at, stop, seconds or 0
    return max(at - (seconds or 0), 0), at, stop, seconds


def _said(octets: Mapping[Key, bytes], status: int) -> tuple[Value, ...]:
    """The columns from acctauthentic to framedprotocol."""
    connect_info = clean(octets.get(ConnectInfo.key, b""))
    is_stop = status == AcctStatusType.STOP
    return (
        _shown(octets, AcctAuthentic),
        connect_info if status == AcctStatusType.START else None,
        connect_info if is_stop else None,
        _counted(octets, AcctInputOctets, AcctInputGigawords),
        _counted(octets, AcctOutputOctets, AcctOutputGigawords),
        clean(octets.get(CalledStationId.key)),
        clean(octets.get(CallingStationId.key)),
        _shown(octets, AcctTerminateCause) if is_stop else None,
        _shown(octets, ServiceType),
        _shown(octets, FramedProtocol),
    )


def _addresses(octets: Mapping[Key, bytes]) -> tuple[Value, ...]:
    """The columns from framedipaddress to delegatedipv6prefix."""
    return (
        _shown(octets, FramedIPAddress),
        _shown(octets, FramedIPv6Address),
        _shown(octets, FramedIPv6Prefix),
        _interface(octets),
        _shown(octets, DelegatedIPv6Prefix),
    )


def nas_address(octets: Mapping[Key, bytes], source: str) -> str:
    """Where the NAS says it is, else where the request came from."""
    return _shown(octets, NASIPv6Address) or _shown(octets, NASIPAddress) or source


def event_time(octets: Mapping[Key, bytes], now: float) -> int:
    """When a record was made: Event-Timestamp (RFC 2869 section 5.3), else Acct-Delay-Time ago (RFC 2866 section 5.2).

    A clock that was never set is not believed, nor a delay that was reckoned with one.
    """
    delay = _number(octets, AcctDelayTime) or 0
    sent = max(int(now) - (delay if delay <= CLOCK_MAXIMUM else 0), 0)
    stamped = _number(octets, EventTimestamp)
    return stamped if stamped is not None and sent - CLOCK_MAXIMUM <= stamped <= now + CLOCK_AHEAD else sent


def _shown(octets: Mapping[Key, bytes], attribute: Attribute[Any]) -> str | None:
    """A value as text, by its name where it has one; None where it is absent or malformed."""
    found = octets.get(attribute.key)
    return None if found is None else _text_of(attribute, found)


@functools.lru_cache(maxsize=16_384)
def _text_of(attribute: Attribute[Any], octets: bytes) -> str | None:
    """The same few values come again and again."""
    try:
        return attribute.show(attribute.decode(octets))
    except ValueError:
        return None


def _number(octets: Mapping[Key, bytes], attribute: Attribute[Any]) -> int | None:
    """A value of 32 bits, a time in seconds; None where it is absent or malformed."""
    found = octets.get(attribute.key)
    return int.from_bytes(found, "big") if found is not None and len(found) == 4 else None


def _interface(octets: Mapping[Key, bytes]) -> str | None:
    """Framed-Interface-Id without leading zeros, as FreeRADIUS writes it."""
    found = _shown(octets, FramedInterfaceId)
    return None if found is None else ":".join(f"{int(group, 16):x}" for group in found.split(":"))


def _counted(octets: Mapping[Key, bytes], low: Attribute[int], high: Attribute[int]) -> int:
    """A counter of 64 bits from its two halves (RFC 2869 section 5.1)."""
    return min((_number(octets, high) or 0) << 32 | (_number(octets, low) or 0), OCTETS_MAXIMUM)
