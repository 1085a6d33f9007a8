"""What is made of the networks' probabilities, in two numbers that dev chooses.

A network that is unsure says what is frequent. How much of that to undo is the `share` of each label's frequency that is
taken off, chosen by `f1_weighted` (threshold moving; Menon et al. 2021 for the logarithmic form). And it is surer of itself
than it is right: all probabilities are brought closer together by a `temperature`, chosen by their likelihood (Guo et al.
2017), which changes no emotion.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize_scalar
from sklearn.metrics import f1_score

from mmerc.corpora import Key

FUSED = "fused"  # the name of the fused answers among those of the modalities
SHARES = (0.0, 0.1, -0.1, 0.2, -0.2, 0.3, -0.3, 0.4, 0.5, 0.6)  # of two that are equal the smaller change wins
TEMPERATURES = (0.25, 10.0)
RAREST = 1e-3  # what a label that training never had counts for
LEAST = 1e-12  # a probability of 0 has no logarithm
Answers = dict[Key, list[float]]
Probabilities = Float[np.ndarray, "N C"]


@dataclass(frozen=True)
class Decision:
    """What is done to probabilities before they are shown; as it stands here, nothing."""

    share: float = 0.0
    temperature: float = 1.0

    @classmethod
    def chosen(
        cls, answers: Mapping[Key, Sequence[float]], labels: Mapping[Key, int], prior: Sequence[float]
    ) -> "Decision":
        """The one that is best for these answers; nothing is done where none is labelled."""
        keys = [key for key in answers if key in labels]
        if not keys:
            return cls()
        truth = np.asarray([labels[key] for key in keys])
        rows = np.asarray([answers[key] for key in keys], np.float64)

        def score(share: float) -> float:
            return float(f1_score(truth, corrected(rows, prior, share).argmax(1), average="weighted", zero_division=0))

        share = max(SHARES, key=score)
        shifted = corrected(rows, prior, share)
        return cls(share, best_temperature(shifted, truth))

    def applied(self, answers: Mapping[Key, Sequence[float]], prior: Sequence[float]) -> Answers:
        """The answers as they are shown."""
        if not answers or self == Decision():
            return {key: list(p) for key, p in answers.items()}
        rows = corrected(np.asarray(list(answers.values()), np.float64), prior, self.share)
        return dict(zip(answers, tempered(rows, self.temperature).tolist(), strict=True))


def corrected(probabilities: Probabilities, prior: Sequence[float], share: float) -> Probabilities:
    """The probabilities divided by `prior ** share`, and made to sum to 1 again.

    >>> corrected(np.array([[0.6, 0.4]]), [0.8, 0.2], 1.0).round(3).tolist()
    [[0.273, 0.727]]
    """
    weighted = probabilities / np.maximum(prior, RAREST) ** share
    return weighted / weighted.sum(1, keepdims=True)


def tempered(probabilities: Probabilities, temperature: float) -> Probabilities:
    """The probabilities to the power 1 / temperature, and made to sum to 1 again.

    >>> tempered(np.array([[0.8, 0.2]]), 2.0).round(3).tolist()
    [[0.667, 0.333]]
    """
    raised = np.maximum(probabilities, LEAST) ** (1 / temperature)
    return raised / raised.sum(1, keepdims=True)


def best_temperature(probabilities: Probabilities, labels: np.ndarray) -> float:
    """The temperature under which the labels are likeliest, between 0.25 and 10."""

    def surprise(logarithm: float) -> float:
        rows = tempered(probabilities, float(np.exp(logarithm)))
        return float(-np.log(rows[np.arange(len(labels)), labels]).mean())

    low, high = np.log(TEMPERATURES)
    return float(np.exp(minimize_scalar(surprise, bounds=(low, high), method="bounded").x))
