"""Augmentation of a waveform in training: a random change of speed."""

import random

import numpy as np
from jaxtyping import Float


def augment(
    waveform: Float[np.ndarray, " S"], rng: random.Random, *, max_speed_change: float
) -> Float[np.ndarray, " s"]:
    """Change the speed by a random factor from 1 - max_speed_change to 1 + max_speed_change.

    Returns float32 samples in [-1, 1]. `rng` is not used if max_speed_change is 0.
    """
    if max_speed_change:
        waveform = change_speed(waveform, rng.uniform(1 - max_speed_change, 1 + max_speed_change))
    return waveform.clip(-1, 1).astype(np.float32)


def change_speed(waveform: Float[np.ndarray, " S"], factor: float) -> Float[np.ndarray, " s"]:
    """Resample the waveform by linear interpolation so that it plays `factor` times as fast. The pitch changes with it.

    s = round(S / factor), at least 1.

    >>> change_speed(np.array([0.0, 2.0, 4.0, 6.0]), 2.0).tolist()
    [0.0, 4.0]
    """
    positions = np.arange(max(1, round(len(waveform) / factor))) * factor
    resampled: np.ndarray = np.interp(positions, np.arange(len(waveform)), waveform)
    return resampled
