"""The command line: what each command does, and that a mistake is one line and changes nothing."""

from __future__ import annotations

import pathlib
import sqlite3

import click.testing
import pytest
import trio

from examples.isp.__main__ import main
from examples.isp.editing import stored_password
from tests.examples.isp.sites import Site
from trioradius import AccessAccept, Cleartext, ConfigurationError, NTHash, read_credential
from trioradius.attributes import (
    AcctInputOctets,
    AcctOutputOctets,
    AcctSessionId,
    AcctSessionTime,
    AcctStatusType,
    FramedIPAddress,
    UserName,
    UserPassword,
)

HEAD = "name,password,plan,reseller,active,expiry_date,address,ipv6_prefix,delegated_prefix\n"


class Failed(Exception):
    """A command ended with another status than 0; the text is what it printed."""


def run(*arguments: str, answers: str | None = None) -> str:
    done = click.testing.CliRunner().invoke(main, arguments, input=answers, prog_name="isp")
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    if done.exit_code:
        raise Failed(done.output)
    return done.output


@pytest.fixture
def database(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new database of either kind with tables and a plan, that the commands work on."""
    prepare(where, monkeypatch)


@pytest.fixture
def small_database(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same on SQLite alone."""
    prepare(str(tmp_path / "isp.db"), monkeypatch)


def prepare(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISP_DATABASE", where)
    assert run("init", "--licence", "100") == "the tables are ready\n"
    run("add-plan", "gold", "--rate", "1.5M/2M")


def complaint(*arguments: str, answers: str | None = None) -> str:
    """The one line that a command complains with."""
    with pytest.raises(Failed) as failed:
        run(*arguments, answers=answers)
    lines = str(failed.value).strip().splitlines()
    assert lines[-1].startswith("Error: ")
    return lines[-1].removeprefix("Error: ")


def test_only_init_makes_tables(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISP_DATABASE", str(tmp_path / "mistyped.db"))
    assert "there are no tables of a provider in" in complaint("online")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "mistyped.db").touch()
    assert "there are no tables of a provider in this database" in complaint("online")


@pytest.mark.usefixtures("database")
def test_mistakes_are_one_line() -> None:
    run("add-nas", "192.0.2.7")
    run("add-subscriber", "alice", "--plan", "gold", "--password", "wonderland", "--address", "100.64.0.7")
    add = ("add-subscriber", "bob", "--plan", "gold", "--password", "x")
    for arguments, words in {
        ("add-nas", "192.0.2.7"): "there is a NAS 192.0.2.7 already",
        ("add-nas", "bras.example.org"): "no address and no network",
        ("add-plan", "gold"): "there is a plan gold already (--replace changes it)",
        ("add-plan", "new", "--rate", "fast"): "not a rate",
        ("add-plan", "new", "--tier", "100G"): "not a tier",
        ("add-plan", "new", "--quota", "lots"): "not an amount",
        ("add-plan", "new", "--session", "long"): "not a time",
        ("add-plan", "a\tb"): "no name",
        ("add-pool", "pool", "192.0.2.1/24"): "no network",
        ("add-subscriber", "alice", "--plan", "gold", "--password", "x"): "there is a subscriber alice already",
        ("add-subscriber", "bob", "--plan", "golb", "--password", "x"): "there is no plan 'golb'",
        ("add-subscriber", "bob", "--plan", "gold", "--password", ""): "the password is empty",
        ("add-subscriber", "b\tb", "--plan", "gold", "--password", "x"): "no name",
        (*add, "--reseller", "nobody"): "there is no reseller 'nobody'",
        (*add, "--expires", "31.1.2027"): "not a day",
        (*add, "--address", "100.64.0.300"): "not an IPv4 address",
        (*add, "--address", "100.64.0.7"): "100.64.0.7 belongs to another subscriber",
        (*add, "--ipv6-prefix", "2001:db8::1/64"): "not an IPv6 prefix",
        ("set-subscriber", "nobody", "--inactive"): "there is no subscriber 'nobody'",
        ("set-subscriber", "alice"): "say what is to change",
        ("disconnect", "alice"): "alice is not online",
        ("change-plan", "alice", "golb"): "there is no plan 'golb'",
        ("change-plan", "nobody", "gold"): "there is no subscriber 'nobody'",
        ("report", "--month", "January"): "not a month",
        ("report", "--subscriber", "nobody"): "there is no subscriber 'nobody'",
        ("import", __file__): "its first line names",
    }.items():
        assert words in complaint(*arguments), arguments
    assert "bob" not in run("report")


def test_a_database_that_is_away_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISP_DATABASE", "postgresql://radius:secret@127.0.0.1:1/radius")
    line = complaint("init")
    assert "cannot be opened" in line
    assert "secret" not in line
    monkeypatch.setenv("ISP_COA_PORT", "many")
    assert complaint("init") == "ISP_COA_PORT is 'many'; it is a number"


@pytest.mark.usefixtures("small_database")
def test_nases_get_a_good_secret_or_the_given_one(tmp_path: pathlib.Path) -> None:
    made = run("add-nas", "2001:db8::7", "--kind", "mikrotik").strip().rpartition(" ")[2]
    assert len(made) == 32
    (tmp_path / "secret").write_text("tX9vKq2mRb7wYc4nLd8sPe6f\n")
    assert run("add-nas", "10.1.0.0/16", "--secret-file", str(tmp_path / "secret")) == "NAS 10.1.0.0/16 added\n"
    (tmp_path / "empty").touch()
    assert "not empty" in complaint("add-nas", "10.2.0.0/16", "--secret-file", str(tmp_path / "empty"))


def test_rates_are_stored_as_kilobits(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    where = str(tmp_path / "isp.db")
    monkeypatch.setenv("ISP_DATABASE", where)
    run("init")
    run("add-plan", "a", "--rate", "1.5M/2M", "--tier", "1G=2000k/0.5M", "--tier", "2G=1/1=SLOWEST")
    with sqlite3.connect(where) as connection:
        assert connection.execute("SELECT rate_up, rate_down, policy FROM isp_plan").fetchall() == [
            ("1500k", "2000k", "a")
        ]
        assert connection.execute("SELECT * FROM isp_tier ORDER BY number").fetchall() == [
            ("a", 1, 10**9, "2000k", "500k", "POLICY_FUP_TIER_1"),
            ("a", 2, 2 * 10**9, "1k", "1k", "SLOWEST"),
        ]
    run("add-plan", "a", "--rate", "0", "--policy", "OPEN", "--replace")
    with sqlite3.connect(where) as connection:
        assert connection.execute("SELECT rate_up, rate_down, policy FROM isp_plan").fetchall() == [("0", "0", "OPEN")]
        assert connection.execute("SELECT count(*) FROM isp_tier").fetchall() == [(0,)]
    connection.close()


@pytest.mark.usefixtures("small_database")
def test_a_password_is_asked_for_where_none_is_given() -> None:
    assert run("add-subscriber", "alice", "--plan", "gold", answers="wonderland\nwonderland\n").endswith("added\n")
    assert run("set-subscriber", "alice", "--password", "-", answers="looking glass\nlooking glass\n").endswith(
        "changed\n"
    )


def test_passwords_are_stored_so_that_they_read_back() -> None:
    for password in ("wonderland", " spaces ", "{SHA}x", "$6$x", "{NT}7ce21f17c0aee7fb9ceba532d0546ad6", "{what}", "ü"):
        assert read_credential(stored_password(password)) == Cleartext(password)
    assert read_credential(stored_password("wonderland", "nt")) == NTHash.of("wonderland")
    assert stored_password("wonderland", "pbkdf2") != stored_password("wonderland", "pbkdf2")
    with pytest.raises(ConfigurationError):
        stored_password("")


# Import


@pytest.mark.usefixtures("database")
def test_an_import_is_whole(tmp_path: pathlib.Path) -> None:
    run("add-reseller", "corner shop")
    file = tmp_path / "subscribers.csv"
    file.write_text(
        "\ufeff"
        + HEAD
        + "alice,wonderland,gold,corner shop,yes,2027-01-31,100.64.0.7,2001:db8:7::/64,2001:db8:100::/56\n"
        '"bob, the second",{NT}7ce21f17c0aee7fb9ceba532d0546ad6,gold,,,,,,\n'
    )
    assert run("import", str(file)) == "2 subscribers imported\n"
    assert "bob, the second" in run("report")


@pytest.mark.usefixtures("small_database")
def test_bad_rows_are_told_by_line_and_nothing_is_half_done(tmp_path: pathlib.Path) -> None:
    run("add-subscriber", "known", "--plan", "gold", "--password", "x")
    file = tmp_path / "subscribers.csv"
    bad = {
        3: ("known,x,gold,,,,,,", "there is a subscriber known already"),
        4: ("good1,x,gold,,,,,,", "there is a subscriber good1 already"),
        5: ("a,x,golb,,,,,,", "there is no plan 'golb'; add-plan makes one"),
        6: ("b,,gold,,,,,,", "the password is empty"),
        7: ("c,{FOO}x,gold,,,,,,", "a hashed password with the scheme {FOO} is of no form"),
        8: ("d,x,gold,nobody,,,,,", "there is no reseller 'nobody'"),
        9: ("e,x,gold,,maybe,,,,", "active is 'maybe'; write yes or no"),
        10: ("f,x,gold,,,tomorrow,,,", "'tomorrow' is not a day"),
        11: ("g,x,gold,,,,1.2.3,,", "'1.2.3' is not an IPv4 address"),
        12: ("h,x,gold,,,,,2001:db8::1/64,", "is not an IPv6 prefix"),
        13: ("i,x,gold", "it has not as many values as there are columns"),
        14: ("j,x,gold,,,,,,,surplus", "it has not as many values as there are columns"),
        15: (",x,gold,,,,,,", "is no name"),
    }
    file.write_text(
        HEAD + "good1,x,gold,,,,,,\n" + "".join(f"{row}\n" for row, _ in bad.values()) + "good2,x,gold,,,,,,\n"
    )
    with pytest.raises(Failed) as failed:
        run("import", str(file))
    *lines, last = str(failed.value).strip().splitlines()
    assert last == f"Error: 13 bad rows in {file}; nothing was imported"
    assert len(lines) == len(bad)
    for line, (number, (_, words)) in zip(lines, bad.items(), strict=True):
        assert line.startswith(f"line {number}: ")
        assert words in line
    assert "good" not in run("report")


@pytest.mark.usefixtures("small_database")
@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"name,plan\n", "lacks password"),
        (b"", "lacks name, password, plan"),
        (b"name,password,plan,colour\n", "unknown columns: colour"),
        (b"name,password,plan\n\xff,x,gold\n", "no CSV file in UTF-8"),
        (b'name,password,plan\n"a,x,gold\n', "no CSV file in UTF-8"),
    ],
)
def test_files_that_are_none(octets: bytes, words: str, tmp_path: pathlib.Path) -> None:
    (tmp_path / "file.csv").write_bytes(octets)
    assert words in complaint("import", str(tmp_path / "file.csv"))


# With a server that runs


async def test_online_disconnect_change_plan_and_report(
    site: Site, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISP_DATABASE", where)
    monkeypatch.setenv("ISP_COA_PORT", str(site.app.state.settings.coa_port))

    async def isp(*arguments: str) -> str:
        return await trio.to_thread.run_sync(lambda: run(*arguments))

    accepted = await site.login(UserName("fred"), UserPassword("fairness"))
    assert isinstance(accepted, AccessAccept)
    session = (UserName("fred"), AcctSessionId("81"), FramedIPAddress("100.64.0.9"))
    await site.record(*session, AcctStatusType(AcctStatusType.START))
    counted = (AcctInputOctets(1_500_000_000), AcctOutputOctets(4_000_000_000), AcctSessionTime(3600))
    site.nas.sessions.add("81")  # type: ignore[union-attr]
    site.clock.now += 3600
    await site.record(*session, *counted, AcctStatusType(AcctStatusType.INTERIM_UPDATE))
    [_, row, count] = (await isp("online")).splitlines()
    assert row.split()[:3] == ["fred", "127.0.0.1", "100.64.0.9"]
    assert row.split()[-5:] == ["1.50", "GB", "4.00", "GB", "81"]
    assert count == "1 online"
    assert "0 online" in await isp("online", "--nas", "127.0.0.2")

    changed = await isp("change-plan", "fred", "gold")
    assert changed.splitlines() == [
        "subscriber fred has plan gold",
        "fred at NAS 127.0.0.1, session 81: the rate is now 1200k/2000k GOLD",
    ]
    await site.watch()
    assert [(name, repr(avp)) for name, _, [avp] in site.nas.told] == [
        ("CoA-Request", "Mikrotik-Rate-Limit = '1200k/2000k'")
    ]
    with pytest.raises(Failed, match="fred is not online with session 82"):
        await isp("disconnect", "fred", "--session", "82")
    assert await isp("disconnect", "fred") == "fred at NAS 127.0.0.1, session 81: disconnected\n"
    with pytest.raises(Failed, match=r"session 81: not done: Session-Context-Not-Found \(503\)"):
        await isp("disconnect", "fred")
    assert await isp("online") == "SUBSCRIBER  NAS  ADDRESS  SINCE  HEARD OF  UP  DOWN  SESSION\n0 online\n"

    report = await isp("report", "--month", "2026-11", "--subscriber", "fred")
    used = ["1.50", "GB", "4.00", "GB", "5.50", "GB"]
    assert report.splitlines()[1].split() == ["fred", "gold", "1", "1:00:00", *used]
    lines = (await isp("report", "--csv", "--month", "2026-11")).splitlines()
    assert "fred,gold,1,3600,1500000000,4000000000" in lines
    assert (await isp("report", "--csv", "--month", "2026-10", "--subscriber", "fred")).splitlines()[
        1
    ] == "fred,gold,0,0,0,0"


async def test_set_subscriber_and_reseller_hold_at_the_next_login(
    site: Site, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISP_DATABASE", where)

    async def reason(*arguments: str) -> str:
        await trio.to_thread.run_sync(lambda: run(*arguments))
        await site.login(UserName("alice"), UserPassword("wonderland"), AcctSessionId("1"))
        return str((await site.decisions())[-1][2])

    assert await reason("set-subscriber", "alice", "--inactive") == "account inactive"
    assert await reason("set-subscriber", "alice", "--active") == ""
    assert await reason("set-subscriber", "alice", "--expires", "2026-11-20") == "account expired"
    assert await reason("set-subscriber", "alice", "--expires", "never") == ""
    assert await reason("set-subscriber", "alice", "--password", "changed", "--store", "nt") == "bad password"
    assert await reason("set-subscriber", "alice", "--password", "wonderland") == ""
    assert await reason("add-reseller", "open", "--inactive") == "account inactive"
    assert await reason("add-reseller", "open") == ""
    assert await reason("init", "--licence", "1") == ""
    assert await reason("add-pool", "pool4", "198.51.100.0/30") == ""
    assert [state.held for state in await site.app.state.pools.states()] == [1]
    await trio.to_thread.run_sync(lambda: run("add-pool", "poolpd", "2001:db8:8000::/48", "--delegated"))
    assert [state.free for state in await site.app.state.pools.states()] == [1, 256]


async def test_a_static_address_is_not_handed_out_by_a_pool(
    site: Site, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISP_DATABASE", where)
    for arguments in (
        ("add-subscriber", "sam", "--plan", "gold", "--password", "x", "--address", "198.51.100.1"),
        ("add-pool", "pool4", "198.51.100.0/30"),
    ):
        await trio.to_thread.run_sync(lambda arguments=arguments: run(*arguments))
    reply = await site.login(UserName("alice"), UserPassword("wonderland"))
    assert str(reply[FramedIPAddress]) == "198.51.100.2"
