import numpy as np
import pytest
from sklearn.metrics import silhouette_score

from mmerc.speakers import clustering
from mmerc.speakers.clustering import cluster
from mmerc.speakers.voice_encoder import normalize


def make_talk(num_speakers: int, rng: np.random.Generator, num_pieces: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of pieces, with a cosine of about 0.5 within a person and 0 between two people, and the speakers."""
    people = np.eye(64)[:num_speakers]
    labels = rng.permutation(np.arange(num_pieces) % num_speakers)
    return normalize(people[labels] + rng.normal(0, 1 / 8, (num_pieces, 64))), labels


def agrees(found: np.ndarray, labels: np.ndarray) -> bool:
    return len(set(zip(found.tolist(), labels.tolist(), strict=True))) == len(set(labels.tolist()))


@pytest.mark.parametrize("num_speakers", [1, 2, 3, 4])
def test_the_number_of_speakers_is_found(num_speakers: int) -> None:
    vectors, labels = make_talk(num_speakers, np.random.default_rng(num_speakers))
    seconds = np.full(len(vectors), 2.0)
    assert agrees(cluster(vectors, seconds), labels) and agrees(cluster(vectors, seconds, num_speakers), labels)
    assert cluster(vectors, seconds).max() == num_speakers - 1


def test_a_given_number_of_speakers_is_a_bound() -> None:
    vectors, _ = make_talk(2, np.random.default_rng(0))
    assert cluster(vectors, np.ones(60), 7).max() == 6 and not cluster(vectors, np.ones(60), 1).any()
    assert sorted(cluster(vectors[:3], np.ones(3), 5).tolist()) == [0, 1, 2]
    assert cluster(vectors[:1], np.ones(1)).tolist() == [0] and cluster(vectors[:0], np.ones(0)).tolist() == []


def test_a_small_cluster_goes_to_the_nearest_person() -> None:
    vectors, labels = make_talk(2, np.random.default_rng(0))
    odd = normalize(np.eye(64)[40] + 0.2 * np.eye(64)[0])
    vectors, seconds = np.vstack([vectors, odd[None]]), np.full(61, 2.0)
    assert agrees(cluster(vectors, seconds), np.append(labels, 0))
    assert agrees(cluster(vectors, seconds, 2), np.append(labels, 0))


def test_in_a_long_recording_a_person_needs_a_quarter_of_a_minute() -> None:
    vectors, labels = make_talk(2, np.random.default_rng(0))
    third = np.repeat(np.eye(64)[[50]], 6, 0)
    long, short = (
        cluster(np.vstack([vectors, third]), np.append(np.full(60, 20.0), np.full(6, seconds)))
        for seconds in (3.0, 2.0)  # 18 s and 12 s
    )
    assert agrees(long, np.append(labels, np.full(6, 2)))
    assert short.max() == 1


def test_a_long_recording_is_clustered_by_a_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, labels = make_talk(3, np.random.default_rng(1))
    monkeypatch.setattr(clustering, "MAX_PIECES", 40)
    assert agrees(cluster(vectors, np.full(60, 2.0)), labels)


def test_equal_vectors_are_one_speaker_and_pieces_that_all_differ_are_one_too() -> None:
    assert not cluster(np.full((20, 4), 0.5), np.ones(20)).any()
    assert not cluster(np.eye(20), np.ones(20)).any()


def test_two_similar_voices_are_told_apart_from_each_other() -> None:
    rng = np.random.default_rng(3)
    people = normalize(np.stack([np.eye(64)[0], np.eye(64)[0] + 1.5 * np.eye(64)[1], np.eye(64)[2]]))  # cosine 0.55
    labels = rng.permutation(np.arange(90) % 3)
    vectors = normalize(people[labels] + rng.normal(0, 1 / 12, (90, 64)))
    assert agrees(cluster(vectors, np.full(90, 2.0)), labels)


def test_a_further_person_must_raise_the_silhouette(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of two people speaks in two manners that are a little apart: three clusters are hardly better than two."""
    rng = np.random.default_rng(0)
    manners = normalize(np.stack([np.eye(64)[0], np.eye(64)[1], np.eye(64)[1] + 1.3 * np.eye(64)[2]]))
    labels = np.repeat([0, 1, 2], [40, 20, 20])
    vectors, seconds = normalize(manners[labels] + rng.normal(0, 1 / 12, (80, 64))), np.full(80, 2.0)
    two, three = (clustering.measure_silhouette(vectors, each) for each in (np.minimum(labels, 1), labels))
    monkeypatch.setattr(clustering, "PER_PERSON", three - two - 0.001)
    assert agrees(cluster(vectors, seconds), labels)
    monkeypatch.setattr(clustering, "PER_PERSON", three - two + 0.001)
    assert agrees(cluster(vectors, seconds), np.minimum(labels, 1))


def test_pieces_move_to_the_nearest_person_and_nobody_loses_all() -> None:
    vectors = normalize(np.array([[1.0, 0.0], [0.9, 0.1], [0.1, 0.9], [0.0, 1.0], [0.2, 0.8]]))
    moved = clustering.move_to_nearest(vectors, np.ones(5), np.array([0, 0, 1, 1, 0]))
    assert moved.tolist() == [0, 0, 1, 1, 1]
    same = np.repeat(vectors[:1], 3, 0)
    assert clustering.move_to_nearest(same, np.ones(3), np.array([0, 1, 1])).tolist() == [0, 1, 1]


def test_the_silhouette_is_that_of_scikit_learn() -> None:
    vectors, labels = make_talk(2, np.random.default_rng(1))
    expected = silhouette_score(vectors, labels, metric="cosine")
    assert clustering.measure_silhouette(vectors, labels) == pytest.approx(expected)
    assert clustering.measure_silhouette(vectors, np.zeros(60, int)) == -1.0
