"""FreeRADIUS 3.2.1 as the NAS of sessions: what Sessions sends it, it takes."""

from __future__ import annotations

import pathlib

import attrs

from trioradius import CoAACK, DisconnectACK, Peer, Peers
from trioradius.attributes import ErrorCause, FilterId
from trioradius.attributes.rates import Rate
from trioradius.sessions import Acknowledged, Refused, Session, Sessions
from trioradius.stores.sql import open_database

from .freeradius import FreeRADIUS
from .radclient import SECRET

SESSION = Session(1, "u", "1", "alice", "127.0.0.1", address="100.64.0.1", audit_session="0A00000A")


async def test_freeradius_takes_coa_and_disconnect_of_every_vendors_kind(
    freeradius: FreeRADIUS, tmp_path: pathlib.Path
) -> None:
    async with open_database(tmp_path / "radius.db") as database:
        for vendor in ("mikrotik", "cisco", "huawei", "generic"):
            for prove in (False, True):
                peers = Peers({"127.0.0.1": Peer(SECRET, vendor=vendor, coa_port=freeradius.coa)})
                sessions = Sessions(database, peers, prove=prove)
                rate = Rate(down="20M", up="5M", policy="gold")
                changed = await sessions.change_rate(SESSION, rate)
                ended = await sessions.disconnect(SESSION)
                assert isinstance(changed, Acknowledged)
                assert isinstance(changed.reply, CoAACK)
                assert isinstance(ended, Acknowledged)
                assert isinstance(ended.reply, DisconnectACK)
        unknown = attrs.evolve(SESSION, id="unknown")
        for refused in (await sessions.change(unknown, FilterId("slow")), await sessions.disconnect(unknown)):
            assert isinstance(refused, Refused)
            assert refused.cause == ErrorCause.SESSION_CONTEXT_NOT_FOUND
