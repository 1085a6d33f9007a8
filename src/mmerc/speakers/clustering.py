"""Clustering: which pieces of speech come from the same person, and how many people there are.

Two methods count the people. Clusters are merged up to a distance, which finds one person reliably, but how far apart two voices are depends on the
people and the recording. The eigengap of a graph of the nearest voices (Park et al. 2020) needs no distance, but it splits the voice of a
single person. So the distance decides whether there is one person. Otherwise the eigengap is taken, unless the number by the distance has a
clearly better silhouette (Rousseeuw 1987).
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from mmerc.media import space_evenly
from mmerc.speakers.linkage import Merge, cut_at_count, cut_at_distance, merge_clusters
from mmerc.speakers.voice_encoder import normalize

# The values below were chosen on conversations of RAVDESS's actors 1 to 16.
MAX_DISTANCE = 0.7  # mean of 1 - cosine over the pairs of two clusters, above which they are two people
# Of the speech, whichever is less: a smaller cluster is a manner in which someone spoke, not a person.
MIN_SHARE, MIN_SECONDS = 0.08, 15.0
CLEARLY_BETTER = 0.05  # difference of two silhouettes with which the distance overrules the eigengap
MAX_PIECES = 4000  # that are clustered, because the memory grows with the square; others go to the nearest cluster
MAX_COUNTED = 400  # pieces from which people are counted, because its time grows with the cube
MAX_PEOPLE = 8  # that the eigengap can find
# Of each piece in the graphs of the eigengap, a number and a share of all; and how many graphs there are about.
MIN_NEIGHBOURS, MAX_NEIGHBOURS, NUM_GRAPHS = 5, 0.3, 30


def cluster(
    vectors: Float[np.ndarray, "N d"], seconds: Float[np.ndarray, " N"], num_speakers: int | None = None
) -> Int[np.ndarray, " N"]:
    """A label from 0 for each piece of speech. `vectors` have length 1; `seconds` are the lengths of the pieces.

    Clusters are merged by the mean distance of their pieces (average linkage). Clusters with little speech are dissolved: their pieces go to the
    nearest of the others. `num_speakers`: the number of labels, if there are as many vectors; by default it is found.
    """
    if num_speakers == 1 or len(vectors) < 2:
        return np.zeros(len(vectors), int)
    used = np.array(space_evenly(len(vectors), MAX_PIECES))
    merges = merge_clusters(1 - vectors[used] @ vectors[used].T)
    if num_speakers is None:
        merged = assign(vectors, used, *find_people(merges, seconds[used]))
        num_speakers = int(merged.max()) + 1
        if num_speakers == 1:
            return merged
        by_eigengap = count_by_eigengap(vectors[space_evenly(len(vectors), MAX_COUNTED)])
        if by_eigengap == num_speakers:
            return merged
        other = assign(vectors, used, *find_number_of_people(merges, seconds[used], by_eigengap))
        is_better = measure_silhouette(vectors, merged) > measure_silhouette(vectors, other) + CLEARLY_BETTER
        return merged if is_better else other
    return assign(vectors, used, *find_number_of_people(merges, seconds[used], num_speakers))


def assign(
    vectors: Float[np.ndarray, "N d"],
    used: Int[np.ndarray, " M"],
    labels: Int[np.ndarray, " M"],
    people: Int[np.ndarray, " K"],
) -> Int[np.ndarray, " N"]:
    """A number from 0 to K - 1 for each piece: its own of the clusters `people`, or the nearest of them. `labels` are those of the pieces `used`."""
    means = normalize(np.stack([vectors[used][labels == person].mean(0) for person in people]))  # [K, d]
    found: np.ndarray = (vectors @ means.T).argmax(1)  # the nearest
    for index, person in enumerate(people):
        found[used[labels == person]] = index
    return found


def find_people(
    merges: Sequence[Merge], seconds: Float[np.ndarray, " N"]
) -> tuple[Int[np.ndarray, " N"], Int[np.ndarray, " K"]]:
    """Labels of the clusters that `MAX_DISTANCE` leaves, and those of them that have enough speech."""
    labels = cut_at_distance(merges, len(seconds), MAX_DISTANCE)
    amounts = np.bincount(labels, seconds)
    least = compute_least_seconds(seconds)
    return labels, np.flatnonzero(amounts >= least) if amounts.max() >= least else np.array([amounts.argmax()])


def find_number_of_people(
    merges: Sequence[Merge], seconds: Float[np.ndarray, " N"], num_speakers: int
) -> tuple[Int[np.ndarray, " N"], Int[np.ndarray, " K"]]:
    """Labels of the fewest clusters of which `num_speakers` have enough speech, and those clusters.

    If no cut has so many, they are the largest of `num_speakers` clusters.
    """
    num_speakers = min(num_speakers, len(seconds))
    least = compute_least_seconds(seconds)
    for count in range(num_speakers, len(seconds) + 1):
        labels = cut_at_count(merges, len(seconds), count)
        if (np.bincount(labels, seconds) >= least).sum() >= num_speakers:
            break
    else:
        labels = cut_at_count(merges, len(seconds), num_speakers)
    return labels, np.bincount(labels, seconds).argsort()[::-1][:num_speakers]


def compute_least_seconds(seconds: Float[np.ndarray, " N"]) -> float:
    """The speech that a person has at least, in seconds."""
    return float(min(MIN_SHARE * seconds.sum(), MIN_SECONDS))


def count_by_eigengap(vectors: Float[np.ndarray, "N d"]) -> int:
    """The number of people by the normalised maximum eigengap, at most `MAX_PEOPLE` (Park et al. 2020, NME-SC).

    In a graph of each piece with its p nearest pieces, the Laplacian has as many eigenvalues near 0 as there are people, and then a gap. The p is
    used for which the gap is largest in proportion to p.
    """
    num_pieces = len(vectors)
    order = np.argsort(-(vectors @ vectors.T), 1)  # [N, N]: the nearest first
    most = max(MIN_NEIGHBOURS + 1, int(MAX_NEIGHBOURS * num_pieces))
    best, count = np.inf, 1
    for p in range(MIN_NEIGHBOURS, most, max(1, (most - MIN_NEIGHBOURS) // NUM_GRAPHS)):
        graph = np.zeros((num_pieces, num_pieces))
        np.put_along_axis(graph, order[:, :p], 1, 1)
        graph = (graph + graph.T) / 2
        eigenvalues = np.linalg.eigvalsh(np.diag(graph.sum(1)) - graph)  # [N], the smallest first
        gaps = np.diff(eigenvalues[: MAX_PEOPLE + 1])
        ratio = p * eigenvalues[-1] / max(gaps.max(), 1e-9)
        if ratio < best:
            best, count = ratio, int(gaps.argmax()) + 1
    return count


def measure_silhouette(vectors: Float[np.ndarray, "N d"], labels: Int[np.ndarray, " N"]) -> float:
    """How much nearer a piece is to its own cluster than to the nearest other one: -1 to 1; -1 where there is one cluster.

    The mean over the pieces of (b - a) / max(a, b), where a is the mean distance (1 - cosine) to the other pieces of its cluster, and b that to the pieces of
    the nearest other cluster. A piece that is alone in its cluster counts 0.
    """
    names, labels = np.unique(labels, return_inverse=True)
    if len(names) < 2:
        return -1.0
    members = np.eye(len(names))[labels]  # [N, K]
    sizes = members.sum(0)  # [K]
    sums = sizes - vectors @ (vectors.T @ members)  # [N, K]: distances to the pieces of each cluster
    own = np.arange(len(labels)), labels
    within = sums[own] / np.maximum(sizes[labels] - 1, 1)
    means = sums / sizes
    means[own] = np.inf
    between = means.min(1)
    values = (between - within) / np.maximum(np.maximum(within, between), 1e-9)
    return float(np.where(sizes[labels] > 1, values, 0.0).mean())
