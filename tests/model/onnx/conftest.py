from pathlib import Path

import pytest

from mmerc import load_config, open_corpus, train
from mmerc.model.onnx.export import export_onnx

SMALL = [
    *("text.backbone=scratch", "text.warm_start=", "text.epochs=1", "text.scratch_hidden_size=32"),
    *("text.scratch_num_layers=1", "audio.epochs=1", "audio.min_speech_seconds=0", "audio.conv_channels=4"),
    *("audio.hidden_size=8", "face.epochs=1", "face.conv_channels=8", "face.hidden_size=8", "face.num_frames=2"),
    *("fusion.epochs=1", "fusion.d_model=16", "face.detector=mtcnn"),  # weights that the tests have
]


@pytest.fixture(scope="session")
def small_model(small_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with the networks of the compact preset, tiny."""
    out = tmp_path_factory.mktemp("compact") / "run"
    train(open_corpus(f"meld:{small_corpus}"), out, load_config("compact", overrides=SMALL))
    return out / "model"


@pytest.fixture(scope="session")
def exported(small_model: Path) -> Path:
    """The same with its ONNX graphs; tests must not change it."""
    export_onnx(small_model, folder := small_model.parent / "onnx")
    return folder
