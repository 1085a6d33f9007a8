"""The network of YuNet: its anchors, its two ways to compute, and the outputs of onnxruntime."""

from pathlib import Path

import pytest
import torch

from mmerc import weights
from mmerc.encoders.face.yunet import YuNet
from mmerc.encoders.face.yunet_network import YuNetNetwork, make_anchors
from mmerc.weights.onnx_file import read_onnx
from mmerc.weights.yunet import convert_yunet


@pytest.fixture(scope="module")
def network() -> YuNetNetwork:
    torch.manual_seed(0)
    return YuNetNetwork().requires_grad_(False)


def test_anchors_are_listed_level_by_level_and_row_by_row() -> None:
    anchors = make_anchors(64, 96)
    assert anchors[:4].tolist() == [[4, 4, 10], [4, 4, 16], [4, 4, 24], [12, 4, 10]]
    assert anchors[8 * 12 * 3].tolist() == [8, 8, 32]  # the second level
    assert anchors[-3:].tolist() == [[32, 32, 128], [32, 32, 192], [32, 32, 256]]  # 96 pixels have one whole cell of 64
    assert len(anchors) == 8 * 12 * 3 + 4 * 6 * 2 + 2 * 3 * 2 + 3
    assert make_anchors(64, 96, 1).tolist() == anchors[: 8 * 12 * 3].tolist()


def test_the_network_gives_values_for_each_anchor_of_the_levels(network: YuNetNetwork) -> None:
    pixels = torch.rand(2, 3, 64, 96) * 255
    values = network(pixels)
    assert values.shape == (2, len(make_anchors(64, 96)), 17)
    first = network(pixels, 2)
    assert torch.allclose(first, values[:, : first.shape[1]], atol=1e-5)
    assert first.shape[1] == len(make_anchors(64, 96, 2))
    assert sum(each.numel() for each in network.parameters()) == 82_990


def test_both_layouts_give_the_same_values(network: YuNetNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = torch.rand(1, 3, 96, 64) * 255
    blocked = network(pixels)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert torch.allclose(network(pixels), blocked, atol=1e-4)


@pytest.mark.realdata
def test_the_values_are_those_of_onnxruntime(real_data: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    file = real_data / "models" / "yunet" / "face_detection_yunet_2021sep.onnx"
    detector = YuNet().requires_grad_(False)
    weights.fill(detector, convert_yunet(read_onnx(file)), str(file))
    pixels = (torch.rand(2, 3, 96, 160, generator=torch.Generator().manual_seed(0)) * 255).round()
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    loc, conf, iou = (torch.from_numpy(array) for array in session.run(None, {"input": pixels.numpy()}))
    values = detector.network(pixels).reshape(-1, 17)
    assert torch.allclose(values[:, :14], loc.reshape(-1, 14), atol=1e-4)
    assert torch.allclose(values[:, 14:16].softmax(1), conf.reshape(-1, 2), atol=1e-4)
    assert torch.allclose(values[:, 16], iou.reshape(-1), atol=1e-4)
