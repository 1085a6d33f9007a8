"""Which values are signals: arrays of plausible numbers, one for an utterance."""

from collections.abc import Iterable
from typing import Any

import numpy as np

LARGEST = 1e15  # squares of larger numbers overflow float32; no measurement in any unit comes near


def convert_tensor(value: Any) -> Any:
    """A tensor as a float32 array; anything else as it is. Only tensors have `detach`: torch is not imported to find out."""
    return value.detach().float().numpy() if hasattr(value, "detach") else value


def is_signal(array: np.ndarray) -> bool:
    """Whether an array is a vector [d] or a sequence of vectors [T, d], of finite numbers up to 10^15.

    >>> is_signal(np.ones((2, 3))), is_signal(np.array([1.0, np.nan])), is_signal(np.array([2e38]))
    (True, False, False)
    """
    if array.dtype.kind not in "fiub" or array.ndim not in (1, 2) or not array.size:
        return False
    return bool((np.abs(array.astype(np.float64)) <= LARGEST).all())  # float16 cannot hold the limit


def convert_signal(value: Any) -> np.ndarray | None:
    """The value as a float32 array [d] or [T, d]; `None` where it is not a signal."""
    try:
        numbers = convert_tensor(value)
        array = np.asarray([] if numbers is None else numbers)
    except ValueError:  # a list of rows of unequal length
        return None
    return array.astype(np.float32) if is_signal(array) else None


def convert_signals(values: Iterable[tuple[str, Any]]) -> dict[str, object]:
    """The signals among named values, as float32 arrays."""
    return {name: array for name, value in values if (array := convert_signal(value)) is not None}
