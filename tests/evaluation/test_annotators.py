import numpy as np
import pytest

from mmerc.corpora import Utterance
from mmerc.emotions import LabelSet
from mmerc.evaluation.annotators import measure_annotators

LABELS = LabelSet(("joy", "fear"))


def test_agreement_and_divergence_of_known_votes() -> None:
    utterances = [
        Utterance("test", 0, 0, votes={"joy": 3.0, "fear": 1.0}),
        Utterance("test", 0, 1, votes={"fear": 4.0}),
        Utterance("test", 0, 2),
    ]
    exact = np.array([[0.75, 0.25], [0.0, 1.0], [1.0, 0.0]])
    found = measure_annotators(LABELS, utterances, [exact])
    assert found["jensen_shannon"] == pytest.approx(0) and found["utterances"] == 2
    assert found["agreement"] == found["ceiling"] == 0.875
    wrong = measure_annotators(LABELS, utterances, [exact[:, ::-1]])
    assert wrong["agreement"] == 0.125 and 0 < wrong["jensen_shannon"] <= 1


def test_nothing_without_votes() -> None:
    assert measure_annotators(LABELS, [Utterance("test", 0, 0)], [np.ones((1, 2))]) == {}
