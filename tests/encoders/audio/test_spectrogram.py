import numpy as np
import pytest
import torch

from mmerc.encoders.audio.spectrogram import (
    SPEECH_MEAN,
    Normalization,
    Spectrogram,
    SpectrogramConfig,
    add_deltas,
    mask_spectrogram,
    normalize_log_mel,
)
from mmerc.encoders.base import Example


def make_encoder(**settings: object) -> Spectrogram:
    torch.manual_seed(0)
    return Spectrogram(SpectrogramConfig(encoder="spectrogram", conv_channels=16, **settings), 7)  # type: ignore[arg-type]


def make_examples(*seconds: float) -> list[Example]:
    rng = np.random.default_rng(0)
    waveforms = [(rng.standard_normal(int(length * 16_000)) * 3000).astype(np.int16) for length in seconds]
    return [Example(("train", "0", str(number)), waveform) for number, waveform in enumerate(waveforms)]


@torch.no_grad()
def test_padding_changes_nothing() -> None:
    encoder = make_encoder().eval()
    short, long = make_examples(0.37, 1.5)
    together = encoder(encoder.collate([short, long]))
    alone = encoder(encoder.collate([short]))
    steps = int(alone.mask.sum())
    assert together.mask.sum(1).tolist() == [steps, 38]  # 40 ms a step
    assert torch.allclose(alone.logits[0], together.logits[0], atol=1e-5)
    assert torch.allclose(alone.sequence[0], together.sequence[0, :steps], atol=1e-5)


def test_only_training_masks_the_spectrogram() -> None:
    encoder = make_encoder(dropout=0.0)
    batch = encoder.collate(make_examples(1.0))
    assert not torch.equal(encoder(batch).logits, encoder(batch).logits)
    encoder.eval()
    assert torch.equal(encoder(batch).logits, encoder(batch).logits)


def test_one_sample_is_enough() -> None:
    encoder = make_encoder().eval()
    assert torch.isfinite(encoder(encoder.collate([Example(("a", "b", "c"), np.ones(1, np.int16))])).logits).all()


@pytest.mark.parametrize(
    ("normalization", "expected"),
    [
        ("band", [[-1.0, 1.0, 0.0], [-2.0, 2.0, 0.0]]),
        ("utterance", [[-5.0, -3.0, 0.0], [2.0, 6.0, 0.0]]),
        ("none", [[1 - SPEECH_MEAN, 3 - SPEECH_MEAN, 0.0], [8 - SPEECH_MEAN, 12 - SPEECH_MEAN, 0.0]]),
    ],
)
def test_the_mean_over_real_frames_is_subtracted(normalization: Normalization, expected: list[list[float]]) -> None:
    x = torch.tensor([[[1.0, 3.0, 99.0], [8.0, 12.0, 99.0]]])  # two bands; the third frame is padding
    mask = torch.tensor([[True, True, False]])
    assert normalize_log_mel(x, mask, normalization).tolist() == [expected]


def test_deltas_are_slopes_over_five_frames() -> None:
    x = torch.arange(9.0)[None, None]  # rises by 1 in each frame
    channels = add_deltas(x, torch.ones(1, 9, dtype=torch.bool))
    assert channels.shape == (1, 3, 1, 9)
    assert torch.equal(channels[0, 0, 0], torch.arange(9.0))
    assert torch.allclose(channels[0, 1, 0, 2:-2], torch.full((5,), 4.0))  # slope 1, times 4
    assert float(channels[0, 2, 0, 4]) == pytest.approx(0, abs=1e-6)


def test_masks_cover_at_most_a_quarter_of_an_axis() -> None:
    torch.manual_seed(0)
    x = torch.ones(50, 3, 16, 40)
    masked = mask_spectrogram(x, max_time_mask=99, max_freq_mask=0, num_masks=1)[:, 0, 0] == 0  # [50, 40]
    assert 0 < int(masked.sum(1).max()) <= 10
    bands = mask_spectrogram(x, max_time_mask=0, max_freq_mask=2, num_masks=1)[:, 0, :, 0] == 0  # [50, 16]
    assert int(bands.sum(1).max()) == 2
    assert torch.equal(mask_spectrogram(x, 9, 9, num_masks=0), x)
