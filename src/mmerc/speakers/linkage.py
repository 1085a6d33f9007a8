"""Hierarchical clustering by average linkage: the distance of two clusters is the mean distance of their members."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int


class Merge(NamedTuple):
    """Two clusters that become one, each named by one of its members."""

    first: int
    second: int
    distance: float


def merge_clusters(distances: Float[np.ndarray, "N N"]) -> list[Merge]:
    """The N - 1 merges that lead from N clusters of one member to one cluster, the nearest clusters first.

    Nearest-neighbour chain (Murtagh 1983): from any cluster to its nearest one, and on, until two are each other's nearest. They
    would be merged whatever the order, so the work grows with N^2 only.
    """
    distances = np.array(distances, np.float32)
    np.fill_diagonal(distances, np.inf)
    sizes = np.ones(len(distances))  # 0 for a cluster that is a part of another one
    merges: list[Merge] = []
    chain: list[int] = []
    while len(merges) < len(distances) - 1:
        if not chain:
            chain.append(int(np.flatnonzero(sizes)[0]))
        last = chain[-1]
        nearest = int(distances[last].argmin())
        if (
            len(chain) > 1 and distances[last, chain[-2]] <= distances[last, nearest]
        ):  # on a tie back, or it may go on forever
            kept, gone = chain[-2], last
            merges.append(Merge(kept, gone, float(distances[kept, gone])))
            means = (sizes[kept] * distances[kept] + sizes[gone] * distances[gone]) / (sizes[kept] + sizes[gone])
            distances[kept] = distances[:, kept] = means
            distances[gone] = distances[:, gone] = distances[kept, kept] = np.inf
            sizes[kept], sizes[gone] = sizes[kept] + sizes[gone], 0
            del chain[-2:]
        else:
            chain.append(nearest)
    return sorted(merges, key=lambda merge: merge.distance)  # stable: a merge stays behind those that it builds on


def cut_at_distance(merges: Sequence[Merge], count: int, distance: float) -> Int[np.ndarray, " N"]:
    """A label from 0 for each of `count` members: clusters at most `distance` apart are one."""
    return _label([merge for merge in merges if merge.distance <= distance], count)


def cut_at_count(merges: Sequence[Merge], count: int, num_clusters: int) -> Int[np.ndarray, " N"]:
    """A label from 0 for each of `count` members, of `num_clusters` clusters."""
    return _label(merges[: count - num_clusters], count)


def _label(merges: Sequence[Merge], count: int) -> Int[np.ndarray, " N"]:
    members = {index: [index] for index in range(count)}
    cluster_of = list(range(count))
    for first, second, _ in merges:
        kept, gone = cluster_of[first], cluster_of[second]
        for index in members[gone]:
            cluster_of[index] = kept
        members[kept] += members.pop(gone)
    labels: np.ndarray = np.unique(cluster_of, return_inverse=True)[1]
    return labels
