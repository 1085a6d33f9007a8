from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmerc.corpora import open_corpus
from mmerc.errors import CorpusError, RunError
from mmerc.evaluation.pairings import Scored, draw_labels, draw_rows, measure_pairings, score_probabilities
from mmerc.model import load_model
from mmerc.model.combine import combine


def test_rows_have_the_label_and_are_used_equally_often() -> None:
    own, labels = np.array([0, 1, 1, 0, 1]), np.array([1] * 7 + [0] * 3)
    rows = draw_rows(own, labels, np.random.default_rng(0))
    assert (own[rows] == labels).all()
    counts = np.bincount(rows, minlength=5)
    assert sorted(counts[own == 1].tolist()) == [2, 2, 3] and sorted(counts[own == 0].tolist()) == [1, 2]


def test_a_label_that_one_modality_lacks_is_not_drawn() -> None:
    scored = {name: Scored(np.zeros((2, 3)), np.array(labels)) for name, labels in (("a", [0, 1]), ("b", [1, 2]))}
    assert set(draw_labels(scored, np.array([5, 5, 5]), 20, np.random.default_rng(0))) == {1}
    with pytest.raises(CorpusError, match="no label in common"):
        draw_labels(scored, np.array([5, 0, 5]), 20, np.random.default_rng(0))


def test_the_scores_of_a_draw() -> None:
    found = score_probabilities(np.array([0, 0, 1]), np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1]]))
    assert found["balanced_accuracy"] == 0.5
    assert found["f1_weighted"] == pytest.approx(2 / 3 * 0.8)
    assert found["calibration_error"] == pytest.approx(0.9 - 2 / 3)


def test_pairings_of_a_combined_model(small_run: Path, small_corpus: Path, tmp_path: Path) -> None:
    combine([f"{small_run / 'model'}#text,audio"], tmp_path / "model")
    model = load_model(tmp_path / "model")
    corpus = open_corpus(f"meld:{small_corpus}")
    corpora = {"text": (corpus, "dev"), "audio": (corpus, "dev")}
    found = measure_pairings(model, corpora, draws=2, count=20)
    assert list(found["subsets"]) == ["text", "audio", "text+audio"]
    assert found == measure_pairings(model, corpora, draws=2, count=20)
    with pytest.raises(RunError, match="make one with `mmerc combine`"):
        measure_pairings(replace(model, combination=None), corpora)
