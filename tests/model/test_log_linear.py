from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from mmerc.features import FeatureRow
from mmerc.model.log_linear import LogLinear, Part, ScaledLikelihood

LABELS = ("anger", "joy", "sadness")
FLAT = ScaledLikelihood(1.0, (0.0, 0.0, 0.0))
KEY = ("live", "0", "0")


def make_row(logits: list[float] | None) -> FeatureRow:
    values = None if logits is None else np.zeros((1, 2), np.float32)
    return FeatureRow(
        KEY, values, None if logits is not None else "left out", {} if logits is None else {"logits": logits}
    )


def predict(combination: LogLinear, **logits: list[float] | None) -> list[float]:
    return combination.predict({name: {KEY: make_row(each)} for name, each in logits.items()}, [KEY])[KEY]


def make_combination(**weights: float) -> LogLinear:
    parts = {name: Part(LABELS, FLAT, weight) for name, weight in weights.items()}
    return LogLinear(LABELS, (0.2, 0.5, 0.3), parts)


def test_independent_evidence_multiplies() -> None:
    text, audio = [0.6, 0.3, 0.1], [0.5, 0.1, 0.4]
    expected = np.array([0.2 * 0.6 * 0.5, 0.5 * 0.3 * 0.1, 0.3 * 0.1 * 0.4])
    found = predict(make_combination(text=1, audio=1), text=np.log(text).tolist(), audio=np.log(audio).tolist())
    assert found == pytest.approx((expected / expected.sum()).tolist())


def test_a_missing_modality_drops_out_exactly() -> None:
    alone = predict(make_combination(text=0.7), text=[0.4, 0.1, -1.0])
    assert predict(make_combination(text=0.7, audio=1.3), text=[0.4, 0.1, -1.0], audio=None) == alone


def test_an_utterance_without_a_modality_has_no_prediction() -> None:
    assert make_combination(text=1).predict({"text": {KEY: make_row(None)}}, [KEY]) == {}


def test_a_network_that_knows_nothing_leaves_the_prior() -> None:
    assert predict(make_combination(text=1), text=[2.0, 2.0, 2.0]) == pytest.approx([0.2, 0.5, 0.3])
    assert predict(make_combination(text=0), text=[9.0, 0.0, 0.0]) == pytest.approx([0.2, 0.5, 0.3])


def test_a_label_that_a_network_lacks_is_left_to_the_others() -> None:
    part = Part(("joy", "anger", None), FLAT)  # its third label was never seen in training; it lacks sadness
    combination = LogLinear(LABELS, (0.2, 0.5, 0.3), {"audio": part})
    anger, joy, sadness = predict(combination, audio=[3.0, 1.0, 8.0])
    assert sadness == pytest.approx(0.3)  # as before
    assert joy / anger == pytest.approx(0.5 / 0.2 * np.exp(2.0))


@given(
    st.lists(st.lists(st.floats(-20, 20), min_size=3, max_size=3), min_size=2, max_size=2),
    st.floats(0, 3),
    st.floats(0.3, 4),
)
def test_the_result_is_a_distribution_whatever_the_order(
    logits: list[list[float]], weight: float, temperature: float
) -> None:
    combination = replace(make_combination(text=weight, audio=1.0), temperature=temperature)
    turned = replace(combination, parts=dict(reversed(combination.parts.items())))
    found = predict(combination, text=logits[0], audio=logits[1])
    assert sum(found) == pytest.approx(1) and min(found) >= 0
    assert found == pytest.approx(predict(turned, text=logits[0], audio=logits[1]), abs=1e-9)


def test_the_likelihood_of_an_overconfident_network_is_found() -> None:
    rng = np.random.default_rng(0)
    prior = np.array([0.7, 0.2, 0.1])
    labels = rng.choice(3, size=4000, p=prior)
    scores = 1.5 * np.eye(3)[labels] + rng.normal(size=(4000, 3))  # normal with variance 1: log-ratios are 1.5 * score
    true = 1.5 * scores
    answers = softmax(2 * (true + np.log(prior)), axis=1)  # twice as sure as it should be
    likelihood = ScaledLikelihood.fit(answers, labels, prior.tolist())
    found = likelihood.apply(answers)
    assert likelihood.temperature == pytest.approx(2, rel=0.1)
    differences = (found - found[:, :1]) - (true - true[:, :1])
    assert abs(differences).mean() < 0.15


def test_training_with_adjusted_logits_is_noticed() -> None:
    """The network learned a uniform prior though the label frequencies of training are skewed."""
    rng = np.random.default_rng(1)
    prior = np.array([0.8, 0.2])
    labels = rng.choice(2, size=4000, p=prior)
    true = 2 * (2 * np.eye(2)[labels] + rng.normal(size=(4000, 2)))
    likelihood = ScaledLikelihood.fit(softmax(true, axis=1), labels, prior.tolist())
    assert likelihood.log_prior[0] - likelihood.log_prior[1] == pytest.approx(0, abs=0.2)


def test_a_combination_comes_back_from_json() -> None:
    part = Part(("joy", None), ScaledLikelihood(1.4, (-0.3, -1.2)), 0.6)
    combination = LogLinear(LABELS, (0.2, 0.5, 0.3), {"audio": part}, 1.1)
    assert LogLinear.from_dict(combination.to_dict(), LABELS, [0.2, 0.5, 0.3]) == combination


@pytest.mark.parametrize(
    "change",
    [
        {"temperature": 0.0},
        {"temperature": float("nan")},
        {"labels": ["joy"]},
        {"labels": ["joy", "boredom"]},
        {"labels": [None, None]},
        {"weight": "much"},
    ],
)
def test_impossible_values_are_refused(change: dict[str, object]) -> None:
    part = {"labels": ["joy", "anger"], "weight": 1.0, "temperature": 1.0, "log_prior": [0.0, 0.0]} | change
    with pytest.raises(ValueError):
        LogLinear.from_dict({"temperature": 1.0, "parts": {"text": part}}, LABELS, [0.2, 0.5, 0.3])
