"""Pairs of rows and columns, compared with SciPy's."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from mmerc.encoders.face.assignment import find_assignment


@pytest.mark.parametrize("shape", [(1, 1), (2, 5), (5, 2), (7, 7), (3, 40)])
def test_it_has_the_least_cost(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    for scale in (1.0, -1.0):
        costs = scale * rng.uniform(0, 1, shape)
        found = find_assignment(costs)
        assert found == [(int(row), int(column)) for row, column in zip(*linear_sum_assignment(costs), strict=True)]


def test_nothing_is_assigned_where_there_is_nothing() -> None:
    assert find_assignment(np.zeros((0, 3))) == [] == find_assignment(np.zeros((3, 0)))
