"""Conformal prediction sets: the labels that hold the true one with a stated coverage.

Split conformal prediction with the score 1 - p(true label). Of all sets with a coverage, those of this score hold the fewest
labels on average (Sadinle, Lei and Wasserman 2019, LAC). Adaptive sets (Romano, Sesia and Candès 2020, APS; Angelopoulos et al.
2021, RAPS) are more even between easy and difficult utterances, and larger. A set that would be empty gets the most probable
label, which can only raise the coverage; the prediction is then uncertain.

A missing modality changes the scores. So each subset of modalities has scores of its own: those of the dev utterances that have
these modalities, read without the others (the missing data augmentation of Zaffran et al. 2023). Their coverage holds if the
modalities are missing at random.
"""

import math
from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from mmerc.errors import ConfigError, RunError
from mmerc.files import read_json, write_json

FILE = "conformal.json"
DEFAULT_COVERAGE = 0.9
ANY = "any"  # the scores of all dev utterances, each with the modalities that it has
STEPS = 200  # a stored score for each 1/200 of coverage
MIN_UTTERANCES = 50  # of a subset of modalities; with fewer, ANY is used
DECIMALS = 6


@dataclass(frozen=True)
class ScoreQuantiles:
    """The quantiles of scores from which the threshold of any coverage is read.

    `count`: number n of scores. `scores`: the scores of the ranks `list_ranks(n)`, in increasing order.

    >>> quantiles = ScoreQuantiles.fit(np.array([0.1, 0.2, 0.3, 0.9]))
    >>> quantiles.get_threshold(0.5), quantiles.get_threshold(0.8), quantiles.get_threshold(0.9)
    (0.3, 0.9, 1.0)
    """

    count: int
    scores: tuple[float, ...]

    @classmethod
    def fit(cls, scores: Float[np.ndarray, " N"]) -> "ScoreQuantiles":
        """The quantiles of one or more scores, which are rounded up: this can only raise the coverage."""
        ordered = np.sort(scores)
        kept = ordered[np.asarray(list_ranks(len(ordered))) - 1]
        return cls(len(ordered), tuple((np.ceil(kept * 10**DECIMALS) / 10**DECIMALS).tolist()))

    def get_threshold(self, coverage: float) -> float:
        """The largest score of a label in the set: that of the rank ceil((n + 1) coverage), 1 if there are too few scores.

        It is exact for multiples of half a percent, and that of the next larger one for other coverages.
        """
        share = Fraction(str(coverage))  # 0.07 * 100 is more than 7 in floating point
        rank = max(1, math.ceil((self.count + 1) * share))
        ranks = list_ranks(self.count)
        if rank > ranks[-1]:
            return 1.0
        return self.scores[bisect_left(ranks, rank)]


@dataclass(frozen=True)
class PredictionSet:
    """The indices of the labels in a set, the most probable first, and the coverage of such sets.

    `uncertain`: several labels are in it, or its only label is not probable enough for it, or no modality was read.
    """

    labels: tuple[int, ...]
    coverage: float
    uncertain: bool


@dataclass(frozen=True)
class ConformalSets:
    """The scores of each subset of modalities, named `audio+text` in the order of the alphabet, and of `any`."""

    subsets: Mapping[str, ScoreQuantiles]

    @classmethod
    def fit(cls, found: Mapping[str, tuple[Float[np.ndarray, "N C"], Int[np.ndarray, " N"]]]) -> "ConformalSets | None":
        """From the calibrated probabilities and the labels of dev utterances, for `any` and for names of subsets.

        A subset with too few utterances is left out. None where `any` has no utterance.
        """
        if not len(found[ANY][1]):
            return None
        return cls(
            {
                name: ScoreQuantiles.fit(1 - probabilities[np.arange(len(labels)), labels])
                for name, (probabilities, labels) in found.items()
                if name == ANY or len(labels) >= MIN_UTTERANCES
            }
        )

    def select(self, probabilities: Sequence[float], modalities: Collection[str], coverage: float) -> PredictionSet:
        """The set of an utterance; it has all labels where no modality was read."""
        order = sorted(range(len(probabilities)), key=lambda index: -probabilities[index])
        if not modalities:
            return PredictionSet(tuple(order), coverage, True)
        quantiles = self.subsets.get(name_subset(modalities), self.subsets[ANY])
        threshold = quantiles.get_threshold(coverage)
        found = tuple(index for index in order if 1 - probabilities[index] <= threshold)
        return PredictionSet(found or (order[0],), coverage, len(found) != 1)

    def save(self, folder: Path) -> None:
        """Write `conformal.json` into a model folder."""
        subsets = {name: {"count": each.count, "scores": list(each.scores)} for name, each in self.subsets.items()}
        write_json(folder / FILE, {"score": "1 - p(true label)", "subsets": subsets})

    @classmethod
    def load(cls, folder: Path) -> "ConformalSets | None":
        """What `save` wrote; None where the model folder has no such file.

        Raises:
            RunError: the file is damaged.
        """
        file = folder / FILE
        return _parse(read_json(file), file) if file.is_file() else None


def check_coverage(coverage: float) -> float:
    """The coverage. Raises ConfigError: it is not between 0 and 1."""
    if not 0 < coverage < 1:
        raise ConfigError(f"the coverage {coverage:g} is not between 0 and 1: give a share such as 0.9.")
    return coverage


def list_subsets(names: Collection[str]) -> list[tuple[str, ...]]:
    """Every subset of modalities but the empty one.

    >>> list_subsets(["text", "audio"])
    [('audio',), ('text',), ('audio', 'text')]
    """
    ordered = sorted(names)
    return [subset for size in range(1, len(ordered) + 1) for subset in combinations(ordered, size)]


def name_subset(names: Collection[str]) -> str:
    """The name of a subset of modalities.

    >>> name_subset(["text", "audio"])
    'audio+text'
    """
    return "+".join(sorted(names))


def list_ranks(count: int) -> list[int]:
    """The ranks, from 1, of the scores that are stored of `count` scores.

    >>> list_ranks(3), len(list_ranks(1109))
    ([1, 2, 3], 200)
    """
    ranks = {-(-(count + 1) * step // STEPS) for step in range(1, STEPS)}  # rounded up
    return sorted({rank for rank in ranks if rank <= count} | {count})


def _parse(found: Mapping[str, Any], file: Path) -> ConformalSets:
    try:
        subsets = {
            str(name): ScoreQuantiles(int(each["count"]), tuple(float(score) for score in each["scores"]))
            for name, each in found["subsets"].items()
        }
        is_sound = ANY in subsets and all(
            each.count > 0 and len(each.scores) == len(list_ranks(each.count)) and all(map(math.isfinite, each.scores))
            for each in subsets.values()
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RunError(f"{file} has scores that are no numbers: the folder is damaged.") from error
    if not is_sound:
        raise RunError(f"{file} lacks scores: the folder is damaged.")
    return ConformalSets(subsets)
