import numpy as np
import pytest
import torch

from mmerc.speakers.mel import NUM_BANDS, compute_mel, make_filters


def test_filters_have_the_same_area_and_edges_of_slaneys_scale() -> None:
    filters = make_filters()
    assert filters.shape == (NUM_BANDS, 201)
    # librosa.filters.mel(sr=16000, n_fft=400, n_mels=40), version 0.11: the bins of 40 Hz with the peaks, and their values
    assert filters.argmax(1).tolist()[:5] == [2, 4, 6, 7, 9] and filters.argmax(1).tolist()[-3:] == [159, 172, 185]
    assert filters.max(1).values[[0, 20, 39]].tolist() == pytest.approx([0.0124, 0.00719, 0.00172], rel=5e-3)


def test_a_tone_is_in_its_band_and_silence_surrounds_the_sound() -> None:
    tone = torch.from_numpy(np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000).astype(np.float32))
    mel = compute_mel(tone)  # [T, M]
    assert mel.shape == (101, NUM_BANDS)
    centre = make_filters() @ torch.linspace(0, 8000, 201) / make_filters().sum(1)
    assert float(centre[mel[50].argmax()]) == pytest.approx(1000, abs=60)
    assert float(mel[0].sum()) < 0.5 * float(mel[50].sum())
