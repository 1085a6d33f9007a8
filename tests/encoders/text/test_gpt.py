import random
from pathlib import Path

import torch

from mmerc.encoders.base import Example
from mmerc.encoders.text.gpt import MARKS, Gpt, GptConfig
from tests.encoders.text.test_base import DIALOGUES


def small(**settings: object) -> Gpt:
    torch.manual_seed(0)
    made = Gpt(
        GptConfig(encoder="gpt", backbone="scratch", scratch_width=32, scratch_layers=1, longest=64, **settings), 7
    )  # type: ignore[arg-type]
    made.adapt(DIALOGUES)
    return made.eval()


def test_cls_stands_at_the_end_and_sees_everything() -> None:
    gpt = small()
    batch = gpt.collate([Example(("train", "0", "0"), gpt.prepare(DIALOGUES[0], 0))])
    assert gpt.tokenizer.decode(batch["tokens"][0, batch["mask"][0], 0]).split() == [
        "<bos><target>", "hello", "there<other>", "who", "are", "you<eos><cls>",
    ]  # fmt: skip
    other = batch | {"tokens": batch["tokens"].clone()}
    other["tokens"][0, 2, 0] = 300  # another word at the start changes the answer at the end
    assert not torch.equal(gpt(batch).logits, gpt(other).logits)


def test_the_language_model_is_scored_on_the_reply_alone() -> None:
    gpt = small()
    batch = gpt.collate([Example(("train", "0", "0"), gpt.prepare(DIALOGUES[0], 0))])
    tokens = batch["tokens"]
    width = gpt.width
    hidden = torch.zeros(1, tokens.shape[1], width)
    # All-zero states give every entry of the vocabulary the same score, so the loss is its logarithm.
    total, count = gpt.language_model_loss(tokens, hidden)
    reply = (tokens[0, :, 2] == 3).nonzero()[:, 0]
    assert int(count) == len(reply) - 1
    assert torch.isclose(total / count, torch.tensor(float(gpt.embedding.num_embeddings)).log())
    moved = hidden.clone()
    moved[0, : int(reply[0])] = 5.0  # states before the turn's own mark predict nothing that is scored
    assert torch.equal(gpt.language_model_loss(tokens, moved)[0], total)
    moved[0, int(reply[0])] = 5.0  # the mark's state predicts the first word
    assert not torch.equal(gpt.language_model_loss(tokens, moved)[0], total)


def test_no_text_is_unknown_to_the_learned_vocabulary() -> None:
    tokenizer = Gpt.learned_tokenizer(["plain words"], 400)
    for text in ("plain words", "日本語 😀", "שלום", "\u202e\x00"):
        assert tokenizer.decode(tokenizer.encode(text)).strip() == text.strip()
    assert [tokenizer.convert_tokens_to_ids(mark) for mark in MARKS.values()] == list(range(6))


def test_saved_and_restored_it_answers_the_same(tmp_path: Path) -> None:
    gpt = small()
    gpt.save(tmp_path)
    restored = Gpt.restore(tmp_path)
    row = Example(("train", "0", "1"), gpt.prepare(DIALOGUES[0], 1))
    assert (restored.prepare(DIALOGUES[0], 1) == row.values).all()  # type: ignore[attr-defined]
    assert torch.equal(restored(gpt.collate([row])).logits, gpt(gpt.collate([row])).logits)


def test_a_hub_network_by_folder(tmp_path: Path) -> None:
    from transformers import OpenAIGPTConfig, OpenAIGPTModel

    OpenAIGPTModel(OpenAIGPTConfig(vocab_size=400, n_positions=64, n_embd=32, n_layer=1, n_head=2)).save_pretrained(
        tmp_path
    )
    Gpt.learned_tokenizer(["hello there who are you"], 400).save_pretrained(tmp_path)
    gpt = Gpt(GptConfig(encoder="gpt", backbone=str(tmp_path), longest=64), 7)
    gpt.adapt(DIALOGUES)
    example = Example(("train", "0", "0"), gpt.prepare(DIALOGUES[0], 0))
    answered, judged = gpt(gpt.collate([example])), gpt(gpt.collate([example], random.Random(0)))
    assert answered.logits.shape == (1, 7) and not answered.losses  # what nobody reads is not computed
    assert set(judged.losses) == {"next_sentence", "language_model"}
