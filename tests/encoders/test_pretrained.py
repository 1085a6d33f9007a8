from pathlib import Path

import pytest
import torch
from torch import nn
from transformers import BertConfig, BertModel

from mmerc.encoders.pretrained import load_backbone
from mmerc.encoders.text.bert import Bert
from mmerc.errors import WeightsError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small BERT as its makers would publish it."""
    torch.manual_seed(0)
    settings = BertConfig(
        vocab_size=300, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64
    )
    BertModel(settings).save_pretrained(tmp_path)
    Bert.learned_tokenizer(["some words"], 300).save_pretrained(tmp_path)
    return tmp_path


def dropouts(network: nn.Module) -> set[float]:
    return {
        part.p for name, part in network.named_modules() if isinstance(part, nn.Dropout) and "attention.self" in name
    }


def test_weights_come_along_and_attention_dropout_is_ours(folder: Path) -> None:
    trained, _ = load_backbone(str(folder), pretrained=True)
    again, _ = load_backbone(str(folder), pretrained=True, attention_dropout=0.3)
    fresh, _ = load_backbone(str(folder), pretrained=False)
    one, two, other = (network.embeddings.word_embeddings.weight for network in (trained, again, fresh))  # type: ignore[union-attr]
    assert torch.equal(one, two) and not torch.equal(one, other)  # type: ignore[arg-type]
    assert dropouts(trained) == {0.0} and dropouts(again) == {0.3}


def test_a_pickled_network_is_not_loaded(folder: Path) -> None:
    network, _ = load_backbone(str(folder), pretrained=True)
    torch.save(network.state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(WeightsError, match="cannot be loaded"):
        load_backbone(str(folder), pretrained=True)
