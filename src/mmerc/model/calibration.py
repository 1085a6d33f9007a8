"""Calibration of probabilities by two numbers that are chosen on the dev split.

A network that is unsure favours frequent labels. Its probabilities are divided by `prior ** prior_weight`; the weight with the best
weighted F1 is chosen (threshold moving; Menon et al. 2021 give the logarithmic form). A network is
also more confident than it is accurate: `temperature` scales its log-probabilities and is chosen by likelihood (Guo et al.
2017); it changes no predicted label.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mmerc.corpora import Key

PRIOR_WEIGHTS = (0.0, 0.1, -0.1, 0.2, -0.2, 0.3, -0.3, 0.4, 0.5, 0.6)  # the smallest change first: it wins a tie
TEMPERATURES = (0.25, 10.0)
MIN_PRIOR = 1e-3  # prior of a label that does not occur in training
MIN_PROBABILITY = 1e-12  # a probability of 0 has no logarithm
ProbabilitiesByKey = dict[Key, list[float]]
Probabilities = Float[np.ndarray, "N C"]


@dataclass(frozen=True)
class Calibration:
    """What is applied to the probabilities of a network; the default changes nothing."""

    prior_weight: float = 0.0
    temperature: float = 1.0

    @classmethod
    def fit(
        cls, probabilities: Mapping[Key, Sequence[float]], labels: Mapping[Key, int], prior: Sequence[float]
    ) -> "Calibration":
        """The best calibration for these probabilities; the default where no key has a label."""
        keys = [key for key in probabilities if key in labels]
        if not keys:
            return cls()
        from sklearn.metrics import f1_score  # imported here: applying a calibration needs no library

        truth = np.asarray([labels[key] for key in keys])
        rows = np.asarray([probabilities[key] for key in keys], np.float64)

        def score(weight: float) -> float:
            predicted = divide_by_prior(rows, prior, weight).argmax(1)
            return float(f1_score(truth, predicted, average="weighted", zero_division=0))

        weight = max(PRIOR_WEIGHTS, key=score)
        return cls(weight, fit_temperature(divide_by_prior(rows, prior, weight), truth))

    def apply(self, probabilities: Mapping[Key, Sequence[float]], prior: Sequence[float]) -> ProbabilitiesByKey:
        """The calibrated probabilities of each key."""
        if not probabilities or self == Calibration():
            return {key: list(p) for key, p in probabilities.items()}
        rows = divide_by_prior(np.asarray(list(probabilities.values()), np.float64), prior, self.prior_weight)
        return dict(zip(probabilities, scale_by_temperature(rows, self.temperature).tolist(), strict=True))


def divide_by_prior(probabilities: Probabilities, prior: Sequence[float], weight: float) -> Probabilities:
    """The probabilities divided by `prior ** weight` and normalised.

    >>> divide_by_prior(np.array([[0.6, 0.4]]), [0.8, 0.2], 1.0).round(3).tolist()
    [[0.273, 0.727]]
    """
    weighted: Probabilities = probabilities / np.maximum(prior, MIN_PRIOR) ** weight
    return np.asarray(weighted / weighted.sum(1, keepdims=True))


def scale_by_temperature(probabilities: Probabilities, temperature: float) -> Probabilities:
    """The probabilities to the power `1 / temperature`, normalised.

    >>> scale_by_temperature(np.array([[0.8, 0.2]]), 2.0).round(3).tolist()
    [[0.667, 0.333]]
    """
    raised: Probabilities = np.maximum(probabilities, MIN_PROBABILITY) ** (1 / temperature)
    return np.asarray(raised / raised.sum(1, keepdims=True))


def fit_temperature(probabilities: Probabilities, labels: np.ndarray) -> float:
    """The temperature between 0.25 and 10 with the largest likelihood of the labels [N]."""
    from scipy.optimize import minimize_scalar

    def negative_log_likelihood(log_temperature: float) -> float:
        rows = scale_by_temperature(probabilities, float(np.exp(log_temperature)))
        return float(-np.log(rows[np.arange(len(labels)), labels]).mean())

    low, high = np.log(TEMPERATURES)
    return float(np.exp(minimize_scalar(negative_log_likelihood, bounds=(low, high), method="bounded").x))
