from __future__ import annotations

import pathlib
import re

from .conftest import Call

PROGRAM = """
from trioradius import AccessRequest, AccountingRequest, App, Router
from trioradius.attributes import AcctStatusType

app = App(peers={})
router = Router()


def is_wired(request): return True


class Recorder:
    async def __call__(self, request): ...


@app.middleware
async def timed(request, call_next): ...


@router.middleware
async def audited(request, call_next): ...


@router.on(AccessRequest, when=is_wired)
async def wired(request): ...


app.include(router, realm="example.org")
app.on(AccountingRequest, when=lambda request: request[AcctStatusType] == AcctStatusType.START)(Recorder())
"""


def test_the_table(call: Call, folder: pathlib.Path) -> None:
    (folder / "program.py").write_text(PROGRAM)
    lines = call("routes", "program:app").stdout.splitlines()
    rows = [re.split("  +", line) for line in lines]
    assert rows == [
        ["REQUEST", "CONDITIONS", "HANDLER", "MIDDLEWARE"],
        [
            "Access-Request",
            "realm example.org, program:is_wired (line 9)",
            "program:wired (line 24)",
            "timed > audited",
        ],
        [
            "Accounting-Request",
            "request[AcctStatusType] == AcctStatusType.START",
            "program:Recorder (line 13)",
            "timed",
        ],
    ]


def test_nothing_is_cut_short_or_padded_in_a_pipe(call: Call, folder: pathlib.Path) -> None:
    name = "a_very_long_name" * 20
    (folder / "program.py").write_text(PROGRAM.replace("def wired", f"def {name}"))
    lines = call("routes", "program:app", COLUMNS="40").stdout.splitlines()
    assert any(f"program:{name} (line 24)" in line for line in lines)
    assert all(line == line.rstrip() for line in lines)


def test_an_app_without_routes(call: Call, folder: pathlib.Path) -> None:
    (folder / "program.py").write_text("from trioradius import App\napp = App(peers={})")
    assert call("routes", "program:app").stdout.startswith("no routes")
