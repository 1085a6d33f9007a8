"""The numbers that papers report, all from one confusion matrix, each under its true name.

`f1_weighted` is the support-weighted mean of the per-class F1: what scikit-learn and the field mean by weighted F1.
`f1_of_weighted_pr` is the harmonic mean of weighted precision and weighted recall: what the paper prints as
"Weighted Avg. F1". The two differ by a point or more and are never compared with each other (reading note 1).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from sklearn.metrics import confusion_matrix

SUMMARY = ("accuracy", "balanced_accuracy", "f1_weighted", "f1_macro", "f1_of_weighted_pr",
           "precision_weighted", "recall_weighted")  # fmt: skip
REPORTED = SUMMARY[:3]  # where there is no room for all
BINS = 15  # of confidence
RESAMPLES = 1000


def confusion(labels: Sequence[int], predicted: Sequence[int], classes: int) -> Int[np.ndarray, "C C"]:
    """Row: what it is; column: what it was taken for."""
    return confusion_matrix(labels, predicted, labels=range(classes))


def by_class(matrix: Int[np.ndarray, "*R C C"]) -> dict[str, Float[np.ndarray, "*R C"]]:
    """Precision, recall, F1 and support of each class; 0 where a quotient has no meaning."""
    hits = np.diagonal(matrix, axis1=-2, axis2=-1).astype(float)
    support, taken = matrix.sum(-1).astype(float), matrix.sum(-2).astype(float)
    precision, recall = _ratio(hits, taken), _ratio(hits, support)
    return {
        "precision": precision,
        "recall": recall,
        "f1": _ratio(2 * precision * recall, precision + recall),
        "support": support,
    }


def summary(matrix: Int[np.ndarray, "*R C C"]) -> dict[str, Float[np.ndarray, "*R"]]:
    """The numbers of a whole matrix, or of each of a stack of them (paper, Eq. 17-21, for seven classes).

    >>> {name: float(value.round(3)) for name, value in summary(np.array([[3, 1], [2, 4]])).items()}["accuracy"]
    0.7
    """
    each = by_class(matrix)
    share = _ratio(each["support"], each["support"].sum(-1, keepdims=True))
    precision, recall = (each["precision"] * share).sum(-1), (each["recall"] * share).sum(-1)
    occurs = each["support"] > 0
    seen = occurs | (matrix.sum(-2) > 0)  # macro F1 is over every class that is true or taken for somewhere
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


def _ratio(above: Any, below: Any) -> np.ndarray:
    above, below = np.asarray(above, float), np.asarray(below, float)
    return np.divide(above, below, out=np.zeros(np.broadcast_shapes(above.shape, below.shape)), where=below > 0)


def intervals(
    labels: Int[np.ndarray, " N"], predicted: Int[np.ndarray, "S N"], classes: int, *, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """The 95 % bootstrap interval of each summary number, of its mean over the S seeds.

    Utterances are drawn with replacement, the same ones for every seed.
    """
    rng = np.random.default_rng(seed)
    codes = labels * classes + predicted  # [S, N], a cell of the confusion matrix each
    matrices = np.empty((RESAMPLES, len(predicted), classes, classes), np.int64)
    for draw in range(RESAMPLES):
        drawn = codes[:, rng.integers(len(labels), size=len(labels))]
        for number, row in enumerate(drawn):
            matrices[draw, number] = np.bincount(row, minlength=classes * classes).reshape(classes, classes)
    values = {name: value.mean(1) for name, value in summary(matrices).items()}
    return {
        name: (float(np.quantile(value, 0.025)), float(np.quantile(value, 0.975))) for name, value in values.items()
    }


def calibration_error(labels: Sequence[int], probabilities: Float[np.ndarray, "N C"]) -> float:
    """How far confidence is from being right: the mean over 15 equal bins of the largest probability of the difference
    between its mean and the accuracy there, weighted by their utterances (expected calibration error, Guo et al. 2017).

    >>> calibration_error([0, 0, 1, 1], np.array([[0.75, 0.25]] * 4))
    0.25
    """
    confidence, right = probabilities.max(1), probabilities.argmax(1) == np.asarray(labels)
    places = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return float(
        sum(abs(confidence[places == place].sum() - right[places == place].sum()) for place in range(BINS)) / len(right)
    )


def score(labels: Sequence[int], predicted: Sequence[Sequence[int]], names: Sequence[str]) -> dict[str, Any]:
    """All there is to say of one system: `predicted` holds one sequence a seed.

    `mean`, `std` (over seeds, 0 for one) and `interval` of every summary number; `per_class` means; `confusion`
    summed over seeds.
    """
    matrices = np.stack([confusion(labels, answers, len(names)) for answers in predicted])  # [S, C, C]
    each, whole = by_class(matrices), summary(matrices)
    spread = 1 if len(predicted) > 1 else 0
    return {
        "utterances": len(labels),
        "seeds": [{name: float(value[seed]) for name, value in whole.items()} for seed in range(len(predicted))],
        "mean": {name: float(value.mean()) for name, value in whole.items()},
        "std": {name: float(value.std(ddof=spread)) for name, value in whole.items()},
        "interval": {
            name: list(pair) for name, pair in intervals(np.asarray(labels), np.asarray(predicted), len(names)).items()
        },
        "per_class": {
            name: {key: float(value[:, place].mean()) for key, value in each.items()}
            for place, name in enumerate(names)
        },
        "confusion": matrices.sum(0).tolist(),
    }
