"""Windows of Whisper that are as long as the sound.

Whisper was trained on windows of 30 s, and faster-whisper fills every window up to that length. The encoder takes any length, and its
time grows with it. faster-whisper also encodes the first window twice, for the language and for the words.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float

MARGIN = 100  # frames of 10 ms after the sound, which say that it has ended


class WindowEncoder:
    """Takes the place of `encode` of a model of faster-whisper: cuts what fills a window up, and encodes the same window once."""

    def __init__(self, encode: Callable[[np.ndarray], Any]) -> None:
        """`encode`: the method of the model."""
        self.encode = encode
        self._last: tuple[np.ndarray, Any] | None = None  # the last window and its encoding

    def __call__(self, features: Float[np.ndarray, "M F"]) -> Any:
        """The encoding of a window of mel features that may end with zeros."""
        window = cut_padding(features)
        if self._last is None or not np.array_equal(self._last[0], window):
            self._last = window, self.encode(window)
        return self._last[1]


def cut_padding(features: Float[np.ndarray, "M F"], margin: int = MARGIN) -> Float[np.ndarray, "M f"]:
    """The features without the frames of zeros at their end, but for `margin` of them. f is even, because the encoder halves it.

    >>> cut_padding(np.pad(np.ones((80, 5)), ((0, 0), (0, 20))), margin=4).shape
    (80, 10)
    """
    used = np.flatnonzero(np.abs(features).max(0))
    length = (int(used[-1]) + 1 if len(used) else 0) + margin
    return np.ascontiguousarray(features[:, : min(length + length % 2, features.shape[1])])
