from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertModel

from mmerc.encoders.pretrained import explain_load_errors, load_network
from mmerc.errors import WeightsError

SETTINGS = BertConfig(vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)


def test_weights_are_loaded_only_if_asked_for(tmp_path: Path) -> None:
    network = BertModel(SETTINGS)
    network.save_pretrained(tmp_path)
    pretrained, random = (load_network(str(tmp_path), SETTINGS, pretrained=each) for each in (True, False))
    expected = network.embeddings.word_embeddings.weight
    assert torch.equal(pretrained.embeddings.word_embeddings.weight, expected)
    assert not torch.equal(random.embeddings.word_embeddings.weight, expected)


def test_a_pickle_is_not_loaded(tmp_path: Path) -> None:
    network = BertModel(SETTINGS)
    network.config.save_pretrained(tmp_path)
    torch.save(network.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(OSError, match="safetensors"):
        load_network(str(tmp_path), SETTINGS, pretrained=True)


def test_a_load_error_becomes_one_sentence_with_a_remedy() -> None:
    expected = (
        r'the speech network "some/name" cannot be loaded \(no such file\): download it on a machine with internet access '
        r"and set backbone to its folder\."
    )
    with (
        pytest.raises(WeightsError, match=expected),
        explain_load_errors("speech", "some/name", "set backbone to its folder"),
    ):
        raise OSError("no such file\nlong explanation")


def test_other_errors_are_not_hidden() -> None:
    with pytest.raises(KeyError), explain_load_errors("text", "some/name", "try again"):
        raise KeyError("a mistake in the program")
