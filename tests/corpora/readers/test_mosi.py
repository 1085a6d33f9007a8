from pathlib import Path

import numpy as np
import pytest

from mmerc.corpora import open_corpus
from mmerc.corpora.readers.mosi import read_mosi
from mmerc.errors import CorpusError


def put(folder: Path) -> None:
    (folder / "utterances_train.csv").write_text("row,video,utterance,text\n0,v1,10,GOOD\n1,v1,2,\n2,v2,1,BAD\n")
    (folder / "text_train.csv").write_text("1,2,1\n3,4,0\n5,6,0\n")
    (folder / "audio_train.csv").write_text("7,1\nnan,0\n9,0\n")
    (folder / "utterances_test.csv").write_text("row,video,utterance,text\n0,v3,1,HM\n")
    (folder / "video_test.csv").write_text("1,2,3\n")


def test_rows_become_utterances_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    put(tmp_path)
    corpus = read_mosi(tmp_path)
    assert corpus.labels.names == ("0", "1")
    found = [
        (
            utterance.key,
            utterance.text,
            utterance.emotion,
            {name: value.tolist() for name, value in utterance.signals.items()},
        )  # type: ignore[attr-defined]
        for split in corpus.splits
        for utterance in corpus.utterances(split)
    ]
    assert found == [
        (("train", "v1", "2"), None, "0", {"text": [3, 4]}),
        (("train", "v1", "10"), "GOOD", "1", {"text": [1, 2], "audio": [7]}),
        (("train", "v2", "1"), "BAD", "0", {"text": [5, 6], "audio": [9]}),
        (("test", "v3", "1"), "HM", None, {"face": [1, 2, 3]}),
    ]
    assert [(problem.kind, problem.where) for problem in corpus.problems] == [("audio", "audio_train.csv row 2")]


def test_files_that_do_not_belong_together(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="give the folder of MOSI"):
        read_mosi(tmp_path)
    put(tmp_path)
    (tmp_path / "audio_train.csv").write_text("7,1\n")
    with pytest.raises(CorpusError, match=r"audio_train\.csv has 1 rows and its utterances are 3"):
        read_mosi(tmp_path)
    (tmp_path / "audio_train.csv").write_text("7,1\n1,2,3\n")
    with pytest.raises(CorpusError, match="cannot be read"):
        read_mosi(tmp_path)


@pytest.mark.realdata
def test_mosi_as_it_is(real_data: Path) -> None:
    corpus = open_corpus(f"mosi:{real_data / 'mosi'}")
    assert {split: len(list(corpus.utterances(split))) for split in corpus.splits} == {"train": 1447, "test": 752}
    utterances = list(corpus.utterances("train"))
    assert sum(utterance.emotion == "1" for utterance in utterances) == 709
    shapes = {name: np.asarray(value).shape for name, value in utterances[0].signals.items()}
    assert shapes == {"text": (100,), "audio": (73,), "face": (100,)}
    assert corpus.problems == ()


def test_features_without_a_number_or_too_large_are_refused(tmp_path: Path) -> None:
    put(tmp_path)
    (tmp_path / "video_test.csv").write_text("1,2e38,3\n")
    corpus = read_mosi(tmp_path)
    assert next(corpus.utterances("test")).signals == {}
    (tmp_path / "audio_train.csv").write_text("1\n0\n0\n")
    with pytest.raises(CorpusError, match="audio_train.csv has one column, and needs numbers before the label"):
        read_mosi(tmp_path)
