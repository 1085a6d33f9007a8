from pathlib import Path

import numpy as np
import pytest
import torch

from mmerc.corpora import Clip, Dialogue, Utterance
from mmerc.encoders.audio.base import softmax_pooled, steps_mask
from mmerc.encoders.audio.spectrogram import Spectrogram, SpectrogramConfig
from mmerc.encoders.base import Example
from mmerc.errors import MissingModality
from tests.media.clips import write_wav


def alone(clip: Clip | None) -> Dialogue:
    return Dialogue("train", 0, (Utterance("train", 0, 0, clip=clip),))


def test_samples_are_stored_as_integers_and_come_back(tmp_path: Path) -> None:
    wave = np.linspace(-1, 1, 16_000)
    encoder = Spectrogram(SpectrogramConfig(encoder="spectrogram"), 7)
    stored = encoder.prepare(alone(Clip(write_wav(tmp_path / "a.wav", wave[None]))), 0)
    assert stored.dtype == np.int16 and len(stored) == 16_000
    batch = encoder.collate([Example(("a", "b", "c"), stored), Example(("a", "b", "d"), stored[:10])])
    assert batch["samples"].tolist() == [16_000, 10]
    assert torch.allclose(batch["waveform"][0], torch.from_numpy(wave).float(), atol=1e-3)


def test_without_a_clip_there_is_no_voice() -> None:
    with pytest.raises(MissingModality, match="has no clip"):
        Spectrogram(SpectrogramConfig(encoder="spectrogram"), 7).prepare(alone(None), 0)


def test_masks_and_pooling() -> None:
    mask = steps_mask(torch.tensor([1, 3]), 3)
    assert mask.tolist() == [[True, False, False], [True, True, True]]
    sequence = torch.tensor([[[2.0], [50.0], [50.0]], [[1.0], [2.0], [3.0]]])
    assert softmax_pooled(sequence, torch.zeros(2, 3), mask).tolist() == [[2.0], [2.0]]
