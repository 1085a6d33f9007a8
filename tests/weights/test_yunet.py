from pathlib import Path

import pytest
import torch

from mmerc import weights
from mmerc.encoders.face.yunet import YuNet
from mmerc.errors import WeightsError
from mmerc.weights.yunet import convert_yunet


def test_numbers_become_the_names_of_parameters() -> None:
    numbered = {str(319 + 3 * index + part): torch.full((1,), float(index)) for index in range(18) for part in (0, 1)}
    tensors = convert_yunet({**numbered, "head.0.conv2.conv2.bias": torch.zeros(51)})
    assert tensors["network.model0.conv1.weight"].item() == 0
    assert tensors["network.model6.conv2.conv2.bias"].item() == 13
    assert tensors["network.head.3.conv1.conv2.weight"].item() == 17
    assert "network.head.0.conv2.conv2.bias" in tensors


def test_a_file_of_another_version_is_refused() -> None:
    with pytest.raises(WeightsError, match="has no tensor 319: use the file of September 2021"):
        convert_yunet({"input": torch.zeros(1)})


@pytest.mark.realdata
def test_the_published_file_fits_the_network(
    empty_cache: Path, real_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MMERC_WEIGHTS", str(real_data / "models" / "yunet"))
    detector = YuNet.pretrained()
    assert (empty_cache / "cache" / "yunet.safetensors").is_file()
    assert not any(each.requires_grad for each in detector.parameters())


def test_a_damaged_file_is_refused(empty_cache: Path) -> None:
    (empty_cache / "mirror" / "face_detection_yunet_2021sep.onnx").write_bytes(b"\x08\x06")
    with pytest.raises(WeightsError, match="damaged or not the published file"):
        weights.fetch("yunet")
