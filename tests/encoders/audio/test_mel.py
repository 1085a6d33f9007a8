import numpy as np
import pytest
import torch

from mmerc.encoders.audio.mel import MIN_POWER, compute_log_mel, make_mel_filters


def test_a_tone_is_loudest_in_its_own_band() -> None:
    waveform = 0.5 * torch.sin(2 * torch.pi * 1000 * torch.arange(16_000) / 16_000)
    spectrogram = compute_log_mel(waveform[None], n_mels=64, n_fft=512, win_length=400, hop_length=160)
    assert spectrogram.shape == (1, 64, 101)
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 66) / 2595) - 1)
    loudest = int(spectrogram[0, :, 50].argmax())
    assert edges[loudest] < 1000 < edges[loudest + 2]


def test_silence_has_the_lowest_power() -> None:
    silence = compute_log_mel(torch.zeros(1, 1600), n_mels=32, n_fft=512, win_length=400, hop_length=160)
    assert torch.equal(silence.exp().unique().round(decimals=7), torch.tensor([MIN_POWER]))


def test_the_filters_are_overlapping_triangles() -> None:
    filters = make_mel_filters(20, 1024)
    assert filters.shape == (20, 513)
    assert float(filters.max()) == pytest.approx(1, abs=0.1)
    inner = filters.sum(0)[6:450]  # between the first and the last centre, neighbouring filters add up to one
    assert torch.allclose(inner, torch.ones_like(inner), atol=0.05)
