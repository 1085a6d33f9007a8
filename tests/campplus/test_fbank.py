import math

import numpy as np
import pytest
import torch

from mmerc.campplus.fbank import NUM_BANDS, compute_fbank, make_filters


def make_tone(frequency: float, num_samples: int = 16_000) -> torch.Tensor:
    return torch.from_numpy(np.sin(2 * np.pi * frequency * np.arange(num_samples) / 16_000).astype(np.float32))


def test_filters_are_triangles_from_20_hz_to_half_the_sample_rate() -> None:
    filters = make_filters()  # [M, F]
    assert filters.shape == (NUM_BANDS, 257)
    assert float(filters.max()) <= 1 and float(filters[:, 0].max()) == 0
    inner = filters[:, 4:240].sum(0)  # between the first and the last peak, neighbours add up to 1
    assert inner.tolist() == pytest.approx([1] * len(inner), abs=1e-3)


def test_one_frame_by_hand() -> None:
    """The power of an impulse is the same at all frequencies but for the pre-emphasis: the steps of Kaldi, with plain sums."""
    waveform = torch.zeros(560)
    waveform[200] = 1.0
    # Two frames: the second one has the impulse 160 samples earlier, where the window is lower.
    difference = compute_fbank(waveform).diff(dim=0)[0]  # [M]; the mean over time cancels
    frequencies = np.arange(257) / 512
    powers = []
    for position in (200, 40):
        frame = np.full(400, -1 / 400)
        frame[position] += 1
        raised = frame - 0.97 * np.concatenate([frame[:1], frame[:-1]])
        raised *= (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 399)) ** 0.85
        angles = np.exp(-2j * np.pi * frequencies[:, None] * np.arange(400))
        powers.append(np.abs(angles @ raised) ** 2)
    for band in (0, 20, 79):
        weights = make_filters()[band].numpy()
        expected = math.log(weights @ powers[1]) - math.log(weights @ powers[0])
        assert float(difference[band]) == pytest.approx(expected, abs=1e-3)


def test_a_tone_is_in_its_band_and_loudness_does_not_matter() -> None:
    waveform = torch.cat([make_tone(500), make_tone(2000)])
    fbank = compute_fbank(waveform)  # [T, M]
    assert fbank.shape == (1 + (32_000 - 400) // 160, NUM_BANDS)
    assert fbank.mean(0).abs().max() < 1e-4
    peaks = make_filters().argmax(1) * 16_000 / 512  # [M], Hz
    assert float(peaks[fbank[20].argmax()]) == pytest.approx(500, abs=40)
    assert float(peaks[fbank[-20].argmax()]) == pytest.approx(2000, abs=80)
    assert torch.allclose(compute_fbank(waveform + 0.1), fbank, atol=0.1)  # the mean of a frame is subtracted


def test_short_sound_and_silence_are_finite() -> None:
    assert compute_fbank(torch.zeros(0)).tolist() == [[0.0] * NUM_BANDS]
    assert compute_fbank(torch.zeros(1_600)).abs().max() < 1e-5
