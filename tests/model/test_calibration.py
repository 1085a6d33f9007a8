import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmerc.model.calibration import Calibration, divide_by_prior, fit_temperature, scale_by_temperature

PRIOR = [0.7, 0.2, 0.1]


def test_taking_the_whole_prior_off_leaves_what_the_evidence_says() -> None:
    # 0.7 / 0.7, 0.2 / 0.2, 0.1 / 0.1: an answer that only knows the frequencies says nothing any more.
    assert divide_by_prior(np.array([PRIOR]), PRIOR, 1.0)[0].tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3])
    assert divide_by_prior(np.array([PRIOR]), PRIOR, 0.0)[0].tolist() == pytest.approx(PRIOR)


def test_a_label_that_was_never_seen_does_not_take_over() -> None:
    assert divide_by_prior(np.array([[0.9, 0.1, 0.0]]), [0.9, 0.1, 0.0], 0.5)[0].tolist() == pytest.approx(
        [0.75, 0.25, 0.0]
    )


@given(st.lists(st.floats(0.01, 1), min_size=3, max_size=3), st.floats(-0.3, 1))
def test_the_result_is_a_distribution_and_a_larger_weight_never_favours_frequent_labels(
    numbers: list[float], share: float
) -> None:
    row = np.array([numbers]) / sum(numbers)
    out = divide_by_prior(row, PRIOR, share)
    assert out.sum() == pytest.approx(1) and (out >= 0).all()
    assert divide_by_prior(row, PRIOR, share + 0.1)[0, 0] <= out[0, 0] + 1e-12


def answers(*rows: list[float]) -> dict[tuple[str, str, str], list[float]]:
    return {("dev", "0", str(number)): row for number, row in enumerate(rows)}


def test_the_share_that_dev_likes_best() -> None:
    timid = answers([0.8, 0.1, 0.1], [0.5, 0.4, 0.1], [0.5, 0.1, 0.4])
    labels = {key: label for key, label in zip(timid, [0, 1, 2], strict=True)}
    decision = Calibration.fit(timid, labels, PRIOR)
    assert (
        decision.prior_weight == 0.2
    )  # the least at which all three are right: 0.4 / 0.2^s > 0.5 / 0.7^s from s = 0.18 on
    fixed = decision.apply(timid, PRIOR)
    assert [int(np.argmax(row)) for row in fixed.values()] == [0, 1, 2]
    assert Calibration.fit(timid, {key: 0 for key in timid}, PRIOR).prior_weight == 0.0
    assert Calibration.fit(timid, {}, PRIOR) == Calibration()
    assert decision.apply({}, PRIOR) == {}


def test_nothing_is_done_where_nothing_was_chosen() -> None:
    rows = answers([0.8, 0.1, 0.1])
    assert Calibration().apply(rows, PRIOR) == rows


def test_the_temperature_makes_confidence_what_it_is_worth() -> None:
    sure = np.array([[0.99, 0.01]] * 10)  # but right in 8 of 10: 0.99 ** (1 / T) must become 4 times 0.01 ** (1 / T)
    labels = np.array([0] * 8 + [1] * 2)
    temperature = fit_temperature(sure, labels)
    assert temperature == pytest.approx(np.log(99) / np.log(4), abs=0.01)
    assert scale_by_temperature(sure, temperature)[0].tolist() == pytest.approx([0.8, 0.2], abs=0.001)
    assert fit_temperature(np.array([[0.6, 0.4]] * 4), np.zeros(4, int)) == pytest.approx(0.25, abs=0.01)  # its bound


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3).filter(lambda row: sum(row) > 0.1), st.floats(0.25, 10))
def test_no_temperature_changes_the_emotion(numbers: list[float], temperature: float) -> None:
    row = np.array([numbers]) / sum(numbers)
    out = scale_by_temperature(row, temperature)
    assert out.sum() == pytest.approx(1)
    assert out[0, row.argmax()] == pytest.approx(out.max())
