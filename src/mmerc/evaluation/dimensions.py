"""How well continuous dimensions, such as valence, are predicted: CCC, Pearson's correlation and RMSE, with intervals.

The concordance correlation coefficient (CCC; Lin 1989) is Pearson's correlation, lowered where the predictions have another mean
or another spread than the ratings. Papers on valence and arousal report it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from mmerc.corpora import Utterance
from mmerc.evaluation.metrics import RESAMPLES, draw_weights, summarise_seeds

METRICS = ("ccc", "pearson", "rmse")


def measure_dimensions(
    names: Sequence[str],
    utterances: Sequence[Utterance],
    seeds: Sequence[Sequence[Mapping[str, float] | None]],
    *,
    groups: Sequence[int] | None = None,
) -> dict[str, Any]:
    """The metrics of each dimension that two or more of the utterances have a rating of.

    `seeds`: the predicted dimensions of each utterance, for each seed. `groups`: see `metrics.bootstrap_intervals`. The result
    has for each dimension `utterances`, `mean` and `std` over the seeds, and the 95 % bootstrap `interval` of the mean.
    """
    found = {}
    for name in names:
        rated = [index for index, each in enumerate(utterances) if name in each.dimensions]
        if len(rated) < 2:
            continue
        truth = np.asarray([utterances[index].dimensions[name] for index in rated], float)
        predicted = np.asarray([[(seed[index] or {})[name] for index in rated] for seed in seeds], float)  # [S, N]
        own = np.arange(len(rated)) if groups is None else np.unique([groups[i] for i in rated], return_inverse=True)[1]
        metrics = compute_metrics(truth, predicted, np.ones((1, len(rated))))  # [S, 1] each
        drawn = compute_metrics(truth, predicted, draw_weights(own, RESAMPLES))  # [S, R] each
        found[name] = {
            "utterances": len(rated),
            **summarise_seeds({metric: value[:, 0] for metric, value in metrics.items()}),
            "interval": {
                metric: [float(np.quantile(value.mean(0), share)) for share in (0.025, 0.975)]
                for metric, value in drawn.items()
            },
        }
    return found


def compute_metrics(
    truth: Float[np.ndarray, " N"],
    predicted: Float[np.ndarray, "S N"],
    weights: Float[np.ndarray, "R N"] | Int[np.ndarray, "R N"],
) -> dict[str, Float[np.ndarray, "S R"]]:
    """The metrics of each seed, with each row of weights of the utterances; 0 where one of the two does not vary.

    >>> found = compute_metrics(np.array([1.0, 2.0, 3.0]), np.array([[2.0, 3.0, 4.0]]), np.ones((1, 3)))
    >>> {name: round(float(value[0, 0]), 3) for name, value in found.items()}
    {'ccc': 0.571, 'pearson': 1.0, 'rmse': 1.0}
    """
    shares = weights / weights.sum(1, keepdims=True)  # [R, N]
    # Centred first: the variance is a difference of two means, which would lose digits otherwise.
    center = truth.mean()
    x, y = truth - center, predicted - center  # [N], [S, N]
    mean_x, mean_y = shares @ x, y @ shares.T  # [R], [S, R]
    variance_x, variance_y = shares @ x**2 - mean_x**2, y**2 @ shares.T - mean_y**2
    covariance = (y * x) @ shares.T - mean_x * mean_y  # [S, R]
    spread = np.sqrt(np.maximum(variance_x * variance_y, 0))
    total = variance_x + variance_y + (mean_x - mean_y) ** 2
    return {
        "ccc": np.divide(2 * covariance, total, out=np.zeros_like(total), where=total > 1e-12),
        "pearson": np.divide(covariance, spread, out=np.zeros_like(spread), where=spread > 1e-12),
        "rmse": np.sqrt((y - x) ** 2 @ shares.T),
    }
