"""How honest the probabilities are: accuracy of the confident predictions, calibration, and coverage of prediction sets."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from mmerc.evaluation.metrics import BINS
from mmerc.model.conformal import ConformalSets

SHARES = tuple(number / 20 for number in range(1, 21))  # of utterances that are answered, in the curve
REPORTED_SHARES = (0.5, 0.7, 0.9, 1.0)
COVERAGES = (0.8, 0.9, 0.95)
Probabilities = Float[np.ndarray, "N C"]


def measure_confidence(labels: Sequence[int], seeds: Sequence[Probabilities]) -> dict[str, Any]:
    """The selective prediction and the reliability of one system from the probabilities of each seed.

    `selective.accuracy`: by the share of utterances that are answered, the most confident first, the mean over seeds.
    `selective.area`: the mean accuracy over all shares (one minus the area under the risk-coverage curve). `reliability`: for
    each of 15 equal bins of confidence, `count`, mean `confidence` and `accuracy`, over all seeds together.
    """
    confidence = np.stack([each.max(1) for each in seeds])  # [S, N]
    is_right = np.stack([each.argmax(1) == np.asarray(labels) for each in seeds])  # [S, N]
    curves = np.stack([_accumulate(*pair) for pair in zip(confidence, is_right, strict=True)]).mean(0)  # [N]
    counts = [max(1, round(share * len(curves))) for share in SHARES]
    return {
        "selective": {
            "accuracy": {str(share): float(curves[count - 1]) for share, count in zip(SHARES, counts, strict=True)},
            "area": float(curves.mean()),
        },
        "reliability": _bin(confidence.ravel(), is_right.ravel()),
    }


def _accumulate(confidence: Float[np.ndarray, " N"], is_right: Bool[np.ndarray, " N"]) -> Float[np.ndarray, " N"]:
    """The accuracy on the 1, 2, ..., N most confident utterances. Equal confidences come in random order: their mean is taken."""
    values, group, counts = np.unique(-confidence, return_inverse=True, return_counts=True)
    means = np.bincount(group, weights=is_right, minlength=len(values)) / counts
    return np.asarray(np.repeat(means, counts).cumsum() / np.arange(1, len(confidence) + 1))


def _bin(confidence: Float[np.ndarray, " N"], is_right: Bool[np.ndarray, " N"]) -> list[dict[str, float]]:
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return [
        {
            "count": int(mask.sum()),
            "confidence": float(confidence[mask].mean()),
            "accuracy": float(is_right[mask].mean()),
        }
        for number in range(BINS)
        if (mask := bins == number).any()
    ]


def measure_sets(
    labels: Sequence[int],
    seeds: Sequence[tuple[ConformalSets, Probabilities, Sequence[Sequence[str]]]],
    coverages: Sequence[float] = COVERAGES,
) -> dict[str, dict[str, float]]:
    """What prediction sets hold, by the coverage that they promise; means over the seeds.

    `seeds`: the sets of each seed, and the probabilities and the modalities of each utterance. `coverage`: share of sets with the
    true label; `size`: mean number of labels; `certain`: share of predictions that are not uncertain; `certain_accuracy`: how
    often these are right, 0 where there is none.
    """
    found = {}
    for coverage in coverages:
        rows = []
        for conformal, probabilities, modalities in seeds:
            sets = [
                conformal.select(p, names, coverage)
                for p, names in zip(probabilities.tolist(), modalities, strict=True)
            ]
            size = np.asarray([len(each.labels) for each in sets])
            holds = np.asarray([label in each.labels for label, each in zip(labels, sets, strict=True)])
            certain = np.asarray([not each.uncertain for each in sets])
            accuracy = holds[certain].mean() if certain.any() else 0.0
            rows.append((holds.mean(), size.mean(), certain.mean(), accuracy))
        means: Float[np.ndarray, " 4"] = np.asarray(rows).mean(0)
        names = ("coverage", "size", "certain", "certain_accuracy")
        found[str(coverage)] = dict(zip(names, means.tolist(), strict=True))
    return found
