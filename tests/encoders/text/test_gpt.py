import random
from pathlib import Path

import torch
from transformers import OpenAIGPTConfig, OpenAIGPTModel

from mmerc.encoders.base import Example
from mmerc.encoders.text.gpt import SPECIAL_TOKENS, Gpt, GptConfig
from tests.encoders.text.test_base import DIALOGUES
from tests.encoders.text.test_utterance import make_encoder


def test_cls_is_the_last_token_and_sees_the_whole_input() -> None:
    gpt = make_encoder("gpt")
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
    gpt = make_encoder("gpt")
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
