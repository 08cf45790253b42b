"""The benchmarks' modules, which stand beside each other in a folder and not in a package."""

from __future__ import annotations

import importlib
import pathlib
import sys
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest

FOLDER = pathlib.Path(__file__).parents[2] / "benchmarks"

Module = Callable[[str], ModuleType]


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[Module]:
    """Imports one of them; they are forgotten afterwards."""
    monkeypatch.setattr(sys, "path", [str(FOLDER), *sys.path])
    before = set(sys.modules)
    yield importlib.import_module
    for name, loaded in list(sys.modules.items()):
        if name not in before and str(getattr(loaded, "__file__", "")).startswith(str(FOLDER)):
            del sys.modules[name]
