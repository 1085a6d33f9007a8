from pathlib import Path

import pytest

from mmerc.corpora.location import absolute, beside, parts


def test_only_a_pack_has_roles_behind_a_question_mark() -> None:
    assert parts("pack:a?b.pkl") == ("pack", "a", "b.pkl")
    assert parts("table:a?b.csv") == ("table", "a?b.csv", "")
    assert parts("nothing") == ("nothing", "", "")


def test_a_location_is_found_from_every_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/ann")
    assert absolute("meld:data") == f"meld:{tmp_path}/data"
    assert absolute("pack:~/f.npz?labels=y") == "pack:/home/ann/f.npz?labels=y"


def test_another_corpus_lies_beside_a_folder_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "goemotions").mkdir()
    for location in (f"meld:{tmp_path}/meld", f"pack:{tmp_path}/f.pkl?text=a/b"):
        assert beside(location, "goemotions") == f"goemotions:{tmp_path}/goemotions"
    assert beside(f"meld:{tmp_path}/meld", "ravdess") == ""
