"""The assignment problem: pairs of rows and columns with the least total cost."""

import lap
import numpy as np
from jaxtyping import Float


def find_assignment(costs: Float[np.ndarray, "R C"]) -> list[tuple[int, int]]:
    """Row and column of each pair, in the order of the rows: as many as there are rows or columns, whichever are fewer.

    >>> find_assignment(np.array([[4.0, 1.0, 9.0], [2.0, 0.0, 5.0]]))
    [(0, 1), (1, 0)]
    """
    if not costs.size:
        return []
    _, columns, _ = lap.lapjv(np.ascontiguousarray(costs, np.float64), extend_cost=True)
    return [(row, int(column)) for row, column in enumerate(columns) if column >= 0]  # -1: the row has no column
