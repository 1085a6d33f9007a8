"""Windows as long as the sound, each encoded once."""

import numpy as np

from mmerc.inference.whisper_windows import WindowEncoder, cut_padding


def make_window(frames: int, value: float = 1.0) -> np.ndarray:
    """Features as faster-whisper fills them up to 30 s."""
    return np.pad(np.full((80, frames), value, np.float32), ((0, 0), (0, 3000 - frames)))


def test_a_window_ends_a_second_after_the_sound() -> None:
    assert [cut_padding(make_window(frames)).shape for frames in (0, 301, 2950, 3000)] == [
        (80, 100),
        (80, 402),
        (80, 3000),
        (80, 3000),
    ]
    assert not cut_padding(make_window(301))[:, 301:].any()


def test_the_language_and_the_words_are_read_from_one_pass() -> None:
    shapes = []

    def encode(features: np.ndarray) -> int:
        shapes.append(features.shape)
        return len(shapes)

    encoder = WindowEncoder(encode)
    assert [encoder(each) for each in (make_window(200), make_window(200), make_window(200, 0.5))] == [1, 1, 2]
    assert shapes == [(80, 300), (80, 300)]
