import numpy as np
import pytest

from mmerc.model.log_linear import LogLinear, Part, ScaledLikelihood
from mmerc.model.tuning import compare_on_folds, compute_loss, fit_weights

FLAT = ScaledLikelihood(1.0, (0.0, 0.0))


@pytest.fixture
def combination() -> LogLinear:
    names = ("text", "audio")
    return LogLinear(("anger", "joy"), (0.5, 0.5), {name: Part(("anger", "joy"), FLAT) for name in names})


def draw(count: int, seed: int, *, audio: float) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Evidence of the text that holds as it is, and of the audio that is scaled by `audio`: 0 is pure noise."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(2, size=count)
    text = 2 * (2 * np.eye(2)[labels] + rng.normal(size=(count, 2)))
    return {"text": text, "audio": 2 * (2 * audio * np.eye(2)[labels] + rng.normal(size=(count, 2)))}, labels


def test_a_modality_that_knows_nothing_loses_its_weight(combination: LogLinear) -> None:
    evidence, labels = draw(500, 0, audio=0)
    tuned = fit_weights(combination, evidence, labels)
    assert tuned.parts["audio"].weight < 0.15 < 0.8 < tuned.parts["text"].weight / tuned.temperature
    assert compute_loss(tuned, *draw(500, 1, audio=0)) < compute_loss(combination, *draw(500, 1, audio=0))


def test_a_modality_that_is_not_in_the_set_keeps_its_weight(combination: LogLinear) -> None:
    evidence, labels = draw(100, 0, audio=1)
    assert fit_weights(combination, {"text": evidence["text"]}, labels).parts["audio"].weight == 1.0


def test_folds_tell_whether_tuning_pays(combination: LogLinear) -> None:
    evidence, labels = draw(300, 0, audio=0)
    losses = compare_on_folds(combination, evidence, labels, np.arange(300) // 10)
    assert losses["tuned"] < losses["default"]
    one_dialogue = compare_on_folds(combination, evidence, labels, np.zeros(300, int))
    assert one_dialogue["default"] == pytest.approx(losses["default"])
