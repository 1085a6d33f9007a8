"""Smaller features: fewer steps, and one byte for each number."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from mmerc.features.row import FeatureRow

LARGEST = 127  # of a signed byte; -128 is not used, so that both signs have the same range


def average_steps(sequence: Float[np.ndarray, "T d"], max_steps: int, num_leading: int = 0) -> Float[np.ndarray, "N d"]:
    """The sequence with at most `max_steps` steps: neighbouring steps are averaged, in parts of almost equal length.

    The first `num_leading` steps are no points in time, such as a summary of the utterance, and stay as they are if there is room
    for another one. `max_steps`: 0 keeps every step.

    >>> average_steps(np.array([[9.0], [1], [2], [3], [5]]), 3, num_leading=1).tolist()
    [[9.0], [1.5], [4.0]]
    >>> average_steps(np.array([[1.0], [2], [6]]), 1).tolist()
    [[3.0]]
    """
    if not max_steps or len(sequence) <= max_steps:
        return sequence
    num_kept = num_leading if num_leading < max_steps else 0
    parts = np.array_split(sequence[num_kept:], max_steps - num_kept)
    means = np.stack([part.mean(0, dtype=np.float32) for part in parts])
    return np.concatenate([sequence[:num_kept], means.astype(sequence.dtype)])


def quantize(row: FeatureRow) -> FeatureRow:
    """The row as it is after it was stored in one byte for each number, with one scale for each step.

    The largest number of a step becomes 127 times the scale of the step, so the error is at most 0.4 % of it.

    >>> row = quantize(FeatureRow(("train", "0", "0"), np.array([[127.0, 0.4], [0.0, -63.5]])))
    >>> row.values.tolist(), row.scales.tolist()
    ([[127.0, 0.0], [0.0, -63.5]], [1.0, 0.5])
    """
    if row.values is None:
        return row
    values = row.values.astype(np.float32)
    largest = np.abs(values).max(axis=tuple(range(1, values.ndim)), initial=0)  # [T]
    scales = np.maximum(largest / LARGEST, np.finfo(np.float32).tiny)
    columns = scales.reshape(-1, *[1] * (values.ndim - 1))
    return replace(row, values=np.rint(values / columns) * columns, scales=scales)
