import numpy as np
import pytest

from mmerc.evaluation.confidence import measure_confidence, measure_sets
from mmerc.evaluation.metrics import calibration_error
from mmerc.model.conformal import ANY, ConformalSets, ScoreQuantiles


def binary(first: list[float]) -> np.ndarray:
    return np.stack([np.asarray(first), 1 - np.asarray(first)], 1)


def test_the_confident_predictions_are_answered_first() -> None:
    found = measure_confidence([0, 0, 1, 1], [binary([0.9, 0.8, 0.7, 0.4])])["selective"]
    assert found["accuracy"]["0.5"] == 1.0 and found["accuracy"]["0.7"] == pytest.approx(2 / 3)
    assert found["accuracy"]["1.0"] == pytest.approx(0.75)
    assert found["area"] == pytest.approx((1 + 1 + 2 / 3 + 3 / 4) / 4)


def test_equal_confidences_have_no_order() -> None:
    one, other = (measure_confidence(labels, [binary([0.8] * 4)]) for labels in ([0, 0, 1, 1], [1, 1, 0, 0]))
    assert one == other
    assert set(one["selective"]["accuracy"].values()) == {0.5}


def test_seeds_are_averaged_in_the_curve_and_pooled_in_the_bins() -> None:
    found = measure_confidence([0, 0], [binary([0.9, 0.9]), binary([0.1, 0.1])])
    assert found["selective"]["accuracy"]["1.0"] == 0.5
    assert found["reliability"] == [{"count": 4, "confidence": pytest.approx(0.9), "accuracy": 0.5}]


def test_the_bins_are_those_of_the_calibration_error() -> None:
    rng = np.random.default_rng(0)
    probabilities, labels = rng.dirichlet([1, 1, 1], 200), rng.integers(0, 3, 200).tolist()
    bins = measure_confidence(labels, [probabilities])["reliability"]
    gaps = sum(each["count"] * abs(each["confidence"] - each["accuracy"]) for each in bins) / 200
    assert gaps == pytest.approx(calibration_error(labels, probabilities))


def test_sets_are_counted_by_hand() -> None:
    sets = ConformalSets({ANY: ScoreQuantiles.fit(np.full(20, 0.3))})  # a label with a probability of 0.7 is in the set
    probabilities = binary([0.9, 0.8, 0.5, 0.5])
    read = [["text"], ["text"], ["text"], []]
    found = measure_sets([0, 1, 1, 1], [(sets, probabilities, read)], [0.9])["0.9"]
    # {0} holds 0; {0} does not hold 1; the empty set gets label 0, which is wrong; nothing was read: all labels
    assert found == {"coverage": 0.5, "size": 1.25, "certain": 0.5, "certain_accuracy": 0.5}
    nothing = measure_sets([0], [(sets, probabilities[:1], [[]])], [0.9])["0.9"]
    assert nothing == {"coverage": 1.0, "size": 2.0, "certain": 0.0, "certain_accuracy": 0.0}
