"""MODULE:APP, and everything that can be wrong with it."""

from __future__ import annotations

import pathlib

import pytest

from .conftest import Call, Complain


@pytest.mark.parametrize(
    ("target", "advice"),
    [
        ("hello", "write it like hello:app"),
        ("hello.py:app", "write it like hello:app"),
        ("programs/hello.py:server", "write it like programs.hello:server"),
        ("./hello.py", "write it like hello:app"),
        (":app", "write it like hello:app"),
        ("hello:app()", "write it like hello:app"),
    ],
)
def test_not_module_and_app(mistake: Complain, target: str, advice: str) -> None:
    assert mistake("routes", target) == f"trioradius: {target!r} is not MODULE:APP; {advice}"


def test_no_such_module(mistake: Complain) -> None:
    line = mistake("routes", "goodbye:app")
    assert line == "trioradius: there is no module 'goodbye' in the current folder or on Python's path"


def test_no_such_module_in_a_package(mistake: Complain, folder: pathlib.Path) -> None:
    (folder / "programs").mkdir()
    (folder / "programs/__init__.py").touch()
    assert "there is no module 'programs.nope'" in mistake("routes", "programs.nope:app")


def test_no_such_name(mistake: Complain, hello: str) -> None:
    assert mistake("routes", "hello:nope") == "trioradius: hello has no 'nope'; try hello:app"


def test_not_an_app(mistake: Complain, hello: str) -> None:
    line = mistake("routes", "hello:authenticate")
    assert line == "trioradius: hello:authenticate is a function, not an App; try hello:app"


def test_a_number_is_no_app(mistake: Complain, folder: pathlib.Path) -> None:
    (folder / "number.py").write_text("app = 1\n")
    assert mistake("routes", "number:app") == "trioradius: number:app is an int, not an App; no App is made in number"


def test_a_module_without_an_app(mistake: Complain, folder: pathlib.Path) -> None:
    (folder / "empty.py").touch()
    assert mistake("routes", "empty:app") == "trioradius: empty has no 'app'; no App is made in empty"


def test_an_app_within_something(call: Call, hello: str, folder: pathlib.Path) -> None:
    (folder / "program.py").write_text("import hello\n")
    assert call("routes", "program:hello.app").exit_code == 0


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("x = 1\nx = = 2", "broken.py:2: SyntaxError: invalid syntax"),
        ("\nx = y", "broken.py:2: NameError: name 'y' is not defined"),
        ("import nothing_of_this_name", "broken.py:1: ModuleNotFoundError: No module named 'nothing_of_this_name'"),
        ("raise ValueError('several\\nlines')", "broken.py:1: ValueError: several lines"),
        ("raise SystemExit(7)", "broken.py:1: SystemExit: 7"),
        ("import json\n\n\njson.loads('{')", "broken.py:4: JSONDecodeError: "),
        (
            "from trioradius import App\napp = App(peers={'10.0.0.1/8': 's'})",
            "broken.py:2: peers: '10.0.0.1/8' is not an IP address or network: 10.0.0.1/8 has host bits set",
        ),
    ],
)
def test_a_module_that_fails(mistake: Complain, folder: pathlib.Path, source: str, complaint: str) -> None:
    (folder / "broken.py").write_text(source)
    assert mistake("routes", "broken:app").startswith(f"trioradius: {complaint}")
