"""Robustness to failing modalities: every subset of modalities, several missing rates, noise on each modality.

The paper claims robustness (Section 4.2.2) and does not measure it. Features are removed or disturbed; nothing is trained
again. An utterance without any modality gets the label prior, as in `mmerc predict`.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Any, Protocol, runtime_checkable

import numpy as np

from mmerc.corpora import Key
from mmerc.evaluation.trained_fusions import Change, ChangeableFeatures
from mmerc.features import FeatureRow

RATES = tuple(number / 10 for number in range(10))
NOISE = (0.5, 1.0, 2.0, 4.0)  # standard deviations of the modality's features


@runtime_checkable
class Scorable(Protocol):
    """What can be scored under changed features: a fusion in every seed of a run, or model folders."""

    @property
    def features(self) -> Sequence[ChangeableFeatures]:
        """The features of each seed."""

    def score(self, changes: Sequence[Change] | None = None) -> dict[str, dict[str, float]]:
        """Mean and standard deviation over the seeds of the reported metrics, with a change of the features per seed."""


def measure_robustness(fusion: Scorable) -> dict[str, Any]:
    """Mean and standard deviation over the run's seeds of accuracy, balanced accuracy and weighted F1.

    `subsets`: by the names of the remaining modalities, joined by "+". `rates`: by the probability that a modality of an
    utterance is missing, drawn anew for each seed. `noise`: by modality and level, in standard deviations of its features;
    the other modalities are unchanged.
    """
    names, seeds = sorted(fusion.features[0].rows), range(len(fusion.features))
    subsets = [subset for count in range(1, len(names) + 1) for subset in combinations(names, count)]
    return {
        "subsets": {"+".join(subset): fusion.score([keep_only(subset) for _ in seeds]) for subset in subsets},
        "rates": {str(rate): fusion.score([drop_at_random(rate, seed) for seed in seeds]) for rate in RATES},
        "noise": {
            name: {
                str(level): fusion.score(
                    [add_noise(name, level * fusion.features[seed].deviations[name], seed) for seed in seeds]
                )
                for level in NOISE
            }
            for name in names
        },
    }


def keep_only(names: tuple[str, ...]) -> Change:
    """Keep these modalities and remove all others."""
    return lambda name, row: row if name in names else FeatureRow(row.key, None, "left out")


def drop_at_random(rate: float, seed: int) -> Change:
    """Remove each modality of each utterance with probability `rate`. A modality removed at one rate is also removed at every higher rate."""
    return lambda name, row: (
        FeatureRow(row.key, None, "left out") if _make_rng(seed, name, row.key).random() < rate else row
    )


def add_noise(name: str, deviation: float, seed: int) -> Change:
    """Add white noise with this standard deviation to the features of one modality."""

    def change(found: str, row: FeatureRow) -> FeatureRow:
        if found != name or row.values is None:
            return row
        noise = _make_rng(seed, name, row.key).normal(0, deviation, row.values.shape)
        return FeatureRow(row.key, (row.values + noise).astype(np.float32), None, row.metadata)

    return change


def _make_rng(seed: int, name: str, key: Key) -> np.random.Generator:
    return np.random.default_rng(list(f"{seed}/{name}/{'/'.join(key)}".encode()))
