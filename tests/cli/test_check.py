from __future__ import annotations

import pathlib

from .conftest import Call

PEERS = """
[peers."192.0.2.1"]
secret = "sixteen octets .."
require_message_authenticator = false

[peers."192.0.2.2"]
secret = "sixteen octets .."
"""


def test_a_sound_app(call: Call, hello: str) -> None:
    result = call("check", "hello:app", "--peer", "127.0.0.1=a secret of many octets")
    assert result.exit_code == 0
    assert result.stdout == "hello:app can run: 1 route, 1 peer\n"


def test_weaknesses_are_warnings(call: Call, hello: str, folder: pathlib.Path) -> None:
    (folder / "peers.toml").write_text(PEERS)
    result = call("check", "hello:app", "--peers", "peers.toml")
    assert result.exit_code == 0
    assert "warning: peer 127.0.0.1: the secret has 10 octets" in result.stdout
    assert "warning: peers 192.0.2.1, 192.0.2.2 share one secret" in result.stdout
    assert "warning: peer 192.0.2.1: require_message_authenticator=False" in result.stdout
    assert "sixteen" not in result.output


def test_an_app_that_answers_nobody(call: Call, folder: pathlib.Path) -> None:
    (folder / "empty.py").write_text("from trioradius import App\napp = App(peers={})")
    result = call("check", "empty:app")
    assert result.exit_code == 0
    assert "warning: no routes" in result.stdout
    assert "warning: no peers" in result.stdout


def test_a_source_of_peers(call: Call, folder: pathlib.Path) -> None:
    (folder / "asking.py").write_text(
        "from trioradius import App\nasync def find(address): raise AssertionError\napp = App(peers=find)"
    )
    result = call("check", "asking:app")
    assert result.exit_code == 0
    assert "0 peers, others are asked of a source" in result.stdout
    assert "no peers" not in result.stdout


def test_many_peers_with_one_secret_are_one_line(call: Call, hello: str) -> None:
    options = [part for host in range(1, 9) for part in ("--peer", f"192.0.2.{host}=the same long secret")]
    found = [line for line in call("check", "hello:app", *options).stdout.splitlines() if "share" in line]
    assert len(found) == 1
    assert "and 4 more share one secret" in found[0]
