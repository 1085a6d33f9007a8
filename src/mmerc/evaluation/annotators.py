"""Predictions compared with all annotators of an utterance, and not with one label only."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.special import rel_entr

from mmerc.corpora import Utterance
from mmerc.corpora.votes import measure_agreement
from mmerc.emotions import LabelSet


def measure_annotators(
    labels: LabelSet, utterances: Sequence[Utterance], seeds: Sequence[Float[np.ndarray, "N C"]]
) -> dict[str, Any]:
    """How probabilities fit the votes, over the utterances that have votes; empty where none has.

    `jensen_shannon`: mean divergence in bits of the probabilities from the shares of the votes (0 equal, 1 disjoint).
    `agreement`: mean share of the annotators who chose the predicted label. `ceiling`: the same for the most frequent label,
    which no system can exceed. `alpha`: see `corpora.votes.measure_agreement`; null where nobody voted twice.
    """
    voted = [index for index, each in enumerate(utterances) if each.votes]
    if not voted:
        return {}
    shares = np.zeros((len(voted), len(labels)))
    for row, index in zip(shares, voted, strict=True):
        for label, count in utterances[index].votes.items():
            row[labels.index(label)] += count
    shares /= shares.sum(1, keepdims=True)
    rows = np.arange(len(voted))
    divergences, agreements = [], []
    for seed in seeds:
        probabilities = seed[voted]
        middle = (shares + probabilities) / 2
        divergence = (rel_entr(shares, middle) + rel_entr(probabilities, middle)).sum(1) / 2 / np.log(2)
        divergences.append(divergence.mean())
        agreements.append(shares[rows, probabilities.argmax(1)].mean())
    agreement = measure_agreement(utterances)
    return {
        "utterances": len(voted),
        "jensen_shannon": float(np.mean(divergences)),
        "agreement": float(np.mean(agreements)),
        "ceiling": float(shares.max(1).mean()),
        "alpha": agreement["alpha"] if agreement else None,
    }
