"""The command itself: help, version, mistakes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from .conftest import COMMAND, ROOT, SECRET, Call, Complain, Start


def test_help_lists_every_command(call: Call) -> None:
    result = call("--help")
    assert result.exit_code == 0
    for name in ("run", "send", "routes", "check", "decode", "dictionary", "secret"):
        assert f"\n  {name} " in result.stdout


@pytest.mark.parametrize("name", ["run", "send", "routes", "check", "decode", "dictionary", "secret"])
def test_every_command_has_help(call: Call, name: str) -> None:
    result = call(name, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: trioradius {name}")


def test_help_imports_no_command() -> None:
    """So that it comes at once."""
    code = (
        "import sys; from trioradius.cli import main\n"
        "try: main(['--help'])\n"
        "finally: assert not {'rich', 'cattrs', 'trioradius.cli.run'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True)


def test_without_arguments_help_is_shown(call: Call) -> None:
    result = call()
    assert result.exit_code == 2
    assert "Commands:" in result.output


def test_version(call: Call) -> None:
    result = call("--version")
    assert result.exit_code == 0
    assert result.stdout.startswith("trioradius ")


def test_as_a_module() -> None:
    found = subprocess.run([*COMMAND, "secret"], check=True, cwd=ROOT, capture_output=True, text=True)
    assert len(found.stdout) == 41


def test_unknown_command(mistake: Complain) -> None:
    assert mistake("ru") == "trioradius: No such command 'ru'. (see trioradius --help)"


def test_unknown_option(mistake: Complain) -> None:
    assert mistake("routes", "hello:app", "--nope").endswith("(see trioradius routes --help)")


def test_missing_argument(mistake: Complain) -> None:
    assert mistake("run") == "trioradius run: Missing argument 'MODULE:APP'. (see trioradius run --help)"


def test_nobody_reads_what_is_printed(start: Start, hello: str) -> None:
    """As where head(1) has seen enough."""
    port = start("run", hello, "--udp", "127.0.0.1:0").port()
    reading, writing = os.pipe()
    os.close(reading)
    asked = subprocess.run(
        [*COMMAND, "send", f"127.0.0.1:{port}", "User-Name=alice", "User-Password=wonderland"],
        stdout=writing,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TRIORADIUS_SECRET": SECRET},
    )
    os.close(writing)
    assert asked.returncode == 1
    assert asked.stderr == b""
