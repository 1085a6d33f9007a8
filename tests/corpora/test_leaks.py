from collections.abc import Sequence
from pathlib import Path

import pytest

from mmerc import open_corpus
from mmerc.corpora import Corpus, Dialogue, Utterance
from mmerc.corpora.leaks import find_annotation_leaks
from mmerc.emotions import SEVEN


def make_corpus(train: Sequence[Utterance], test: Sequence[Utterance]) -> Corpus:
    return Corpus(
        "made", SEVEN, {"train": (Dialogue("train", 0, tuple(train)),), "test": (Dialogue("test", 0, tuple(test)),)}
    )


def test_common_speakers_texts_and_times() -> None:
    train = [
        Utterance("train", 0, 0, "Ann", "Oh, my God! It's YOU.", 1.0, 2.0, source="e1"),
        Utterance("train", 0, 1, "All", "Yes.", 5.0, 6.0, source="e1"),
    ]
    test = [
        Utterance("test", 0, 0, "Ann", "oh my god it’s you", 1.4, 3.0, source="e1"),
        Utterance("test", 0, 1, "Bo", "Yes.", 5.6, 6.6, source="e1"),
        Utterance("test", 0, 2, "All", "No, that is not it.", 1.0, 2.0, source="e2"),
    ]
    leaks = {leak.kind: (leak.count, leak.total) for leak in find_annotation_leaks(make_corpus(train, test))}
    assert leaks == {"speaker": (1, 2), "text": (1, 2), "time": (1, 3)}


def test_dialogues_of_a_table_are_no_recordings() -> None:
    train, test = ([Utterance(split, 0, 0, text=split, start=1.0, end=2.0, source="0")] for split in ("train", "test"))
    assert find_annotation_leaks(make_corpus(train, test)) == []


@pytest.mark.realdata
def test_meld_as_it_leaks(real_data: Path) -> None:
    leaks = find_annotation_leaks(open_corpus(f"meld:{real_data / 'meld'}"))
    found = {leak.kind: leak.count for leak in leaks if (leak.first, leak.second) == ("train", "test")}
    assert found == {"speaker": 69, "text": 28, "time": 33}
