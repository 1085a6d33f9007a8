"""What a voice may sound like elsewhere: another speed, level and room, drawn anew each time it is trained on."""

import random

import numpy as np
from jaxtyping import Float

QUIETEST_NOISE, LOUDEST_NOISE = 40.0, 10.0  # signal-to-noise ratio, dB


def altered(
    waveform: Float[np.ndarray, " S"], rng: random.Random, *, speed: float, gain: float, noise: float
) -> Float[np.ndarray, " s"]:
    """The waveform played up to `speed` (a share) faster or slower, up to `gain` dB louder or softer, and with
    probability `noise` under white noise 10 to 40 dB below it."""
    if speed:
        waveform = played(waveform, rng.uniform(1 - speed, 1 + speed))
    if noise and rng.random() < noise:
        level = np.sqrt(np.mean(np.square(waveform))) * 10 ** (-rng.uniform(LOUDEST_NOISE, QUIETEST_NOISE) / 20)
        waveform = waveform + np.random.default_rng(rng.getrandbits(64)).normal(0, level, len(waveform))
    if gain:
        waveform = waveform * 10 ** (rng.uniform(-gain, gain) / 20)
    return waveform.clip(-1, 1).astype(np.float32)


def played(waveform: Float[np.ndarray, " S"], rate: float) -> Float[np.ndarray, " s"]:
    """The waveform at `rate` times its speed, pitch and all, by linear interpolation.

    >>> played(np.array([0.0, 2.0, 4.0, 6.0]), 2.0).tolist()
    [0.0, 4.0]
    """
    places = np.arange(max(1, round(len(waveform) / rate))) * rate
    return np.interp(places, np.arange(len(waveform)), waveform)
