"""The order of an epoch: each of several corpora has the same weight, and what is read at the same time is near together."""

import math
import random
from collections.abc import Sequence
from itertools import zip_longest

from mmerc.model.collation import cut_by_count

BLOCK, WINDOW = 4096, 32_768  # utterances; a block is about as large as a shard
BLOCKS_PER_LANE = 8  # or more, so that the processes have almost equally many utterances


def shuffle_locally(units: list[int], counts: Sequence[int], rng: random.Random) -> None:
    """Shuffle units in place; more than `WINDOW` utterances in blocks of neighbours, which stay together in their order.

    A block is a contiguous part of the shards of every feature store.
    """
    if sum(counts[unit] for unit in units) <= WINDOW:
        rng.shuffle(units)
        return
    blocks = cut_by_count(units, counts, BLOCK)
    rng.shuffle(blocks)
    units[:] = [unit for block in blocks for unit in block]


def cut_windows(
    units: list[int], counts: Sequence[int], rng: random.Random | None, lanes: int = 1
) -> list[list[list[int]]]:
    """The units in windows of at most `WINDOW` utterances, or one window of all if there are not more.

    A batch has units of one window, so that the features that are read at the same time are from few shards, however large the corpus
    is. With `rng` each window has random blocks of neighbours; without it the windows are in the order of `units`.

    `lanes`: each window is divided into so many parts with blocks of their own, one for each process; where there are too few
    blocks, it is one part.

    >>> cut_windows([0, 1], [20_000, 20_000], None)
    [[[0]], [[1]]]
    """
    if sum(counts[unit] for unit in units) <= WINDOW:
        return [[units]]
    blocks = cut_by_count(units, counts, BLOCK)
    if rng is not None:
        rng.shuffle(blocks)
    lanes = lanes if len(blocks) >= BLOCKS_PER_LANE * lanes else 1
    columns = [
        cut_by_count([unit for block in blocks[lane::lanes] for unit in block], counts, WINDOW // lanes)
        for lane in range(lanes)
    ]
    return [list(window) for window in zip_longest(*columns, fillvalue=[])]


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
        shuffle_locally(units, counts, rng)
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
