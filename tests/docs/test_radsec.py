"""The first section of the how-to about RadSec, followed word for word in a clean folder, but for the ports."""

import contextlib
import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/radsec.md").read_text()
SECTION = PAGE.partition("## Try it\n")[2].partition("\n## ")[0]
BLOCK = re.compile(r'^```python title="([a-z_]+\.py)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)
LINES = re.findall(r"^    (\S.*)$", re.sub(r"^```.*?^```$", "", SECTION, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}


def command(start: str) -> list[str]:
    """The one line of the page that begins like this, run by the Python of the tests."""
    [line] = [line for line in LINES if line.startswith(start)]
    program, *arguments = shlex.split(line)
    return [sys.executable, *(["-m", "trioradius"] if program == "trioradius" else []), *arguments]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A clean folder with the certificates and programs of the page; its port stands for 2083."""
    subprocess.run(command("trioradius certs"), cwd=tmp_path, check=True, env=ENVIRONMENT, capture_output=True)
    for name, text in BLOCK.findall(SECTION):
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def port(folder: Path) -> Iterator[int]:
    """The page's server, as soon as it listens by TLS and DTLS on one port."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        free = int(probe.getsockname()[1])
    place = f"127.0.0.1:{free}"
    ports = ["--udp", "127.0.0.1:0", "--tls", place, "--dtls", place]
    with subprocess.Popen(
        [*command("trioradius run"), *ports],
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as server:
        assert server.stdout is not None
        try:
            assert any("1 peer" in line for line in server.stdout)
            yield free
        finally:
            server.terminate()
            with contextlib.suppress(ValueError):
                server.communicate(timeout=10)


def printed(arguments: list[str], folder: Path) -> str:
    done = subprocess.run(arguments, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_send(folder: Path, port: int) -> None:
    arguments = [f"localhost:{port}" if part == "localhost" else part for part in command("trioradius send")]
    answer = printed(arguments, folder)
    assert "Access-Accept" in answer
    assert "Welcome, Alice" in answer


def test_the_client(folder: Path, port: int) -> None:
    program = folder / "client.py"
    program.write_text(program.read_text().replace("2083", str(port)))
    shown = [line for line in LINES if line.startswith("Access-Accept")]
    assert printed(command("python client.py"), folder).splitlines() == shown


def test_the_programs_type_check(folder: Path) -> None:
    programs = [name for name, _ in BLOCK.findall(SECTION)]
    assert programs == ["server.py", "client.py"]
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", ROOT / ".mypy_cache", *programs],
        cwd=folder,
        env={"MYPYPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout
