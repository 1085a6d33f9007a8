"""What is left when modalities fail: every subset of them, several missing rates, noise on each of them.

The paper claims it (Section 4.2.2) and does not measure it. Features are taken away or disturbed, nothing is trained
again. An utterance left without any modality gets the label prior, as it does in `mmerc predict`.
"""

from itertools import combinations
from typing import Any

import numpy as np

from mmerc.corpora import Key
from mmerc.evaluation.trained_fusions import Change, Trained
from mmerc.features import Row

RATES = tuple(number / 10 for number in range(10))
NOISE = (0.5, 1.0, 2.0, 4.0)  # deviations of the modality's own features


def robustness(fusion: Trained) -> dict[str, Any]:
    """Mean and standard deviation over the run's seeds of accuracy, balanced accuracy and f1_weighted.

    `subsets`: by the names of the modalities that are left, joined by "+". `rates`: by the share of missing
    modalities, drawn for each utterance and modality, another draw for each seed. `noise`: by modality and level, in
    deviations of its features, the others untouched.
    """
    names, seeds = sorted(fusion.features[0].rows), range(len(fusion.features))
    subsets = [chosen for count in range(1, len(names) + 1) for chosen in combinations(names, count)]
    return {
        "subsets": {"+".join(chosen): fusion.scored([only(chosen) for _ in seeds]) for chosen in subsets},
        "rates": {str(rate): fusion.scored([missing(rate, seed) for seed in seeds]) for rate in RATES},
        "noise": {
            name: {
                str(level): fusion.scored(
                    [noisy(name, level * fusion.features[seed].deviations[name], seed) for seed in seeds]
                )
                for level in NOISE
            }
            for name in names
        },
    }


def only(names: tuple[str, ...]) -> Change:
    """These modalities and no others."""
    return lambda name, row: row if name in names else Row(row.key, None, "left out")


def missing(rate: float, seed: int) -> Change:
    """Each modality of each utterance is gone with probability `rate`; what is gone at a rate is gone at every higher one."""
    return lambda name, row: Row(row.key, None, "left out") if _rng(seed, name, row.key).random() < rate else row


def noisy(name: str, deviation: float, seed: int) -> Change:
    """White noise on the features of one modality."""

    def change(found: str, row: Row) -> Row:
        if found != name or row.values is None:
            return row
        noise = _rng(seed, name, row.key).normal(0, deviation, row.values.shape)
        return Row(row.key, (row.values + noise).astype(np.float32), None, row.metadata)

    return change


def _rng(seed: int, name: str, key: Key) -> np.random.Generator:
    return np.random.default_rng(list(f"{seed}/{name}/{'/'.join(key)}".encode()))
