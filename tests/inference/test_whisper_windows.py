"""Windows little longer than the sound, each encoded once."""

import numpy as np

from mmerc.inference.whisper_windows import WindowEncoder, is_start


def make_window(frames: int, value: float = 1.0) -> np.ndarray:
    """Features as faster-whisper fills them up to 30 s."""
    return np.pad(np.full((80, frames), value, np.float32), ((0, 0), (0, 3000 - frames)))


class Encode:
    """Counts the windows, and keeps their lengths."""

    def __init__(self) -> None:
        self.lengths: list[int] = []

    def __call__(self, features: np.ndarray) -> int:
        assert features.flags.c_contiguous
        self.lengths.append(features.shape[1])
        return len(self.lengths)


def test_a_window_ends_eight_seconds_after_the_sound() -> None:
    encode = Encode()
    encoder = WindowEncoder(encode)
    encoder.is_short = True
    for frames in (0, 301, 2950, 3000):
        encoder(make_window(frames))
    assert encode.lengths == [800, 1100, 3000, 3000]
    encoder.is_short = False
    encoder(make_window(301))
    assert encode.lengths[-1] == 3000


def test_the_language_and_the_words_are_read_from_one_pass() -> None:
    encode = Encode()
    encoder = WindowEncoder(encode)
    # The window of the words lacks the last frame; the others are other sounds.
    found = [encoder(each) for each in (make_window(200), make_window(199), make_window(190), make_window(190, 0.5))]
    assert found == [1, 1, 2, 3]
    encoder.forget()
    assert encoder(make_window(190, 0.5)) == 4


def test_a_longer_sound_is_another_one() -> None:
    assert is_start(np.ones((80, 5)), np.ones((80, 6)))
    assert not is_start(np.ones((80, 6)), np.ones((80, 5)))
