from pathlib import Path

import pytest

from mmerc.corpora.location import (
    add_fold,
    add_label_set,
    add_pack_mapping,
    find_sibling_corpus,
    make_absolute,
    parse_location,
    read_parameters,
    split_fold,
    split_locations,
)
from mmerc.errors import ConfigError


def test_only_some_kinds_have_parameters_behind_a_question_mark() -> None:
    assert parse_location("pack:a?b.pkl") == ("pack", "a", "b.pkl")
    assert parse_location("iemocap:a?classes=6") == ("iemocap", "a", "classes=6")
    assert parse_location("table:a?b.csv") == ("table", "a?b.csv", "")
    assert parse_location("nothing") == ("nothing", "", "")


def test_a_location_is_found_from_every_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/ann")
    assert make_absolute("meld:data") == f"meld:{tmp_path}/data"
    assert make_absolute("pack:~/f.npz?labels=y") == "pack:/home/ann/f.npz?labels=y"


def test_another_corpus_lies_beside_a_folder_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "goemotions").mkdir()
    for location in (f"meld:{tmp_path}/meld", f"pack:{tmp_path}/f.pkl?text=a/b"):
        assert find_sibling_corpus(location, "goemotions") == f"goemotions:{tmp_path}/goemotions"
    assert find_sibling_corpus(f"meld:{tmp_path}/meld", "ravdess") == ""


def test_only_a_plus_before_a_kind_joins_corpora() -> None:
    kinds = ("meld", "table")
    assert split_locations("meld:a", kinds) == ["meld:a"]
    assert split_locations("meld:a+meld:b+c+table:d+e.csv?label_set=x,y", kinds) == [
        "meld:a", "meld:b+c", "table:d+e.csv?label_set=x,y",
    ]  # fmt: skip
    assert split_locations("table:c++/a+b:c.csv", kinds) == ["table:c++/a+b:c.csv"]


def test_a_list_of_locations_may_have_commas_inside() -> None:
    listed = "pack:a,b.pkl,meld:/x,y?label_set=joy,fear, ravdess:z"
    assert split_locations(listed, ("pack", "meld", "ravdess"), separator=",") == [
        "pack:a,b.pkl", "meld:/x,y?label_set=joy,fear", "ravdess:z",
    ]  # fmt: skip


def test_a_label_set_may_follow_every_path() -> None:
    assert parse_location("table:a?b.csv?label_set=x,y") == ("table", "a?b.csv", "label_set=x,y")
    assert add_label_set("pack:a.pkl?labels=1", "X, y") == "pack:a.pkl?labels=1&label_set=x,y"
    assert read_parameters("pack:a.pkl?labels=1&label_set=x,y") == ({"labels": "1"}, ("x", "y"))
    assert read_parameters("table:a.csv?label_set=a%23b,c d") == ({}, ("a#b", "c d"))


def test_a_fold_is_a_parameter_of_any_corpus() -> None:
    table = add_fold("table:a?b.csv?label_set=x,y", "1/3,dialogue,0")
    assert table == "table:a?b.csv?label_set=x,y&fold=1/3,dialogue,0"
    assert parse_location(table).path == "a?b.csv" and split_fold(table)[1] == "1/3,dialogue,0"
    pack = add_fold("pack:a.pkl?labels=1", "1/3,dialogue,0")
    assert read_parameters(pack) == ({"labels": "1"}, ()) and split_fold(pack)[1] == "1/3,dialogue,0"
    assert parse_location(add_fold("ravdess:a?b", "0/3,speaker,1")).path == "a?b"
    assert (add_fold("", "0/3,speaker,1"), split_fold("meld:a")[1]) == ("", "")
    with pytest.raises(ConfigError, match="--labels joy,joy"):
        add_label_set("table:a.csv", "joy,joy")


def test_a_map_is_only_for_a_pack() -> None:
    assert add_pack_mapping("pack:a.pkl?label_set=x,y", ["text=3"]) == "pack:a.pkl?label_set=x,y&text=3"
    assert add_pack_mapping("meld:a", []) == "meld:a"
    for location, entry in (("meld:a", "text=3"), ("pack:a.pkl", "text"), ("pack:a.pkl", "=3")):
        with pytest.raises(ConfigError, match="write it as role=index"):
            add_pack_mapping(location, [entry])
