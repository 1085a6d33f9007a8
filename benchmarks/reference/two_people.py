"""Videos of two people side by side whose mouths open by given amounts, and synthetic voices with such amounts."""

import numpy as np

from mmerc.corpora.synthetic.face import LOOKS, draw_portrait
from mmerc.media import SAMPLE_RATE

FPS, SECONDS = 12.5, 4.0
FRAMES = int(FPS * SECONDS)
TIMES = (np.arange(FRAMES) + 0.5) / FPS  # of the frames, in seconds


def make_voice(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Syllables of noise [S], and how far the mouth is open at each frame [F], from 0 to 1."""
    rng = np.random.default_rng(seed)
    times = np.arange(int(SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    opening = np.zeros_like(times)
    start = rng.uniform(0, 0.4)
    while start < SECONDS:
        length = rng.uniform(0.12, 0.3)
        opening += np.exp(-(((times - start) / (length / 2)) ** 2))
        start += length + rng.choice([0.08, 0.6], p=[0.7, 0.3])
    opening = np.clip(opening, 0, 1)
    waveform = (rng.normal(0, 0.2, len(times)) * opening).astype(np.float32)
    return waveform, np.interp(TIMES, times, opening)


def pick_people(seed: int) -> list[str]:
    """The names of two different synthetic faces."""
    return [str(name) for name in np.random.default_rng(seed).permutation(list(LOOKS))[:2]]


def compose_video(left: np.ndarray, right: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Frames [F, 240, 640, 3] of two people, from how far their mouths are open at each frame [F]."""
    rng = np.random.default_rng(seed)
    first, second = pick_people(seed)
    frames = [
        np.concatenate(
            [draw_portrait(who, "wide", round(4 * float(mouth))) for who, mouth in ((first, a), (second, b))], 1
        )
        for a, b in zip(left, right, strict=True)
    ]
    return np.clip(np.stack(frames) + rng.normal(0, 4, (FRAMES, 240, 640, 1)), 0, 255).astype(np.uint8)
