import numpy as np
import torch

from mmerc.encoders.audio.spectrogram import Spectrogram, SpectrogramConfig
from mmerc.encoders.base import Example


def rows(*seconds: float) -> list[Example]:
    rng = np.random.default_rng(0)
    waves = [(rng.standard_normal(int(length * 16_000)) * 3000).astype(np.int16) for length in seconds]
    return [Example(("train", "0", str(number)), wave) for number, wave in enumerate(waves)]


@torch.no_grad()
def test_what_lies_behind_the_end_changes_nothing() -> None:
    torch.manual_seed(0)
    encoder = Spectrogram(SpectrogramConfig(encoder="spectrogram", channels=16), 7).eval()
    short, long = rows(0.37, 1.5)
    together = encoder(encoder.collate([short, long]))
    alone = encoder(encoder.collate([short]))
    steps = int(alone.mask.sum())
    assert together.mask.sum(1).tolist() == [steps, 38]  # 40 ms a step
    assert torch.allclose(alone.logits[0], together.logits[0], atol=1e-5)
    assert torch.allclose(alone.sequence[0], together.sequence[0, :steps], atol=1e-5)


def test_training_hides_parts_and_evaluation_does_not() -> None:
    torch.manual_seed(0)
    encoder = Spectrogram(SpectrogramConfig(encoder="spectrogram", channels=16, dropout=0.0), 7)
    batch = encoder.collate(rows(1.0))
    assert not torch.equal(encoder(batch).logits, encoder(batch).logits)
    encoder.eval()
    assert torch.equal(encoder(batch).logits, encoder(batch).logits)


def test_one_sample_is_enough() -> None:
    encoder = Spectrogram(SpectrogramConfig(encoder="spectrogram", channels=16), 7).eval()
    assert torch.isfinite(encoder(encoder.collate([Example(("a", "b", "c"), np.ones(1, np.int16))])).logits).all()
