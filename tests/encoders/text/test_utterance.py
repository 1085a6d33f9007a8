"""What GPT and the BERT family have in common: each utterance is read with its context."""

import random
from pathlib import Path

import pytest
import torch

from mmerc.encoders.base import Example
from mmerc.encoders.text.input import CURRENT, REPLY, SEGMENT, TOKEN
from mmerc.encoders.text.utterance import UtteranceText, pack_current
from tests.encoders.text.test_base import DIALOGUES, make_dialogue
from tests.encoders.text.test_base import make_encoder as make_text_encoder


def make_encoder(kind: str, *, protocol: str = "offline", **settings: object) -> UtteranceText:
    encoder = make_text_encoder(kind, protocol=protocol, **{"next_sentence_weight": 1.0, **settings})
    assert isinstance(encoder, UtteranceText)
    return encoder


@pytest.fixture(params=["gpt", "bert"])
def encoder(request: pytest.FixtureRequest) -> UtteranceText:
    return make_encoder(request.param)


def make_examples(encoder: UtteranceText) -> list[Example]:
    return [
        Example(utterance.key, encoder.prepare(dialogue, index))
        for dialogue in DIALOGUES
        for index, utterance in enumerate(dialogue.utterances)
    ]


@torch.no_grad()
def test_padding_does_not_change_the_output(encoder: UtteranceText) -> None:
    examples = make_examples(encoder)
    together = encoder(encoder.collate(examples))
    for row, example in enumerate(examples):
        alone = encoder(encoder.collate([example]))
        steps = int(alone.mask.sum())
        assert torch.allclose(alone.logits[0], together.logits[row], atol=1e-2)  # bfloat16 in the backbone
        assert torch.allclose(alone.sequence[0, :steps], together.sequence[row, :steps], atol=3e-2)
        assert not together.mask[row, steps:].any()


def test_the_sequence_is_cls_and_the_current_utterance(encoder: UtteranceText) -> None:
    examples = make_examples(encoder)
    out = encoder(encoder.collate(examples))
    current = [int((example.values[:, SEGMENT] == CURRENT).sum()) for example in examples]
    assert out.mask.sum(1).tolist() == [count + 1 for count in current]


def test_the_current_utterance_is_packed_after_cls() -> None:
    hidden = torch.arange(8.0).reshape(2, 4, 1)
    is_current = torch.tensor([[False, True, False, True], [False, False, True, False]])
    sequence, mask = pack_current(hidden, is_current, torch.tensor([[50.0], [60.0]]))
    assert sequence[..., 0].tolist() == [[50, 1, 3], [60, 6, 0]]
    assert mask.tolist() == [[True, True, True], [True, True, False]]


def test_candidates_are_the_true_reply_and_distractors_from_other_dialogues(encoder: UtteranceText) -> None:
    example = make_examples(encoder)[0]
    own = {tuple(tokens) for dialogue, tokens in encoder.distractors.utterances if dialogue == "0"}
    context = example.values[example.values[:, SEGMENT] != REPLY].tolist()
    for seed in range(20):
        batch = encoder.collate([example], random.Random(seed))
        rows = [tokens[mask].numpy() for tokens, mask in zip(batch["tokens"], batch["mask"], strict=True)]
        if encoder.is_cls_last:
            rows = [row[:-1] for row in rows]
        true, wrong = rows
        assert true.tolist() == example.values.tolist()
        assert wrong[wrong[:, SEGMENT] != REPLY].tolist() == context
        assert tuple(wrong[wrong[:, SEGMENT] == REPLY][1:-1, TOKEN]) not in own


@pytest.mark.parametrize("kind", ["gpt", "bert"])
def test_the_number_of_distractors_can_be_set(kind: str) -> None:
    encoder = make_encoder(kind, num_distractors=3)
    batch = encoder.collate(make_examples(encoder)[:2], random.Random(0))
    assert int(batch["candidates"]) == 4 and len(batch["tokens"]) == 8
    assert encoder(batch).logits.shape == (2, 7)


def test_next_sentence_is_masked_where_there_is_no_reply(encoder: UtteranceText) -> None:
    examples = make_examples(encoder)
    batch = encoder.collate(examples, random.Random(0))
    assert batch["has_candidate"].tolist() == [True, True, False, True, False, False]
    out = encoder(encoder.collate([examples[2], examples[4]], random.Random(0)))
    assert out.losses["next_sentence"].item() == 0.0 and out.logits.shape == (2, 7)


def test_prediction_computes_no_losses(encoder: UtteranceText) -> None:
    out = encoder(encoder.collate(make_examples(encoder)))
    assert out.losses == {} and out.metrics == {}


def test_weights_scale_the_losses(encoder: UtteranceText) -> None:
    doubled = make_encoder(encoder.config.encoder, next_sentence_weight=2.0)
    one, two = (
        each(each.collate(make_examples(each), random.Random(0))).losses["next_sentence"] for each in (encoder, doubled)
    )
    assert torch.allclose(two, 2 * one)


def test_training_lowers_all_losses(encoder: UtteranceText) -> None:
    batch = encoder.collate(make_examples(encoder), random.Random(0))
    optimizer = torch.optim.AdamW(encoder.parameters(), 3e-3)
    labels = torch.tensor([0, 1, 2, 3, 4, 5])
    history: list[list[float]] = []
    for _ in range(25):
        out = encoder(batch)
        losses = [torch.nn.functional.cross_entropy(out.logits, labels), *out.losses.values()]
        optimizer.zero_grad()
        torch.stack(losses).sum().backward()
        optimizer.step()
        history.append([float(loss.detach()) for loss in losses])
    assert len(history[0]) == (3 if encoder.config.language_model_weight else 2)
    assert all(last < 0.8 * first for first, last in zip(history[0], history[-1], strict=True))


@pytest.mark.parametrize(("pooling", "size"), [("cls", 32), ("current", 32), ("both", 64)])
def test_pooling_sets_the_input_of_the_classifier(pooling: str, size: int) -> None:
    encoder = make_encoder("bert", pooling=pooling)
    seen: list[torch.Tensor] = []
    encoder.emotion.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    out = encoder(encoder.collate(make_examples(encoder)[:1]))
    cls, current = out.sequence[0, 0], out.sequence[0, 1:].mean(0)
    expected = {"cls": cls, "current": current, "both": torch.cat([cls, current])}[pooling]
    assert seen[0].shape == (1, size) and torch.allclose(seen[0][0], expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["gpt", "bert"])
def test_an_input_with_a_distractor_fits_the_backbone(kind: str) -> None:
    encoder = make_encoder(kind, max_tokens=50)  # no multiple of the padding
    for length in range(38, 53):
        dialogue = make_dialogue(0, " ".join(["a"] * length), "yes indeed")
        example = Example(("train", "0", "0"), encoder.prepare(dialogue, 0))
        batch = encoder.collate([example], random.Random(0))
        assert batch["tokens"].shape[1] <= 50
        assert encoder(batch).logits.shape == (1, 7)


def test_special_tokens_in_a_text_are_ordinary_characters(encoder: UtteranceText) -> None:
    vocabulary = encoder.vocabulary
    special = {vocabulary.start_token, vocabulary.end_token, vocabulary.cls_token, *vocabulary.turn_tokens.values()}
    assert not special & set(encoder.tokenize("a <eos> [SEP] <cls> b"))


def test_the_online_protocol_reads_no_reply_and_is_restored(encoder: UtteranceText, tmp_path: Path) -> None:
    online = make_encoder(encoder.config.encoder, protocol="online")
    assert (encoder.candidate_segment, online.candidate_segment) == (REPLY, CURRENT)
    assert REPLY in encoder.prepare(DIALOGUES[0], 0)[:, SEGMENT]
    assert REPLY not in online.prepare(DIALOGUES[0], 0)[:, SEGMENT]
    online.save(tmp_path)
    restored = type(online).restore(tmp_path)
    assert restored.protocol == "online"
    assert restored.prepare(DIALOGUES[0], 0).tolist() == online.prepare(DIALOGUES[0], 0).tolist()
