"""Shared secrets from a file or the environment, and one clear line where there is none."""

from __future__ import annotations

import pathlib

import pytest

from trioradius import ConfigurationError, secret_from_environment, secret_from_file


@pytest.mark.parametrize("octets", [b"secret", b"secret\n", b"secret\r\n", b"secret\n\n"])
def test_a_file_without_the_newline_at_its_end(octets: bytes, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(octets)
    assert secret_from_file(file) == secret_from_file(str(file)) == b"secret"


@pytest.mark.parametrize("octets", [b" two words ", b"\xff\xfe\0", b"line\nline"])
def test_everything_else_in_a_file_belongs_to_the_secret(octets: bytes, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(octets + b"\n")
    assert secret_from_file(file) == octets


def test_files_that_hold_none(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ConfigurationError, match="missing cannot be read: No such file"):
        secret_from_file(tmp_path / "missing")
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        secret_from_file(tmp_path)
    empty = tmp_path / "empty"
    empty.write_bytes(b"\n")
    with pytest.raises(ConfigurationError, match="is empty"):
        secret_from_file(empty)


@pytest.mark.parametrize("value", [b"secret", b" two words ", "geheim\u00e9".encode(), b"\xff\xfe"])
def test_the_environment(value: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its octets as they are, UTF-8 or not."""
    monkeypatch.setenv("RADIUS_SECRET", value.decode("utf-8", "surrogateescape"))
    assert secret_from_environment("RADIUS_SECRET") == value


def test_a_variable_that_holds_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RADIUS_SECRET", raising=False)
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="RADIUS_SECRET should hold the shared secret"):
            secret_from_environment("RADIUS_SECRET")
        monkeypatch.setenv("RADIUS_SECRET", "")
