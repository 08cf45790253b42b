"""The table, and what is written of it."""

from __future__ import annotations

import math
import pathlib
import xml.etree.ElementTree
from typing import Any

import pytest

from .conftest import Module


def row(rps: float, cpu_us: float, **more: Any) -> dict[str, Any]:
    return {"rps": rps, "cpu_us": cpu_us, "latency_us": {"p50": 10, "p99": 20}, "lost": 1, **more}


def rows() -> dict[str, Any]:
    """Three rounds, in the second of which the machine was slow."""
    ours = [row(30, 20), row(10, 20), row(40, 22)]
    theirs = [row(20, 30), row(5, 31), row(20, 30, remark="seen")]
    return {"PAP": {"trioradius": ours, "FreeRADIUS": theirs}}


def test_ratios_are_those_within_a_round(module: Module) -> None:
    ours, theirs = module("table").lines_of(rows())
    assert (ours.better, ours.by_processor, ours.figure) == (1, 1, 30)
    # The median of 1.5, 2 and 2, not 30 / 20.
    assert theirs.better == 2
    assert theirs.by_processor == pytest.approx(1.5)
    assert (theirs.figure, theirs.processor, theirs.p50, theirs.p99, theirs.lost) == (20, 30, 10, 20, 3)
    assert theirs.remark == "seen"


def test_less_is_better_of_values(module: Module) -> None:
    ours, theirs = module("table").values_of("start", "ms", {"trioradius": [100, 200], "pyrad": [50, 100]})
    assert (ours.better, theirs.better) == (1, 0.5)
    assert (ours.figure, theirs.figure, theirs.unit) == (150, 75, "ms")


def test_what_is_not_known_is_empty(module: Module) -> None:
    table = module("table")
    line = table.Line("start", "pyrad", better=math.nan, figure=1234.5, unit="ms")
    assert line.cells() == ("", "", "1,234", "ms", "", "", "", "")
    assert math.isnan(table.ratio(1, 0))
    assert table.median([math.nan, 3, 5]) == 4
    assert math.isnan(table.median([math.nan]))


def test_the_table(module: Module, capsys: pytest.CaptureFixture[str]) -> None:
    table = module("table")
    table.print_lines(table.lines_of(rows()))
    _, heads, first, second = capsys.readouterr().out.splitlines()
    assert heads.split()[:2] == ["benchmark", "server"]
    assert first.split()[:4] == ["PAP", "trioradius", "1.00", "×"]
    assert second.split()[:3] == ["FreeRADIUS", "2.00", "×"]
    assert second.endswith("seen")


def test_the_document_and_the_plot(module: Module, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    suite = module("suite")
    document, picture = tmp_path / "benchmarks.md", tmp_path / "benchmarks.svg"
    document.write_text(f"# Method\n\n{suite.BEGIN}old\n{suite.END}\nafter\n")
    monkeypatch.setattr(suite, "DOCUMENT", document)
    monkeypatch.setattr(suite, "PICTURE", picture)
    for _ in range(2):
        suite.write(module("table").lines_of(rows()), 3)
    text = document.read_text()
    assert text.startswith("# Method\n\n<!-- written")
    assert text.endswith(f"{suite.END}\nafter\n")
    assert "old" not in text
    assert text.count("| PAP | trioradius | 1.00 × | 1.00 × | 30 | requests/s | 20.0 | 10 | 20 | 3 |  |") == 1
    assert "medians of 3 rounds" in text
    drawing = xml.etree.ElementTree.parse(picture).getroot()
    texts = ["".join(element.itertext()) for element in drawing.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[1:3] == ["PAP", "2.00"]


def test_the_repository_s_document_has_a_place_for_the_table(module: Module) -> None:
    suite = module("suite")
    text = suite.DOCUMENT.read_text()
    assert text.count(suite.BEGIN) == text.count(suite.END) == 1
    assert text.index(suite.BEGIN) < text.index(suite.END)


def test_what_cannot_be_measured_is_told(
    module: Module, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    suite = module("suite")

    def broken(rounds: int, seconds: float, folder: pathlib.Path) -> list[Any]:
        raise SystemExit("FreeRADIUS does not answer")

    monkeypatch.setattr(suite, "BENCHMARKS", {"broken": broken, "good": lambda *_: ["a line"]})
    assert suite.measured(["broken", "good"], 1, 1) == ["a line"]
    assert "broken: not measured: FreeRADIUS does not answer" in capsys.readouterr().err
