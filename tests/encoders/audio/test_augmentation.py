"""Augmentation of waveforms: the change of speed, each other kind, its seeds, and when it is applied."""

import random
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmerc.encoders.audio import augmentation
from mmerc.encoders.audio.augmentation import KINDS, augment, change_speed, load_transforms
from mmerc.encoders.audio.spectrogram import Spectrogram, SpectrogramConfig
from mmerc.encoders.base import Example
from mmerc.errors import ConfigError

TIME = np.arange(16_000) / 16_000
TONE = (0.2 * np.sin(2 * np.pi * 400 * TIME)).astype(np.float32)
# A tone that stops, with a little noise: each kind changes it.
SPEECH = (TONE * (TIME < 0.6) + 0.01 * np.random.default_rng(0).standard_normal(16_000)).astype(np.float32)


def find_pitch(waveform: np.ndarray) -> float:
    return float(np.abs(np.fft.rfft(waveform)).argmax() * 16_000 / len(waveform))


def measure_share_above(waveform: np.ndarray, hertz: float) -> float:
    power = np.square(np.abs(np.fft.rfft(waveform)))
    return float(power[np.fft.rfftfreq(len(waveform), 1 / 16_000) > hertz].sum() / power.sum())


def test_a_higher_speed_gives_a_shorter_and_higher_tone() -> None:
    assert len(change_speed(TONE, 1.25)) == 12_800
    assert find_pitch(change_speed(TONE, 1.25)) == pytest.approx(500, abs=2)
    assert np.array_equal(change_speed(TONE, 1.0), TONE)


def test_a_higher_speed_folds_nothing_back_into_the_band() -> None:
    high = np.sin(2 * np.pi * 7_500 * TIME).astype(np.float32)  # at 1.4 times the speed it would be at 10.5 kHz
    assert float(np.abs(change_speed(high, 1.4)[500:-500]).max()) < 0.01


def test_the_speed_stays_within_its_limits() -> None:
    rng = random.Random(0)
    lengths = [len(augment(TONE, rng, max_speed_change=0.1)) for _ in range(50)]
    assert 16_000 / 1.1 <= min(lengths) < 15_000 and 17_000 < max(lengths) <= 16_000 / 0.9


def test_without_augmentation_the_waveform_and_the_rng_stay_the_same() -> None:
    rng = random.Random(0)
    assert np.array_equal(augment(TONE, rng, max_speed_change=0), TONE)
    assert rng.getstate() == random.Random(0).getstate()


@settings(deadline=None)  # the first call imports libraries and opens codecs
@given(st.integers(0, 2**32), st.integers(1, 300), st.sampled_from([0.0, 1.0]))
def test_every_seed_gives_a_waveform_and_gives_it_again(seed: int, length: int, level: float) -> None:
    waveform = np.full(length, level, np.float32)
    first = augment(waveform, random.Random(seed), max_speed_change=0.2, probability=0.5)
    assert first.dtype == np.float32 and len(first) >= 1 and float(np.abs(first).max()) <= 1
    assert np.array_equal(first, augment(waveform, random.Random(seed), max_speed_change=0.2, probability=0.5))


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_changes_the_samples_and_keeps_their_number(kind: str) -> None:
    changed = [KINDS[kind](SPEECH, random.Random(seed)) for seed in range(4)]
    assert {len(each) for each in changed} == {16_000}
    assert all(np.isfinite(each).all() and float(np.abs(each - SPEECH).max()) > 1e-3 for each in changed)
    assert not np.array_equal(changed[0], changed[1])


def test_each_kind_does_what_its_name_says() -> None:
    after = SPEECH[11_000:]  # the tone has stopped
    for seed in range(4):
        rng = random.Random(seed)
        ratio = np.mean(SPEECH**2) / np.mean((KINDS["noise"](SPEECH, rng) - SPEECH) ** 2)
        assert -0.1 <= 10 * np.log10(ratio) <= 30.1
        assert np.mean(KINDS["reverberation"](SPEECH, rng)[9_700:11_000] ** 2) > 2 * np.mean(after**2)
        assert float(np.abs(KINDS["clipping"](SPEECH, rng)).max()) < float(np.abs(SPEECH).max())
        white = np.random.default_rng(seed).standard_normal(16_000).astype(np.float32)
        assert measure_share_above(KINDS["band_limit"](white, rng), 7_900) < measure_share_above(white, 7_900)


def test_the_kinds_are_applied_as_often_as_the_probability_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(augmentation, "KINDS", {"louder": lambda waveform, rng: waveform + 0.5})
    rng = random.Random(0)
    count = sum(augment(TONE, rng, max_speed_change=0, probability=0.3)[0] > 0.4 for _ in range(400))
    assert count == pytest.approx(120, abs=30)


def test_the_global_generators_keep_their_state_and_have_no_influence() -> None:
    results = []
    for seed in (1, 2):
        random.seed(seed)
        np.random.seed(seed)
        results.append(augment(SPEECH, random.Random(7), max_speed_change=0.1, probability=1.0))
        expected = random.Random(seed).random(), np.random.RandomState(seed).random()
        assert (random.random(), np.random.random()) == expected
    assert np.array_equal(*results)


def test_another_process_gives_the_same_samples() -> None:
    program = (
        "import random, numpy as np; from mmerc.encoders.audio.augmentation import augment; "
        "tone = np.sin(np.arange(4000) / 6).astype(np.float32) / 4; "
        "print(augment(tone, random.Random('0/3/1'), max_speed_change=0.1, probability=1.0).sum(dtype=float).hex())"
    )
    tone = np.sin(np.arange(4000) / 6).astype(np.float32) / 4
    here = augment(tone, random.Random("0/3/1"), max_speed_change=0.1, probability=1.0).sum(dtype=float)
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == float(here).hex()


def test_only_training_with_an_rng_augments() -> None:
    config = SpectrogramConfig(encoder="spectrogram", conv_channels=16, max_speed_change=0.1)
    encoder = Spectrogram(config, 7)
    example = Example(("t", "0", "0"), (TONE * 32_768).astype(np.int16))
    assert int(encoder.train().collate([example], random.Random(1))["samples"][0]) != 16_000
    assert int(encoder.eval().collate([example], random.Random(1))["samples"][0]) == 16_000
    assert int(encoder.train().collate([example])["samples"][0]) == 16_000


def test_the_setting_reaches_the_batch_of_an_encoder() -> None:
    config = SpectrogramConfig(encoder="spectrogram", conv_channels=16, augmentation_probability=1.0)
    encoder = Spectrogram(config, 7)
    example = Example(("t", "0", "0"), (SPEECH * 32_768).astype(np.int16))
    changed, clean = (encoder.train(training).collate([example], random.Random(1)) for training in (True, False))
    assert changed["waveform"].shape == clean["waveform"].shape
    assert float((changed["waveform"] - clean["waveform"]).abs().max()) > 0.01


def test_a_missing_library_is_reported_before_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "audiomentations", None)
    load_transforms.cache_clear()
    Spectrogram(SpectrogramConfig(encoder="spectrogram"), 7).adapt([])  # without augmentation nothing is needed
    encoder = Spectrogram(SpectrogramConfig(encoder="spectrogram", augmentation_probability=0.3), 7)
    with pytest.raises(ConfigError, match=r"needs the extra augmentation .*pip install 'mmerc\[augmentation\]'"):
        encoder.adapt([])


def test_prediction_does_not_import_the_libraries_of_the_augmentation() -> None:
    program = "import sys, mmerc.encoders.audio.spectrogram; print(sorted({'audiomentations', 'scipy.signal'} & {*sys.modules}))"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
