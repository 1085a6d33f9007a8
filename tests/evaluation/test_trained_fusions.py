from dataclasses import replace
from pathlib import Path

import pytest

from mmerc.errors import RunError
from mmerc.evaluation import evaluate
from mmerc.evaluation.run_metrics import open_run_corpus
from mmerc.evaluation.trained_fusions import list_compared_fusions, load_fusions
from mmerc.features import FeatureRow
from mmerc.training.run_folder import read_run


def test_unchanged_features_give_the_numbers_of_the_run(small_run: Path) -> None:
    run = read_run(small_run)
    assert list_compared_fusions(run) == []
    (fusion,) = load_fusions(run, open_run_corpus(run), "test").values()
    expected = evaluate(small_run, "test")["systems"]["fused"]["mean"]
    found = fusion.score()
    assert found["mean"] == {name: pytest.approx(expected[name]) for name in found["mean"]}
    assert set(found["std"].values()) == {0.0}  # one seed
    assert set(fusion.features[0].deviations) == {"text", "audio", "face"}


def test_without_any_feature_every_utterance_gets_the_prior(small_run: Path) -> None:
    run = read_run(small_run)
    (fusion,) = load_fusions(run, open_run_corpus(run), "test").values()
    found = fusion.score([lambda name, row: FeatureRow(row.key, None, "removed")])
    majority = evaluate(small_run, "test")["systems"]["majority"]["mean"]
    assert found["mean"]["accuracy"] == pytest.approx(majority["accuracy"])


def test_a_run_with_one_modality_cannot_be_tested(small_run: Path) -> None:
    opened = read_run(small_run)
    corpus = open_run_corpus(opened)
    one = opened.config.model_copy(update={"modalities": {"text": opened.config.modalities["text"]}})
    with pytest.raises(RunError, match="one modality only"):
        load_fusions(replace(opened, config=one), corpus, "test")
