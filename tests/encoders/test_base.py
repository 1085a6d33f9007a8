import json
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from mmerc.corpora import Dialogue, Utterance
from mmerc.encoders.base import (
    Batch,
    Classifier,
    Encoder,
    EncoderConfig,
    Encoding,
    Example,
    compute_masked_mean,
    pad_arrays,
)
from mmerc.errors import ConfigError, RunError


class Lengths(Encoder):
    """Reads the number of characters of an utterance."""

    def __init__(self, config: EncoderConfig, num_classes: int, *, protocol: str = "offline") -> None:
        super().__init__(config, num_classes, protocol=protocol)  # type: ignore[arg-type]
        self.width = 1
        self.emotion = Classifier(1, num_classes, hidden_size=4)

    def prepare(self, dialogue: Dialogue, index: int) -> np.ndarray:
        return np.asarray([[len(dialogue.utterances[index].text or "")]], np.float32)

    def collate(self, examples: Sequence[Example], rng: random.Random | None = None) -> Batch:
        steps, mask = pad_arrays([example.values for example in examples])
        return {"steps": steps, "mask": mask}

    def forward(self, batch: Batch) -> Encoding:
        return Encoding(batch["steps"], batch["mask"], self.emotion(compute_masked_mean(batch["steps"], batch["mask"])))


CONFIG = EncoderConfig(encoder="lengths", epochs=3)
DIALOGUE = Dialogue("train", 0, (Utterance("train", 0, 0, text="hello"),))


def test_classes_protocol_settings_and_weights_are_saved_and_restored(tmp_path: Path) -> None:
    encoder = Lengths(CONFIG, 5, protocol="online").eval()
    encoder.save(tmp_path)
    restored = Lengths.restore(tmp_path)
    assert (restored.num_classes, restored.protocol, restored.config.epochs) == (5, "online", 3)
    assert not restored.training and restored.config.pretrained is False
    batch = encoder.collate([Example(("train", "0", "0"), encoder.prepare(DIALOGUE, 0))])
    assert torch.equal(restored(batch).logits, encoder(batch).logits)


def test_a_damaged_folder_is_one_sentence(tmp_path: Path) -> None:
    Lengths(CONFIG, 5).save(tmp_path)
    file = tmp_path / "config.json"
    settings = json.loads(file.read_text())
    file.write_text(json.dumps(settings | {"speed": 1}))
    with pytest.raises(ConfigError, match='"encoder.speed" is not a setting'):
        Lengths.restore(tmp_path)
    file.write_text(json.dumps({name: value for name, value in settings.items() if name != "protocol"}))
    with pytest.raises(RunError, match='config.json has no "protocol"'):
        Lengths.restore(tmp_path)


def test_an_encoder_has_no_notes_and_no_example_input_by_default() -> None:
    encoder = Lengths(CONFIG, 5)
    values, notes = encoder.prepare_with_notes(DIALOGUE, 0)
    assert values.tolist() == [[5.0]] and notes == {}
    with pytest.raises(
        RunError, match="the lengths encoder cannot be exported: it needs the method make_example_input"
    ):
        encoder.make_example_input(3)


def test_a_classifier_has_two_layers() -> None:
    default, narrow = Classifier(6, 7), Classifier(6, 7, hidden_size=2)
    assert [tuple(value.shape) for value in default.parameters()] == [(6, 6), (6,), (7, 6), (7,)]
    assert [tuple(value.shape) for value in narrow.parameters()] == [(2, 6), (2,), (7, 2), (7,)]


def test_padding_keeps_further_axes_and_dtype() -> None:
    values, mask = pad_arrays([np.ones((2, 3), np.uint8), np.ones((1, 3), np.uint8)])
    assert values.dtype == torch.uint8 and values.shape == (2, 2, 3)
    assert values[1, 1].tolist() == [0, 0, 0]
    assert mask.tolist() == [[True, True], [True, False]]


@pytest.mark.parametrize(("max_length", "expected"), [(None, 16), (20, 16), (12, 12), (3, 9)])
def test_lengths_are_rounded_up_but_not_beyond_the_maximum(max_length: int | None, expected: int) -> None:
    values, _ = pad_arrays([np.ones(5), np.ones(9)], multiple=8, max_length=max_length)
    assert values.shape == (2, expected)


def test_masked_mean_ignores_padding() -> None:
    sequence = torch.tensor([[[1.0], [3.0], [99.0]], [[5.0], [7.0], [7.0]]])
    mask = torch.tensor([[True, True, False], [False, False, False]])
    assert compute_masked_mean(sequence, mask).tolist() == [[2.0], [0.0]]
