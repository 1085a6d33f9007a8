import logging

import pytest

from mmerc.corpora.build import build_corpus
from mmerc.corpora.dialogue import Problem, Utterance
from mmerc.emotions import LabelSet
from mmerc.errors import CorpusError


def make_rows(*emotions: str | None) -> list[Utterance]:
    return [Utterance("train", 0, number, emotion=emotion) for number, emotion in enumerate(emotions)]


def test_labels_become_names_of_the_set() -> None:
    corpus = build_corpus("c", make_rows("Happy ", "angry", None, "nan"), [])
    assert [utterance.emotion for utterance in corpus.utterances("train")] == ["joy", "anger", None, None]
    assert len(corpus.labels) == 7 and corpus.problems == ()


def test_a_refused_label_is_a_problem_and_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "mmerc"):
        corpus = build_corpus("c", make_rows(*["joy"] * 200, "angre", "angre"), [])
    (problem,) = corpus.problems
    assert (problem.kind, problem.where) == ("label", "train dialogue 0 utterance 200")
    assert problem.what == (
        'the label "angre" (2 of 202) looks like a misspelling of "anger": its utterances have no label. '
        "Correct it, or give the label set with --labels"
    )
    assert problem.what in caplog.text
    assert [utterance.emotion for utterance in corpus.utterances("train")][-2:] == [None, None]


def test_given_labels_are_kept_in_their_order() -> None:
    corpus = build_corpus("c", make_rows("joy", "happy", "odd"), [], LabelSet(("sad", "joy")))
    assert [utterance.emotion for utterance in corpus.utterances("train")] == ["joy", "joy", None]
    assert corpus.labels.names == ("sad", "joy") and "add it to the set" in corpus.problems[0].what


def test_a_corpus_without_a_usable_row_says_why() -> None:
    problems = [Problem("row", f"row {number}", "has no id") for number in range(5)]
    with pytest.raises(CorpusError, match="row 0: has no id; row 1: has no id; row 2: has no id .and 2 more problems"):
        build_corpus("c", [], problems)
