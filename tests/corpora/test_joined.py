from dataclasses import replace

import pytest

from mmerc.corpora import Corpus, Dialogue, Problem, Utterance
from mmerc.corpora.joined import join_corpora, join_label_sets
from mmerc.emotions import SEVEN, LabelSet


def corpus(name: str, labels: LabelSet, **emotions: list[str | None]) -> Corpus:
    splits = {
        split: (Dialogue(split, 1, tuple(Utterance(split, 1, n, emotion=each) for n, each in enumerate(found)), "S1"),)
        for split, found in emotions.items()
    }
    return Corpus(name, labels, splits, (Problem("row", "row 3", "is short"),), (name,), f"table:/{name}")


def test_dialogues_keep_their_order_and_know_their_corpus() -> None:
    a, b = corpus("A", SEVEN, train=["joy"], dev=["fear"]), corpus("B", SEVEN, train=["anger", None], test=[None])
    joined = join_corpora({"a": a, "b": b})
    assert [each.key for split in joined.splits for each in joined.utterances(split)] == [
        ("train", "a/1", "0"), ("train", "b/1", "0"), ("train", "b/1", "1"), ("dev", "a/1", "0"), ("test", "b/1", "0"),
    ]  # fmt: skip
    assert [(each.corpus, each.session) for each in joined.dialogues("train")] == [("a", "S1"), ("b", "S1")]
    assert joined.members == ("a", "b") and a.members == ()
    assert (joined.name, joined.labels, joined.location) == ("A + B", SEVEN, "table:/A+table:/B")
    assert joined.leaky_signals == ("A", "B")
    assert [problem.where for problem in joined.problems] == ["a: row 3", "b: row 3"]


def test_labels_are_joined_in_melds_words() -> None:
    six = LabelSet(("happy", "sad", "neutral", "angry", "excited", "frustrated"))
    joined = join_corpora({"i": corpus("I", six, train=["happy", "excited"]), "r": corpus("R", SEVEN, train=["joy"])})
    assert joined.labels.names == (*SEVEN.names, "excited", "frustrated")
    assert [each.emotion for each in joined.utterances("train")] == ["joy", "excited", "joy"]


def test_equal_label_sets_stay_as_they_are() -> None:
    own = LabelSet(("happy", "calm"))
    joined = join_corpora({"a": corpus("A", own, train=["calm"]), "b": corpus("B", own, train=["happy"])})
    assert joined.labels == own
    assert [each.emotion for each in joined.utterances("train")] == ["calm", "happy"]


def test_a_part_of_melds_labels_stays_a_part() -> None:
    one, other = LabelSet(("neutral", "joy")), LabelSet(("anger", "happy"))
    joined = join_corpora({"a": corpus("A", one, train=["joy"]), "b": corpus("B", other, train=["happy"])})
    assert joined.labels.names == ("anger", "joy", "neutral")


@pytest.mark.parametrize("names", [("calm", "neutral"), ("happy", "joyful")])
def test_two_labels_of_one_corpus_stay_two(names: tuple[str, ...]) -> None:
    assert join_label_sets([LabelSet(names), SEVEN])[0] == {name: name for name in names}


def test_the_warning_of_a_member_stays() -> None:
    a, b = corpus("A", SEVEN, train=["joy"]), corpus("B", SEVEN, train=["joy"])
    toy = replace(b, warning="It is a toy.")
    assert join_corpora({"a": a, "b": b}).warning == ""
    assert join_corpora({"a": a, "b": toy, "c": toy}).warning == "It is a toy."
