from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mmerc.errors import RunError
from mmerc.features import FeatureRow
from mmerc.model.dev_outputs import FOLDER, read_dev_outputs, write_dev_outputs

KEYS = [("dev", "0", str(number)) for number in range(3)]


def test_the_outputs_of_the_utterances_that_have_the_modality_come_back(tmp_path: Path) -> None:
    values = np.zeros((1, 2), np.float32)
    rows = {
        KEYS[0]: FeatureRow(KEYS[0], values, None, {"logits": [0.0, 1.0]}),
        KEYS[1]: FeatureRow(KEYS[1], None, "it has no text"),
        KEYS[2]: FeatureRow(KEYS[2], values, None, {"logits": [2.0, 0.0]}),
    }
    write_dev_outputs(tmp_path / FOLDER, {"text": rows}, dict(zip(KEYS, [1, 1, 0], strict=True)))
    found = read_dev_outputs(tmp_path, "text", 2)
    assert found.labels.tolist() == [1, 0]
    assert found.probabilities[0].tolist() == pytest.approx([1 / (1 + np.e), np.e / (1 + np.e)])


@pytest.mark.parametrize(
    "tensors",
    [
        {"logits": torch.zeros(2, 3), "labels": torch.tensor([0, 1])},
        {"logits": torch.zeros(2, 2), "labels": torch.tensor([0, 5])},
        {"logits": torch.full((1, 2), torch.nan), "labels": torch.tensor([0])},
        {"logits": torch.zeros(0, 2), "labels": torch.zeros(0, dtype=torch.int64)},
        {"logits": torch.zeros(2, 2)},
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, tensors: dict[str, torch.Tensor]) -> None:
    (tmp_path / FOLDER).mkdir()
    save_file(tensors, tmp_path / FOLDER / "text.safetensors")
    with pytest.raises(RunError, match="damaged"):
        read_dev_outputs(tmp_path, "text", 2)


def test_a_model_of_an_older_mmerc(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="has no dev outputs of text: train it again"):
        read_dev_outputs(tmp_path, "text", 2)
