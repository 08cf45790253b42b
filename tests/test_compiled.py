"""The compiled package: that the tests which are said to run on it do (docs/how-to/compiled.md)."""

from __future__ import annotations

import importlib
import os
import pathlib
import subprocess
import sys
import tomllib

import pytest

ROOT = pathlib.Path(__file__).parent.parent
WHEEL = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
COMPILED = bool(os.environ.get("TRIORADIUS_COMPILED"))


@pytest.mark.parametrize("source", WHEEL["hooks"]["mypyc"]["include"])
def test_what_is_to_be_compiled_is(source: str) -> None:
    """And where the sources are tested, nothing compiled is left among them."""
    assert (ROOT / source[1:]).exists()
    module = importlib.import_module(source[1:].removesuffix(".py").replace("/", "."))
    assert module.__file__ is not None
    assert module.__file__.endswith(".so" if COMPILED else ".py")


def test_what_is_not_compiled_is_the_same(tmp_path: pathlib.Path) -> None:
    code = "import trioradius, trioradius.server as server; print(trioradius.__file__, server.__file__)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    folder = ROOT / ".compiled" if COMPILED else ROOT
    assert found.stdout.split() == [str(folder / "trioradius" / name) for name in ("__init__.py", "server.py")]


def test_the_version_tells(tmp_path: pathlib.Path) -> None:
    command = [sys.executable, "-m", "trioradius", "--version"]
    told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert told.endswith(", compiled\n") == COMPILED
