"""Which of the numbers that somebody gives for an utterance can be read as a signal of it."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch

LARGEST = 1e15  # the square of a larger number leaves float32, and nothing measured comes near it in any unit


def usable(array: np.ndarray) -> bool:
    """Whether it is a vector [d] or a sequence of them [T, d], of plausible numbers.

    >>> usable(np.ones((2, 3))), usable(np.array([1.0, np.nan])), usable(np.array([2e38]))
    (True, False, False)
    """
    if array.dtype.kind not in "fiub" or array.ndim not in (1, 2) or not array.size:
        return False
    return bool((np.abs(array.astype(np.float64)) <= LARGEST).all())  # float16 has no such number


def usable_arrays(found: Iterable[tuple[str, Any]]) -> dict[str, object]:
    """Those that are, as float32."""
    arrays: dict[str, object] = {}
    for name, value in found:
        try:
            plain = value.detach().float() if isinstance(value, torch.Tensor) else value
            array = np.asarray([] if plain is None else plain)
        except ValueError:  # a list of unequal rows
            continue
        if usable(array):
            arrays[name] = array.astype(np.float32)
    return arrays
