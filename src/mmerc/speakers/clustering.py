"""Clustering: which pieces of speech come from the same person, and how many people there are.

Clusters are merged up to a distance. If one is left, there is one person: this is what the distance tells reliably. How far apart two voices are
depends on the people and the recording, so the number of several people is not found by a distance. The pieces are clustered for each number, and the
one with the largest silhouette is taken (Rousseeuw 1987), less a little for each person: a silhouette compares distances with distances.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from mmerc.media import space_evenly
from mmerc.speakers.linkage import Merge, cut_at_count, cut_at_distance, merge_clusters
from mmerc.speakers.voice_encoder import normalize

# The values below were chosen on conversations of RAVDESS's actors 1 to 16.
MAX_PEOPLE = 8  # that are looked for
PER_PERSON = 0.01  # by which one more person must raise the silhouette
MAX_DISTANCE = 0.7  # mean of 1 - cosine over the pairs of two clusters, up to which they may be one person
# Of the speech, whichever is less: a smaller cluster is a manner in which someone spoke, not a person.
MIN_SHARE, MIN_SECONDS = 0.08, 15.0
MAX_PIECES = 4000  # that are clustered, because the memory grows with the square; others go to the nearest cluster
MAX_ROUNDS = 10  # in which pieces move to the nearest person


def cluster(
    vectors: Float[np.ndarray, "N d"], seconds: Float[np.ndarray, " N"], num_speakers: int | None = None
) -> Int[np.ndarray, " N"]:
    """A label from 0 for each piece of speech. `vectors` have length 1; `seconds` are the lengths of the pieces.

    Clusters are merged by the mean distance of their pieces (average linkage). Clusters with little speech are dissolved: their pieces go to the
    nearest of the others. Then each piece goes to the person whose mean is nearest. `num_speakers`: the number of labels, if there are as many
    vectors; by default it is found.
    """
    if num_speakers == 1 or len(vectors) < 2:
        return np.zeros(len(vectors), int)
    used = np.array(space_evenly(len(vectors), MAX_PIECES))
    merges = merge_clusters(1 - vectors[used] @ vectors[used].T)

    def divide(count: int) -> Int[np.ndarray, " N"]:
        labels = assign(vectors, used, *find_number_of_people(merges, seconds[used], count))
        return move_to_nearest(vectors, seconds, labels)

    if num_speakers is not None:
        return divide(num_speakers)
    if is_one_person(merges, seconds[used]):
        return np.zeros(len(vectors), int)
    divided = {count: divide(count) for count in range(2, min(MAX_PEOPLE, len(vectors)) + 1)}
    values = {count: measure_silhouette(vectors, labels) - PER_PERSON * count for count, labels in divided.items()}
    return divided[max(values, key=values.__getitem__)]


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


def move_to_nearest(
    vectors: Float[np.ndarray, "N d"], seconds: Float[np.ndarray, " N"], labels: Int[np.ndarray, " N"]
) -> Int[np.ndarray, " N"]:
    """The labels when each piece is with the person whose mean, weighted by seconds, is nearest (k-means); nobody loses all pieces."""
    count = labels.max() + 1
    for _ in range(MAX_ROUNDS):
        sums = (np.eye(count)[labels] * seconds[:, None]).T @ vectors  # [K, d]
        nearest = (vectors @ normalize(sums).T).argmax(1)
        if len(np.unique(nearest)) < count or (nearest == labels).all():
            break
        labels = nearest
    return labels


def is_one_person(merges: Sequence[Merge], seconds: Float[np.ndarray, " N"]) -> bool:
    """Whether `MAX_DISTANCE` leaves at most one cluster with enough speech."""
    amounts = np.bincount(cut_at_distance(merges, len(seconds), MAX_DISTANCE), seconds)
    return int((amounts >= compute_least_seconds(seconds)).sum()) <= 1


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
