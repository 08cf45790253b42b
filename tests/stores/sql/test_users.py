"""SqlUsers: what comes of the rows; tests/interop has the same database answered by FreeRADIUS."""

from __future__ import annotations

import pathlib
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime

import pytest

from trioradius import AccessAccept, AccessReject, AccessRequest, chap
from trioradius.attributes.dictionary import Dictionary
from trioradius.attributes.freeradius import read_dictionary
from trioradius.protocol import weigh as weighing
from trioradius.protocol.credentials import Cleartext
from trioradius.stores.sql.database import Database, open_database
from trioradius.stores.sql.users import SqlUsers, User

TABLES = """
CREATE TABLE radcheck (id INTEGER PRIMARY KEY, username TEXT, attribute TEXT, op TEXT, value TEXT);
CREATE TABLE radreply (id INTEGER PRIMARY KEY, username TEXT, attribute TEXT, op TEXT, value TEXT);
CREATE TABLE radgroupcheck (id INTEGER PRIMARY KEY, groupname TEXT, attribute TEXT, op TEXT, value TEXT);
CREATE TABLE radgroupreply (id INTEGER PRIMARY KEY, groupname TEXT, attribute TEXT, op TEXT, value TEXT);
CREATE TABLE radusergroup (id INTEGER PRIMARY KEY, username TEXT, groupname TEXT, priority INTEGER);
"""
NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC).timestamp()
"""A Monday noon."""
CLEAR = ("Cleartext-Password", ":=", "wonderland")
Row = tuple[str | None, str, str | None]


class Tables:
    """The tables, to be filled by a test."""

    def __init__(self, path: pathlib.Path) -> None:
        self._connection = sqlite3.connect(path)
        self._connection.executescript(TABLES)

    def close(self) -> None:
        self._connection.close()

    def user(self, *check: Row, name: str = "alice", reply: tuple[Row, ...] = (), groups: tuple[str, ...] = ()) -> None:
        self._insert("radcheck (username,", name, check)
        self._insert("radreply (username,", name, reply)
        for priority, group in enumerate(groups):
            self._connection.execute(
                "INSERT INTO radusergroup (username, groupname, priority) VALUES (?, ?, ?)", (name, group, priority)
            )
        self._connection.commit()

    def group(self, name: str, *check: Row, reply: tuple[Row, ...] = ()) -> None:
        self._insert("radgroupcheck (groupname,", name, check)
        self._insert("radgroupreply (groupname,", name, reply)
        self._connection.commit()

    def _insert(self, table: str, name: str, rows: tuple[Row, ...]) -> None:
        self._connection.executemany(
            f"INSERT INTO {table} attribute, op, value) VALUES (?, ?, ?, ?)", [(name, *row) for row in rows]
        )


@pytest.fixture
def tables(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tables]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    made = Tables(tmp_path / "radius.db")
    yield made
    made.close()
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
async def database(tables: Tables, tmp_path: pathlib.Path) -> AsyncIterator[Database]:
    async with open_database(tmp_path / "radius.db", create=False) as opened:
        yield opened


@pytest.fixture
def users(database: Database) -> SqlUsers:
    return SqlUsers(database, clock=lambda: NOW)


def login(password: str = "wonderland", user: str = "alice") -> AccessRequest:
    return AccessRequest(("User-Name", user), ("User-Password", password))


async def found(users: SqlUsers) -> User:
    user = await users.find(login())
    assert user is not None
    return user


async def reason(users: SqlUsers, request: AccessRequest) -> str:
    reply = await users.authenticate(request)
    assert isinstance(reply, AccessReject)
    assert not reply.avps
    return reply.reason


async def test_what_find_tells(tables: Tables, users: SqlUsers) -> None:
    tables.user(
        CLEAR,
        ("Simultaneous-Use", ":=", "2"),
        ("Max-Daily-Session", ":=", "3600"),
        reply=(("Filter-Id", ":=", "gold"),),
        groups=("staff", "night"),
    )
    tables.group("staff", ("Simultaneous-Use", "+=", "9"))
    user = await found(users)
    assert (user.name, user.credential, user.groups) == ("alice", Cleartext(b"wonderland"), ("staff", "night"))
    assert user.control == {"simultaneous-use": "2", "max-daily-session": "3600"}
    assert user.simultaneous_use == 2
    assert [repr(avp) for avp in user.reply] == ["Filter-Id = 'gold'"]
    assert (user.refusal, user.is_accepted) == ("", False)
    assert "wonderland" not in repr(user)


async def test_a_row_for_message_authenticator_is_left_to_the_server(tables: Tables, users: SqlUsers) -> None:
    tables.user(CLEAR, reply=(("Message-Authenticator", ":=", "0x00"), ("Filter-Id", ":=", ""), ("Class", ":=", "x")))
    assert [avp.name for avp in (await users.authenticate(login())).avps] == ["Class"]


async def test_the_right_password_and_the_wrong_one(tables: Tables, users: SqlUsers) -> None:
    tables.user(CLEAR, reply=(("Filter-Id", ":=", "gold"),))
    accepted = await users.authenticate(login())
    assert isinstance(accepted, AccessAccept)
    assert accepted["Filter-Id"] == "gold"
    assert "password" in await reason(users, login("wrong"))
    assert isinstance(
        await users.authenticate(AccessRequest(("User-Name", "alice"), *chap("wonderland"))), AccessAccept
    )


@pytest.mark.parametrize("name", ["nobody", "", "a\0b"])
async def test_who_is_not_known(name: str, tables: Tables, users: SqlUsers) -> None:
    """A NUL is no part of a text for PostgreSQL, which would refuse the look-ups of others beside it."""
    for nobody in ("", "a\0b"):
        tables.user(("Auth-Type", ":=", "Accept"), name=nobody)
    assert await reason(users, login(user=name)) == "unknown user"
    assert await reason(users, AccessRequest(("User-Password", "x"))) == "unknown user"


async def test_a_user_without_a_password(tables: Tables, users: SqlUsers) -> None:
    tables.user(("Simultaneous-Use", ":=", "none"))
    assert (await found(users)).simultaneous_use is None
    assert await reason(users, login()) == "no password in the database"


async def test_a_hashed_password(tables: Tables, users: SqlUsers) -> None:
    tables.user(("SHA-Password", ":=", "13bf6f4de1bd0eb5dd5e6a7fb6ecbcdcc5d5a5a6"))
    tables.user(("MD5-Password", ":=", "5f4dcc3b5aa765d61d8327deb882cf99"), name="bob")
    tables.user(("Crypt-Password", ":=", "what is this"), name="carol")
    assert await reason(users, login()) == "wrong password"
    assert isinstance(await users.authenticate(login("password", "bob")), AccessAccept)
    assert await reason(users, login("x", "bob")) == "wrong password"
    assert "CHAP needs the cleartext" in await reason(users, AccessRequest(("User-Name", "bob"), *chap("password")))
    assert await reason(users, AccessRequest(("User-Name", "bob"))) == "the request carries no password"
    assert "of no form that is read here" in await reason(users, login("x", "carol"))


async def test_an_unknown_user_costs_what_a_known_one_costs(
    tables: Tables, users: SqlUsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the time of a slow hash would tell who is known."""
    hashed: list[str] = []
    really = weighing.is_password_of
    monkeypatch.setattr(weighing, "is_password_of", lambda given, text: hashed.append(text) or really(given, text))
    tables.user(("MD5-Password", ":=", "5f4dcc3b5aa765d61d8327deb882cf99"), name="bob")
    tables.user(("Crypt-Password", ":=", "what is this"), name="carol")
    tables.user(("Simultaneous-Use", ":=", "1"), name="dave")
    tables.user(CLEAR)
    assert await reason(users, login("password", "nobody")) == "unknown user"
    assert not hashed
    assert await reason(users, login("x", "bob")) == "wrong password"
    for name, why in (("carol", "of no form"), ("nobody", "unknown user"), ("dave", "no password")):
        assert why in await reason(users, login("password", name))
    assert isinstance(await users.authenticate(login()), AccessAccept)
    assert await reason(users, AccessRequest(("User-Name", "nobody"), *chap("password"))) == "unknown user"
    assert len(hashed) == 4 and len(set(hashed)) == 2
    assert hashed.count(hashed[0]) == 3


async def test_auth_type(tables: Tables, users: SqlUsers) -> None:
    tables.user(("Auth-Type", ":=", "Accept"), name="open")
    tables.user(("Auth-Type", ":=", "Reject"), CLEAR, name="shut")
    tables.user(("Auth-Type", "+=", "Reject"), ("Auth-Type", "+=", "Accept"), name="both")
    tables.user(("Auth-Type", ":=", "LDAP"), CLEAR, name="elsewhere")
    tables.user(("Auth-Type", ":=", "MS-CHAP"), CLEAR, name="method")
    assert isinstance(await users.authenticate(login("x", "open")), AccessAccept)
    assert await reason(users, login(user="shut")) == "Auth-Type is Reject"
    assert await reason(users, login(user="both")) == "Auth-Type is Reject"
    assert await reason(users, login(user="elsewhere")) == "Auth-Type 'ldap' is none that is known here"
    assert isinstance(await users.authenticate(login(user="method")), AccessAccept)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (("Session-Timeout", ":=", "soon"), "Session-Timeout: the value does not fit its type, integer"),
        (("No-Such-Thing", ":=", "x"), "No-Such-Thing: no such attribute to send; SqlUsers(dictionary=...) takes more"),
        (("Filter-Id", "?", "x"), "Filter-Id: there is no operator '?'"),
        ((None, "=", "x"), "a row has no attribute or no value"),
        (("Filter-Id", "=", None), "a row has no attribute or no value"),
    ],
)
async def test_a_row_that_cannot_be_used(row: Row, why: str, tables: Tables, users: SqlUsers) -> None:
    tables.user(CLEAR, reply=(row,))
    assert await reason(users, login()) == f"a row of the database cannot be used: {why}"


async def test_a_dictionary_of_ones_own(tables: Tables, database: Database, tmp_path: pathlib.Path) -> None:
    (tmp_path / "dictionary").write_text(
        "VENDOR Acme 64999\nBEGIN-VENDOR Acme\nATTRIBUTE Acme-Speed 1 integer\nEND-VENDOR Acme\n"
    )
    dictionary: Dictionary = read_dictionary(tmp_path / "dictionary")
    tables.user(CLEAR, reply=(("Acme-Speed", ":=", "7"),))
    reply = await SqlUsers(database, dictionary=dictionary).authenticate(login())
    assert [avp.attribute.key for avp in reply.avps] == [(26, 64999, 1)]


async def test_another_name_to_look_up(tables: Tables, database: Database) -> None:
    tables.user(CLEAR, name="02-00-00-00-00-01")
    users = SqlUsers(database, user_name=lambda request: request.get("Calling-Station-Id"))
    known = AccessRequest(("Calling-Station-Id", "02-00-00-00-00-01"), ("User-Password", "wonderland"))
    assert isinstance(await users.authenticate(known), AccessAccept)
    assert await reason(users, login()) == "unknown user"


@pytest.mark.parametrize(
    ("check", "reply", "seconds"),
    [
        ((("Expiration", ":=", "23 Nov 2026 13:00:00"),), (), 3600),
        ((("Expiration", ":=", "23 Nov 2026 13:00:00"),), (("Session-Timeout", "=", "60"),), 60),
        ((("Expiration", ":=", "23 Nov 2026 13:00:00"),), (("Session-Timeout", "=", "7200"),), 3600),
        ((("Login-Time", ":=", "Wk0800-1229"),), (), 1800),
        ((("Login-Time", ":=", "Wk1200-1200"),), (), 60),
        ((("Login-Time", ":=", "Al"),), (), None),
        ((("Login-Time", ":=", "Wk0800-1229"), ("Expiration", ":=", "23 Nov 2026 12:10:00")), (), 600),
        ((("Login-Time", ":=", "Wk0800-1209"), ("Expiration", ":=", "23 Nov 2026 13:00:00")), (), 600),
    ],
)
async def test_what_is_left_of_the_time(
    check: tuple[Row, ...], reply: tuple[Row, ...], seconds: int | None, tables: Tables, users: SqlUsers
) -> None:
    tables.user(CLEAR, *check, reply=reply)
    accepted = await users.authenticate(login())
    assert isinstance(accepted, AccessAccept)
    assert accepted.all("Session-Timeout") == (() if seconds is None else (seconds,))


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (("Expiration", ":=", "23 Nov 2026 12:00:00"), "account expired"),
        (("Expiration", ":=", "1 Jan 2020"), "account expired"),
        (("Login-Time", ":=", "Sa"), "outside of Login-Time"),
        (("Expiration", ":=", "soon"), "a row of the database cannot be used: Expiration is not a moment"),
        (("Login-Time", ":=", "soon"), "a row of the database cannot be used: Login-Time cannot be read"),
    ],
)
async def test_at_the_wrong_time(row: Row, why: str, tables: Tables, users: SqlUsers) -> None:
    tables.user(CLEAR, row)
    assert (await reason(users, login())).startswith(why)


async def test_less_than_a_minute_of_the_hours_is_not_worth_it(tables: Tables, database: Database) -> None:
    tables.user(CLEAR, ("Login-Time", ":=", "Mo1200-1200"))
    clock: Callable[[], float] = lambda: NOW + 1  # noqa: E731
    assert await reason(SqlUsers(database, clock=clock), login()) == "outside of Login-Time"


async def test_groups_in_turn(tables: Tables, users: SqlUsers) -> None:
    falls = ("Fall-Through", "=", "Yes")
    tables.user(CLEAR, groups=("first", "not this", "second", "third"))
    tables.user(CLEAR, name="all", groups=("first", "second fall"))
    tables.user(CLEAR, name="none", groups=("not this",))
    tables.user(CLEAR, name="no", reply=(("Fall-Through", "=", "No"),), groups=("second",))
    tables.user(CLEAR, ("NAS-Port", "==", "1"), name="unfit", reply=(("Filter-Id", "=", "x"),), groups=("second",))
    tables.group("first", reply=(("Filter-Id", "+=", "first"), falls))
    tables.group("not this", ("NAS-Port", "==", "1"), reply=(("Filter-Id", "+=", "not this"),))
    for name, *more in (("second",), ("third",), ("second fall", falls)):
        tables.group(name, ("Auth-Type", ":=", "Accept"), reply=(("Filter-Id", "+=", name), *more))
    expected = {
        "alice": ("first", "second"),
        "all": ("first", "second fall"),
        "none": (),
        "no": (),
        "unfit": ("second",),
    }
    for name, filters in expected.items():
        reply = await users.authenticate(login(user=name))
        assert isinstance(reply, AccessAccept)
        assert reply.all("Filter-Id") == filters


async def test_profiles(tables: Tables, database: Database) -> None:
    tables.user(CLEAR)
    tables.user(CLEAR, ("User-Profile", ":=", "special"), name="bob")
    tables.user(CLEAR, name="carol", groups=("final",))
    tables.user(name="usual", groups=("usual",))
    tables.user(name="special", groups=("special",))
    tables.group("final", reply=(("Fall-Through", "=", "No"),))
    for group in ("usual", "special"):
        tables.group(group, reply=(("Filter-Id", "=", group),))
    users = SqlUsers(database, default_profile="usual")
    replies = {name: await users.authenticate(login(user=name)) for name in ("alice", "bob", "carol")}
    assert {name: reply.get("Filter-Id") for name, reply in replies.items()} == {
        "alice": "usual",
        "bob": "special",
        "carol": None,
    }
    without = SqlUsers(database)
    assert (await without.authenticate(login())).get("Filter-Id") is None
    assert (await without.authenticate(login(user="bob"))).get("Filter-Id") == "special"
