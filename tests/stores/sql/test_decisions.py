from __future__ import annotations

import re

from tests.stores.sql.test_schema import make_as_freeradius
from trioradius import AccessRequest
from trioradius.attributes import CallingStationId, Class, UserName, UserPassword
from trioradius.stores.sql import SqlDecisions, open_database


async def test_a_decision_is_a_row(where: str) -> None:
    request = AccessRequest(UserName("alice"), UserPassword("wonderland"), CallingStationId("aa-bb"))
    async with open_database(where) as database:
        decisions = SqlDecisions(database, clock=lambda: 1_790_000_000.25)
        await decisions.record(request, request.accept(Class(b"gold")))
        await decisions.record(request, request.reject(reason="account expired"))
        await decisions.record(request, request.reject(), reason="quota")
        rows = await database.rows("SELECT username, pass, reply, class, reason FROM radpostauth ORDER BY id")
        assert rows == [
            ("alice", "", "Access-Accept", "gold", ""),
            ("alice", "", "Access-Reject", None, "account expired"),
            ("alice", "", "Access-Reject", None, "quota"),
        ]
        if database.dialect == "postgresql":
            found = await database.rows(
                "SELECT extract(epoch FROM authdate)::float, callingstationid FROM radpostauth LIMIT 1"
            )
            assert found == [(1_790_000_000.25, "aa-bb")]
        else:
            [(at,)] = await database.rows("SELECT authdate FROM radpostauth LIMIT 1")
            assert re.fullmatch(r"2026-09-2\d \d\d:\d\d:20\.250000", at)


async def test_without_a_column_for_it_the_reason_is_left_out(where: str) -> None:
    make_as_freeradius(where)
    request = AccessRequest(UserName("alice"))
    async with open_database(where, create=False) as database:
        await SqlDecisions(database).record(request, request.reject(reason="account expired"))
        assert await database.rows("SELECT username, reply FROM radpostauth") == [("alice", "Access-Reject")]


async def test_a_name_that_no_database_takes_is_kept_all_the_same(where: str) -> None:
    request = AccessRequest(UserName("al\0ice"))
    async with open_database(where) as database:
        await SqlDecisions(database).record(request, request.reject(reason="no realm \0 or \udcff"))
        assert await database.rows("SELECT username, reason FROM radpostauth") == [
            ("al\\x00ice", "no realm \\x00 or \\udcff")
        ]
