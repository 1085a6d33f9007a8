"""Clustering: which pieces of speech come from the same person, and how many people there are.

A person who shouts, whispers and laughs has several groups of vectors, which may be further apart than two people. So the vectors are first put into
small clusters, each of one person. These are merged by their distance and by the order of the pieces: people say several
things in a row, so the clusters of one person follow each other more often than those of two.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Int
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import silhouette_score

from mmerc.speakers.voice_encoder import normalize

# The values below were chosen on conversations of RAVDESS's actors 1 to 16.
NUM_SMALL = 16  # small clusters; 97 % of the speech in one of them is one person's
CONTINUITY = 0.2  # weight of the order against the squared distance
SEPARATION = 20.0  # weight of the silhouette against the log likelihood of the order
MAX_FOUND = 8  # people that are found; more can be asked for
MAX_SIMILARITY = 0.86  # cosine of the means of two people; the means of two groups of one voice are closer
MAX_PIECES = 4000  # that are clustered, because the memory grows with the square; others go to the nearest cluster


def cluster(vectors: Float[np.ndarray, "N d"], num_speakers: int | None = None) -> Int[np.ndarray, " N"]:
    """A label from 0 for each piece of speech. `vectors` have length 1 and are in the order of time.

    `num_speakers`: the number of labels, if there are as many vectors; by default it is found.
    """
    if num_speakers == 1 or len(vectors) < 2:
        return np.zeros(len(vectors), int)
    centred = centre(vectors, vectors.mean(0))
    used = np.unique(np.linspace(0, len(vectors) - 1, min(len(vectors), MAX_PIECES)).astype(int))
    num_small = min(len(used), max(NUM_SMALL, 2 * (num_speakers or 0)))
    small = AgglomerativeClustering(num_small).fit_predict(centred[used])  # Ward's criterion
    candidates = [small, *merge_clusters(centred[used], small)]
    if num_speakers is None:
        labels = max(candidates[:-1], key=lambda each: rate_labels(centred[used], each))
        two = candidates[-2] == 1
        if compare(vectors[used][two].mean(0), vectors[used][~two].mean(0)) > MAX_SIMILARITY:
            labels = candidates[-1]
    else:
        labels = next(each for each in candidates if each.max() < num_speakers)
    means = np.stack([centred[used][labels == name].mean(0) for name in range(labels.max() + 1)])  # [K, d]
    found: np.ndarray = (2 * centred @ means.T - np.square(means).sum(1)).argmax(1)  # the nearest
    found[used] = labels
    return found


def centre(vectors: Float[np.ndarray, "N d"], mean: Float[np.ndarray, " d"]) -> Float[np.ndarray, "N d"]:
    """The vectors without `mean`, which all voices and the microphone share, scaled to length 1."""
    return normalize(vectors - mean)


def compare(first: Float[np.ndarray, " d"], second: Float[np.ndarray, " d"]) -> float:
    """The cosine of two vectors."""
    return float(normalize(first) @ normalize(second))


def merge_clusters(vectors: Float[np.ndarray, "N d"], labels: Int[np.ndarray, " N"]) -> Iterator[Int[np.ndarray, " N"]]:
    """The labels, from 0, after each merge of two clusters, down to one.

    Those two are merged whose means are close, and of which one follows the other more often than by chance.
    """
    while (count := labels.max() + 1) > 1:
        is_in = (labels[:, None] == np.arange(count)).astype(float)  # [N, K]
        sizes = is_in.sum(0)  # [K]
        means = is_in.T @ vectors / sizes[:, None]  # [K, d]
        distances = np.square(means[:, None] - means).sum(2)  # [K, K]
        follows = is_in[:-1].T @ is_in[1:]
        follows += follows.T
        np.fill_diagonal(follows, 0)
        expected = follows.sum(0)[:, None] * follows.sum(0) / max(1.0, follows.sum())
        scores = CONTINUITY * np.log((follows + 1) / (expected + 1)) - distances
        scores *= sizes[:, None] * sizes / (sizes[:, None] + sizes)  # the weight of Ward's criterion
        np.fill_diagonal(scores, -np.inf)
        first, second = sorted(np.unravel_index(int(np.argmax(scores)), scores.shape))
        labels = np.where(labels == second, first, labels)
        labels = labels - (labels > second)
        yield labels


def rate_labels(vectors: Float[np.ndarray, "N d"], labels: Int[np.ndarray, " N"]) -> float:
    """How well these labels, of which there are two or more, fit as people.

    The silhouette of the vectors, and the logarithm of the likelihood ratio of two models of the order, less one for each person after the
    first: a person goes on with the same probability after each piece, or who speaks does not depend on who spoke before.
    """
    count, pairs = int(labels.max()) + 1, len(labels) - 1
    if count > MAX_FOUND or count >= len(labels):
        return -np.inf
    num_same = int((labels[1:] == labels[:-1]).sum())
    p_same = (num_same + 1) / (pairs + 2)
    shares = np.bincount(labels) / len(labels)
    dependent = num_same * np.log(p_same) + (pairs - num_same) * np.log((1 - p_same) / (count - 1))
    ratio = float(dependent - np.log(shares[labels]).sum())
    silhouette = silhouette_score(vectors, labels, metric="cosine", sample_size=min(len(labels), 1000), random_state=0)
    return ratio - (count - 1) + SEPARATION * float(silhouette)
