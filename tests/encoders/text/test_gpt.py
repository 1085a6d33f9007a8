import random
from pathlib import Path

import pytest
import torch
from transformers import OpenAIGPTConfig, OpenAIGPTModel

from mmerc.encoders.base import Example
from mmerc.encoders.text.gpt import SPECIAL_TOKENS, Gpt, GptConfig, pack_current
from mmerc.encoders.text.input import CURRENT, REPLY, SEGMENT, TOKEN
from tests.encoders.text.test_base import DIALOGUES, make_dialogue, make_encoder


def make_gpt(**settings: object) -> Gpt:
    encoder = make_encoder("gpt", **settings)
    assert isinstance(encoder, Gpt)
    return encoder


@pytest.fixture
def encoder() -> Gpt:
    return make_gpt()


def make_examples(encoder: Gpt) -> list[Example]:
    return [
        Example(utterance.key, encoder.prepare(dialogue, index))
        for dialogue in DIALOGUES
        for index, utterance in enumerate(dialogue.utterances)
    ]


def test_cls_is_the_last_token_and_sees_the_whole_input() -> None:
    gpt = make_gpt()
    batch = gpt.collate([Example(("train", "0", "0"), gpt.prepare(DIALOGUES[0], 0))])
    assert gpt.tokenizer.decode(batch["tokens"][0, batch["mask"][0], 0]).split() == [
        "<bos><target>", "hello", "there<other>", "who", "are", "you<eos><cls>",
    ]  # fmt: skip
    other = batch | {"tokens": batch["tokens"].clone()}
    other["tokens"][0, 2, 0] = 300  # another word at the start changes the output at the end
    assert not torch.equal(gpt(batch).logits, gpt(other).logits)


def test_the_special_tokens_have_the_first_ids() -> None:
    tokenizer = Gpt.train_tokenizer(["plain words"], 400)
    assert tokenizer.convert_tokens_to_ids(list(SPECIAL_TOKENS.values())) == list(range(6))


def test_the_vocabulary_is_learned_from_the_training_dialogues() -> None:
    gpt = make_gpt()
    assert len(gpt.tokenize("hello harbour closed")) == 3
    assert len(gpt.tokenize("xylophone")) > 3


def test_the_network_of_the_paper_without_its_weights() -> None:
    gpt = Gpt(GptConfig(encoder="gpt", pretrained=False, scratch_vocab_size=300), 7)
    assert isinstance(gpt.backbone, OpenAIGPTModel) and gpt.backbone.config.n_layer == 12
    assert (gpt.width, gpt.embedding.num_embeddings) == (768, 300)


def test_a_network_from_a_folder_gets_the_special_tokens(tmp_path: Path) -> None:
    settings = OpenAIGPTConfig(vocab_size=400, n_positions=64, n_embd=32, n_layer=1, n_head=2)
    OpenAIGPTModel(settings).save_pretrained(tmp_path)
    Gpt.train_tokenizer(["hello there who are you"], 400).save_pretrained(tmp_path)
    gpt = Gpt(GptConfig(encoder="gpt", backbone=str(tmp_path), max_tokens=64), 7)
    gpt.adapt(DIALOGUES)
    example = Example(("train", "0", "0"), gpt.prepare(DIALOGUES[0], 0))
    predicted, evaluated = gpt(gpt.collate([example])), gpt(gpt.collate([example], random.Random(0)))
    assert predicted.logits.shape == (1, 7) and not predicted.losses
    assert set(evaluated.losses) == {"next_sentence", "language_model"}


@torch.no_grad()
def test_padding_does_not_change_the_output(encoder: Gpt) -> None:
    examples = make_examples(encoder)
    together = encoder(encoder.collate(examples))
    for row, example in enumerate(examples):
        alone = encoder(encoder.collate([example]))
        steps = int(alone.mask.sum())
        assert torch.allclose(alone.logits[0], together.logits[row], atol=1e-2)  # bfloat16 in the backbone
        assert torch.allclose(alone.sequence[0, :steps], together.sequence[row, :steps], atol=3e-2)
        assert not together.mask[row, steps:].any()


def test_the_sequence_is_cls_and_the_current_utterance(encoder: Gpt) -> None:
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


def test_candidates_are_the_true_reply_and_distractors_from_other_dialogues(encoder: Gpt) -> None:
    example = make_examples(encoder)[0]
    own = {tuple(tokens) for dialogue, tokens in encoder.pool.utterances if dialogue == "0"}
    context = example.values[example.values[:, SEGMENT] != REPLY].tolist()
    for seed in range(20):
        batch = encoder.collate([example], random.Random(seed))
        rows = [tokens[mask].numpy() for tokens, mask in zip(batch["tokens"], batch["mask"], strict=True)]
        true, wrong = (row[:-1] for row in rows)  # without [CLS]
        assert true.tolist() == example.values.tolist()
        assert wrong[wrong[:, SEGMENT] != REPLY].tolist() == context
        assert tuple(wrong[wrong[:, SEGMENT] == REPLY][1:-1, TOKEN]) not in own


def test_the_number_of_distractors_can_be_set() -> None:
    encoder = make_gpt(num_distractors=3)
    batch = encoder.collate(make_examples(encoder)[:2], random.Random(0))
    assert int(batch["candidates"]) == 4 and len(batch["tokens"]) == 8
    assert encoder(batch).logits.shape == (2, 7)


def test_next_sentence_is_masked_where_there_is_no_reply(encoder: Gpt) -> None:
    examples = make_examples(encoder)
    batch = encoder.collate(examples, random.Random(0))
    assert batch["has_candidate"].tolist() == [True, True, False, True, False, False]
    out = encoder(encoder.collate([examples[2], examples[4]], random.Random(0)))
    assert out.losses["next_sentence"].item() == 0.0 and out.logits.shape == (2, 7)


def test_prediction_computes_no_losses(encoder: Gpt) -> None:
    out = encoder(encoder.collate(make_examples(encoder)))
    assert out.losses == {} and out.metrics == {}


def test_weights_scale_the_losses(encoder: Gpt) -> None:
    doubled = make_gpt(next_sentence_weight=2.0)
    one, two = (
        each(each.collate(make_examples(each), random.Random(0))).losses["next_sentence"] for each in (encoder, doubled)
    )
    assert torch.allclose(two, 2 * one)


def test_training_lowers_all_losses(encoder: Gpt) -> None:
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
    assert len(history[0]) == 3
    assert all(last < 0.8 * first for first, last in zip(history[0], history[-1], strict=True))


def test_an_input_with_a_distractor_fits_the_backbone() -> None:
    encoder = make_gpt(max_tokens=50)  # no multiple of the padding
    for length in range(38, 53):
        dialogue = make_dialogue(0, " ".join(["a"] * length), "yes indeed")
        example = Example(("train", "0", "0"), encoder.prepare(dialogue, 0))
        batch = encoder.collate([example], random.Random(0))
        assert batch["tokens"].shape[1] <= 50
        assert encoder(batch).logits.shape == (1, 7)


def test_the_online_protocol_reads_no_reply_and_is_restored(encoder: Gpt, tmp_path: Path) -> None:
    online = make_gpt(protocol="online")
    assert (encoder.candidate, online.candidate) == (REPLY, CURRENT)
    assert REPLY in encoder.prepare(DIALOGUES[0], 0)[:, SEGMENT]
    assert REPLY not in online.prepare(DIALOGUES[0], 0)[:, SEGMENT]
    online.save(tmp_path)
    restored = type(online).restore(tmp_path)
    assert restored.protocol == "online"
    assert restored.prepare(DIALOGUES[0], 0).tolist() == online.prepare(DIALOGUES[0], 0).tolist()


def test_special_tokens_in_a_text_are_ordinary_characters(encoder: Gpt) -> None:
    vocabulary = encoder.vocabulary
    special = {vocabulary.start_token, vocabulary.end_token, vocabulary.cls_token, *vocabulary.turn_tokens.values()}
    assert not special & set(vocabulary.tokenize("a <eos> [SEP] <cls> b"))
