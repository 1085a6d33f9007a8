from mmerc.corpora.dialogue import Corpus, Dialogue, Utterance
from mmerc.corpora.statistics import count_corpus
from mmerc.emotions import LabelSet


def scene(dialogue: int, emotions: str, *, start: int = 0) -> Dialogue:
    return Dialogue("train", dialogue, tuple(
        Utterance("train", dialogue, start + number, "Ann", f"line {number}", number * 2.0, number * 2.0 + 3, label)
        for number, label in enumerate(emotions)
    ))  # fmt: skip


def test_counts_gaps_overlaps_and_repeated_scenes() -> None:
    corpus = Corpus("c", LabelSet(("a", "b")), {"train": (scene(0, "aaaa"), scene(1, "abab", start=1))})
    counted = count_corpus(corpus)
    split = counted["splits"]["train"]
    assert split["emotions"] == {"a": 6, "b": 2}
    assert (split["gaps"], split["overlaps"], split["not_monotonic"]) == (1, 6, 0)
    assert counted["repeated_scenes"] == [
        {"split": "train", "dialogues": ["0", "1"], "utterances": 4, "conflicting_labels": 2}
    ]


def test_a_split_that_counts_from_one_has_no_gaps_for_it() -> None:
    whole, cut = scene(0, "aaa", start=1), scene(1, "aa", start=2)
    counted = count_corpus(Corpus("c", LabelSet(("a",)), {"train": (whole, cut)}))
    assert counted["splits"]["train"]["gaps"] == 1
