"""MODULE:APP: from what a user types to the App in their program."""

from __future__ import annotations

import functools
import importlib
import os
import pathlib
import sys
import sysconfig
import traceback
from types import ModuleType
from typing import Any, Final

from trioradius.app import App
from trioradius.cli.group import Mistake, one_line
from trioradius.errors import RadiusError

_PACKAGE: Final = pathlib.Path(__file__).parent.parent
_LIBRARY: Final = pathlib.Path(sysconfig.get_paths()["stdlib"])


def load_app(target: str) -> App[Any]:
    """The App that ``MODULE:APP`` names; the current folder is importable. Raises Mistake."""
    name, _, path = target.partition(":")
    if name.endswith(".py") or not all(part.isidentifier() for part in (*name.split("."), *path.split("."))):
        raise Mistake(f"{target!r} is not MODULE:APP; {_correction(name, path)}")
    module = _module(name)
    try:
        found = functools.reduce(getattr, path.split("."), module)
    except AttributeError:
        raise Mistake(f"{name} has no {path!r}; {_apps_in(module)}") from None
    if not isinstance(found, App):
        kind = type(found).__name__
        article = "an" if kind[0] in "aeiou" else "a"
        raise Mistake(f"{target} is {article} {kind}, not an App; {_apps_in(module)}")
    return found


def _correction(name: str, path: str) -> str:
    """What was probably meant, as for examples/hello.py."""
    module = name.removesuffix(".py").replace(os.sep, ".").strip(".")
    if not all(part.isidentifier() for part in module.split(".")):
        module = "hello"
    return f"write it like {module}:{path if path.isidentifier() else 'app'}"


def _apps_in(module: ModuleType) -> str:
    apps = [name for name, value in vars(module).items() if isinstance(value, App)]
    if not apps:
        return f"no App is made in {module.__name__}"
    return "try " + " or ".join(f"{module.__name__}:{name}" for name in apps)


def _module(name: str) -> ModuleType:
    folder = os.getcwd()
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        return importlib.import_module(name)
    # Whatever the user's module raises is theirs to see, on one line.
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{error.name}."):
            raise Mistake(f"there is no module {error.name!r} in the current folder or on Python's path") from None
        raise Mistake(fault(error)) from None


def fault(error: BaseException) -> str:
    """An exception out of the user's program, with the file and line of theirs that it came from."""
    text = str(error) if isinstance(error, RadiusError) else f"{type(error).__name__}: {error}"
    if isinstance(error, SyntaxError) and error.filename:
        return one_line(f"{_shown(error.filename)}:{error.lineno}: {type(error).__name__}: {error.msg}")
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if _is_theirs(frame.filename)] or frames[-1:]
    place = f"{_shown(theirs[-1].filename)}:{theirs[-1].lineno}: " if theirs else ""
    return one_line(f"{place}{text}")


def _is_theirs(filename: str) -> bool:
    path = pathlib.Path(filename)
    libraries = (_PACKAGE, _LIBRARY)
    return filename[0] != "<" and "site-packages" not in path.parts and not any(map(path.is_relative_to, libraries))


def _shown(filename: str) -> str:
    path = pathlib.Path(filename)
    return str(path.relative_to(pathlib.Path.cwd())) if path.is_relative_to(pathlib.Path.cwd()) else filename
