"""Windows of Whisper that are little longer than the sound.

Whisper was trained on windows of 30 s, and faster-whisper fills every window up to that length. The encoder takes any length, and its
time grows with it. faster-whisper also encodes the first window twice, for the language and for the words.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float

# Frames of 10 ms after the sound. With 1 s of them Whisper goes on after the last word in 5 of 30 clips of RAVDESS, with 4 s in one, with 8 s in none.
MARGIN = 800  # the shortest that was good; up to 30 s is a little better and takes four times as long
SAME_FRAMES = 2  # by which the window of the words may be shorter than that of the language


class WindowEncoder:
    """Takes the place of `encode` of a model of faster-whisper: shortens a window, and encodes the same sound once."""

    def __init__(self, encode: Callable[[np.ndarray], Any]) -> None:
        """`encode`: the method of the model."""
        self.encode = encode
        self.is_short = False  # whether windows are shortened
        self._last: tuple[np.ndarray, Any] | None = None  # the sound of the last window, and its encoding

    def __call__(self, features: Float[np.ndarray, "M F"]) -> Any:
        """The encoding of a window of mel features that may end with zeros."""
        sound = features[:, : count_frames(features)]
        if self._last is None or not is_start(sound, self._last[0]):
            length = features.shape[1]
            if self.is_short:
                length = min(sound.shape[1] + MARGIN, length)
            # The encoder halves the length.
            self._last = sound.copy(), self.encode(np.ascontiguousarray(features[:, : length - length % 2]))
        return self._last[1]

    def forget(self) -> None:
        """The next window is encoded whatever the last one was."""
        self._last = None


def count_frames(features: Float[np.ndarray, "M F"]) -> int:
    """The number of frames without the zeros at the end.

    >>> count_frames(np.array([[0.5, 0.0, 0.2, 0.0, 0.0]]))
    3
    """
    used = np.flatnonzero(np.abs(features).max(0))
    return int(used[-1]) + 1 if len(used) else 0


def is_start(sound: Float[np.ndarray, "M f"], other: Float[np.ndarray, "M g"]) -> bool:
    """Whether a sound is another one, or that without its last frames."""
    length = sound.shape[1]
    return 0 <= other.shape[1] - length <= SAME_FRAMES and np.array_equal(sound, other[:, :length])
