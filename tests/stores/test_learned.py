"""FileLearned: what "auto" learned survives a restart, and a crash in the middle of writing."""

from __future__ import annotations

import json
import logging
import pathlib

import pytest

from trioradius import ConfigurationError, FileLearned


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "learned.json"


def test_what_was_learned_survives_a_restart(path: pathlib.Path) -> None:
    learned = FileLearned(path)
    learned["192.0.2.1"] = True
    learned["192.0.2.2"] = False
    assert dict(FileLearned(path)) == {"192.0.2.1": True, "192.0.2.2": False}
    del learned["192.0.2.2"]
    assert dict(FileLearned(path)) == {"192.0.2.1": True}
    assert len(learned) == 1


def test_no_file_is_no_knowledge_and_none_is_made_before_there_is_some(path: pathlib.Path) -> None:
    assert dict(FileLearned(path)) == {}
    assert not path.exists()


def test_only_news_is_written(path: pathlib.Path) -> None:
    learned = FileLearned(path)
    learned["192.0.2.1"] = True
    path.unlink()
    learned["192.0.2.1"] = True
    assert not path.exists()
    learned["192.0.2.1"] = False
    assert path.exists()


def test_the_file_is_whole_at_any_moment(path: pathlib.Path) -> None:
    """It is replaced, never written in place; a reader who has it open keeps the old one."""
    learned = FileLearned(path)
    learned["192.0.2.1"] = True
    with path.open() as held:
        learned["192.0.2.2"] = True
        assert json.load(held) == {"192.0.2.1": True}
    assert [found.name for found in path.parent.iterdir()] == ["learned.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", "5", '{"192.0.2.1": "yes"}', '{"192.0.2.1": 1}', "\udcff"])
def test_a_bad_file_is_one_clear_line(text: str, path: pathlib.Path) -> None:
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigurationError, match=r"learned\.json.*delete") as wrong:
        FileLearned(path)
    assert "\n" not in str(wrong.value)


def test_a_directory_in_its_place(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ConfigurationError, match="delete"):
        FileLearned(tmp_path)


def test_a_disk_that_cannot_be_written_costs_no_packet(path: pathlib.Path, caplog: pytest.LogCaptureFixture) -> None:
    """What was learned holds until the next start, and the log says so."""
    learned = FileLearned(path / "no" / "such" / "directory")
    learned["192.0.2.1"] = True
    assert learned["192.0.2.1"] is True
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "cannot be written" in caplog.text
