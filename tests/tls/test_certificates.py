"""Certificates for development."""

from __future__ import annotations

import pathlib

import pytest

from trioradius.errors import ConfigurationError
from trioradius.tls import TLSSettings
from trioradius.tls.certificates import MARK, write_development_certificates

from .pairs import connect, done
from .pki import NOW


def settings(folder: pathlib.Path, stem: str) -> TLSSettings:
    return TLSSettings(certificate=folder / f"{stem}.pem", key=folder / f"{stem}.key", ca=folder / "ca.pem")


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1", "radsec-server", "radius.example.org"])
def test_a_folder_of_certificates(tmp_path: pathlib.Path, name: str) -> None:
    folder = tmp_path / "certs"
    written = write_development_certificates(folder, NOW, names=["radius.example.org"])
    assert sorted(path.name for path in written) == sorted(path.name for path in folder.iterdir())
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.glob("*.key"))
    pair = connect(settings(folder, "server"), settings(folder, "client"), name=name)
    found = done(pair.server).certificate
    assert found is not None and MARK in found.subject


def test_a_client_is_no_server(tmp_path: pathlib.Path) -> None:
    write_development_certificates(tmp_path, NOW)
    pair = connect(settings(tmp_path, "client"), settings(tmp_path, "client"))
    assert pair.failures[0] == "certificate_refused"


def test_nothing_is_written_over(tmp_path: pathlib.Path) -> None:
    (tmp_path / "ca.key").write_text("precious")
    with pytest.raises(ConfigurationError, match=r"ca\.key exists already"):
        write_development_certificates(tmp_path, NOW)
    assert [path.name for path in tmp_path.iterdir()] == ["ca.key"]


def test_a_folder_that_cannot_be_written(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError):
        write_development_certificates(tmp_path / "file" / "certs", NOW)
