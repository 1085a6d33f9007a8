"""Voices altered for training: speed, level and noise do what they say, and nothing happens without them."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmerc.encoders.audio.augmentation import altered, played
from mmerc.encoders.audio.spectrogram import Spectrogram, SpectrogramConfig
from mmerc.encoders.base import Example

TIME = np.arange(16_000) / 16_000
TONE = (0.2 * np.sin(2 * np.pi * 400 * TIME)).astype(np.float32)


def pitch(wave: np.ndarray) -> float:
    return float(np.abs(np.fft.rfft(wave)).argmax() * 16_000 / len(wave))


def test_faster_is_shorter_and_higher() -> None:
    assert len(played(TONE, 1.25)) == 12_800
    assert pitch(played(TONE, 1.25)) == pytest.approx(500, abs=2)
    assert np.array_equal(played(TONE, 1.0), TONE)


def test_gain_moves_the_level_within_its_bounds() -> None:
    rng = random.Random(0)
    levels = [20 * np.log10(np.std(altered(TONE, rng, speed=0, gain=6, noise=0)) / np.std(TONE)) for _ in range(50)]
    assert -6 <= min(levels) < -4 and 4 < max(levels) <= 6


def test_noise_lies_10_to_40_db_below_the_voice() -> None:
    rng = random.Random(0)
    found = [altered(TONE, rng, speed=0, gain=0, noise=1) - TONE for _ in range(30)]
    ratios = [20 * np.log10(np.std(TONE) / np.std(noise)) for noise in found]
    assert 9.5 < min(ratios) < 20 and 30 < max(ratios) < 40.5


@given(st.integers(0, 2**32), st.integers(1, 300))
def test_whatever_is_drawn_it_stays_a_waveform_and_comes_again(seed: int, length: int) -> None:
    wave = np.ones(length, np.float32)
    first = altered(wave, random.Random(seed), speed=0.2, gain=12, noise=0.5)
    assert first.dtype == np.float32 and len(first) >= 1 and float(np.abs(first).max()) <= 1
    assert np.array_equal(first, altered(wave, random.Random(seed), speed=0.2, gain=12, noise=0.5))


def test_only_training_alters() -> None:
    encoder = Spectrogram(SpectrogramConfig(encoder="spectrogram", channels=16, speed=0.1), 7)
    example = Example(("t", "0", "0"), (TONE * 32_768).astype(np.int16))
    assert int(encoder.train().collate([example], random.Random(1))["samples"][0]) != 16_000
    assert int(encoder.eval().collate([example], random.Random(1))["samples"][0]) == 16_000
    assert int(encoder.train().collate([example])["samples"][0]) == 16_000
