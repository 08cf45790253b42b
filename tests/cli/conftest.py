"""Commands run in this process, servers run as users run them."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner, Result

from trioradius.cli import main

ROOT = pathlib.Path(__file__).parent.parent.parent
SECRET = "testing123"
COMMAND = [sys.executable, "-m", "trioradius"]

HELLO = """
from trioradius import AccessRequest, App
from trioradius.attributes import ReplyMessage, UserName

app = App(peers={"127.0.0.1": b"testing123"}, reject_delay=0)


@app.on(AccessRequest)
async def authenticate(request):
    if request.get(UserName) == "alice" and request.verify_password("wonderland"):
        return request.accept(ReplyMessage("Welcome, Alice"))
    return request.reject()
"""


@pytest.fixture
def folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pathlib.Path]:
    """An empty current folder; what is imported from it is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delenv("TRIORADIUS_SECRET", raising=False)
    before = set(sys.modules)
    yield tmp_path
    for name, module in list(sys.modules.items()):
        if name not in before and str(getattr(module, "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


Call = Callable[..., Result]
Complain = Callable[..., str]


@pytest.fixture
def call(folder: pathlib.Path) -> Call:
    """Runs a command in the folder."""

    def call(*arguments: str, stdin: str | bytes | None = None, **environment: str) -> Result:
        return CliRunner().invoke(main, arguments, input=stdin, env=environment, prog_name="trioradius")

    return call


@pytest.fixture
def mistake(call: Call) -> Complain:
    """Runs a command that must fail, and returns the one line that says why."""

    def mistake(*arguments: str, stdin: str | None = None, **environment: str) -> str:
        result = call(*arguments, stdin=stdin, **environment)
        assert result.exit_code == 2
        assert result.stderr.count("\n") == 1, result.stderr
        assert "Traceback" not in result.output
        return result.stderr.rstrip("\n")

    return mistake


class Program:
    """A command as a process of its own, its two outputs read as one."""

    def __init__(self, *arguments: str, cwd: pathlib.Path, **environment: str) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=cwd,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Reads lines until one matches."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if found := re.search(pattern, line):
                return found
        raise AssertionError(f"{pattern!r} is not in {''.join(self.lines)}")

    def port(self) -> str:
        """The port that a server says it has, once it is served."""
        port = self.wait_for(r"listens on UDP \S+:(\d+) for")[1]
        self.wait_for(r"^\d+ peers?")
        return port

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def status(self) -> int:
        """The exit status, once the process has ended and its output is read."""
        assert self.process.stdout is not None
        self.lines += self.process.stdout
        return self.process.wait(20)

    @property
    def output(self) -> str:
        return "".join(self.lines)


Start = Callable[..., Program]


@pytest.fixture
def start(folder: pathlib.Path) -> Iterator[Start]:
    """Starts commands in the folder; they end with the test."""
    started: list[Program] = []

    def start(*arguments: str, **environment: str) -> Program:
        started.append(Program(*arguments, cwd=folder, **environment))
        return started[-1]

    yield start
    for program in started:
        program.process.kill()
        program.process.communicate()


@pytest.fixture
def hello(folder: pathlib.Path) -> str:
    """A small app in the folder."""
    (folder / "hello.py").write_text(HELLO)
    return "hello:app"
