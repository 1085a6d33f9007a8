"""Tiny, randomly initialised image networks of transformers: loading, scaling of pixels, saving."""

import json
from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertModel, ConvNextConfig, ConvNextModel, ViTConfig, ViTModel

from mmerc.encoders.base import Example
from mmerc.encoders.face.config import FaceConfig
from mmerc.encoders.face.encoder import Face
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
    assert (network.image_size, network.width) == (32, 16)
    faces = torch.randint(0, 255, (2, 32, 32, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    expected = ViTModel.from_pretrained(vit).eval()(faces.permute(0, 3, 1, 2) / 127.5 - 1).pooler_output
    assert torch.allclose(network(faces), expected, atol=1e-5)
    assert network(torch.zeros(1, 48, 48, 3, dtype=torch.uint8)).shape == (1, 16)


@torch.no_grad()
def test_a_convolutional_network_without_a_processor_file(tmp_path: Path) -> None:
    ConvNextModel(ConvNextConfig(hidden_sizes=[8, 8, 8, 24], depths=[1, 1, 1, 1])).save_pretrained(tmp_path)
    network = VisionNetwork(str(tmp_path), pretrained=True).eval()
    assert network.width == 24
    assert network(torch.zeros(2, 64, 64, 3, dtype=torch.uint8)).shape == (2, 24)


def test_a_network_that_reads_no_images_is_an_error(tmp_path: Path) -> None:
    BertModel(
        BertConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
    ).save_pretrained(tmp_path)
    with pytest.raises(WeightsError, match="a bert network, which reads no images"):
        VisionNetwork(str(tmp_path), pretrained=True)
    with pytest.raises(WeightsError, match=r": download it .* and set backbone to its folder\."):
        VisionNetwork(str(tmp_path / "nothing"), pretrained=True)


@pytest.mark.weights
@pytest.mark.parametrize("is_trained", [False, True])
@torch.no_grad()
def test_the_face_encoder_reads_saves_and_restores_it(vit: Path, tmp_path: Path, is_trained: bool) -> None:
    config = FaceConfig(encoder="face", backbone=str(vit), hidden_size=8, train_backbone=is_trained)
    face = Face(config, 7).eval()
    assert face.is_frozen is not is_trained
    batch = face.collate(
        [Example(("t", "0", "0"), face.make_example_input(3)), Example(("t", "0", "1"), face.make_example_input(2))]
    )
    assert batch["faces"].shape == ((2, 3, 32, 32, 3) if is_trained else (2, 3, 16))
    (tmp_path / "saved").mkdir()
    face.save(tmp_path / "saved")
    again = Face.restore(tmp_path / "saved")
    assert torch.equal(again(batch).logits, face(batch).logits)
