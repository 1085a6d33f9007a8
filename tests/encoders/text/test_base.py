"""What GPT and the BERT family share."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mmerc.corpora import Dialogue, Utterance
from mmerc.encoders.base import Example
from mmerc.encoders.text.base import TextEncoder
from mmerc.encoders.text.bert import Bert, BertTextConfig
from mmerc.encoders.text.gpt import Gpt, GptConfig
from mmerc.encoders.text.input import CURRENT, ID, REPLY, SEGMENT
from mmerc.errors import ConfigError, RunError


def said(number: int, *texts: str) -> Dialogue:
    turns = (Utterance("train", number, place, "AB"[place % 2], text) for place, text in enumerate(texts))
    return Dialogue("train", number, tuple(turns))


DIALOGUES = [said(0, "hello there", "who are you", "nobody"), said(1, "the harbour is closed", "why"), said(2, "go on")]


@pytest.fixture(params=["gpt", "bert"])
def encoder(request: pytest.FixtureRequest) -> TextEncoder:
    torch.manual_seed(0)
    small = {"backbone": "scratch", "scratch_width": 32, "scratch_layers": 1, "longest": 64, "next_sentence": 1.0}
    made: TextEncoder
    if request.param == "gpt":
        made = Gpt(GptConfig(encoder="gpt", **small), 7)  # type: ignore[arg-type]
    else:
        made = Bert(BertTextConfig(encoder="bert", **small), 7)  # type: ignore[arg-type]
    made.adapt(DIALOGUES)
    return made.eval()


def examples(encoder: TextEncoder) -> list[Example]:
    return [
        Example(turn.key, encoder.prepare(dialogue, place))
        for dialogue in DIALOGUES
        for place, turn in enumerate(dialogue.utterances)
    ]


@torch.no_grad()
def test_padding_changes_nothing(encoder: TextEncoder) -> None:
    rows = examples(encoder)
    together = encoder(encoder.collate(rows))
    for place, row in enumerate(rows):
        alone = encoder(encoder.collate([row]))
        steps = int(alone.mask.sum())
        assert torch.allclose(alone.logits[0], together.logits[place], atol=1e-2)  # bfloat16 in the backbone
        assert torch.allclose(alone.sequence[0, :steps], together.sequence[place, :steps], atol=3e-2)
        assert not together.mask[place, steps:].any()


def test_the_sequence_is_cls_and_the_current_utterance(encoder: TextEncoder) -> None:
    rows = examples(encoder)
    out = encoder(encoder.collate(rows))
    current = [int((row.values[:, SEGMENT] == CURRENT).sum()) for row in rows]
    assert out.mask.sum(1).tolist() == [count + 1 for count in current]


def test_distractors_come_from_other_dialogues_and_keep_the_context(encoder: TextEncoder) -> None:
    rows = examples(encoder)
    first = rows[0]
    own = {tuple(tokens) for origin, tokens in encoder.pool if origin == "0"}
    for seed in range(20):
        wrong = encoder._distracted(first, random.Random(seed))
        kept = first.values[first.values[:, SEGMENT] != REPLY]
        assert (wrong[wrong[:, SEGMENT] != REPLY] == kept).all()
        reply = wrong[wrong[:, SEGMENT] == REPLY][:, ID]
        assert tuple(reply[1:-1]) not in own
        assert len(wrong) <= encoder.config.longest


def test_next_sentence_is_masked_where_there_is_no_reply(encoder: TextEncoder) -> None:
    rows = examples(encoder)
    batch = encoder.collate(rows, random.Random(0))
    assert batch["has_candidate"].tolist() == [True, True, False, True, False, False]
    assert int(batch["candidates"]) == 2 and len(batch["tokens"]) == 12
    last_only = encoder(encoder.collate([rows[2], rows[4]], random.Random(0)))
    assert last_only.losses["next_sentence"].item() == 0.0
    assert last_only.logits.shape == (2, 7)


def test_training_lowers_all_three_losses(encoder: TextEncoder) -> None:
    batch = encoder.collate(examples(encoder), random.Random(0))
    optimizer = torch.optim.AdamW(encoder.parameters(), 3e-3)
    labels = torch.tensor([0, 1, 2, 3, 4, 5])
    seen: list[list[float]] = []
    for _ in range(25):
        out = encoder(batch)
        losses = [torch.nn.functional.cross_entropy(out.logits, labels), *out.losses.values()]
        optimizer.zero_grad()
        torch.stack(losses).sum().backward()
        optimizer.step()
        seen.append([float(loss) for loss in losses])
    assert all(last < 0.8 * first for first, last in zip(seen[0], seen[-1], strict=True))


def test_a_learned_vocabulary_is_the_same_in_every_process(encoder: TextEncoder) -> None:
    code = (
        "from mmerc.encoders import ENCODERS; import hashlib, json;"
        f"made = ENCODERS['{encoder.config.encoder}'].learned_tokenizer([f'words {{n}} and others' for n in range(300)], 400);"
        "print(hashlib.md5(json.dumps(made.get_vocab(), sort_keys=True).encode()).hexdigest(), len(made))"
    )
    runs = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    }
    assert len(runs) == 1 and int(runs.pop().split()[1]) <= 400


def test_a_distractor_never_outgrows_the_network(encoder: TextEncoder) -> None:
    config = type(encoder.config)(**{**encoder.config.model_dump(), "longest": 50})  # no multiple of anything
    encoder = type(encoder)(config, 7)
    encoder.adapt(DIALOGUES)
    room = config.longest
    for length in range(room - 12, room + 3):
        dialogue = said(0, " ".join(["a"] * length), "yes indeed")
        row = Example(("train", "0", "0"), encoder.prepare(dialogue, 0))
        batch = encoder.collate([row], random.Random(0))
        assert batch["tokens"].shape[1] <= room
        encoder(batch)


def test_more_tokens_than_the_network_reads_is_one_sentence(encoder: TextEncoder) -> None:
    parts = (encoder.backbone, encoder.tokenizer)
    config = type(encoder.config)(**{**encoder.config.model_dump(), "longest": 999})
    with pytest.raises(ConfigError, match="text.longest is 999, the network reads 64 tokens"):
        type(encoder)(config, 7, parts)


def test_layers_near_the_input_learn_slower(encoder: TextEncoder) -> None:
    config = type(encoder.config)(**{**encoder.config.model_dump(), "layer_decay": 0.5, "scratch_layers": 2})
    deep = type(encoder)(config, 7)
    rates = {name: deep.rate_of(name) for name, _ in deep.named_parameters()}
    layers = [
        {rate for name, rate in rates.items() if f".{number}." in name and name.startswith("backbone")}
        for number in (0, 1)
    ]
    assert layers == [{0.5}, {1.0}]
    embedding = next(name for name in rates if name.endswith(("wte.weight", "word_embeddings.weight")))
    assert rates[embedding] == 0.25 and rates["emotion.1.weight"] == 1.0


def test_typographic_marks_are_read_as_a_keyboard_writes_them(encoder: TextEncoder) -> None:
    tokenize = encoder.vocabulary.tokenize
    assert tokenize("“Don’t” – she’s… ‘gone’") == tokenize("\"Don't\" - she's... 'gone'")
    assert tokenize("Mr—Geller") == tokenize("Mr - Geller")


def test_marks_in_somebodys_text_are_letters(encoder: TextEncoder) -> None:
    ids = encoder.vocabulary.tokenize("a <eos> [SEP] <cls> b")
    assert not set(ids) & {encoder.vocabulary.opening, encoder.vocabulary.closing, *encoder.vocabulary.turn.values()}


def test_a_model_folder_runs_no_code_of_its_own(encoder: TextEncoder, tmp_path: Path) -> None:
    encoder.save(tmp_path)
    place = tmp_path / "backbone"
    settings = json.loads((place / "config.json").read_text())
    hooks = {"auto_map": {"AutoConfig": "evil.Config", "AutoModel": "evil.Model"}, "model_type": "evil"}
    (place / "config.json").write_text(json.dumps(settings | hooks))
    (place / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    with pytest.raises(RunError, match="cannot be read"):
        type(encoder).restore(tmp_path)
    assert not (tmp_path / "ran").exists()


def test_online_and_offline_differ_only_in_the_reply(encoder: TextEncoder) -> None:
    config = type(encoder.config)(**{**encoder.config.model_dump(), "protocol": "online"})
    online = type(encoder)(config, 7)
    online.adapt(DIALOGUES)
    assert online.candidate == CURRENT and encoder.candidate == REPLY
    assert REPLY not in online.prepare(DIALOGUES[0], 0)[:, SEGMENT]
    assert REPLY in encoder.prepare(DIALOGUES[0], 0)[:, SEGMENT]
