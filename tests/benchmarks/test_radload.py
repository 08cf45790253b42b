"""radload, the load generator of the benchmarks: what it sends is right, and what it says is so."""

from __future__ import annotations

import json
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import FOLDER, Module

READY_SECONDS = 60


@pytest.fixture(scope="module")
def radload(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    program = tmp_path_factory.mktemp("radload") / "radload"
    flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-std=gnu11"]
    subprocess.run(["gcc", *flags, "-o", program, FOLDER / "radload.c"], check=True)
    return program


@pytest.fixture(scope="module")
def port() -> Iterator[str]:
    """Where the benchmarks' own app is served."""
    process = subprocess.Popen(
        [sys.executable, "-m", "trioradius", "run", "server:app", "--udp", "127.0.0.1:0"],
        cwd=FOLDER,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().split("127.0.0.1:")[1].split()[0]
    finally:
        process.terminate()
        process.communicate(timeout=20)


def run(radload: pathlib.Path, port: str, *options: object) -> dict[str, Any]:
    command = [radload, "--port", port, "--count", 200, "--pool", 2048, "--tries", 20, *options]
    result = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=READY_SECONDS)
    return dict(json.loads(result.stdout))


@pytest.mark.parametrize("what", ["PAP", "CHAP", "MS-CHAPv2"])
def test_every_login_is_accepted(
    radload: pathlib.Path, port: str, module: Module, tmp_path: pathlib.Path, what: str
) -> None:
    row = run(radload, port, *module("datagrams").options_for(what, tmp_path, pool=2048))
    assert (row["accepted"], row["lost"], row["invalid"], row["rejected"]) == (200, 0, 0, 0)
    # Both authenticators of every reply were looked at.
    assert row["verified"] == row["with_ma"] == 200
    assert row["processor"] >= 0
    assert 0 < row["latency_us"]["p50"] <= row["latency_us"]["p99"] <= row["latency_us"]["max"]


def test_a_wrong_password_is_rejected(radload: pathlib.Path, port: str) -> None:
    for mode in ("auth", "chap"):
        row = run(radload, port, "--mode", mode, "--bad", 100, "--count", 5, "--timeout", 5000)
        assert (row["rejected"], row["accepted"]) == (5, 0)


def test_accounting(radload: pathlib.Path, port: str) -> None:
    row = run(radload, port, "--mode", "acct")
    assert (row["accounted"], row["invalid"]) == (200, 0)


def test_a_rate(radload: pathlib.Path, port: str) -> None:
    row = run(radload, port, "--rate", 1000, "--count", 100)
    assert (row["accepted"], row["rate"]) == (100, 1000)
    assert row["seconds"] == pytest.approx(0.1, abs=0.08)


def test_many_sources_are_strangers_to_a_server_that_knows_one(radload: pathlib.Path, port: str) -> None:
    """So that the benchmark of several workers needs a network of peers."""
    row = run(radload, port, "--sources", 2, "--sockets", 2, "--window", 2, "--count", 4, "--tries", 1)
    assert row["lost"] == 2


@pytest.mark.parametrize(("option", "text"), [("--mode", "pap"), ("--attributes", "none"), ("--users", "x")])
def test_what_it_does_not_understand(radload: pathlib.Path, option: str, text: str) -> None:
    result = subprocess.run([radload, option, text], capture_output=True, text=True, timeout=READY_SECONDS)
    assert result.returncode in (1, 2)
    assert result.stderr.startswith("radload: ")
