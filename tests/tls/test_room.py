"""The room does no I/O of its own: no clock, no socket, nothing to await."""

from __future__ import annotations

import ast
import pathlib

import pytest

import trioradius.tls

MODULES = sorted(pathlib.Path(trioradius.tls.__file__).parent.glob("*.py"))
CLOCKS = {"now", "utcnow", "today", "time", "monotonic", "perf_counter", "current_time"}


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_no_clock_and_nothing_to_await(module: pathlib.Path) -> None:
    for node in ast.walk(ast.parse(module.read_text())):
        assert not isinstance(node, (ast.AsyncFunctionDef, ast.Await))
        called = node.func if isinstance(node, ast.Call) else None
        assert not (isinstance(called, ast.Attribute) and called.attr in CLOCKS), ast.dump(node)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_private_parts_of_pyopenssl_are_touched_in_one_module(module: pathlib.Path) -> None:
    if module.stem != "openssl":
        text = module.read_text()
        assert "_lib" not in text and "_ffi" not in text and "._ssl" not in text
