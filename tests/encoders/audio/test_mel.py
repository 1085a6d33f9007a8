import numpy as np
import pytest
import torch

from mmerc.encoders.audio.mel import FLOOR, log_mel, mel_filters


def test_a_tone_lights_up_its_band() -> None:
    wave = 0.5 * torch.sin(2 * torch.pi * 1000 * torch.arange(16_000) / 16_000)
    picture = log_mel(wave[None], bands=64, fft=512, window=400, hop=160)
    assert picture.shape == (1, 64, 101)
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 66) / 2595) - 1)
    loudest = int(picture[0, :, 50].argmax())
    assert edges[loudest] < 1000 < edges[loudest + 2]


def test_silence_is_the_floor() -> None:
    assert torch.equal(
        log_mel(torch.zeros(1, 1600), bands=32, fft=512, window=400, hop=160).exp().unique().round(decimals=7),
        torch.tensor([FLOOR]),
    )


def test_filters_are_triangles_that_overlap() -> None:
    filters = mel_filters(20, 1024)
    assert filters.shape == (20, 513)
    assert float(filters.max()) == pytest.approx(1, abs=0.1)
    inner = filters.sum(0)[6:450]  # between the first and the last middle, neighbours add up to one
    assert torch.allclose(inner, torch.ones_like(inner), atol=0.05)
