import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from mmerc.evaluation.metrics import bootstrap_intervals, compute_per_class, compute_summary, count_confusions, score
from mmerc.evaluation.published import SUPPORT, TABLE_1, TABLE_2


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60))
@settings(deadline=None, max_examples=60)
def test_every_number_is_scikit_learns(pairs: list[tuple[int, int]]) -> None:
    labels, predicted = [list(part) for part in zip(*pairs, strict=True)]
    found = {name: float(value) for name, value in compute_summary(count_confusions(labels, predicted, 4)).items()}
    options = {"average": "weighted", "zero_division": 0}
    precision, recall, f1, _ = sk.precision_recall_fscore_support(labels, predicted, **options)
    present = sorted(set(labels))
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(labels, predicted))
    assert found["balanced_accuracy"] == pytest.approx(
        sk.recall_score(labels, predicted, labels=present, average="macro")
    )
    assert (found["precision_weighted"], found["recall_weighted"]) == pytest.approx((precision, recall))
    assert found["f1_weighted"] == pytest.approx(f1)


def test_the_two_f1_of_the_paper_differ() -> None:
    """From the paper's own Table 1: what it prints is the harmonic mean, the mean of its F1 column is another number."""
    for name in ("fused", "text", "audio", "face"):
        rows = TABLE_1[name]
        weights = np.array([SUPPORT[label] for label in rows]) / sum(SUPPORT.values())
        precision, recall, f1 = (float(weights @ np.array([row[part] for row in rows.values()])) for part in range(3))
        assert 2 * precision * recall / (precision + recall) == pytest.approx(
            TABLE_2[name]["f1_of_weighted_pr"], abs=0.15
        )
        assert f1 == pytest.approx(TABLE_2[name]["f1_weighted"], abs=0.1)


def test_a_matrix_by_hand() -> None:
    matrix = np.array([[8, 2, 0], [4, 4, 2], [0, 0, 0]])  # nothing is of the third class
    each, whole = compute_per_class(matrix), compute_summary(matrix)
    assert each["precision"].tolist() == pytest.approx([8 / 12, 4 / 6, 0])
    assert each["recall"].tolist() == pytest.approx([0.8, 0.4, 0])
    assert float(whole["accuracy"]) == pytest.approx(0.6)
    assert float(whole["balanced_accuracy"]) == pytest.approx(0.6)
    assert float(whole["f1_weighted"]) == pytest.approx((8 / 11 + 0.5) / 2)


def test_seeds_give_mean_and_deviation_and_an_interval() -> None:
    labels = [0, 1] * 50
    good, bad = labels.copy(), [0] * 100
    result = score(labels, [good, bad], ["no", "yes"])
    assert result["mean"]["accuracy"] == pytest.approx(0.75)
    assert result["std"]["accuracy"] == pytest.approx(np.std([1.0, 0.5], ddof=1))
    low, high = result["interval"]["accuracy"]
    assert 0.68 < low < 0.75 < high < 0.82
    assert result["confusion"] == [[100, 0], [50, 50]]
    assert score(labels, [good], ["no", "yes"])["std"]["accuracy"] == 0.0


def test_the_interval_is_the_binomials() -> None:
    predicted = np.zeros((1, 400), int)
    labels = np.array([0] * 300 + [1] * 100)
    low, high = bootstrap_intervals(labels, predicted, 2)["accuracy"]
    assert (low, high) == pytest.approx(
        (0.75 - 1.96 * (0.75 * 0.25 / 400) ** 0.5, 0.75 + 1.96 * (0.75 * 0.25 / 400) ** 0.5), abs=0.01
    )


def test_groups_are_resampled_as_a_whole() -> None:
    labels, groups = np.zeros(400, int), np.arange(400) // 40
    predicted = (groups < 5).astype(int)[None]  # half of the ten speakers are always right
    alone = bootstrap_intervals(labels, predicted, 2)["accuracy"]
    low, high = bootstrap_intervals(labels, predicted, 2, groups=groups)["accuracy"]
    assert alone == pytest.approx((0.45, 0.55), abs=0.01)
    assert (low, high) == (0.2, 0.8)  # the quantiles of a binomial distribution of ten draws
    assert bootstrap_intervals(labels, predicted, 2, groups=np.arange(400))["accuracy"] == alone
    assert score(labels.tolist(), predicted.tolist(), ["a", "b"], groups=groups.tolist())["interval"]["accuracy"] == [
        low, high,
    ]  # fmt: skip
