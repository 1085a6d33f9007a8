from pathlib import Path

import pytest

from mmerc.errors import ConfigError
from mmerc.inference.paths import check_output, expand_home, is_file, split_path


def test_no_input_is_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.wav", "a.srt", "t.csv", "old.jsonl", "clips/b.mp4", "pack/utterances.csv", "model/config.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "link.srt").symlink_to(tmp_path / "a.srt")
    recording, others = str(tmp_path / "a.wav"), (tmp_path / "model", tmp_path / "a.srt")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path / "pack")
    for out, source in (
        ("a.wav", recording), ("a.srt", recording), ("link.srt", recording), ("t.csv", f"table:{tmp_path / 't.csv'}"),
        ("t.csv", f"meld:.+table:{tmp_path / 't.csv'}"), ("t.csv", f"table:{tmp_path / 't.csv'}#test"), ("t.csv", "table:~/t.csv#test"), ("clips/b.mp4", str(tmp_path / "clips")),
    ):  # fmt: skip
        with pytest.raises(ConfigError, match="exists and is not a file of predictions"):
            check_output(tmp_path / out, source, *others)
    for out, source in (
        ("pack/utterances.csv", "pack:.#test"), ("pack/new.csv", f"pack:{tmp_path / 'pack'}"), ("model/config.json", recording),
        ("pack/utterances.csv", "pack:~/pack#test"),
    ):  # fmt: skip
        with pytest.raises(ConfigError, match="which is an input: choose a path outside it"):
            check_output(tmp_path / out, source, *others)
    for out in ("old.jsonl", "new.jsonl", "clips/new.csv"):
        check_output(tmp_path / out, recording, *others)
    check_output(tmp_path / "clips" / "rows.jsonl", str(tmp_path / "clips"))
    (tmp_path / "pack" / "rows.jsonl").touch()  # predictions of an earlier call
    check_output(tmp_path / "pack" / "rows.jsonl", "pack:.")
    check_output(tmp_path / "pack" / "new.csv", "meld:.")


def test_a_path_with_a_hash_that_exists_has_no_split(tmp_path: Path) -> None:
    (tmp_path / "take#2").mkdir()
    assert split_path(str(tmp_path / "take#2")) == (str(tmp_path / "take#2"), "")
    assert split_path(f"{tmp_path / 'take#2'}#test") == (str(tmp_path / "take#2"), "test")


def test_text_that_is_no_path(tmp_path: Path) -> None:
    assert not is_file(Path("a" * 5000)) and not is_file(Path("a\0b"))
    assert expand_home("~no_such_user/x") == Path("~no_such_user/x")
