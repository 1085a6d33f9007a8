from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmerc.corpora.dialogue import SPLITS
from mmerc.corpora.readers.ravdess import read_ravdess
from mmerc.corpora.readers.speaker_splits import read_splits, write_splits
from mmerc.errors import CorpusError


def test_speakers_get_the_split_of_the_file(tmp_path: Path) -> None:
    for actor in ("01", "02", "24"):
        (tmp_path / f"03-01-03-01-01-01-{actor}.wav").touch()
    (tmp_path / "splits.csv").write_text("Speaker;Split\nActor_01;validation\nActor_24;train\nActor_02;mine\n")
    corpus = read_ravdess(tmp_path)
    assert {each.speaker: split for split in corpus.splits for each in corpus.utterances(split)} == {
        "Actor_01": "dev", "Actor_02": "train", "Actor_24": "train",
    }  # fmt: skip
    assert [(problem.where, problem.what) for problem in corpus.problems] == [
        ("splits.csv row 4", 'the split "mine" is not one of train, dev, test; the speaker keeps the usual split')
    ]


def test_without_a_file_nothing_changes(tmp_path: Path) -> None:
    assert read_splits(tmp_path) == ({}, [])


def test_a_file_without_the_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "splits.csv").write_text("actor,split\n01,train\n")
    with pytest.raises(CorpusError, match="speaker"):
        read_splits(tmp_path)


NAMES = st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=8)


@settings(max_examples=20)
@given(splits=st.dictionaries(NAMES, st.sampled_from(SPLITS), min_size=1, max_size=5))
def test_what_is_written_is_read(splits: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("splits")
    write_splits(folder, splits)
    assert read_splits(folder) == (splits, [])
