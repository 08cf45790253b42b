"""What each operator does in each role; tests/interop compares the same with FreeRADIUS itself."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from trioradius import AccessRequest, EncodeError
from trioradius.attributes.dictionary import Dictionary
from trioradius.stores.sql.items import Item, _order, matches, merge, read_item
from trioradius.testing import AppClient

BUNDLED = Dictionary.bundled()
REQUEST = AccessRequest(
    ("User-Name", "alice"),
    ("User-Password", "wonderland"),
    ("NAS-Port", 10),
    ("NAS-Port", 20),
    ("NAS-Identifier", "pop7"),
    ("Service-Type", "Framed-User"),
    ("NAS-IP-Address", "192.0.2.7"),
    ("Framed-IPv6-Prefix", "2001:db8:1::/48"),
    ("Class", "gold"),
    ("Tunnel-Client-Endpoint:1", "one"),
    ("Tunnel-Client-Endpoint:2", "two"),
)


def item(name: str, operator: str, value: str) -> Item:
    return read_item(BUNDLED, name, operator, value)


@pytest.mark.parametrize(
    ("row", "fits"),
    [
        (("NAS-Port", "==", "10"), True),
        (("NAS-Port", "==", "20"), True),
        (("NAS-Port", "==", "0x14"), True),
        (("NAS-Port", "==", "15"), False),
        (("NAS-Port", "", "10"), True),
        (("NAS-Port", "=", "10"), True),
        (("NAS-Port", "=", "11"), False),
        (("NAS-Port", "-=", "11"), False),
        (("NAS-Port", "!=", "10"), True),
        (("NAS-Identifier", "!=", "pop7"), False),
        (("NAS-Port", "<", "10"), False),
        (("NAS-Port", "<", "11"), True),
        (("NAS-Port", "<=", "10"), True),
        (("NAS-Port", "<=", "9"), False),
        (("NAS-Port", ">", "20"), False),
        (("NAS-Port", ">", "19"), True),
        (("NAS-Port", ">=", "20"), True),
        (("NAS-Port", ">=", "21"), False),
        (("NAS-Port", "=*", ""), True),
        (("NAS-Port", "!*", ""), False),
        (("Filter-Id", "=*", ""), False),
        (("Filter-Id", "!*", ""), True),
        (("Filter-Id", "!=", "x"), False),
        (("NAS-Port", ":=", "99"), True),
        (("NAS-Port", "+=", "99"), True),
        (("nas-identifier", "==", "'pop7'"), True),
        (("NAS-Identifier", "==", '"pop7"'), True),
        (("NAS-Identifier", "==", "POP7"), False),
        (("NAS-Identifier", "=~", "^pop[0-9]$"), True),
        (("NAS-Identifier", "=~", "op"), True),
        (("NAS-Identifier", "!~", "op"), False),
        (("NAS-Identifier", "!~", "x"), True),
        (("NAS-Identifier", "=~", "("), False),
        (("NAS-Identifier", "!~", "("), False),
        (("Service-Type", "=~", "^Framed"), True),
        (("NAS-IP-Address", "=~", r"^192\.0\.2\."), True),
        (("NAS-IP-Address", ">", "192.0.2.6"), True),
        (("NAS-IP-Address", "<", "192.0.2.6"), False),
        (("Framed-IPv6-Prefix", "==", "2001:db8:1::/48"), True),
        (("Framed-IPv6-Prefix", "<", "2001:db8::/32"), True),
        (("Framed-IPv6-Prefix", ">", "2001:db8::/32"), False),
        (("Framed-IPv6-Prefix", ">", "2001:db8:1::/64"), True),
        (("Framed-IPv6-Prefix", "!=", "2001:db9::/32"), True),
        (("Framed-IPv6-Prefix", "<=", "2001:db9::/32"), False),
        (("Class", "==", "gold"), True),
        (("Class", "==", "golden"), False),
        (("Class", "==", "0x676f6c64"), True),
        (("Class", "<", "golden"), False),
        (("Class", ">", "golden"), True),
        (("Tunnel-Client-Endpoint:2", "==", "two"), True),
        (("Tunnel-Client-Endpoint:2", "==", "one"), False),
        (("Tunnel-Client-Endpoint", "==", "one"), True),
        (("Crypt-Password", "==", "x"), True),
        (("Auth-Type", "==", "Reject"), True),
        (("Cleartext-Password", "==", "wonderland"), False),
        (("User-Password", "==", "wonderland"), True),
        (("User-Password", "==", "x"), False),
        (("No-Such-Thing", "==", "x"), False),
        (("No-Such-Thing", "!*", "x"), True),
        (("SQL-Group", "==", "staff"), True),
        (("SQL-Group", "==", "guests"), False),
        (("SQL-Group", "!=", "guests"), True),
        (("SQL-Group", "!=", "staff"), False),
        (("Packet-Src-IP-Address", "==", "127.0.0.1"), False),
    ],
)
def test_a_check_item(row: tuple[str, str, str], fits: bool) -> None:
    assert matches([item(*row)], REQUEST, ["staff", "night"]) is fits


def test_all_check_items_must_fit() -> None:
    port, name = item("NAS-Port", "==", "10"), item("NAS-Identifier", "==", "x")
    assert matches([], REQUEST, [])
    assert matches([port], REQUEST, [])
    assert not matches([port, name], REQUEST, [])
    assert not matches([name, port], REQUEST, [])


def test_a_password_is_compared_only_where_there_is_one() -> None:
    assert matches([item("User-Password", "==", "x")], AccessRequest(("User-Name", "alice")), [])


def test_the_source_of_a_request() -> None:
    from trioradius import App

    source = AppClient(App(peers={"127.0.0.1": b"testing123"})).source
    peer = App(peers={"127.0.0.1": b"testing123"}).peers
    request = AccessRequest().sent_by(next(iter(peer)), source)
    for name in ("Packet-Src-IP-Address", "Client-IP-Address"):
        assert matches([item(name, "==", "127.0.0.1")], request, [])
        assert matches([item(name, "=~", r"^127\.")], request, [])
        assert not matches([item(name, "==", "127.0.0.2")], request, [])


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ((None, "==", "x"), "no attribute"),
        (("", "==", "x"), "no attribute"),
        (("NAS-Port", "==", None), "no value"),
        (("NAS-Port", "?", "10"), "NAS-Port: there is no operator '\\?'"),
        (("NAS-Port", ":=", "ten"), "NAS-Port: the value does not fit its type, integer"),
        (("NAS-IP-Address", ":=", "somewhere"), "NAS-IP-Address: the value does not fit its type, ipaddr"),
        (("Filter-Id", ":=", "`rm -rf /`"), "backticks"),
    ],
)
def test_a_row_that_cannot_be(row: tuple[str | None, str | None, str | None], problem: str) -> None:
    with pytest.raises(EncodeError, match=problem) as raised:
        read_item(BUNDLED, *row)
    assert raised.value.__context__ is None


def test_a_value_is_in_no_repr() -> None:
    assert "wonderland" not in repr(item("Cleartext-Password", ":=", "wonderland"))
    assert "wonderland" not in repr(item("User-Password", ":=", "wonderland"))


@pytest.mark.parametrize("value", ["'", "''", "a'", "'a", "\"a'"])
def test_quotes_that_are_none(value: str) -> None:
    assert item("Filter-Id", ":=", value).text == ("" if value == "''" else value)


HELD = (("Reply-Message", "one"), ("Session-Timeout", "100"), ("Reply-Message", "two"))


@pytest.mark.parametrize(
    ("rows", "after"),
    [
        ([("Reply-Message", "+=", "three")], ["one", "100", "two", "three"]),
        ([("Filter-Id", "+=", "x")], ["one", "100", "two", "x"]),
        ([("Reply-Message", ":=", "three")], ["three", "100", "two"]),
        ([("Reply-Message", ":=", "three"), ("Reply-Message", ":=", "four")], ["three", "100", "four"]),
        (
            [("Reply-Message", ":=", "3"), ("Reply-Message", ":=", "4"), ("Reply-Message", ":=", "5")],
            ["3", "100", "4", "5"],
        ),
        ([("Filter-Id", ":=", "x"), ("Filter-Id", ":=", "y")], ["one", "100", "two", "x", "y"]),
        ([("Reply-Message", "=", "three")], ["one", "100", "two"]),
        ([("Filter-Id", "=", "x"), ("Filter-Id", "=", "y")], ["one", "100", "two", "x", "y"]),
        ([("Reply-Message", "-=", "one")], ["100", "two"]),
        ([("Reply-Message", "-=", "three")], ["one", "100", "two"]),
        ([("Reply-Message", "==", "one")], ["one", "100"]),
        ([("Filter-Id", "==", "one")], ["one", "100", "two"]),
        ([("Reply-Message", "!*", "")], ["100"]),
        ([("Reply-Message", "!*", ""), ("Reply-Message", "=", "new")], ["100", "new"]),
        ([("Session-Timeout", "<=", "50")], ["one", "50", "two"]),
        ([("Session-Timeout", "<=", "100")], ["one", "100", "two"]),
        ([("Session-Timeout", "<=", "200")], ["one", "100", "two"]),
        ([("Session-Timeout", ">=", "200")], ["one", "200", "two"]),
        ([("Session-Timeout", ">=", "50")], ["one", "100", "two"]),
        ([("Idle-Timeout", "<=", "50")], ["one", "100", "two", "50"]),
        ([("Idle-Timeout", ">=", "50")], ["one", "100", "two", "50"]),
        ([("Session-Timeout", ">", "50")], ["one", "100", "two"]),
        ([("Idle-Timeout", "=~", "50")], ["one", "100", "two"]),
    ],
)
def test_a_reply_item(rows: list[tuple[str, str, str]], after: list[str]) -> None:
    held = [item(name, "+=", text) for name, text in HELD]
    merge(held, [item(*row) for row in rows])
    assert [one.text for one in held] == after


def test_a_bound_replaces_the_first_that_goes_beyond() -> None:
    held = [item("Session-Timeout", "+=", text) for text in ("10", "100", "200")]
    merge(held, [item("Session-Timeout", "<=", "50")])
    assert [one.text for one in held] == ["10", "50", "200"]


@pytest.mark.parametrize(("held", "bound", "after"), [("9", "10", "9"), ("11", "10", "10"), ("b", "a", "a")])
def test_what_only_a_server_knows_is_compared_as_number_or_text(held: str, bound: str, after: str) -> None:
    control = [item("Simultaneous-Use", ":=", held)]
    merge(control, [item("simultaneous-use", "<=", bound)])
    assert [one.text for one in control] == [after]


def test_networks_of_two_families_have_no_order() -> None:
    (prefix,) = REQUEST.all("Framed-IPv6-Prefix")
    assert _order(prefix, IPv4Network("10.0.0.0/8")) not in (-1, 0, 1)
