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


def as_signal(value: Any) -> np.ndarray | None:
    """The value as float32, where it is a usable array or can be one."""
    try:
        plain = value.detach().float() if isinstance(value, torch.Tensor) else value
        array = np.asarray([] if plain is None else plain)
    except ValueError:  # a list of unequal rows
        return None
    return array.astype(np.float32) if usable(array) else None


def usable_arrays(found: Iterable[tuple[str, Any]]) -> dict[str, object]:
    """Those that can be signals, as such."""
    return {name: array for name, value in found if (array := as_signal(value)) is not None}
