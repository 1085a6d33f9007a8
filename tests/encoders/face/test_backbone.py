from pathlib import Path

import numpy as np
import pytest
import torch

from mmerc.encoders.face.backbone import find_face_encoder
from mmerc.encoders.face.config import FaceConfig
from mmerc.encoders.face.encoder import Face
from mmerc.errors import WeightsError
from mmerc.files import write_json

CONFIG = FaceConfig(encoder="face", backbone="cnn", conv_channels=8, hidden_size=8)


def make_model(folder: Path, **kinds: str) -> Path:
    """A model folder whose encoders have these names and kinds."""
    for name, kind in kinds.items():
        (folder / "encoders" / name).mkdir(parents=True)
        write_json(folder / "encoders" / name / "config.json", {"encoder": kind})
    return folder


def test_the_face_encoder_is_found_by_its_kind(tmp_path: Path) -> None:
    model = make_model(tmp_path, text="bert", camera="face")
    assert find_face_encoder(model) == tmp_path / "encoders" / "camera"


@pytest.mark.parametrize(
    ("kinds", "message"),
    [
        ({"text": "bert"}, "has no face encoder: set backbone_weights"),
        ({"a": "face", "b": "face"}, r"2 face encoders \(a, b\)"),
    ],
)
def test_a_model_without_exactly_one_face_encoder_is_an_error(
    tmp_path: Path, kinds: dict[str, str], message: str
) -> None:
    with pytest.raises(WeightsError, match=message):
        find_face_encoder(make_model(tmp_path, **kinds))


@pytest.mark.weights
def test_the_face_network_of_another_model_is_loaded_and_frozen(tmp_path: Path) -> None:
    folder = make_model(tmp_path, camera="face") / "encoders" / "camera"
    torch.manual_seed(1)
    first = Face(CONFIG, 7)
    for value in first.backbone.parameters():
        value.data.add_(0.1)
    first.save(folder)
    second = Face(CONFIG.model_copy(update={"backbone_weights": str(tmp_path)}), 3)
    assert second.is_frozen
    for name, value in second.backbone.state_dict().items():
        assert torch.equal(value, first.backbone.state_dict()[name])
    crops = np.random.default_rng(0).integers(0, 255, (2, 48, 48, 3), np.uint8)
    assert second._embed(torch.from_numpy(crops)).shape == (2, 64)
    with pytest.raises(
        WeightsError, match=r"stem.0.weight has shape \[8, 1, 3, 3\], the network needs \[12, 1, 3, 3\]"
    ):
        Face(CONFIG.model_copy(update={"backbone_weights": str(tmp_path), "conv_channels": 12}), 3)
