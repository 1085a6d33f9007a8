from pathlib import Path

import numpy as np
import pytest
import torch

from mmerc.corpora import Dialogue, Utterance
from mmerc.encoders.base import Example
from mmerc.encoders.signal import Signal, SignalConfig
from mmerc.errors import ConfigError, MissingModality

VALUES = [[1.0, 10.0], [3.0, 10.0], None, [5.0, 10.0]]


def make_dialogue(values: list[object] = VALUES) -> Dialogue:  # type: ignore[assignment]
    utterances = (
        Utterance("train", 0, index, signals={} if value is None else {"pulse": np.asarray(value)})
        for index, value in enumerate(values)
    )
    return Dialogue("train", 0, tuple(utterances))


def make_encoder(*, protocol: str = "offline", **settings: object) -> Signal:
    torch.manual_seed(0)
    config = SignalConfig(encoder="signal", signal="pulse", hidden_size=4, **settings)  # type: ignore[arg-type]
    encoder = Signal(config, 7, protocol=protocol)  # type: ignore[arg-type]
    encoder.adapt([make_dialogue()])
    return encoder.eval()


def predict(encoder: Signal, dialogue: Dialogue, index: int) -> torch.Tensor:
    logits: torch.Tensor = encoder(
        encoder.collate([Example(("t", "0", "0"), encoder.prepare(dialogue, index))])
    ).logits[0]
    return logits


def test_columns_means_and_deviations_come_from_training() -> None:
    encoder = make_encoder()
    assert encoder.config.input_size == 2
    assert encoder.mean.tolist() == [3.0, 10.0]
    assert encoder.deviation.tolist() == pytest.approx([np.sqrt(8 / 3), 1e-5])  # the second column is constant


@pytest.mark.parametrize("value", [None, [np.nan, 1.0], [[[1.0, 2.0]]], [[]]])
def test_an_absent_or_unusable_signal_is_a_missing_modality(value: object) -> None:
    with pytest.raises(MissingModality, match="it has no signal pulse"):
        make_encoder().prepare(make_dialogue([value]), 0)


def test_padding_does_not_change_the_logits() -> None:
    encoder = make_encoder()
    dialogue = make_dialogue([np.ones((5, 2)), np.zeros((2, 2))])
    rows = [Example(("t", "0", str(index)), encoder.prepare(dialogue, index)) for index in range(2)]
    out = encoder(encoder.collate(rows))
    assert out.sequence.shape == (2, 5, 8) and out.mask.sum(1).tolist() == [5, 2]
    assert torch.allclose(out.logits[1], predict(encoder, dialogue, 1), atol=1e-6)


def test_dialogue_context_has_a_row_for_each_utterance() -> None:
    rows = make_encoder(dialogue_context=True).prepare(make_dialogue(), 1)
    assert rows.tolist() == [[1, 10, 1, 0], [3, 10, 1, 1], [0, 0, 0, 0], [5, 10, 1, 0]]
    online = make_encoder(dialogue_context=True, protocol="online").prepare(make_dialogue(), 1)
    assert online.tolist() == [[1, 10, 1, 0], [3, 10, 1, 1]]


def test_only_a_signal_that_reads_the_dialogue_depends_on_the_protocol() -> None:
    assert make_encoder(dialogue_context=True).protocols == ("offline",)
    assert make_encoder().protocols == ("offline", "online")


def test_online_reads_the_past_of_the_dialogue_but_not_its_future() -> None:
    offline = make_encoder(dialogue_context=True)
    online = make_encoder(dialogue_context=True, protocol="online")
    other_future = make_dialogue([[1.0, 10.0], [3.0, 10.0], None, [-9.0, 10.0]])
    other_past = make_dialogue([[7.0, 10.0], [3.0, 10.0], None, [5.0, 10.0]])
    assert not torch.allclose(predict(offline, make_dialogue(), 1), predict(offline, other_future, 1))
    assert torch.equal(predict(online, make_dialogue(), 1), predict(online, other_future, 1))
    assert not torch.allclose(predict(online, make_dialogue(), 1), predict(online, other_past, 1))


def test_noise_is_added_in_training_only_and_scaled_by_the_deviation() -> None:
    quiet, noisy = make_encoder(), make_encoder(noise_std=2.0)
    assert torch.equal(predict(noisy, make_dialogue(), 0), predict(quiet, make_dialogue(), 0))
    seen: list[torch.Tensor] = []
    noisy.projection.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    means = np.tile([3.0, 10.0], (2000, 1)).astype(np.float32)  # of the columns: 0 after standardisation
    noisy.train()(noisy.collate([Example(("train", "0", "0"), means)]))
    assert seen[0].mean().abs() < 0.2 and abs(float(seen[0].std()) - 2.0) < 0.2


@pytest.mark.parametrize("protocol", ["offline", "online"])
def test_a_restored_encoder_gives_the_same_logits(protocol: str, tmp_path: Path) -> None:
    encoder = make_encoder(dialogue_context=True, protocol=protocol)
    encoder.save(tmp_path)
    restored = Signal.restore(tmp_path)
    assert restored.protocol == protocol
    assert torch.allclose(predict(restored, make_dialogue(), 3), predict(encoder, make_dialogue(), 3))  # type: ignore[arg-type]


@pytest.mark.parametrize("dialogue_context", [False, True])
def test_an_example_input_can_be_encoded(dialogue_context: bool) -> None:
    encoder = make_encoder(dialogue_context=dialogue_context)
    values = encoder.make_example_input(5)
    assert values.shape == (5, 4 if dialogue_context else 2)
    assert encoder(encoder.collate([Example(("t", "0", "0"), values)])).logits.shape == (1, 7)


def test_a_signal_that_no_training_utterance_has() -> None:
    encoder = Signal(SignalConfig(encoder="signal", signal="pulse"), 7)
    with pytest.raises(ConfigError, match='no training utterance has the signal "pulse": find the reason with'):
        encoder.adapt([make_dialogue([None])])


def test_a_wrong_input_size_names_the_sizes_in_the_corpus() -> None:
    encoder = Signal(SignalConfig(encoder="signal", signal="pulse", input_size=3), 7)
    with pytest.raises(ConfigError, match='"pulse" has 1 or 2 columns in the training split, but input_size is 3'):
        encoder.adapt([make_dialogue([[1.0], [1.0, 2.0]])])


def test_the_most_frequent_number_of_columns_is_taken_and_others_are_missing() -> None:
    dialogue = make_dialogue([[1.0, 10.0], [7.0], [3.0, 10.0], [2e38, 2e38]])
    encoder = Signal(SignalConfig(encoder="signal", signal="pulse"), 7)
    encoder.adapt([dialogue])
    assert encoder.mean.tolist() == [2.0, 10.0] and encoder.deviation.tolist() == pytest.approx([1.0, 1e-5])
    with pytest.raises(MissingModality, match="its signal pulse has 1 columns and not 2"):
        encoder.prepare(dialogue, 1)
    with pytest.raises(MissingModality, match="it has no signal pulse"):
        encoder.prepare(dialogue, 3)


def test_large_numbers_have_a_finite_deviation() -> None:
    encoder = Signal(SignalConfig(encoder="signal", signal="pulse"), 7)
    encoder.adapt([make_dialogue([[1e15], [-1e15]])])
    assert encoder.deviation.tolist() == pytest.approx([1e15])
