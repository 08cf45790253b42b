"""Peers from options and from a file, and what can be wrong with them. No line ever shows a secret."""

from __future__ import annotations

import pathlib
from datetime import UTC, datetime

import pytest
from click import ClickException

from trioradius.cli.peers import read_peers
from trioradius.protocol.peer import Peer

from .conftest import Complain

FULL = """
[peers."192.0.2.0/24"]
secret = "from the file"
name = "bras"
require_message_authenticator = "auto"
limit_proxy_state = false
auto_until = 2027-01-31T00:00:00Z
allow_ms_chap = false
require_event_timestamp = true
vendor = "Cisco"

[peers."2001:db8::1"]
secret_file = "secrets/one"

[peers."192.0.2.1"]
secret_env = "ONE_SECRET"
"""


def test_options_and_file(folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "etc/secrets").mkdir(parents=True)
    (folder / "etc/secrets/one").write_text("beside the file\n")
    (folder / "etc/peers.toml").write_text(FULL)
    (folder / "two").write_text("from @\n")
    monkeypatch.setenv("ONE_SECRET", "from the environment")
    monkeypatch.setenv("TWO_SECRET", "from $")
    options = ("10.0.0.1=plain=with=signs", "10.0.0.2=@two", "10.0.0.3=$TWO_SECRET")
    found = read_peers(options, pathlib.Path("etc/peers.toml"))
    assert {address: peer.secret.octets for address, peer in found.items()} == {
        "192.0.2.0/24": b"from the file",
        "2001:db8::1": b"beside the file",
        "192.0.2.1": b"from the environment",
        "10.0.0.1": b"plain=with=signs",
        "10.0.0.2": b"from @",
        "10.0.0.3": b"from $",
    }
    assert found["192.0.2.0/24"] == Peer(
        "from the file",
        "bras",
        require_message_authenticator="auto",
        limit_proxy_state=False,
        auto_until=datetime(2027, 1, 31, tzinfo=UTC),
        allow_ms_chap=False,
        require_event_timestamp=True,
        vendor="Cisco",
    )


def test_options_win_over_the_file(folder: pathlib.Path) -> None:
    (folder / "peers.toml").write_text('[peers."192.0.2.1"]\nsecret = "file"')
    found = read_peers(["192.0.2.1=option"], folder / "peers.toml")
    assert found["192.0.2.1"].secret.octets == b"option"


@pytest.mark.parametrize(
    ("option", "complaint"),
    [
        ("hunter2", "--peer wants ADDRESS=SECRET, ADDRESS=@FILE or ADDRESS=$VARIABLE"),
        ("nas=hunter2", "--peer nas: 'nas' is not an address or network"),
        ("10.0.0.1/8=hunter2", "--peer 10.0.0.1/8: '10.0.0.1/8' is not an address or network without host bits"),
        ("10.0.0.1=", "--peer 10.0.0.1: a shared secret must be text or bytes, and not empty"),
        ("10.0.0.1=@nope", "--peer 10.0.0.1: the secret file nope cannot be read: No such file or directory"),
        ("10.0.0.1=$NOT_SET", "--peer 10.0.0.1: the environment variable NOT_SET should hold the shared secret"),
    ],
)
def test_bad_option(mistake: Complain, hello: str, option: str, complaint: str) -> None:
    line = mistake("check", "hello:app", "--peer", option)
    assert line.startswith(f"trioradius: {complaint}")
    assert "hunter2" not in line


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[peers.", "peers.toml is not TOML: "),
        ('[peer."192.0.2.1"]\nsecret = "hunter2"', 'peers.toml: peer: only tables like [peers."192.0.2.1"]'),
        ("peers = 3", 'peers.toml: peers: only tables like [peers."192.0.2.1"]'),
        ('[peers.192.0.2.1]\nsecret = "hunter2"', "peers.toml: peers.\"192\": '192' is not an address or network"),
        ('[peers]\n"192.0.2.1" = "hunter2"', 'peers.toml: peers."192.0.2.1": wants a table'),
        ('[peers."192.0.2.1"]', 'peers.toml: peers."192.0.2.1": wants one of secret, secret_file and secret_env'),
        ('[peers."192.0.2.1"]\nsecret = "hunter2"\nsecret_env = "X"', 'peers.toml: peers."192.0.2.1": wants one of'),
        ('[peers."192.0.2.1"]\nsecret = 7', 'peers.toml: peers."192.0.2.1": secret: wants text in quotes'),
        ('[peers."192.0.2.1"]\nsecret = ""', 'peers.toml: peers."192.0.2.1": a shared secret must be text'),
        ('[peers."192.0.2.1"]\nsecret_file = "no"', 'peers.toml: peers."192.0.2.1": the secret file no cannot be read'),
        (
            '[peers."192.0.2.1"]\nsecret = "hunter2"\nnmae = "x"',
            'peers.toml: peers."192.0.2.1": nmae: there is no such',
        ),
        ('[peers."192.0.2.1"]\nsecret = "hunter2"\nname = 7', 'peers.toml: peers."192.0.2.1": name: wants text'),
        (
            '[peers."192.0.2.1"]\nsecret = "hunter2"\nallow_ms_chap = "no"',
            'peers.toml: peers."192.0.2.1": allow_ms_chap: wants true or false',
        ),
        (
            '[peers."192.0.2.1"]\nsecret = "hunter2"\nlimit_proxy_state = 1',
            'peers.toml: peers."192.0.2.1": limit_proxy_state: wants true, false or "auto"',
        ),
        (
            '[peers."192.0.2.1"]\nsecret = "hunter2"\nlimit_proxy_state = "maybe"',
            "peers.toml: peers.\"192.0.2.1\": limit_proxy_state is True, False or 'auto'",
        ),
        (
            '[peers."192.0.2.1"]\nsecret = "hunter2"\nauto_until = "soon"',
            'peers.toml: peers."192.0.2.1": auto_until: wants a date',
        ),
        (
            '[peers."192.0.2.1"]\nsecret = "hunter2"\nauto_until = 2027-01-31T00:00:00',
            'peers.toml: peers."192.0.2.1": auto_until wants a timezone',
        ),
    ],
)
def test_bad_file(mistake: Complain, hello: str, folder: pathlib.Path, text: str, complaint: str) -> None:
    (folder / "peers.toml").write_text(text)
    line = mistake("check", "hello:app", "--peers", "peers.toml")
    assert line.startswith(f"trioradius: {complaint}")
    assert "hunter2" not in line


def test_no_file(mistake: Complain, hello: str) -> None:
    line = mistake("check", "hello:app", "--peers", "nope.toml")
    assert line == "trioradius: the peers file nope.toml cannot be read: No such file or directory"


def test_a_file_that_is_not_text(folder: pathlib.Path) -> None:
    (folder / "peers.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ClickException, match=r"peers\.toml is not TOML"):
        read_peers([], folder / "peers.toml")
