import numpy as np
import pytest

from mmerc.speakers import clustering
from mmerc.speakers.clustering import cluster, compare, merge_clusters, rate_labels
from mmerc.speakers.voice_encoder import normalize


def make_talk(
    num_speakers: int, rng: np.random.Generator, *, spread: float = 0.03, num_turns: int = 30
) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of a talk in turns of one to three pieces, and its speakers."""
    people = normalize(rng.random((num_speakers, 64)))
    labels: list[int] = []
    for turn in range(num_turns):
        labels += [turn % num_speakers] * int(rng.integers(1, 4))
    vectors = people[labels] + rng.normal(0, spread, (len(labels), 64))
    return normalize(np.maximum(vectors, 0)), np.array(labels)


def agrees(found: np.ndarray, labels: np.ndarray) -> bool:
    return len(set(zip(found.tolist(), labels.tolist(), strict=True))) == len(set(labels.tolist()))


@pytest.mark.parametrize("num_speakers", [2, 3, 4])
def test_the_number_of_speakers_is_found(num_speakers: int) -> None:
    vectors, labels = make_talk(num_speakers, np.random.default_rng(num_speakers))
    assert agrees(cluster(vectors), labels) and agrees(cluster(vectors, num_speakers), labels)


def test_one_voice_is_one_speaker() -> None:
    vectors, _ = make_talk(1, np.random.default_rng(0))
    assert not cluster(vectors).any()


def test_a_given_number_of_speakers_is_a_bound() -> None:
    vectors, _ = make_talk(2, np.random.default_rng(0))
    assert cluster(vectors, 7).max() == 6 and not cluster(vectors, 1).any()
    assert cluster(vectors[:3], 5).tolist() in ([0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0])
    assert cluster(vectors[:1]).tolist() == [0] and cluster(vectors[:0]).tolist() == []


def test_the_order_joins_what_the_distance_alone_would_not() -> None:
    """Two people with two manners each; the distances between all four are the same, and each person changes the manner within a turn."""
    vectors = np.eye(4)[[0, 1, 0, 1, 2, 3, 2, 3] * 5]
    labels = np.array([0, 1, 0, 1, 2, 3, 2, 3] * 5)
    two = next(found for found in merge_clusters(vectors, labels) if found.max() == 1)
    assert agrees(two, labels // 2)


def test_labels_that_continue_are_rated_higher_than_labels_at_random() -> None:
    turns = np.repeat(np.arange(3), 4).tolist() * 5
    mixed = np.random.default_rng(0).permutation(turns)
    vectors = np.random.default_rng(1).normal(size=(len(turns), 8))
    assert rate_labels(vectors, np.array(turns)) > rate_labels(vectors, mixed)
    assert rate_labels(vectors[:9], np.arange(9)) == -np.inf


def test_a_long_recording_is_clustered_by_a_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, labels = make_talk(3, np.random.default_rng(1))
    monkeypatch.setattr(clustering, "MAX_PIECES", 40)
    assert agrees(cluster(vectors), labels)


def test_equal_vectors_are_one_speaker() -> None:
    assert not cluster(np.full((20, 8), 8**-0.5)).any()
    assert compare(np.ones(3), np.ones(3)) == pytest.approx(1) and compare(np.zeros(3), np.ones(3)) == 0
