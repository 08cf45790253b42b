"""Requests as people write them."""

from __future__ import annotations

import pytest
from click import ClickException

from trioradius import AccessRequest, CoARequest, Dictionary
from trioradius.attributes import CHAPChallenge, CHAPPassword
from trioradius.cli.request_text import asks_for_proof, read_arguments, read_packets, request_of

ANY = Dictionary.bundled()


def pairs(text: str) -> list[list[tuple[str, str]]]:
    return [[(item.name, item.value) for item in packet] for packet in read_packets(text, "file")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("\n\n# only a comment\n\n", []),
        ("User-Name = alice", [[("User-Name", "alice")]]),
        ("User-Name=alice,NAS-Port=3,", [[("User-Name", "alice"), ("NAS-Port", "3")]]),
        ('User-Name = "a, b = c", NAS-Port = 3', [[("User-Name", "a, b = c"), ("NAS-Port", "3")]]),
        ("User-Name = 'it is \"quoted\"'", [[("User-Name", 'it is "quoted"')]]),
        (r'User-Name = "\"\\\n\101\x42"', [[("User-Name", '"\\\nAB')]]),
        ('User-Name := ""', [[("User-Name", "")]]),
        ("Tunnel-Type:1 += VLAN", [[("Tunnel-Type:1", "VLAN")]]),
        ("  Reply-Message = Hello there  ", [[("Reply-Message", "Hello there")]]),
        ("A = 1\nB = 2\n\n\n# next\nC = 3\n", [[("A", "1"), ("B", "2")], [("C", "3")]]),
    ],
)
def test_packets(text: str, expected: list[list[tuple[str, str]]]) -> None:
    assert pairs(text) == expected


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("hunter2", "1: column 1"),
        ("A = 1\n\nB = 2, hunter2", "3: column 7"),
        ('A = "hunter2', "1: column 1"),
        ("=", "1"),
    ],
)
def test_what_is_no_pair(text: str, place: str) -> None:
    with pytest.raises(ClickException) as raised:
        read_packets(text, "file")
    assert raised.value.message.startswith(f"file:{place}")
    assert "hunter2" not in raised.value.message


def test_arguments() -> None:
    items = read_arguments(["User-Name=a=b", "Reply-Message = 'x y'", 'Filter-Id=""', 'State="'])
    assert [(item.name, item.value) for item in items] == [
        ("User-Name", "a=b"),
        ("Reply-Message", "x y"),
        ("Filter-Id", ""),
        ("State", '"'),
    ]


def test_the_place_of_a_mistake_is_named() -> None:
    [packet] = read_packets("User-Name = alice\nNAS-Prt = 3", "file")
    with pytest.raises(ClickException, match=r"^file:2: no attribute is called 'NAS-Prt'; did you mean NAS-Port"):
        request_of(AccessRequest, packet, ANY)


def test_a_bad_value_of_a_secret_is_not_shown() -> None:
    with pytest.raises(ClickException) as raised:
        request_of(AccessRequest, read_arguments(["MS-MPPE-Send-Key=0xhunter2"]), ANY)
    assert "hunter2" not in raised.value.message


def test_message_authenticator_is_the_signers_business() -> None:
    items = read_arguments(["Message-Authenticator=0x00", "User-Name=alice"])
    assert [name for name, _ in request_of(CoARequest, items, ANY)] == ["User-Name"]
    assert asks_for_proof([items])
    assert not asks_for_proof([items[1:]])


def test_user_password_as_chap() -> None:
    request = request_of(AccessRequest, read_arguments(["User-Password=wonderland"]), ANY, as_chap=True)
    assert "User-Password" not in request
    assert isinstance(request, AccessRequest)
    assert request.verify_password("wonderland")
    assert not request.verify_password("other")


def test_chap_password_as_text_answers_the_challenge() -> None:
    items = read_arguments(["CHAP-Challenge=0x0102", "CHAP-Password=wonderland"])
    request = request_of(AccessRequest, items, ANY)
    assert isinstance(request, AccessRequest)
    assert request.all(CHAPChallenge) == (b"\1\2",)
    assert request.verify_password("wonderland")


def test_chap_password_as_octets_is_left_alone() -> None:
    request = request_of(AccessRequest, read_arguments(["CHAP-Password=0x" + "07" * 17]), ANY)
    assert request[CHAPPassword] == b"\7" * 17
    assert CHAPChallenge not in request
