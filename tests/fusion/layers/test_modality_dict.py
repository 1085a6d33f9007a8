import pytest
import torch
from torch import nn

from mmerc.fusion.layers.modality_dict import ModalityDict

TAKEN = ("keys", "type", "train", "values", "modules")  # attributes of nn.Module or of nn.ModuleDict


def test_names_of_attributes_are_allowed() -> None:
    parts = ModalityDict({name: nn.Linear(2, size + 1) for size, name in enumerate(TAKEN)})
    assert list(parts) == list(TAKEN) and len(parts) == 5
    assert {name: part.out_features for name, part in parts.items()} == {
        "keys": 1, "type": 2, "train": 3, "values": 4, "modules": 5,
    }  # fmt: skip
    parts.eval()
    assert not parts["train"].training
    assert parts.type(torch.float64)["type"].weight.dtype == torch.float64
    assert sum(1 for _ in parts.modules()) == 6


def test_the_state_dict_has_prefixed_names_and_loads_again() -> None:
    parts, other = (ModalityDict({"type": nn.Linear(1, 1, bias=False)}) for _ in range(2))
    assert list(parts.state_dict()) == ["modality_type.weight"]
    other.load_state_dict(parts.state_dict())
    assert torch.equal(parts["type"].weight, other["type"].weight)


def test_parameters_are_registered_in_the_order_given() -> None:
    parts = ModalityDict({"values": nn.Parameter(torch.ones(1)), "keys": nn.Parameter(torch.zeros(1))})
    assert [name for name, _ in parts.named_parameters()] == ["modality_values", "modality_keys"]
    assert parts["values"].item() == 1.0


def test_an_unknown_modality_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="train"):
        ModalityDict({"keys": nn.Linear(1, 1)})["train"]
