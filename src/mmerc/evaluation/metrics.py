"""The metrics that papers report, all from one confusion matrix.

`f1_weighted` is the support-weighted mean of the per-class F1, which scikit-learn and the field call weighted F1.
`f1_of_weighted_pr` is the harmonic mean of weighted precision and weighted recall, which the paper prints as
"Weighted Avg. F1". They differ by a point or more and must not be compared with each other (reading note 1).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from sklearn.metrics import confusion_matrix

MAIN_METRICS = ("accuracy", "balanced_accuracy", "f1_weighted")  # in tables with little room
BINS = 15  # of confidence, for the expected calibration error
RESAMPLES = 1000  # of the bootstrap


def count_confusions(labels: Sequence[int], predicted: Sequence[int], num_classes: int) -> Int[np.ndarray, "C C"]:
    """The confusion matrix: a row for each true class, a column for each predicted class."""
    return np.asarray(confusion_matrix(labels, predicted, labels=range(num_classes)))


def compute_per_class(matrix: Int[np.ndarray, "*R C C"]) -> dict[str, Float[np.ndarray, "*R C"]]:
    """Precision, recall, F1 and support of each class; 0 where the denominator is 0."""
    hits = np.diagonal(matrix, axis1=-2, axis2=-1).astype(float)
    support, predicted = matrix.sum(-1).astype(float), matrix.sum(-2).astype(float)
    precision, recall = _ratio(hits, predicted), _ratio(hits, support)
    return {
        "precision": precision,
        "recall": recall,
        "f1": _ratio(2 * precision * recall, precision + recall),
        "support": support,
    }


def compute_summary(matrix: Int[np.ndarray, "*R C C"]) -> dict[str, Float[np.ndarray, "*R"]]:
    """The metrics of a confusion matrix, or of each of a stack of R (paper, Eq. 17-21, for any number of num_classes).

    >>> {name: float(value.round(3)) for name, value in compute_summary(np.array([[3, 1], [2, 4]])).items()}["accuracy"]
    0.7
    """
    each = compute_per_class(matrix)
    share = _ratio(each["support"], each["support"].sum(-1, keepdims=True))
    precision, recall = (each["precision"] * share).sum(-1), (each["recall"] * share).sum(-1)
    occurs = each["support"] > 0
    seen = occurs | (matrix.sum(-2) > 0)  # macro F1 is over every class that is true or predicted somewhere
    found = {
        "accuracy": recall,  # the trace over the total is the recall weighted by support
        "balanced_accuracy": _ratio(each["recall"].sum(-1), occurs.sum(-1).astype(float)),
        "f1_weighted": (each["f1"] * share).sum(-1),
        "f1_macro": _ratio(each["f1"].sum(-1), seen.sum(-1).astype(float)),
        "f1_of_weighted_pr": _ratio(2 * precision * recall, precision + recall),
        "precision_weighted": precision,
        "recall_weighted": recall,
    }
    return {name: np.asarray(value) for name, value in found.items()}


def _ratio(numerator: Any, denominator: Any) -> np.ndarray:
    top, bottom = np.asarray(numerator, float), np.asarray(denominator, float)
    out = np.zeros(np.broadcast_shapes(top.shape, bottom.shape))
    np.divide(top, bottom, out=out, where=bottom > 0)
    return out


def bootstrap_intervals(
    labels: Int[np.ndarray, " N"],
    predicted: Int[np.ndarray, "S N"],
    num_classes: int,
    *,
    groups: Int[np.ndarray, " N"] | None = None,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """The 95 % bootstrap interval of the mean of each metric over the S seeds.

    Groups are resampled with replacement, the same ones for every seed. `groups`: the group of each utterance, from 0; by
    default each utterance is a group. Utterances of one speaker are not independent: with speakers as groups the interval has
    the width that new speakers would show (cluster bootstrap; Field and Welsh 2007).
    """
    rng = np.random.default_rng(seed)
    members = np.arange(len(labels)) if groups is None else groups
    num_groups = int(members.max(initial=-1)) + 1
    codes = labels * num_classes + predicted  # [S, N], the cell of the confusion matrix of each utterance
    matrices = np.empty((RESAMPLES, len(predicted), num_classes, num_classes), np.int64)
    for draw in range(RESAMPLES):
        times = np.bincount(rng.integers(num_groups, size=num_groups), minlength=num_groups)[members]  # [N]
        for number, row in enumerate(codes):
            cells = np.bincount(row, weights=times, minlength=num_classes * num_classes)
            matrices[draw, number] = cells.reshape(num_classes, num_classes)
    values = {name: value.mean(1) for name, value in compute_summary(matrices).items()}
    return {
        name: (float(np.quantile(value, 0.025)), float(np.quantile(value, 0.975))) for name, value in values.items()
    }


def draw_weights(groups: Int[np.ndarray, " N"], resamples: int, seed: int = 0) -> Int[np.ndarray, "R N"]:
    """How often each utterance is in each bootstrap resample of the groups, which are numbered from 0."""
    count = int(groups.max(initial=-1)) + 1
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / max(1, count)), size=resamples)
    return np.asarray(drawn[:, groups])


def calibration_error(labels: Sequence[int], probabilities: Float[np.ndarray, "N C"]) -> float:
    """The expected calibration error (Guo et al. 2017): the difference between mean confidence and accuracy in each of 15 equal
    bins of confidence, averaged over the bins with the number of their utterances as weight.

    >>> calibration_error([0, 0, 1, 1], np.array([[0.75, 0.25]] * 4))
    0.25
    """
    confidence, is_right = probabilities.max(1), probabilities.argmax(1) == np.asarray(labels)
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = (abs(confidence[bins == number].sum() - is_right[bins == number].sum()) for number in range(BINS))
    return float(sum(gaps) / len(is_right))


def summarise_seeds(metrics: Mapping[str, Float[np.ndarray, " S"]]) -> dict[str, dict[str, float]]:
    """The mean and the standard deviation of each metric over the seeds, or over folds; the deviation is 0 for one."""
    return {
        "mean": {name: float(value.mean()) for name, value in metrics.items()},
        "std": {name: float(value.std(ddof=min(1, len(value) - 1))) for name, value in metrics.items()},
    }


def score(
    labels: Sequence[int],
    predicted: Sequence[Sequence[int]],
    names: Sequence[str],
    *,
    groups: Sequence[int] | None = None,
) -> dict[str, Any]:
    """All metrics of one system. `predicted`: the predicted labels [N] of each seed. `groups`: see `bootstrap_intervals`.

    The result has `mean`, `std` (over seeds; 0 for one) and `interval` of every metric, `seeds` with the metrics of each,
    `per_class` means over seeds, and the `confusion` matrix summed over seeds.
    """
    matrices = np.stack([count_confusions(labels, each, len(names)) for each in predicted])  # [S, C, C]
    per_class, metrics = compute_per_class(matrices), compute_summary(matrices)
    intervals = bootstrap_intervals(
        np.asarray(labels),
        np.asarray(predicted),
        len(names),
        groups=None if groups is None else np.asarray(groups),
    )
    return {
        "utterances": len(labels),
        "seeds": [{name: float(value[seed]) for name, value in metrics.items()} for seed in range(len(predicted))],
        **summarise_seeds(metrics),
        "interval": {name: list(pair) for name, pair in intervals.items()},
        "per_class": {
            name: {key: float(value[:, index].mean()) for key, value in per_class.items()}
            for index, name in enumerate(names)
        },
        "confusion": matrices.sum(0).tolist(),
    }
