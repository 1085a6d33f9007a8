"""Epochs in which each of several corpora has the same weight, however large it is."""

import math
import random
from collections.abc import Sequence


def draw_rounds(corpora: Sequence[int], counts: Sequence[int], rng: random.Random) -> list[list[int]]:
    """The units of an epoch in rounds. A unit occurs at most once in a round, so that no batch has it twice.

    Each corpus gives the same number of scored utterances to the epoch, up to whole units, and an equal part of them to each
    round. The epoch has as many utterances as all corpora together. The units of a small corpus therefore occur several times, and those
    of a large one occur in turn, in an order that changes with `rng`. One corpus is one round of all its units.

    Args:
        corpora: the number of each unit's corpus.
        counts: the number of scored utterances of each unit.
        rng: of the epoch.

    >>> draw_rounds([0, 0, 0], [1, 1, 1], random.Random(0))
    [[0, 1, 2]]
    >>> [sorted(units) for units in draw_rounds([0, 1, 1, 1], [1, 1, 1, 1], random.Random(0))]
    [[0, 1], [0, 3]]
    """
    groups: dict[int, list[int]] = {}
    for unit, corpus in enumerate(corpora):
        groups.setdefault(corpus, []).append(unit)
    if len(groups) < 2:
        return [list(range(len(corpora)))]
    share = sum(counts) / len(groups)
    draws = []
    for units in groups.values():
        rng.shuffle(units)
        draws.append(max(1, round(share * len(units) / sum(counts[unit] for unit in units))))
    num_rounds = max(math.ceil(count / len(units)) for count, units in zip(draws, groups.values(), strict=True))
    return [
        [
            units[index % len(units)]
            for count, units in zip(draws, groups.values(), strict=True)
            for index in range(count * number // num_rounds, count * (number + 1) // num_rounds)
        ]
        for number in range(num_rounds)
    ]
