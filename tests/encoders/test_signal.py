from pathlib import Path

import numpy as np
import pytest
import torch

from mmerc.corpora import Dialogue, Utterance
from mmerc.encoders.base import Example
from mmerc.encoders.signal import Signal, SignalConfig
from mmerc.errors import ConfigError, MissingModality

VALUES = [[1.0, 10.0], [3.0, 10.0], None, [5.0, 10.0]]


def talk(values: list[object] = VALUES) -> Dialogue:  # type: ignore[assignment]
    turns = (
        Utterance("train", 0, n, signals={} if v is None else {"pulse": np.asarray(v)}) for n, v in enumerate(values)
    )
    return Dialogue("train", 0, tuple(turns))


def made(**settings: object) -> Signal:
    torch.manual_seed(0)
    encoder = Signal(SignalConfig(encoder="signal", signal="pulse", hidden=4, **settings), 7)  # type: ignore[arg-type]
    encoder.adapt([talk()])
    return encoder.eval()


def answer(encoder: Signal, said: Dialogue, place: int) -> torch.Tensor:
    return encoder(encoder.collate([Example(("t", "0", "0"), encoder.prepare(said, place))])).logits[0]


def test_columns_means_and_deviations_come_from_training() -> None:
    encoder = made()
    assert encoder.config.inputs == 2
    assert encoder.mean.tolist() == [3.0, 10.0]
    assert encoder.deviation.tolist() == pytest.approx([np.sqrt(8 / 3), 1e-5])  # the second column is constant


def test_a_missing_or_odd_signal_is_a_missing_modality() -> None:
    encoder = made()
    for value in (None, [np.nan, 1.0], [[[1.0, 2.0]]], [[]]):
        with pytest.raises(MissingModality, match="no signal pulse"):
            encoder.prepare(talk([value]), 0)


def test_steps_of_time_and_padding() -> None:
    encoder = made()
    long, short = np.ones((5, 2)), np.zeros((2, 2))
    said = talk([long, short])
    rows = [Example(("t", "0", str(n)), encoder.prepare(said, n)) for n in range(2)]
    out = encoder(encoder.collate(rows))
    assert out.sequence.shape == (2, 5, 8) and out.mask.sum(1).tolist() == [5, 2]
    assert torch.allclose(out.logits[1], answer(encoder, said, 1), atol=1e-6)


def test_context_reads_the_dialogue_and_online_only_its_past() -> None:
    other = talk([[1.0, 10.0], [3.0, 10.0], None, [-9.0, 10.0]])  # the last utterance differs
    offline, online = made(context=True), made(context=True, protocol="online")
    assert offline.prepare(talk(), 1)[:, -2:].tolist() == [[1, 0], [1, 1], [0, 0], [1, 0]]
    assert not torch.allclose(answer(offline, talk(), 1), answer(offline, other, 1))
    assert torch.equal(answer(online, talk(), 1), answer(online, other, 1))
    first = talk([[7.0, 10.0], [3.0, 10.0], None, [5.0, 10.0]])
    assert not torch.allclose(answer(online, talk(), 1), answer(online, first, 1))


def test_noise_is_of_training_alone_and_in_deviations_of_a_column() -> None:
    quiet, noisy = made(), made(noise=2.0)
    assert torch.equal(answer(noisy, talk(), 0), answer(quiet, talk(), 0))
    seen = []
    noisy.projection.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    wide = np.tile([3.0, 10.0], (2000, 1))  # the means of the columns
    noisy.train()(noisy.collate([Example(("train", "0", "0"), wide.astype(np.float32))]))
    assert seen[0].mean().abs() < 0.2 and abs(float(seen[0].std()) - 2.0) < 0.2


def test_it_comes_back_with_its_columns(tmp_path: Path) -> None:
    encoder = made(context=True)
    encoder.save(tmp_path)
    assert torch.allclose(answer(Signal.restore(tmp_path), talk(), 3), answer(encoder, talk(), 3))  # type: ignore[arg-type]


def test_a_signal_that_nobody_has() -> None:
    encoder = Signal(SignalConfig(encoder="signal", signal="pulse"), 7)
    with pytest.raises(ConfigError, match='no training utterance has the signal "pulse": check'):
        encoder.adapt([talk([None])])
    encoder = Signal(SignalConfig(encoder="signal", signal="pulse", inputs=3), 7)
    with pytest.raises(ConfigError, match='"pulse" has 1, 2 columns in training and not 3'):
        encoder.adapt([talk([[1.0], [1.0, 2.0]])])


def test_the_commonest_columns_are_the_signals_and_others_are_missing() -> None:
    odd = talk([[1.0, 10.0], [7.0], [3.0, 10.0], [2e38, 2e38]])
    encoder = Signal(SignalConfig(encoder="signal", signal="pulse"), 7)
    encoder.adapt([odd])
    assert encoder.mean.tolist() == [2.0, 10.0] and encoder.deviation.tolist() == pytest.approx([1.0, 1e-5])
    for place, reason in ((1, "its pulse has not 2 columns"), (3, "it has no signal pulse")):
        with pytest.raises(MissingModality, match=reason):
            encoder.prepare(odd, place)


def test_large_numbers_have_a_finite_deviation() -> None:
    encoder = Signal(SignalConfig(encoder="signal", signal="pulse"), 7)
    encoder.adapt([talk([[1e15], [-1e15]])])
    assert encoder.deviation.tolist() == pytest.approx([1e15])
