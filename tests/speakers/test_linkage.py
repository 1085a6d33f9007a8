"""Average linkage, compared with SciPy's."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from mmerc.speakers.linkage import Merge, cut_at_count, cut_at_distance, merge_clusters
from mmerc.speakers.voice_encoder import normalize


def as_groups(labels: np.ndarray) -> set[tuple[int, ...]]:
    return {tuple(np.flatnonzero(labels == label).tolist()) for label in labels}


@pytest.mark.parametrize("count", [2, 3, 10, 150])
def test_its_tree_is_the_one_of_scipy(count: int) -> None:
    vectors = normalize(np.random.default_rng(count).normal(size=(count, 16)))
    distances = (1 - vectors @ vectors.T).clip(min=0)
    np.fill_diagonal(distances, 0)
    tree = linkage(squareform(distances, checks=False), "average")
    merges = merge_clusters(distances)
    assert [merge.distance for merge in merges] == pytest.approx(tree[:, 2].tolist(), abs=1e-5)
    for number in range(1, count + 1, max(1, count // 10)):
        assert as_groups(cut_at_count(merges, count, number)) == as_groups(fcluster(tree, number, "maxclust"))
    for distance in (0.5, 0.9, 1.1):
        assert as_groups(cut_at_distance(merges, count, distance)) == as_groups(fcluster(tree, distance, "distance"))


def test_equal_members_are_merged_first() -> None:
    distances = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    assert merge_clusters(distances) == [Merge(0, 2, 0.0), Merge(0, 1, 1.0)]
    assert merge_clusters(np.zeros((5, 5)))[-1].distance == 0.0
    assert merge_clusters(np.zeros((1, 1))) == []
