"""Augmentation of waveforms: the change of speed, its limits, and when it is applied."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmerc.encoders.audio.augmentation import augment, change_speed
from mmerc.encoders.audio.spectrogram import Spectrogram, SpectrogramConfig
from mmerc.encoders.base import Example

TIME = np.arange(16_000) / 16_000
TONE = (0.2 * np.sin(2 * np.pi * 400 * TIME)).astype(np.float32)


def find_pitch(waveform: np.ndarray) -> float:
    return float(np.abs(np.fft.rfft(waveform)).argmax() * 16_000 / len(waveform))


def test_a_higher_speed_gives_a_shorter_and_higher_tone() -> None:
    assert len(change_speed(TONE, 1.25)) == 12_800
    assert find_pitch(change_speed(TONE, 1.25)) == pytest.approx(500, abs=2)
    assert np.array_equal(change_speed(TONE, 1.0), TONE)


def test_the_speed_stays_within_its_limits() -> None:
    rng = random.Random(0)
    lengths = [len(augment(TONE, rng, max_speed_change=0.1)) for _ in range(50)]
    assert 16_000 / 1.1 <= min(lengths) < 15_000 and 17_000 < max(lengths) <= 16_000 / 0.9


def test_without_a_change_of_speed_the_waveform_and_the_rng_stay_the_same() -> None:
    rng = random.Random(0)
    assert np.array_equal(augment(TONE, rng, max_speed_change=0), TONE)
    assert rng.getstate() == random.Random(0).getstate()


@given(st.integers(0, 2**32), st.integers(1, 300))
def test_every_seed_gives_a_waveform_and_gives_it_again(seed: int, length: int) -> None:
    waveform = np.ones(length, np.float32)
    first = augment(waveform, random.Random(seed), max_speed_change=0.2)
    assert first.dtype == np.float32 and len(first) >= 1 and float(np.abs(first).max()) <= 1
    assert np.array_equal(first, augment(waveform, random.Random(seed), max_speed_change=0.2))


def test_only_training_with_an_rng_augments() -> None:
    encoder = Spectrogram(SpectrogramConfig(encoder="spectrogram", conv_channels=16, max_speed_change=0.1), 7)
    example = Example(("t", "0", "0"), (TONE * 32_768).astype(np.int16))
    assert int(encoder.train().collate([example], random.Random(1))["samples"][0]) != 16_000
    assert int(encoder.eval().collate([example], random.Random(1))["samples"][0]) == 16_000
    assert int(encoder.train().collate([example])["samples"][0]) == 16_000
