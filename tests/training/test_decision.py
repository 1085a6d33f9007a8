import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmerc.training.decision import chosen_share, corrected, corrected_answers

PRIOR = [0.7, 0.2, 0.1]


def test_taking_the_whole_prior_off_leaves_what_the_evidence_says() -> None:
    # 0.7 / 0.7, 0.2 / 0.2, 0.1 / 0.1: an answer that only knows the frequencies says nothing any more.
    assert corrected(np.array([PRIOR]), PRIOR, 1.0)[0].tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3])
    assert corrected(np.array([PRIOR]), PRIOR, 0.0)[0].tolist() == pytest.approx(PRIOR)


def test_a_label_that_was_never_seen_does_not_take_over() -> None:
    assert corrected(np.array([[0.9, 0.1, 0.0]]), [0.9, 0.1, 0.0], 0.5)[0].tolist() == pytest.approx([0.75, 0.25, 0.0])


@given(st.lists(st.floats(0.01, 1), min_size=3, max_size=3), st.floats(-0.3, 1))
def test_what_comes_out_is_a_distribution_and_a_greater_share_never_favours_the_frequent(
    numbers: list[float], share: float
) -> None:
    row = np.array([numbers]) / sum(numbers)
    out = corrected(row, PRIOR, share)
    assert out.sum() == pytest.approx(1) and (out >= 0).all()
    assert corrected(row, PRIOR, share + 0.1)[0, 0] <= out[0, 0] + 1e-12


def answers(*rows: list[float]) -> dict[tuple[str, str, str], list[float]]:
    return {("dev", "0", str(number)): row for number, row in enumerate(rows)}


def test_the_share_that_dev_likes_best() -> None:
    timid = answers([0.8, 0.1, 0.1], [0.5, 0.4, 0.1], [0.5, 0.1, 0.4])
    labels = {key: label for key, label in zip(timid, [0, 1, 2], strict=True)}
    share = chosen_share(timid, labels, PRIOR)
    assert share == 0.2  # the least at which all three are right: 0.4 / 0.2^s > 0.5 / 0.7^s from s = 0.18 on
    fixed = corrected_answers(timid, PRIOR, share)
    assert [int(np.argmax(row)) for row in fixed.values()] == [0, 1, 2]
    assert chosen_share(timid, {key: 0 for key in timid}, PRIOR) == 0.0
    assert chosen_share(timid, {}, PRIOR) == 0.0
    assert corrected_answers({}, PRIOR, 0.3) == {}
