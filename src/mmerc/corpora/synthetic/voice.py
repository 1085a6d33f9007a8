"""A synthetic voice: a pulse train with syllables and two formants, whose pitch, energy and rate follow the tone."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float
from scipy.signal import lfilter

SAMPLE_RATE = 24_000


@dataclass(frozen=True)
class Tone:
    """How a tone sounds.

    Attributes:
        pitch: a factor of the speaker's pitch.
        slope: the change of the pitch over the utterance, as a share of it.
        loudness: the peak amplitude.
        rate: syllables per second.
        breath: the amplitude of the noise in the source.
    """

    pitch: float
    slope: float
    loudness: float
    rate: float
    breath: float


TONES = {
    "bright": Tone(pitch=1.45, slope=0.0, loudness=0.32, rate=5.5, breath=0.05),
    "rising": Tone(pitch=1.25, slope=0.5, loudness=0.18, rate=4.5, breath=0.35),
    "slow": Tone(pitch=0.9, slope=-0.15, loudness=0.1, rate=2.8, breath=0.12),
}
SPEAKER_PITCH = {"Ada": 205.0, "Ben": 115.0, "Cleo": 185.0, "Dov": 105.0, "Esi": 220.0, "Finn": 130.0}
VOWELS = ((730.0, 1090.0), (270.0, 2290.0), (530.0, 1840.0), (570.0, 840.0), (300.0, 870.0))  # first two formants, Hz


def speak(tone: str, speaker: str, seconds: float, rng: np.random.Generator) -> Float[np.ndarray, " S"]:
    """A waveform [S] in [-1, 1] at `SAMPLE_RATE`."""
    style = TONES[tone]
    count = int(seconds * SAMPLE_RATE)
    time = np.arange(count) / SAMPLE_RATE
    jitter = 1 + 0.12 * rng.standard_normal()
    contour = 1 + style.slope * time / seconds + 0.06 * np.sin(2 * np.pi * (1.5 + rng.random()) * time)
    pitch = SPEAKER_PITCH[speaker] * style.pitch * jitter * contour
    phase = np.cumsum(pitch) / SAMPLE_RATE
    source = np.diff(np.floor(phase), prepend=0.0) * 6 + style.breath * rng.standard_normal(count)
    rate = style.rate * (1 + 0.12 * rng.standard_normal())
    syllables = np.clip(np.sin(2 * np.pi * rate / 2 * time + rng.random()) ** 2 * 1.3 - 0.2, 0, 1)
    voice = np.zeros(count)
    edges = np.linspace(0, count, max(2, int(seconds * rate) + 1)).astype(int)
    for begin, end in pairwise(edges):
        for formant in VOWELS[rng.integers(len(VOWELS))]:
            voice[begin:end] += _resonate(source[begin:end], formant)
    voice *= syllables
    voice *= style.loudness * (1 + 0.25 * rng.random()) / (np.abs(voice).max() + 1e-9)
    return np.clip(voice + 0.004 * rng.standard_normal(count), -1, 1).astype(np.float32)


def _resonate(source: np.ndarray, formant: float, bandwidth: float = 110.0) -> np.ndarray:
    # The two-pole resonator of formant synthesis (Klatt 1980).
    radius = np.exp(-np.pi * bandwidth / SAMPLE_RATE)
    angle = 2 * np.pi * formant / SAMPLE_RATE
    resonance: np.ndarray = lfilter([1 - radius], [1, -2 * radius * np.cos(angle), radius**2], source)
    return resonance
