"""``trioradius certs``: what it writes works in both ends, and is nobody else's to read."""

from __future__ import annotations

import pathlib
import shlex
from datetime import UTC, datetime

import pytest
from cryptography import x509

from tests.tls.pairs import connect
from trioradius.tls import State, TLSSettings

from .conftest import Call, Complain

FILES = ["ca.key", "ca.pem", "client.key", "client.pem", "server.key", "server.pem"]


def settings(folder: pathlib.Path, stem: str) -> TLSSettings:
    return TLSSettings(certificate=folder / f"{stem}.pem", key=folder / f"{stem}.key", ca=folder / "ca.pem")


def test_it_says_what_it_wrote(call: Call, folder: pathlib.Path) -> None:
    result = call("certs", "made here")
    assert result.exit_code == 0
    made = folder / "made here"
    assert sorted(path.name for path in made.iterdir()) == FILES
    lines = result.stdout.splitlines()
    assert sorted(line.partition("  ")[0] for line in lines[:6]) == [f"made here/{name}" for name in FILES]
    assert "development only" in lines[6]
    assert [shlex.split(line)[:2] for line in lines[7:]] == [["trioradius", "run"], ["trioradius", "send"]]
    for line in lines[7:]:
        files = [word for word in shlex.split(line) if word.startswith("made here")]
        assert len(files) == 3 and all(pathlib.Path(file).is_file() for file in files)


def test_keys_are_for_their_owner(call: Call, folder: pathlib.Path) -> None:
    call("certs", "made")
    assert {path.stat().st_mode & 0o777 for path in folder.glob("made/*.key")} == {0o600}


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1", "radsec-server", "radius.example.org"])
def test_the_ends_trust_each_other(call: Call, folder: pathlib.Path, name: str) -> None:
    call("certs", "made", "--name", "radius.example.org")
    pair = connect(settings(folder / "made", "server"), settings(folder / "made", "client"), name=name)
    assert pair.failures == ("", "")
    assert pair.client.state is State.OPEN


def test_they_are_marked(call: Call, folder: pathlib.Path) -> None:
    call("certs", ".")
    for name in ("ca", "server", "client"):
        certificate = x509.load_pem_x509_certificate((folder / f"{name}.pem").read_bytes())
        assert "for development only" in certificate.subject.rfc4514_string()
        assert 364 <= (certificate.not_valid_after_utc - datetime.now(UTC)).days <= 365


def test_nothing_is_overwritten(call: Call, mistake: Complain, folder: pathlib.Path) -> None:
    call("certs", "made")
    before = {path.name: path.read_bytes() for path in folder.glob("made/*")}
    assert "exists already" in mistake("certs", "made")
    assert {path.name: path.read_bytes() for path in folder.glob("made/*")} == before


def test_a_folder_that_cannot_be(mistake: Complain, folder: pathlib.Path) -> None:
    (folder / "file").touch()
    assert "file" in mistake("certs", "file/made")
