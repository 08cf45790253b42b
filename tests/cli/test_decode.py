"""Packets from digits and captures, as people read them."""

from __future__ import annotations

import pathlib
import re
import subprocess

import pytest

from trioradius import AccessAccept, AccessRequest, AccountingRequest
from trioradius.protocol.profile import RADIUS_1_0
from trioradius.protocol.secret import Secret

from .conftest import COMMAND, ROOT, SECRET, Call, Complain
from .frames import CLIENT, CLIENT_6, SERVER, SERVER_6, ethernet, ipv4, ipv6, pcap

KEY = Secret(SECRET.encode())
REQUEST, AUTHENTICATOR = RADIUS_1_0.encode_request(
    AccessRequest(("User-Name", "alice"), ("User-Password", "wonderland"), ("NAS-Port-Type", "Ethernet")), 7, KEY
)
MESSAGE = RADIUS_1_0.decode(REQUEST)
REPLY = RADIUS_1_0.encode_reply(
    AccessAccept(("Tunnel-Type:1", "VLAN"), ("Tunnel-Password:1", "s3cret"), ("Cisco-AVPair", "a=b")),
    MESSAGE,
    RADIUS_1_0.request_hiding(MESSAGE, KEY),
    KEY,
)


def test_a_request(call: Call) -> None:
    result = call("decode", REQUEST.hex())
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == f"Access-Request (code 1), Identifier 7, Length {len(REQUEST)}"
    assert lines[1] == f"  Authenticator 0x{AUTHENTICATOR.hex()}"
    assert [line.split() for line in lines[3:]] == [
        ["User-Name", "1", "'alice'"],
        ["User-Password", "2", "..."],
        ["NAS-Port-Type", "61", "Ethernet"],
    ]


@pytest.mark.parametrize(
    "text",
    [
        REQUEST.hex(" "),
        REQUEST.hex(":"),
        REQUEST.hex(" ", 4),
        "0x" + REQUEST.hex().upper(),
        ", ".join(f"0x{octet:02x}" for octet in REQUEST),
        "".join(f"\\x{octet:02x}" for octet in REQUEST),
    ],
)
def test_ways_to_write_octets(call: Call, text: str) -> None:
    expected = call("decode", REQUEST.hex()).stdout
    assert call("decode", *text.split()).stdout == expected
    assert call("decode", text).stdout == expected
    assert call("decode", "-", stdin=text + "\n").stdout == expected


def test_a_file_of_digits(call: Call, folder: pathlib.Path) -> None:
    (folder / "packet.hex").write_text(REQUEST.hex(" "))
    assert call("decode", "packet.hex").stdout == call("decode", REQUEST.hex()).stdout


def test_the_secret_shows_hidden_values(call: Call) -> None:
    result = call("decode", REQUEST.hex(), "--secret", SECRET)
    assert "User-Password          2   'wonderland'" in result.stdout
    assert result.stdout.endswith("  Message-Authenticator is right\n")
    assert SECRET not in result.stdout


def test_the_secret_from_the_environment(call: Call) -> None:
    assert "'wonderland'" in call("decode", REQUEST.hex(), TRIORADIUS_SECRET=SECRET).stdout


def test_a_wrong_secret_shows_nothing_hidden(call: Call) -> None:
    result = call("decode", REQUEST.hex(), "--secret", "other")
    assert result.exit_code == 2
    assert "User-Password          2   ...\n" in result.stdout
    assert "Message-Authenticator is wrong" in result.stdout


def test_a_request_without_proof(call: Call) -> None:
    result = call("decode", "01 07 00 14", "00" * 16, "--secret", SECRET)
    assert result.exit_code == 0
    assert "nothing proves who sent this" in result.stdout


def test_a_digest_authenticator(call: Call) -> None:
    octets, _ = RADIUS_1_0.encode_request(AccountingRequest(("Acct-Status-Type", "Start")), 1, KEY)
    result = call("decode", octets.hex(), "--secret", SECRET)
    assert "Acct-Status-Type  40  Start\n  the authenticator is right\n" in result.stdout


def test_a_lone_reply(call: Call) -> None:
    alone = call("decode", REPLY.hex(), "--secret", SECRET)
    assert "Tunnel-Password:1      69      ...\n" in alone.stdout
    assert "not verified" in alone.stdout
    known = call("decode", REPLY.hex(), "--secret", SECRET, "--authenticator", AUTHENTICATOR.hex())
    assert "Tunnel-Password:1      69      's3cret'\n" in known.stdout
    assert "the authenticator and Message-Authenticator are right" in known.stdout
    other = call("decode", REPLY.hex(), "--secret", SECRET, "--authenticator", "00" * 16)
    assert other.exit_code == 2
    assert "the Response Authenticator is wrong" in other.stdout


def test_a_malformed_value(call: Call) -> None:
    result = call("decode", "02 01 00 19", "00" * 16, "1b 05 01 02 03")
    assert "  Session-Timeout  27  0x010203 (malformed)\n" in result.stdout


def test_an_unknown_code_and_padding(call: Call) -> None:
    result = call("decode", "63 01 00 17", "00" * 16, "fa 03 07", "00 00")
    assert result.stdout.startswith("unknown (code 99), Identifier 1, Length 23\n")
    assert "  2 octets of padding follow\n" in result.stdout
    assert "  Attr-250  250  0x07\n" in result.stdout


@pytest.mark.parametrize(
    ("digits", "head", "complaint"),
    [
        ("01", "Access-Request (code 1)", "a packet of 1 octets is shorter than a header"),
        (REQUEST.hex()[:-2], "Access-Request (code 1), Identifier 7, Length", "the Length field says"),
        ("02 01 00 16" + "00" * 16 + "01 05", "Access-Accept (code 2), Identifier 1, Length 22", "does not fit"),
    ],
)
def test_a_malformed_packet_still_has_its_header_shown(call: Call, digits: str, head: str, complaint: str) -> None:
    result = call("decode", digits)
    assert result.exit_code == 2
    assert result.stdout.startswith(head)
    assert re.search(f"  malformed: .*{complaint}", result.stdout)


CAPTURE = pcap(
    ethernet(ipv4(CLIENT, SERVER, REQUEST)),
    ethernet(ipv4(("192.0.2.3", 53), ("192.0.2.4", 53), b"a name")),
    ethernet(ipv4(SERVER, CLIENT, REPLY)),
    ethernet(ipv6((CLIENT_6[0], 5000), (SERVER_6[0], 5001), REQUEST)),
)


def test_a_capture(call: Call, folder: pathlib.Path) -> None:
    (folder / "two.pcap").write_bytes(CAPTURE)
    result = call("decode", "two.pcap", "--secret", SECRET)
    assert result.exit_code == 0
    heads = [line for line in result.stdout.splitlines() if "->" in line]
    assert heads == [
        "1  2023-11-14 22:13:20.500000  192.0.2.1:40000 -> 192.0.2.2:1812",
        "3  2023-11-14 22:13:22.500000  192.0.2.2:1812 -> 192.0.2.1:40000",
    ]
    assert "'wonderland'" in result.stdout
    assert "'s3cret'" in result.stdout
    assert result.stdout.count(" right\n") == 2


def test_other_ports(call: Call, folder: pathlib.Path) -> None:
    (folder / "two.pcap").write_bytes(CAPTURE)
    result = call("decode", "two.pcap", "--port", "5001")
    assert "4  2023-11-14 22:13:23.500000  [2001:db8::1]:5000 -> [2001:db8::2]:5001\n" in result.stdout


def test_a_capture_on_standard_input() -> None:
    found = subprocess.run([*COMMAND, "decode", "-"], input=CAPTURE, stdout=subprocess.PIPE, check=True, cwd=ROOT)
    assert found.stdout.count(b"->") == 2


def test_a_capture_that_breaks_off(call: Call, folder: pathlib.Path) -> None:
    (folder / "cut.pcap").write_bytes(CAPTURE[:-1])
    result = call("decode", "cut.pcap")
    assert result.exit_code == 2
    assert result.stdout.count("->") == 2
    assert result.stderr == "trioradius: the capture breaks off: record 4 is cut short\n"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("nope.pcap",), "the packet is neither a file nor hexadecimal digits, two an octet: 'nope.pcap' is not"),
        (("0x1",), "the packet is neither a file nor hexadecimal digits"),
        (("01", "xy"), "the packet is neither a file nor hexadecimal digits, two an octet, as in 01 2a 00 14: 'xy'"),
        (("01", "--authenticator", "0102"), "--authenticator: 2 octets are not the 16 of an authenticator"),
        (("01", "--authenticator", "zz"), "--authenticator is neither"),
        (("01", "--secret", ""), "the shared secret is empty"),
    ],
)
def test_mistakes(mistake: Complain, arguments: tuple[str, ...], complaint: str) -> None:
    assert mistake("decode", *arguments).startswith(f"trioradius: {complaint}")


def test_a_capture_without_radius(mistake: Complain, folder: pathlib.Path) -> None:
    (folder / "empty.pcap").write_bytes(pcap())
    assert mistake("decode", "empty.pcap").startswith("trioradius: the capture has no UDP datagram on 1645, 1646, 1812")


def test_colour_only_on_a_terminal() -> None:
    plain = subprocess.run([*COMMAND, "decode", REQUEST.hex()], capture_output=True, check=True, cwd=ROOT)
    assert b"\x1b" not in plain.stdout
