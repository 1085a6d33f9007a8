"""Clustering: which pieces of speech come from the same person, and how many people there are."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from mmerc.speakers.linkage import Merge, cut_at_count, cut_at_distance, merge_clusters
from mmerc.speakers.voice_encoder import normalize

# The values below were chosen on conversations of RAVDESS's actors 1 to 16.
MAX_DISTANCE = 0.7  # mean of 1 - cosine over the pairs of two clusters, above which they are two people
# Of the speech, whichever is less: a smaller cluster is a manner in which someone spoke, not a person.
MIN_SHARE, MIN_SECONDS = 0.08, 15.0
MAX_PIECES = 4000  # that are clustered, because the memory grows with the square; others go to the nearest cluster


def cluster(
    vectors: Float[np.ndarray, "N d"], seconds: Float[np.ndarray, " N"], num_speakers: int | None = None
) -> Int[np.ndarray, " N"]:
    """A label from 0 for each piece of speech. `vectors` have length 1; `seconds` are the lengths of the pieces.

    Clusters are merged by the mean distance of their pieces (average linkage). Clusters with little speech are dissolved: their pieces go to the
    nearest of the others. `num_speakers`: the number of labels, if there are as many vectors; by default it is found.
    """
    if num_speakers == 1 or len(vectors) < 2:
        return np.zeros(len(vectors), int)
    used = np.unique(np.linspace(0, len(vectors) - 1, min(len(vectors), MAX_PIECES)).astype(int))
    merges = merge_clusters(1 - vectors[used] @ vectors[used].T)
    least = min(MIN_SHARE * seconds[used].sum(), MIN_SECONDS)
    if num_speakers is None:
        labels = cut_at_distance(merges, len(used), MAX_DISTANCE)
        amounts = np.bincount(labels, seconds[used])
        people = np.flatnonzero(amounts >= least) if amounts.max() >= least else np.array([amounts.argmax()])
    else:
        labels = find_cut(merges, seconds[used], least, min(num_speakers, len(used)))
        people = np.bincount(labels, seconds[used]).argsort()[::-1][:num_speakers]
    means = normalize(np.stack([vectors[used][labels == person].mean(0) for person in people]))  # [K, d]
    found: np.ndarray = (vectors @ means.T).argmax(1)  # the nearest
    for index, person in enumerate(people):
        found[used[labels == person]] = index
    return found


def find_cut(
    merges: Sequence[Merge], seconds: Float[np.ndarray, " N"], least: float, num_speakers: int
) -> Int[np.ndarray, " N"]:
    """Labels of the fewest clusters of which `num_speakers` have `least` seconds; `num_speakers` clusters if no cut has them."""
    for count in range(num_speakers, len(seconds) + 1):
        labels = cut_at_count(merges, len(seconds), count)
        if (np.bincount(labels, seconds) >= least).sum() >= num_speakers:
            return labels
    return cut_at_count(merges, len(seconds), num_speakers)
