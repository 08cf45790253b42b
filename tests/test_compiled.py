"""The compiled package: that the tests which are said to run on it do (docs/how-to/compiled.md)."""

from __future__ import annotations

import ast
import importlib
import os
import pathlib
import subprocess
import sys
import tomllib
from typing import Any

import pytest

from tests.nas import PEERS, login
from trioradius import AccessAccept, AccessRequest, App, Discard
from trioradius.attributes.ietf import UserName
from trioradius.protocol.profile import RADIUS_1_0
from trioradius.protocol.source import Source
from trioradius.server import AppService
from trioradius.testing import AppClient
from trioradius.transports.abreast import Answering, Batch

ROOT = pathlib.Path(__file__).parent.parent
WHEEL = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
WAITS = (ast.Await, ast.AsyncWith, ast.AsyncFor)
COMPILED = bool(os.environ.get("TRIORADIUS_COMPILED"))


@pytest.mark.parametrize("source", WHEEL["hooks"]["mypyc"]["include"])
def test_what_is_to_be_compiled_is(source: str) -> None:
    """And where the sources are tested, nothing compiled is left among them."""
    assert (ROOT / source[1:]).exists()
    module = importlib.import_module(source[1:].removesuffix(".py").replace("/", "."))
    assert module.__file__ is not None
    assert module.__file__.endswith(".so" if COMPILED else ".py")


@pytest.mark.parametrize("source", WHEEL["hooks"]["mypyc"]["include"])
def test_no_coroutine_awaits_while_an_exception_passes(source: str) -> None:
    """mypyc 2.4.1 then keeps that exception, its frames and what they hold, as long as the coroutine's caller runs."""
    for block in ast.walk(ast.parse((ROOT / source[1:]).read_text())):
        if isinstance(block, ast.Try):
            on_the_way_out = [*block.finalbody, *(line for handler in block.handlers for line in handler.body)]
            assert not any(isinstance(node, WAITS) for line in on_the_way_out for node in ast.walk(line))


async def test_one_fault_does_not_hold_on_to_the_next(caplog: pytest.LogCaptureFixture) -> None:
    """Requests that fail, whose exceptions must not pile up behind each other."""
    app: App[None] = App(PEERS)

    @app.on(AccessRequest)
    async def handle(request: AccessRequest) -> AccessAccept:
        if request[UserName] == "raise":
            raise ValueError
        raise Discard

    batch: Batch[None] = Batch()
    service = AppService(app)
    source = Source("127.0.0.1", 1, "udp", RADIUS_1_0, frozenset({1}))
    for _ in range(3):
        for user in ("raise", "discard"):
            batch.add(Answering(service, login(user), source, None))
        batch.advance()
    errors = [answering.error for answering in batch.take() if answering.error is not None]
    errors += [record.exc_info[1] for record in caplog.records if record.exc_info]
    assert len(errors) == 6
    assert all(error.__context__ is None for error in errors)


async def test_stop_iteration_of_a_condition_is_a_fault(caplog: pytest.LogCaptureFixture) -> None:
    """And not the end of the coroutine that asked (PEP 479)."""
    app: App[None] = App(PEERS)

    @app.on(AccessRequest, when=lambda request: next(iter(())))
    async def handle(request: AccessRequest) -> AccessAccept:
        return request.accept()

    assert await AppClient(app).send(login()) is None
    assert app.counters["handler_failed"] == 1


async def test_stop_iteration_of_a_store_is_a_fault() -> None:
    class Broken:
        def begin(self, key: bytes) -> Any:
            raise StopIteration

        async def finish(self, key: bytes, reply: bytes | None) -> None:
            raise AssertionError("nothing was begun")

    app: App[None] = App(PEERS, dedup=Broken())

    @app.on(AccessRequest)
    async def handle(request: AccessRequest) -> AccessAccept:
        return request.accept()

    assert await AppClient(app).send(login()) is None
    assert app.counters["handler_failed"] == 1


def test_what_is_not_compiled_is_the_same(tmp_path: pathlib.Path) -> None:
    code = "import trioradius, trioradius.server as server; print(trioradius.__file__, server.__file__)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    folder = ROOT / ".compiled" if COMPILED else ROOT
    assert found.stdout.split() == [str(folder / "trioradius" / name) for name in ("__init__.py", "server.py")]


def test_the_version_tells(tmp_path: pathlib.Path) -> None:
    command = [sys.executable, "-m", "trioradius", "--version"]
    told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert told.endswith(", compiled\n") == COMPILED
