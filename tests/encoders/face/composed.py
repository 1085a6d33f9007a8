"""Two people side by side whose mouths move as they are told, and voices to tell them."""

import numpy as np

from mmerc.corpora.synthetic.face import LOOKS, portrait

RATE, SECONDS = 12.5, 4.0
FRAMES = int(RATE * SECONDS)


def voice(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Syllables of noise, and how far a mouth is open at each frame while they are said."""
    rng = np.random.default_rng(seed)
    times = np.arange(int(SECONDS * 16_000)) / 16_000
    open_mouth = np.zeros_like(times)
    at = rng.uniform(0, 0.4)
    while at < SECONDS:
        length = rng.uniform(0.12, 0.3)
        open_mouth += np.exp(-(((times - at) / (length / 2)) ** 2))
        at += length + rng.choice([0.08, 0.6], p=[0.7, 0.3])
    open_mouth = np.clip(open_mouth, 0, 1)
    sound = (rng.normal(0, 0.2, len(times)) * open_mouth).astype(np.float32)
    return sound, np.interp((np.arange(FRAMES) + 0.5) / RATE, times, open_mouth)


def people(seed: int) -> list[str]:
    return [str(who) for who in np.random.default_rng(seed).permutation(list(LOOKS))[:2]]


def composed(left: np.ndarray, right: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Two people side by side; how far their mouths are open at each frame."""
    rng = np.random.default_rng(seed)
    first, second = people(seed)
    pictures = [
        np.concatenate([portrait(who, "wide", round(4 * float(mouth))) for who, mouth in ((first, a), (second, b))], 1)
        for a, b in zip(left, right, strict=True)
    ]
    return np.clip(np.stack(pictures) + rng.normal(0, 4, (FRAMES, 240, 640, 1)), 0, 255).astype(np.uint8)
