"""Which emotion is said: the most probable one, after a share of each label's frequency is taken off again.

A network that is unsure says what is frequent. How much of that to undo is one number, chosen on dev by `f1_weighted`
(threshold moving; Menon et al. 2021 for the logarithmic form).
"""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from sklearn.metrics import f1_score

from mmerc.corpora import Key

FUSED = "fused"  # the name of the fused answers among those of the modalities
SHARES = (0.0, 0.1, -0.1, 0.2, -0.2, 0.3, -0.3, 0.4, 0.5, 0.6)  # of two that are equal the smaller change wins
RAREST = 1e-3  # what a label that training never had counts for
Answers = dict[Key, list[float]]


def corrected(
    probabilities: Float[np.ndarray, "N C"], prior: Sequence[float], share: float
) -> Float[np.ndarray, "N C"]:
    """The probabilities divided by `prior ** share`, and made to sum to 1 again.

    >>> corrected(np.array([[0.6, 0.4]]), [0.8, 0.2], 1.0).round(3).tolist()
    [[0.273, 0.727]]
    """
    weighted = probabilities / np.maximum(prior, RAREST) ** share
    return weighted / weighted.sum(1, keepdims=True)


def corrected_answers(answers: Mapping[Key, Sequence[float]], prior: Sequence[float], share: float) -> Answers:
    if not share or not answers:
        return {key: list(p) for key, p in answers.items()}
    rows = corrected(np.asarray(list(answers.values()), np.float64), prior, share)
    return dict(zip(answers, rows.tolist(), strict=True))


def chosen_share(answers: Mapping[Key, Sequence[float]], labels: Mapping[Key, int], prior: Sequence[float]) -> float:
    """The share whose corrected answers have the best `f1_weighted` against the labels; 0 where nothing is labelled."""
    keys = [key for key in answers if key in labels]
    if not keys:
        return 0.0
    truth = [labels[key] for key in keys]
    rows = np.asarray([answers[key] for key in keys], np.float64)
    return max(SHARES, key=lambda share: f1_score(truth, corrected(rows, prior, share).argmax(1), average="weighted"))
