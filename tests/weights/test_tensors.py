import os
from pathlib import Path

import pytest
import torch
from torch import nn

from mmerc import weights
from mmerc.errors import WeightsError
from mmerc.weights.tensors import read_shapes, write_tensors


def test_fill_names_the_first_tensor_that_does_not_match() -> None:
    network = nn.Linear(3, 2)
    with pytest.raises(WeightsError, match="file lacks the tensor bias"):
        weights.fill(network, {"weight": torch.zeros(2, 3)}, "file")
    with pytest.raises(WeightsError, match=r"weight has shape \[3, 2\], the network needs \[2, 3\]"):
        weights.fill(network, {"weight": torch.zeros(3, 2), "bias": torch.zeros(2)}, "file")
    with pytest.raises(WeightsError, match="unknown tensor gain"):
        weights.fill(network, {**network.state_dict(), "gain": torch.zeros(1)}, "file")


def test_fill_where_shapes_match_keeps_the_other_tensors() -> None:
    network = nn.Linear(3, 2)
    loaded, kept = weights.fill_where_shapes_match(network, {"weight": torch.ones(2, 3), "bias": torch.ones(5)})
    assert (loaded, kept) == (["weight"], ["bias"])
    assert network.weight.tolist() == [[1, 1, 1], [1, 1, 1]]


def test_a_written_file_has_the_permissions_of_any_other_file(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        weights.write_tensors(tmp_path / "a.safetensors", {"a": torch.arange(6.0).reshape(2, 3).T})
        weights.write_tensors(tmp_path / "a.safetensors", {"a": torch.ones(1)})
    finally:
        os.umask(before)
    assert (tmp_path / "a.safetensors").stat().st_mode & 0o777 == 0o640
    assert weights.read_tensors(tmp_path / "a.safetensors")["a"].tolist() == [1.0]


def test_shapes_are_read_without_the_tensors(tmp_path: Path) -> None:
    file = tmp_path / "t.safetensors"
    write_tensors(file, {"a": torch.zeros(2, 3), "b": torch.tensor(1.0)})
    assert read_shapes(file) == {"a": [2, 3], "b": []}
    file.write_bytes(b"no tensors")
    with pytest.raises(WeightsError, match="is not a safetensors file"):
        read_shapes(file)
    with pytest.raises(WeightsError, match="does not exist"):
        read_shapes(tmp_path / "gone.safetensors")
