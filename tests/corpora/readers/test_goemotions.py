from pathlib import Path

import pytest

from mmerc.corpora import open_corpus
from mmerc.corpora.readers.goemotions import read_goemotions
from mmerc.emotions import LabelSet
from mmerc.errors import CorpusError

LABELS = "anger\ndisgust\nfear\njoy\nneutral\nsadness\nsurprise"


def test_one_emotion_is_a_label_and_several_are_none(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text(LABELS)
    (tmp_path / "train.tsv").write_text("so good\t3\ta1\nhm\t3,6\ta2\nodd\tx\ta3\nold\t9\ta4\nlow\t-1\ta5\n")
    corpus = read_goemotions(tmp_path)
    assert [(utterance.dialogue, utterance.text, utterance.emotion) for utterance in corpus.utterances("train")] == [
        ("a1", "so good", "joy"), ("a2", "hm", None), ("a3", "odd", None), ("a4", "old", None), ("a5", "low", None),
    ]  # fmt: skip
    assert [problem.where for problem in corpus.problems] == [
        "train.tsv line 3",
        "train.tsv line 4",
        "train.tsv line 5",
    ]


def test_what_is_not_goemotions(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="labels.txt cannot be read"):
        read_goemotions(tmp_path)
    (tmp_path / "labels.txt").write_text(LABELS)
    with pytest.raises(CorpusError, match="has none of train.tsv"):
        read_goemotions(tmp_path)
    (tmp_path / "train.tsv").write_text("so good\t0\ta1\n")
    (tmp_path / "labels.txt").write_text("admiration\namusement\n")
    with pytest.raises(CorpusError, match="names admiration, amusement, not among anger"):
        read_goemotions(tmp_path)
    corpus = read_goemotions(tmp_path, LabelSet(("amusement", "admiration")))
    assert [utterance.emotion for utterance in corpus.utterances("train")] == ["admiration"]


@pytest.mark.realdata
def test_goemotions_as_it_is(real_data: Path) -> None:
    corpus = open_corpus(f"goemotions:{real_data / 'goemotions'}")
    counts = {split: len(corpus.dialogues(split)) for split in corpus.splits}
    assert counts == {"train": 43_410, "dev": 5_426}
    joy = sum(utterance.emotion == "joy" for utterance in corpus.utterances("train"))
    assert joy == 15_216 and corpus.problems == ()
