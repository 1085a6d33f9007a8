"""What the text encoders have in common."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import MPNetConfig, MPNetModel

from mmerc.corpora import Dialogue, Utterance
from mmerc.encoders import ENCODERS, check_encoder_config
from mmerc.encoders.base import Example
from mmerc.encoders.text.base import TextEncoder
from mmerc.encoders.text.dialogue import DialogueConfig, DialogueText
from mmerc.errors import ConfigError, RunError, WeightsError


def make_dialogue(number: int, *texts: str) -> Dialogue:
    utterances = (Utterance("train", number, index, "AB"[index % 2], text) for index, text in enumerate(texts))
    return Dialogue("train", number, tuple(utterances))


DIALOGUES = [
    make_dialogue(0, "hello there", "who are you", "no one"),
    make_dialogue(1, "the harbour is closed", "why"),
    make_dialogue(2, "go on"),
]


def make_encoder(kind: str, *, protocol: str = "offline", **settings: object) -> TextEncoder:
    torch.manual_seed(0)
    small: dict[str, object] = {"backbone": "scratch", "scratch_hidden_size": 32, "scratch_num_layers": 1}
    small |= {"max_tokens": 64}
    encoder = ENCODERS[kind](check_encoder_config("text", {"encoder": kind, **small, **settings}), 7, protocol=protocol)  # type: ignore[arg-type]
    assert isinstance(encoder, TextEncoder)
    encoder.adapt(DIALOGUES)
    return encoder.eval()


@pytest.fixture(params=["gpt", "bert", "dialogue"])
def encoder(request: pytest.FixtureRequest) -> TextEncoder:
    return make_encoder(request.param)


def make_example(encoder: TextEncoder) -> Example:
    return Example(("train", "0", "1"), encoder.prepare(DIALOGUES[0], 1))


def test_more_tokens_than_the_backbone_reads_is_one_sentence(encoder: TextEncoder) -> None:
    config = encoder.config.model_copy(update={"max_tokens": 999})
    with pytest.raises(
        ConfigError, match="^max_tokens is 999, but the backbone reads at most 64 tokens: set max_tokens"
    ):
        type(encoder)(config, 7, (encoder.backbone, encoder.tokenizer))


def test_an_example_input_has_about_the_given_number_of_words(encoder: TextEncoder) -> None:
    values = encoder.make_example_input(5)
    words = encoder.tokenizer.decode(values[:, 0]).count("well")
    assert 5 <= words <= 15 and encoder(encoder.collate([Example(("", "0", ""), values)])).logits.shape == (1, 7)


def test_a_restored_encoder_gives_the_same_logits(encoder: TextEncoder, tmp_path: Path) -> None:
    encoder.save(tmp_path)
    restored = type(encoder).restore(tmp_path)
    assert isinstance(restored, TextEncoder)
    example = make_example(encoder)
    assert restored.prepare(DIALOGUES[0], 1).tolist() == example.values.tolist()
    assert torch.equal(restored(restored.collate([example])).logits, encoder(encoder.collate([example])).logits)


def test_code_in_a_model_folder_is_not_run(encoder: TextEncoder, tmp_path: Path) -> None:
    encoder.save(tmp_path)
    folder = tmp_path / "backbone"
    settings = json.loads((folder / "config.json").read_text())
    hooks = {"auto_map": {"AutoConfig": "evil.Config", "AutoModel": "evil.Model"}, "model_type": "evil"}
    (folder / "config.json").write_text(json.dumps(settings | hooks))
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    with pytest.raises(RunError, match="cannot be read"):
        type(encoder).restore(tmp_path)
    assert not (tmp_path / "ran").exists()


def test_an_absent_backbone_says_what_to_do() -> None:
    with pytest.raises(WeightsError, match="set backbone to its folder, or set backbone to scratch"):
        DialogueText(DialogueConfig(encoder="dialogue", backbone="/no/such/folder"), 7)


def test_the_positions_of_mpnet_begin_after_its_padding(tmp_path: Path) -> None:
    settings = MPNetConfig(
        vocab_size=300, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=66,
    )  # fmt: skip
    MPNetModel(settings).save_pretrained(tmp_path)
    DialogueText.train_tokenizer(["some words"], 300).save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match="max_tokens is 65, but the backbone reads at most 64 tokens"):
        DialogueText(DialogueConfig(encoder="dialogue", backbone=str(tmp_path), max_tokens=65), 7)
    encoder = DialogueText(DialogueConfig(encoder="dialogue", backbone=str(tmp_path), max_tokens=64), 7).eval()
    examples = [Example(("", "0", ""), np.full((length, 2), 9)) for length in (31, 30)]
    batch = encoder.collate(examples)
    assert batch["tokens"].shape == (1, 64) and encoder(batch).logits.shape == (2, 7)
