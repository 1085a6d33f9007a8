"""What networks learn besides one label per utterance: the distribution of the annotators' votes, and continuous dimensions.

A corpus with neither has no targets, and its networks are trained on the labels alone.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mmerc.corpora import Corpus, Key

MIN_VARIANCE = 1e-8  # keeps the concordance of constant values defined
Rating = tuple[int, int, float, float]  # index of the example, dimension, true value, predicted value


@dataclass(frozen=True)
class Targets:
    """The targets of N examples, in their order.

    Attributes:
        shares: the share of the votes for each label; one-hot where an utterance has a label and no votes. None for a corpus
            without votes.
        dimensions: standardised values (see `mmerc.emotions.Dimension`), NaN where there is no rating.
        names: the dimensions.
    """

    shares: Float[Tensor, "N C"] | None
    dimensions: Float[Tensor, "N D"]
    names: tuple[str, ...] = ()


def make_targets(corpus: Corpus, keys: Sequence[Key]) -> Targets:
    """The targets of examples with these keys; a copy that augmentation made has those of its utterance."""
    labels = corpus.labels
    has_votes = any(each.votes for split in corpus.splits for each in corpus.utterances(split))
    if not has_votes and not labels.dimensions:
        return Targets(None, torch.zeros(len(keys), 0))
    utterances = {each.key: each for split in corpus.splits for each in corpus.utterances(split)}
    found = [utterances[(key[0].partition("+")[0], *key[1:])] for key in keys]  # see `name_copy`
    values = [
        [each.standardise(utterance.dimensions.get(each.name, math.nan)) for each in labels.dimensions]
        for utterance in found
    ]
    dimensions = torch.tensor(values, dtype=torch.float32).reshape(len(keys), len(labels.dimensions))
    names = tuple(each.name for each in labels.dimensions)
    if not has_votes:
        return Targets(None, dimensions, names)
    shares = torch.zeros(len(keys), len(labels))
    for row, utterance in zip(shares, found, strict=True):
        votes = utterance.votes or ({utterance.emotion: 1.0} if utterance.emotion is not None else {})
        for label, count in votes.items():
            row[labels.index(label)] += count / sum(votes.values())
    return Targets(shares, dimensions, names)


def compute_concordance(predicted: Float[Tensor, " N"], truth: Float[Tensor, " N"]) -> Float[Tensor, ""]:
    """The concordance correlation coefficient (CCC; Lin 1989): 1 for equal values, lower for another mean or spread.

    >>> x = torch.tensor([1.0, 2.0, 3.0])
    >>> round(float(compute_concordance(x, x)), 3), round(float(compute_concordance(x + 1, x)), 3)
    (1.0, 0.571)
    """
    a, b = predicted - predicted.mean(), truth - truth.mean()
    covariance = (a * b).mean()
    shift = (predicted.mean() - truth.mean()) ** 2
    return 2 * covariance / ((a**2).mean() + (b**2).mean() + shift + MIN_VARIANCE)


def compute_dimension_loss(predicted: Float[Tensor, "B D"], truth: Float[Tensor, "B D"]) -> Float[Tensor, ""]:
    """The mean of 1 - CCC over the dimensions that two or more rows of the batch have a rating of; 0 if there is none."""
    losses = []
    for column in range(truth.shape[1]):
        is_rated = ~truth[:, column].isnan()
        if is_rated.sum() > 1:
            losses.append(1 - compute_concordance(predicted[is_rated, column], truth[is_rated, column]))
    return torch.stack(losses).mean() if losses else predicted.sum() * 0


def count_dimensions(targets: Targets | None) -> int:
    """The continuous dimensions of the targets; 0 without targets."""
    return 0 if targets is None else len(targets.names)


def list_rated(indices: list[int], truth: Tensor, predicted: Tensor) -> list[Rating]:
    """Each rating in the batch with its prediction; `truth` and `predicted` are [B, D]."""
    return [
        (index, number, true, value)
        for index, row, values in zip(indices, truth.tolist(), predicted.tolist(), strict=True)
        for number, (true, value) in enumerate(zip(row, values, strict=True))
        if not math.isnan(true)
    ]


def measure_concordance(targets: Targets | None, ratings: Iterable[Rating]) -> dict[str, float]:
    """The CCC on dev of each dimension, and their mean `dev_ccc`; nothing for a task without dimensions."""
    rows = sorted(ratings)
    found = {}
    for number, name in enumerate(targets.names if targets is not None else ()):
        pairs = torch.tensor([row[2:] for row in rows if row[1] == number]).reshape(-1, 2)
        if len(pairs) > 1:
            found[f"dev_ccc_{name}"] = float(compute_concordance(pairs[:, 1], pairs[:, 0]))
    return {**found, "dev_ccc": sum(found.values()) / len(found)} if found else {}
