"""Picture networks of transformers, tiny and without training: their loading, preparation, saving."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel, ConvNextConfig, ConvNextModel, ViTConfig, ViTModel

from mmerc.encoders.base import Example
from mmerc.encoders.face.encoder import Face, FaceConfig
from mmerc.encoders.face.vision import VisionNetwork
from mmerc.errors import WeightsError


@pytest.fixture
def vit(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    config = ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, image_size=32, patch_size=8
    )
    ViTModel(config).save_pretrained(tmp_path / "vit")
    scaling = {"size": {"height": 32, "width": 32}, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
    (tmp_path / "vit" / "preprocessor_config.json").write_text(json.dumps(scaling))
    return tmp_path / "vit"


@torch.no_grad()
def test_pixels_are_scaled_as_the_network_was_trained(vit: Path) -> None:
    network = VisionNetwork(str(vit), pretrained=True).eval()
    assert (network.side, network.width) == (32, 16)
    faces = torch.randint(0, 255, (2, 32, 32, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    expected = ViTModel.from_pretrained(vit).eval()(faces.permute(0, 3, 1, 2) / 127.5 - 1).pooler_output
    assert torch.allclose(network(faces), expected, atol=1e-5)
    assert network(torch.zeros(1, 48, 48, 3, dtype=torch.uint8)).shape == (1, 16)


@torch.no_grad()
def test_a_convolutional_one_without_a_processor(tmp_path: Path) -> None:
    ConvNextModel(ConvNextConfig(hidden_sizes=[8, 8, 8, 24], depths=[1, 1, 1, 1])).save_pretrained(tmp_path)
    network = VisionNetwork(str(tmp_path), pretrained=True).eval()
    assert network.width == 24
    assert network(torch.zeros(2, 64, 64, 3, dtype=torch.uint8)).shape == (2, 24)


def test_what_reads_no_pictures(tmp_path: Path) -> None:
    BertModel(
        BertConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
    ).save_pretrained(tmp_path)
    with pytest.raises(WeightsError, match="a bert network, which reads no pictures"):
        VisionNetwork(str(tmp_path), pretrained=True)
    with pytest.raises(WeightsError, match="set face.backbone to its folder"):
        VisionNetwork(str(tmp_path / "nothing"), pretrained=True)


@pytest.mark.weights
@pytest.mark.parametrize("learns", [False, True])
@torch.no_grad()
def test_as_the_face_encoders_backbone(vit: Path, tmp_path: Path, learns: bool) -> None:
    config = FaceConfig(encoder="face", backbone=str(vit), hidden=8, train_backbone=learns)
    face = Face(config, 7).eval()
    assert face.frozen is not learns
    batch = face.collate(
        [Example(("t", "0", "0"), face.example_input(3)), Example(("t", "0", "1"), face.example_input(2))]
    )
    assert batch["faces"].shape == ((2, 3, 32, 32, 3) if learns else (2, 3, 16))
    (tmp_path / "saved").mkdir()
    face.save(tmp_path / "saved")
    again = Face.restore(tmp_path / "saved")
    assert torch.equal(again(batch).logits, face(batch).logits)


@pytest.mark.weights
def test_a_face_network_from_another_model(tmp_path: Path) -> None:
    config = FaceConfig(encoder="face", backbone="cnn", channels=8, hidden=8)
    (folder := tmp_path / "encoders" / "face").mkdir(parents=True)
    torch.manual_seed(1)
    first = Face(config, 7)
    for value in first.backbone.parameters():
        value.data.add_(0.1)
    first.save(folder)
    second = Face(config.model_copy(update={"weights": str(tmp_path)}), 3)
    assert second.frozen
    for name, value in second.backbone.state_dict().items():
        assert torch.equal(value, first.backbone.state_dict()[name])
    crops = np.random.default_rng(0).integers(0, 255, (2, 48, 48, 3), np.uint8)
    assert second._embedded(torch.from_numpy(crops)).shape == (2, 64)
    with pytest.raises(WeightsError, match="stem.0.weight has shape"):
        Face(config.model_copy(update={"weights": str(tmp_path), "channels": 12}), 3)
