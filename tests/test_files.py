import errno
import os
from pathlib import Path

import pytest

from mmerc.addresses import RemotePath
from mmerc.errors import RunError
from mmerc.files import (
    TEMPORARY,
    check_writable,
    read_json,
    read_jsonl,
    refuse_address,
    remove_temporary,
    replace_atomically,
    write_json,
    write_jsonl,
    write_text,
)
from mmerc.training.run_lock import lock_run
from tests.object_stores import ObjectStore, ask_for_rights


def test_nothing_appears_before_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "new" / "file.txt"
    with replace_atomically(target) as temporary:
        temporary.write_text("half")
        assert not target.exists()
    assert target.read_text() == "half"


def test_a_failure_leaves_the_old_file_and_no_rest(tmp_path: Path) -> None:
    target = tmp_path / "file.txt"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError), replace_atomically(target) as temporary:
        temporary.write_text("new")
        raise ZeroDivisionError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_replaces_a_folder(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    (target / "stale").touch()
    with replace_atomically(target) as temporary:
        temporary.mkdir()
        (temporary / "fresh").touch()
    assert [file.name for file in target.iterdir()] == ["fresh"]


def test_full_disk_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="No space left on device.*free some space"), replace_atomically(tmp_path / "f"):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_damaged_json(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": "ü"})
    assert read_json(tmp_path / "a.json") == {"b": "ü"}
    (tmp_path / "a.json").write_text('{"b": ')
    with pytest.raises(RunError, match="the folder is damaged, create or copy it again"):
        read_json(tmp_path / "a.json")


def test_sweep_removes_only_leftovers(tmp_path: Path) -> None:
    (tmp_path / f"{TEMPORARY}model-1").mkdir()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / f"{TEMPORARY}x").touch()
    write_jsonl(tmp_path / "in" / "kept.jsonl", [{"a": 1}])
    remove_temporary(tmp_path)
    assert sorted(file.name for file in tmp_path.rglob("*")) == ["in", "kept.jsonl"]


def test_a_link_stays_and_what_it_points_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_text() == "new"


def test_a_pipe_takes_what_is_written(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reading = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_text(tmp_path / "pipe", "rows")
    assert os.read(reading, 100) == b"rows" and (tmp_path / "pipe").is_fifo()
    os.close(reading)
    check_writable(Path("/dev/null"))


def test_what_cannot_be_written_is_known_before(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("kept")
    check_writable(tmp_path / "old")
    check_writable(tmp_path / "new" / "file")
    assert [path.name for path in sorted(tmp_path.rglob("*"))] == ["new", "old"]
    with pytest.raises(RunError, match="is a folder: give the name of a file"):
        check_writable(tmp_path)
    with pytest.raises(RunError, match="cannot be written"):
        check_writable(tmp_path / "old" / "file")


def test_a_file_and_a_folder_at_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    store = RemotePath("memory://files")
    write_json(store / "a.json", {"a": 1})
    write_json(Path("memory:/files/b.json"), {"b": 2})  # as `Path` writes an address
    assert read_json(store / "a.json") == {"a": 1} and read_json(store / "b.json") == {"b": 2}
    with replace_atomically(store / "folder") as temporary:
        temporary.mkdir()
        (temporary / "one.txt").write_text("1")
        assert not (store / "folder").exists()
    assert (store / "folder" / "one.txt").read_text() == "1"
    check_writable(store / "c.json")
    assert [each.name for each in store.iterdir()] == ["a.json", "b.json", "folder"] and not list(tmp_path.iterdir())
    with pytest.raises(ZeroDivisionError), replace_atomically(store / "a.json") as temporary:
        temporary.write_text("new")
        raise ZeroDivisionError
    assert read_json(store / "a.json") == {"a": 1} and not list(tmp_path.iterdir())


def test_a_result_that_cannot_be_uploaded_stays_on_this_machine(
    s3: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    target = RemotePath("s3://bucket/rows.csv")
    with ask_for_rights(s3):
        with pytest.raises(RunError, match="cannot be written .no rights to write it.*choose an address that you may"):
            check_writable(target)
        with pytest.raises(
            RunError, match="rows.csv cannot be written .no rights .* the result is in .*, copy it"
        ) as caught:
            write_text(target, "a,b")
    (kept,) = tmp_path.rglob("rows.csv")
    assert kept.read_text() == "a,b" and str(kept) in str(caught.value)
    with pytest.raises(RunError, match="files cannot be written to such an address"):
        check_writable(RemotePath("https://127.0.0.1:1/rows.csv"))


def test_what_is_written_in_small_steps_is_on_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refuse_address(tmp_path, "a run folder")
    with (
        pytest.raises(RunError, match="is an address, and a run folder is written on this machine"),
        lock_run(Path("s3://bucket/run")),
    ):
        pass
    assert not list(tmp_path.iterdir())


def test_deep_json_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "deep.json"
    file.write_text("[" * 100_000)
    with pytest.raises(RunError, match="deep.json cannot be read as JSON"):
        read_json(file)
    with pytest.raises(RunError, match="deep.json cannot be read"):
        read_jsonl(file)
