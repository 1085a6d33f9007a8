import random
from pathlib import Path

import numpy as np
import pytest
import torch

from mmerc.corpora import Dialogue, Utterance
from mmerc.encoders.base import Example
from mmerc.encoders.text.dialogue import DialogueConfig, DialogueText
from mmerc.encoders.text.packing import SPEAKER, TOKEN
from mmerc.errors import MissingModality
from mmerc.hardware import PackedLinear, supports_bf16
from mmerc.model.extraction import extract_dialogues


def make_dialogue(number: int, *texts: str | None) -> Dialogue:
    utterances = (Utterance("train", number, index, "AB"[index % 2], text) for index, text in enumerate(texts))
    return Dialogue("train", number, tuple(utterances))


DIALOGUES = [
    make_dialogue(0, "hello there", "who are you", "no one"),
    make_dialogue(1, "the harbour is closed", "why"),
    make_dialogue(2, "go on"),
]


def make_encoder(*, protocol: str = "offline", **settings: object) -> DialogueText:
    torch.manual_seed(0)
    small: dict[str, object] = {"backbone": "scratch", "scratch_hidden_size": 32, "scratch_num_layers": 2}
    small |= {"max_tokens": 64, "bf16": False}
    encoder = DialogueText(DialogueConfig(encoder="dialogue", **small | settings), 7, protocol=protocol)  # type: ignore[arg-type]
    encoder.adapt(DIALOGUES)
    return encoder.eval()


def make_examples(encoder: DialogueText, *dialogues: Dialogue) -> list[Example]:
    return [
        Example(utterance.key, encoder.prepare(dialogue, index))
        for dialogue in dialogues
        for index, utterance in enumerate(dialogue.utterances)
    ]


@torch.no_grad()
def test_a_dialogue_is_read_as_it_is_alone() -> None:
    encoder = make_encoder()
    together = encoder(encoder.collate(make_examples(encoder, *DIALOGUES)))
    row = 0
    for dialogue in DIALOGUES:
        alone = encoder(encoder.collate(make_examples(encoder, dialogue)))
        own = slice(row, row + len(dialogue))
        steps = alone.mask.shape[1]
        assert torch.allclose(alone.logits, together.logits[own], atol=1e-5)
        assert torch.equal(alone.mask, together.mask[own, :steps]) and not together.mask[own, steps:].any()
        assert torch.allclose(alone.sequence, together.sequence[own, :steps], atol=1e-5)
        row += len(dialogue)


def test_the_sequence_is_the_closing_mark_and_the_utterance() -> None:
    encoder = make_encoder()
    examples = make_examples(encoder, *DIALOGUES)
    out = encoder(encoder.collate(examples))
    assert out.mask.sum(1).tolist() == [len(example.values) + 1 for example in examples]


@torch.no_grad()
def test_online_nothing_later_is_read() -> None:
    first, second = make_dialogue(0, "hello there", "who"), make_dialogue(0, "hello there", "who", "no one")
    for protocol, is_equal in (("online", True), ("offline", False)):
        encoder = make_encoder(protocol=protocol)
        short, long = (encoder(encoder.collate(make_examples(encoder, each))).logits for each in (first, second))
        assert torch.allclose(short, long[:2], atol=1e-5) is is_equal


@torch.no_grad()
@pytest.mark.parametrize("protocol", ["offline", "online"])
def test_long_dialogues_and_long_utterances_have_a_row_each(protocol: str) -> None:
    encoder = make_encoder(protocol=protocol)
    rng = random.Random(0)
    texts: list[str | None] = [
        " ".join(rng.choices(["go", "why", "no", "who"], k=rng.randint(1, 30))) for _ in range(500)
    ]
    texts[7], texts[8], texts[9] = "word " * 10_000, None, "👍🏽 مرحبا"
    rows = extract_dialogues(encoder, [make_dialogue(0, *texts)])
    assert len(rows) == 500 and [key[2] for key, row in rows.items() if row.reason] == ["8"]
    assert all(np.isfinite(row.metadata["logits"]).all() for row in rows.values() if row.values is not None)


@torch.no_grad()
def test_an_utterance_in_a_later_window_is_read_with_those_around_it() -> None:
    encoder = make_encoder(max_tokens=32)
    texts = ["go on", "why", "no one", "who are you"] * 12
    changed = [*texts[:19], "hello", *texts[20:]]
    before, after = (list(extract_dialogues(encoder, [make_dialogue(0, *each)]).values()) for each in (texts, changed))
    differ = [index for index in range(48) if before[index].metadata["logits"] != after[index].metadata["logits"]]
    assert {18, 19, 20} <= set(differ) and min(differ) > 8 and max(differ) < 32


@pytest.mark.parametrize("text", [None, "", "  "])
def test_an_utterance_without_text_is_missing_and_the_others_are_read(text: str | None) -> None:
    encoder, dialogue = make_encoder(), make_dialogue(0, "hello", text, "why")
    with pytest.raises(MissingModality, match="it has no text"):
        encoder.prepare(dialogue, 1)
    rows = extract_dialogues(encoder, [dialogue])
    assert [row.reason for row in rows.values()] == [None, "it has no text", None]


def test_a_dialogue_without_utterances_has_no_rows() -> None:
    assert extract_dialogues(make_encoder(), [Dialogue("train", 0, ())]) == {}


def test_a_text_without_tokens_is_missing() -> None:
    encoder = make_encoder()
    encoder.tokenize = lambda text: []
    with pytest.raises(MissingModality, match="its text gives no token"):
        encoder.prepare(make_dialogue(0, "\u00ad"), 0)


def test_in_training_some_dialogues_are_cut_in_two() -> None:
    encoder = make_encoder(split_probability=1.0)
    examples = make_examples(encoder, make_dialogue(0, "hello there", "who are you", "no one"))
    whole = encoder.collate(examples)
    assert torch.equal(
        encoder.collate(examples, random.Random(0))["first_visible"], whole["first_visible"]
    )  # not in training
    encoder.train()
    batches = [encoder.collate(examples, random.Random(seed)) for seed in range(20)]
    assert {int(batch["first_visible"].max()) for batch in batches} == {2, 3}
    cut_after_two = next(batch for batch in batches if int(batch["first_visible"].max()) == 3)
    encoder.eval()
    parts, first_two = encoder(cut_after_two).logits, encoder(encoder.collate(examples[:2])).logits
    assert torch.allclose(parts[:2], first_two, atol=1e-5)
    assert not torch.allclose(parts, encoder(whole).logits, atol=1e-4)


@torch.no_grad()
def test_in_training_comments_are_read_together() -> None:
    encoder = make_encoder(join_probability=1.0, split_probability=0.0)
    examples = make_examples(encoder, make_dialogue(0, "hello there"), make_dialogue(1, "go on"))
    apart = encoder.collate(examples, random.Random(0))  # not in training
    together = encoder.train().collate(examples, random.Random(0))
    assert apart["places"].max() == together["places"].max() - 3 and len(apart["ends"]) == len(together["ends"]) == 2
    encoder.eval()
    as_dialogue = encoder.collate(make_examples(encoder, make_dialogue(0, "hello there", "go on")))
    as_dialogue["speakers"] = together["speakers"]  # both comments are by A, and in the dialogue B answers
    assert torch.equal(together["last_visible"], as_dialogue["last_visible"])
    assert torch.allclose(encoder(together).logits, encoder(as_dialogue).logits, atol=1e-5)


def test_in_training_some_batches_are_read_online() -> None:
    encoder = make_encoder(online_probability=0.5).train()
    examples = make_examples(encoder, DIALOGUES[0])
    lasts = [encoder.collate(examples, random.Random(seed))["last_visible"][0, 0].item() for seed in range(20)]
    assert {0, 3} <= set(lasts) and encoder.protocols == ("offline", "online")
    assert encoder.eval().collate(examples, random.Random(0))["last_visible"][0, 0].item() == 3
    assert encoder.collate(examples, protocol="online")["last_visible"][0, 0].item() == 0


def test_speakers_are_told_apart_and_an_unknown_one_has_no_number() -> None:
    encoder = make_encoder()
    names = ("Zoë", "Bo", "", "Zoë")
    dialogue = Dialogue("", 0, tuple(Utterance("", 0, index, name, "hi") for index, name in enumerate(names)))
    speakers = [int(encoder.prepare(dialogue, index)[0, SPEAKER]) for index in range(4)]
    assert speakers[0] == speakers[3] != speakers[1] and speakers[2] == 0


def test_training_lowers_the_loss() -> None:
    encoder = make_encoder()
    batch = encoder.collate(make_examples(encoder, *DIALOGUES), random.Random(0))
    optimizer = torch.optim.AdamW(encoder.parameters(), 3e-3)
    losses = []
    for _ in range(25):
        loss = torch.nn.functional.cross_entropy(encoder(batch).logits, torch.tensor([0, 1, 2, 3, 4, 5]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_special_tokens_in_a_text_are_ordinary_characters() -> None:
    encoder = make_encoder()
    values = encoder.prepare(make_dialogue(0, "a [SEP] [CLS] b"), 0)
    assert not {encoder.cls_token, encoder.sep_token} & set(values[:, TOKEN].tolist())


def test_a_restored_encoder_gives_the_same_logits(tmp_path: Path) -> None:
    encoder = make_encoder(protocol="online")
    encoder.save(tmp_path)
    restored = DialogueText.restore(tmp_path)
    assert isinstance(restored, DialogueText) and restored.protocol == "online"
    batch = restored.collate(make_examples(restored, *DIALOGUES))
    assert torch.equal(restored(batch).logits, encoder(encoder.collate(make_examples(encoder, *DIALOGUES))).logits)


def test_a_network_that_is_optimized_for_inference_gives_the_same_logits() -> None:
    encoder = make_encoder(bf16=True)
    examples = make_examples(encoder, make_dialogue(0, "We won!", "Really?"))
    with torch.inference_mode():
        expected = encoder(encoder.collate(examples)).logits
        encoder.optimize_for_inference()
        assert torch.allclose(encoder(encoder.collate(examples)).logits, expected, atol=1e-3)
    packed = [module for module in encoder.backbone.modules() if isinstance(module, PackedLinear)]
    assert bool(packed) == supports_bf16(torch.device("cpu"))
