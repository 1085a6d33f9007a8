import errno
from pathlib import Path

import pytest

from mmerc.errors import RunError
from mmerc.files import TEMPORARY, read_json, replacing, sweep, write_json, write_jsonl


def test_nothing_appears_before_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "new" / "file.txt"
    with replacing(target) as temporary:
        temporary.write_text("half")
        assert not target.exists()
    assert target.read_text() == "half"


def test_a_failure_leaves_the_old_file_and_no_rest(tmp_path: Path) -> None:
    target = tmp_path / "file.txt"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(target) as temporary:
        temporary.write_text("new")
        raise ZeroDivisionError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_replaces_a_folder(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    (target / "stale").touch()
    with replacing(target) as temporary:
        temporary.mkdir()
        (temporary / "fresh").touch()
    assert [file.name for file in target.iterdir()] == ["fresh"]


def test_full_disk_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="No space left on device.*free some space"), replacing(tmp_path / "f"):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_damaged_json(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": "ü"})
    assert read_json(tmp_path / "a.json") == {"b": "ü"}
    (tmp_path / "a.json").write_text('{"b": ')
    with pytest.raises(RunError, match="delete it and run the same command again"):
        read_json(tmp_path / "a.json")


def test_sweep_removes_only_leftovers(tmp_path: Path) -> None:
    (tmp_path / f"{TEMPORARY}model-1").mkdir()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / f"{TEMPORARY}x").touch()
    write_jsonl(tmp_path / "in" / "kept.jsonl", [{"a": 1}])
    sweep(tmp_path)
    assert sorted(file.name for file in tmp_path.rglob("*")) == ["in", "kept.jsonl"]
