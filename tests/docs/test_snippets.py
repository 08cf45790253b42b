"""The Python in the documents: every block with a title is a file; it must import, pass its tests and type-check."""

import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

ROOT = Path(__file__).parents[2]
DOCUMENTS = (
    "README.md",
    "docs/tutorial.md",
    "docs/how-to/peers.md",
    "docs/how-to/passwords.md",
    "docs/how-to/testing.md",
    "docs/how-to/testing-eap.md",
    "docs/how-to/duplicates.md",
    "docs/how-to/freeradius-database.md",
    "docs/how-to/accounting.md",
    "docs/how-to/sessions.md",
    "docs/reference/rates.md",
    "docs/how-to/eap.md",
)
BLOCK = re.compile(r'^```python title="([a-z_]+)\.py"\n(.*?)^```$', re.MULTILINE | re.DOTALL)


def blocks(document: str) -> list[tuple[str, str]]:
    return [(name, text) for name, text in BLOCK.findall((ROOT / document).read_text())]


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty directory to work in, whose modules are forgotten at the end."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        if "." not in name:
            forget(name, tmp_path)


def forget(name: str, directory: Path) -> None:
    module = sys.modules.get(name)
    if module is not None and str(getattr(module, "__file__", "")).startswith(str(directory)):
        del sys.modules[name]


def run(name: str) -> None:
    """Import a module, and run what it has of tests or of a main()."""
    module = importlib.import_module(name)
    for function in [f for key, f in vars(module).items() if key.startswith("test_") or key == "main"]:
        if inspect.iscoroutinefunction(function):
            trio.run(function)
        else:
            function()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_blocks_of_a_document_run(document: str, directory: Path) -> None:
    found = blocks(document)
    assert found
    for name, text in found:
        for other in {other for other, _ in found}:
            forget(other, directory)
        (directory / f"{name}.py").write_text(text)
        importlib.invalidate_caches()
        run(name)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_blocks_of_a_document_type_check(document: str, tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    for name, text in blocks(document):
        (tmp_path / f"{name}.py").write_text(text)
        checked = subprocess.run(
            [sys.executable, "-m", "mypy", "--strict", "--cache-dir", ROOT / ".mypy_cache", f"{name}.py"],
            cwd=tmp_path,
            env={"MYPYPATH": str(ROOT), "PATH": ""},
            capture_output=True,
            text=True,
        )
        assert checked.returncode == 0, f"{document}: {name}.py\n{checked.stdout}{checked.stderr}"


def test_no_block_of_python_goes_without_a_title() -> None:
    for document in DOCUMENTS:
        text = (ROOT / document).read_text()
        assert text.count("```python") == len(blocks(document)), document
