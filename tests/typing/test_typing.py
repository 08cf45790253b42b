"""mypy and pyright accept what is right and refuse what is wrong, line by line."""

import json
import pathlib
import re
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent
REFUSED = HERE / "refused" / "sample.py"
ACCEPTED = HERE / "accepted.py"


def mypy(path: pathlib.Path) -> set[int]:
    command = [sys.executable, "-m", "mypy", "--strict", "--show-error-codes", str(path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode in (0, 1), result.stderr
    return {int(line) for line in re.findall(rf"{path.name}:(\d+): error", result.stdout)}


def pyright(path: pathlib.Path) -> set[int]:
    command = [sys.executable, "-m", "pyright", "--outputjson", str(path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    found = json.loads(result.stdout)["generalDiagnostics"]
    return {row["range"]["start"]["line"] + 1 for row in found if row["severity"] == "error"}


CHECKERS = pytest.mark.parametrize("checker", [mypy, pyright])


@CHECKERS
def test_accepts(checker) -> None:
    assert checker(ACCEPTED) == set()


@CHECKERS
def test_refuses(checker) -> None:
    marked = {number for number, line in enumerate(REFUSED.read_text().splitlines(), 1) if line.endswith("# refused")}
    assert checker(REFUSED) == marked
