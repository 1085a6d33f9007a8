import numpy as np
import pytest

from mmerc.corpora import Utterance
from mmerc.evaluation.dimensions import compute_metrics, measure_dimensions


def test_metrics_are_those_of_their_definitions() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(1000, 2, 50), rng.normal(1001, 1, 50)
    found = compute_metrics(x, y[None], np.ones((1, 50)))
    covariance = np.mean((x - x.mean()) * (y - y.mean()))
    assert found["pearson"][0, 0] == pytest.approx(np.corrcoef(x, y)[0, 1])
    assert found["ccc"][0, 0] == pytest.approx(2 * covariance / (x.var() + y.var() + (x.mean() - y.mean()) ** 2))
    assert found["rmse"][0, 0] == pytest.approx(np.sqrt(np.mean((x - y) ** 2)))


def test_constant_predictions_have_no_correlation() -> None:
    found = compute_metrics(np.arange(3.0), np.ones((1, 3)), np.ones((1, 3)))
    assert found["ccc"][0, 0] == 0 and found["pearson"][0, 0] == 0


def test_only_rated_utterances_count_and_groups_widen_the_interval() -> None:
    values = [1.0, 1.1, 5.0, 5.1, 3.0, 3.1]
    rated = [Utterance("test", 0, number, dimensions={"valence": value}) for number, value in enumerate(values)]
    seed = [{"valence": value + (0.5 if number < 2 else 0)} for number, value in enumerate(values)]
    utterances, predicted = [*rated, Utterance("test", 0, 9)], [[*seed, None]]
    found = measure_dimensions(["valence", "arousal"], utterances, predicted)
    grouped = measure_dimensions(["valence"], utterances, predicted, groups=[0, 0, 1, 1, 2, 2, 3])
    assert list(found) == ["valence"] and found["valence"]["utterances"] == 6
    low, high = found["valence"]["interval"]["rmse"]
    assert low < found["valence"]["mean"]["rmse"] < high
    assert np.ptp(grouped["valence"]["interval"]["rmse"]) > high - low
